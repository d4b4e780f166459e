"""What is differentiated: a function of one flat vector that can be evaluated at many points.

The readers of each framework make problems: of a cell run for T steps, of any function. All give

    evaluate(index, delta)   the results at θ + δ_p e_{i_p}, for P points at once, `(P, m)`
    evaluate_at(points)      the results at any points `(P, n)`
    jacobian()               autodiff's derivative, transposed: `(n, m)`; afterwards `blur` says by
                             how many roundings, `(tensors + 1, m)`, the last row for the results
    pull_back(v)             vᵀJ by one tape through the whole computation

Points are replayed in NumPy where the traced graph allows it and the replay agrees with the
framework at θ; otherwise the framework evaluates them, vectorised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.layout import Layout
from gru_bench.trace.rows import Rows, Sparse, Value

Array = NDArray[Any]

#: Numbers in an array of one pass of a replay: a few such arrays fit in a core's cache.
WORKING_SET = 2**14


def chunk_for(width: int) -> int:
    """Return how many points one pass takes whose arrays are `width` wide."""
    return int(np.clip(WORKING_SET // max(1, width), 64, 4096))


class Problem(Protocol):
    """See the module."""

    name: str
    arguments: Layout
    results: Layout
    point: Array
    value: Array
    steps: int
    epsilon: float
    blur: Array
    path: str
    chunk: int
    unconnected: tuple[str, ...]
    #: Whether the function has gradients that a user wrote.
    overrides: bool
    #: The step function to which a user gave a gradient, by its operation; empty for none.
    surrogate: str

    @property
    def numeric_epsilon(self) -> float:
        """The machine epsilon of `evaluate`; `epsilon` is that of the framework's derivatives."""

    def evaluate(self, index: NDArray[np.int64], delta: Array) -> Array:
        """Return the results at points that displace one entry each, `(P, m)`."""

    def evaluate_at(self, points: Array) -> Array:
        """Return the results at points `(P, n)`, `(P, m)`."""

    def jacobian(self) -> Array:
        """Return autodiff's derivatives, `(n, m)`."""

    def pull_back(self, cotangent: Array) -> tuple[Array, Array, Array]:
        """Return Σ_o cotangent_o ∂result_o, `(n,)`, asked for twice; and the results, `(m,)`."""

    def use_framework(self) -> None:
        """Evaluate with the framework, not by replay, from now on."""

    def push_forward(self, direction: Array) -> Array:
        """Return J d by the framework's forward mode, `(m,)`."""

    def gradient(self, cotangent: Array) -> Problem:
        """Return the gradient of Σ_o cotangent_o result_o as a problem of its own."""

    def at(self, point: Array) -> Problem:
        """Return the same function at another point."""


def displaced(
    parts: Sequence[Array],
    offsets: Sequence[int],
    index: NDArray[np.int64],
    delta: Array,
) -> list[Value]:
    """Return each tensor as it is where no point displaces it, and sparse where some do."""
    values: list[Value] = []
    for array, offset in zip(parts, offsets, strict=True):
        (rows,) = np.nonzero((index >= offset) & (index < offset + array.size))
        if len(rows):
            values.append(Sparse(array, len(index), rows, index[rows] - offset, delta[rows]))
        else:
            values.append(array)
    return values


def densified(values: Sequence[Value]) -> list[Value]:
    """Return sparse values as rows."""
    return [v.dense() if isinstance(v, Sparse) else v for v in values]


def as_rows(values: Sequence[Value], count: int) -> Array:
    """Return values flattened and joined, `(P, entries)`."""
    columns = []
    for value in values:
        array = value.dense() if isinstance(value, Sparse) else value
        if isinstance(array, Rows):
            columns.append(array.array.reshape(count, -1))
        else:
            columns.append(np.broadcast_to(np.reshape(array, (1, -1)), (count, np.size(array))))
    return np.concatenate(columns, axis=1) if len(columns) > 1 else columns[0]


def agrees(replayed: Array, expected: Array, epsilon: float, blur: Array | float = 1.0) -> bool:
    """Return whether a replay equals what was replayed but for rounding.

    Args:
        replayed: results of the one.
        expected: results of the other.
        epsilon: of the dtype.
        blur: by how many roundings results are blurred; a chaotic cell amplifies them.
    """
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    allowed = epsilon * np.maximum(1e6 * scale, 64 * np.nan_to_num(blur))
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.abs(replayed - expected) <= allowed))


def displaced_points(point: Array, index: NDArray[np.int64], delta: Array) -> Array:
    """Return the points themselves, `(P, n)`."""
    points = np.repeat(point[None], len(index), axis=0)
    points[np.arange(len(index)), index] += delta.astype(point.dtype)
    return points


def padded(rows: Array, chunk: int) -> Any:
    """Yield chunks of one length, so that functions are traced once, and how many rows count."""
    size = min(chunk, len(rows))
    for k in range(0, len(rows), size):
        part = rows[k : k + size]
        count = len(part)
        if count < size:
            part = np.concatenate([part, np.repeat(rows[:1], size - count, axis=0)])
        yield part, count
