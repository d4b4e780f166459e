"""Running error: a traced step evaluated with, for each number, how far rounding may move it.

Each operation takes balls, a center and a radius, and gives the ball of its results: what the
radii of its operands do to it, at the corners of the box that they span, and its own rounding by
the standard model, fl(a ∘ b) = (a ∘ b)(1 + δ), |δ| <= u, and γ_n on sums of n terms for any order
(Higham, Accuracy and Stability of Numerical Algorithms, chapter 3). The corners bound operations
that are monotone in each operand between them, which those of cells are where radii are small.
A number that stands in the step itself, such as a clip's, is off by what the dtype makes of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.tensorflow.node import Node
from gru_bench.trace.tensorflow.operations import MOVES, STRUCTURAL
from gru_bench.trace.tensorflow.replay import Replay
from gru_bench.trace.tolerance import ACTIVATION_EPSILONS, epsilon, largest, smallest_normal
from gru_bench.trace.unsupported import UnsupportedOperationError

Array = NDArray[Any]
Attributes = Mapping[str, Any]

#: Operations that round nothing.
_EXACT = frozenset(
    [
        "Neg",
        "Abs",
        "Maximum",
        "Minimum",
        "Relu",
        "Relu6",
        "ClipByValue",
        "SelectV2",
        "ZerosLike",
        "OnesLike",
        "Sign",
        "Greater",
        "GreaterEqual",
        "Less",
        "LessEqual",
        "Equal",
        "NotEqual",
        "LogicalAnd",
        "LogicalOr",
        "LogicalNot",
        "Cast",
    ]
)

#: Operations of one rounding; what is in neither table rounds as an activation does.
_ROUNDED = frozenset(
    ["Add", "AddV2", "BiasAdd", "Sub", "Mul", "RealDiv", "DivNoNan", "Square", "Sqrt"]
)

#: Roundings of an activation: its error in epsilons, and an epsilon is two roundings.
_ACTIVATION = 2 * ACTIVATION_EPSILONS

#: Structural operations that choose among entries: a radius goes where the entry goes.
_CHOOSING = (*MOVES, "Tile", "BroadcastTo", "Max", "Min")


@dataclass(slots=True)
class Ball:
    """Numbers and how far each may be off; for truth values, which may be the other way round.

    Args:
        center: the numbers, in double precision.
        radius: likewise shaped.
    """

    center: Array
    radius: Array

    def corners(self) -> tuple[Array, Array]:
        """Return both ends."""
        if self.center.dtype.kind == "b":
            return self.center, self.center ^ self.radius.astype(bool)
        return self.center - self.radius, self.center + self.radius

    @property
    def size(self) -> Array:
        """The largest magnitude within."""
        return np.asarray(np.abs(self.center) + self.radius)


def exact(value: Any) -> Ball:
    """Return a ball without a radius."""
    center = np.asarray(value, np.float64)
    return Ball(center, np.zeros(center.shape))


class RunningError:
    """Evaluates a replay in balls, for arithmetic of a given dtype.

    Args:
        replay: of one step.
        dtype: whose unit roundoff counts, and what it loses where small numbers are flushed to
            zero.
    """

    def __init__(self, replay: Replay, dtype: Any) -> None:
        self._replay, self._dtype = replay, np.dtype(dtype)
        self._unit, self._lost = epsilon(dtype) / 2, float(smallest_normal(dtype))
        self._largest = largest(dtype)

    def __call__(self, *groups: Sequence[Any]) -> list[Any]:
        """Return the balls of all results.

        Raises:
            UnsupportedOperationError: the step has an operation that this module does not know.
        """
        with np.errstate(all="ignore"):
            return self._replay.walk(self._visit, *groups)

    def _visit(self, node: Node, operands: list[Any]) -> list[Any]:
        try:
            return self._visited(node, operands)
        except UnsupportedOperationError:
            raise
        except Exception as error:  # operands that the tables did not expect
            raise UnsupportedOperationError(node.type) from error

    def _visited(self, node: Node, operands: list[Any]) -> list[Any]:
        return [self._in_range(made) for made in self._computed(node, operands)]

    def _in_range(self, made: Any) -> Any:
        """Return what was computed, infinitely far off where the dtype may not hold it."""
        if not isinstance(made, Ball) or made.center.dtype.kind != "f":
            return made
        beyond = ~(made.size <= self._largest)
        return Ball(made.center, np.where(beyond, np.inf, made.radius)) if beyond.any() else made

    def _computed(self, node: Node, operands: list[Any]) -> list[Any]:
        if not any(isinstance(v, Ball) for v in operands):
            if node.elementwise is not None:
                return [np.asarray(node.elementwise(node.attributes, *operands))]
            return list(_structural(node)(node.attributes, 0, *operands))
        operands = [self._kept(v) for v in operands]
        if node.elementwise is not None:
            return [self._elementwise(node, operands)]
        if node.type == "Shape":
            return list(STRUCTURAL["Shape"](node.attributes, 0, operands[0].center))
        if node.type in _CHOOSING:
            return _chosen(node, operands)
        if node.type in _SPECIAL:
            return [_SPECIAL[node.type](self, node, operands)]
        raise UnsupportedOperationError(node.type)

    def _kept(self, value: Any) -> Any:
        """Return a number of the step itself as the ball of what the dtype may make of it."""
        if isinstance(value, Ball) or np.asarray(value).dtype.kind != "f":
            return value
        center = np.asarray(value, np.float64)
        off = center.astype(self._dtype).astype(np.float64) != center
        return Ball(center, self._unit * np.abs(center) * off) if off.any() else value

    def _elementwise(self, node: Node, operands: list[Any]) -> Ball:
        function = node.elementwise
        assert function is not None
        centers = [v.center if isinstance(v, Ball) else v for v in operands]
        center = np.asarray(function(node.attributes, *centers))
        if node.type == "AddN":
            balls = [v if isinstance(v, Ball) else exact(v) for v in operands]
            moved = np.asarray(sum(ball.radius for ball in balls))
            size = sum(ball.size for ball in balls)
            return Ball(center, moved + len(balls) * self._unit * size)
        moved = np.zeros(center.shape)
        ends = [v.corners() if isinstance(v, Ball) else (v,) for v in operands]
        for corner in itertools.product(*ends):
            other = np.asarray(function(node.attributes, *corner))
            gap = other != center if center.dtype.kind == "b" else np.abs(other - center)
            if center.dtype.kind == "f":  # where a corner is no number, the result may be any
                gap = np.where(np.isnan(other) & ~np.isnan(center), np.inf, gap)
            moved = np.fmax(moved, gap)
        return self._rounded(node.type, center, moved)

    def _rounded(self, kind: str, center: Array, moved: Array) -> Ball:
        if kind in _EXACT:
            return Ball(center, moved)
        size = np.abs(center) + moved
        if kind in _ROUNDED:
            return Ball(center, moved + self._unit * size + self._lost)
        # Near its zeros an activation may be off by an epsilon of one, not of its value.
        floor = 0.0 if kind == "Exp" else 1.0
        return Ball(center, moved + _ACTIVATION * self._unit * np.fmax(size, floor) + self._lost)

    def matmul(self, node: Node, operands: list[Any]) -> Ball:
        """Return the ball of a product of matrices."""
        a, b = (v if isinstance(v, Ball) else exact(v) for v in operands)

        def product(x: Array, y: Array) -> Array:
            return np.asarray(STRUCTURAL["MatMul"](node.attributes, 0, x, y)[0])

        swapped = node.attributes.get("transpose_a") or node.attributes.get("adj_x")
        terms = a.center.shape[-2 if swapped else -1]
        moved = product(np.abs(a.center), b.radius) + product(a.radius, b.size)
        radius = moved + (terms + 1) * self._unit * product(a.size, b.size)
        return Ball(product(a.center, b.center), radius + terms * self._lost)

    def total(self, node: Node, operands: list[Any]) -> Ball:
        """Return the ball of a sum or a mean over axes."""
        x, axes = operands
        center, radius, size = (
            np.asarray(STRUCTURAL[node.type](node.attributes, 0, part, axes)[0])
            for part in (x.center, x.radius, x.size)
        )
        terms = x.center.size // max(1, center.size) + 1
        return Ball(center, radius + terms * self._unit * size + self._lost)

    def softmax(self, node: Node, operands: list[Any]) -> Ball:
        """Return the ball of a softmax: an error e of the arguments is a factor exp(2 e)."""
        (x,) = operands
        center = np.asarray(STRUCTURAL["Softmax"](node.attributes, 0, x.center)[0])
        factor = np.expm1(2 * x.radius.max(axis=-1, keepdims=True))
        roundings = (x.center.shape[-1] + 2 * _ACTIVATION) * self._unit * (1 + np.abs(x.size).max())
        return Ball(center, center * (factor + roundings) + self._lost)


_SPECIAL: dict[str, Callable[[RunningError, Node, list[Any]], Ball]] = {
    "MatMul": RunningError.matmul,
    "BatchMatMulV2": RunningError.matmul,
    "Sum": RunningError.total,
    "Mean": RunningError.total,
    "Softmax": RunningError.softmax,
}


def _structural(node: Node) -> Callable[..., list[Array]]:
    if node.type not in STRUCTURAL:
        raise UnsupportedOperationError(node.type)
    return STRUCTURAL[node.type]


def _chosen(node: Node, operands: list[Any]) -> list[Ball]:
    function = _structural(node)
    centers = [v.center if isinstance(v, Ball) else v for v in operands]
    radii = [v.radius if isinstance(v, Ball) else _no_radius(v) for v in operands]
    if node.type == "Min":  # of entries; of radii the largest counts
        function = STRUCTURAL["Max"]
    made = STRUCTURAL[node.type](node.attributes, 0, *centers)
    moved = function(node.attributes, 0, *radii)
    return [Ball(np.asarray(c), np.asarray(r)) for c, r in zip(made, moved, strict=True)]


def _no_radius(value: Any) -> Any:
    array = np.asarray(value)
    return np.zeros(array.shape) if array.dtype.kind == "f" else array
