"""Where a written cell is evaluated, and what it answers there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.corpus.spec import B, Spec
from tests.corpus.writer import shape_in_rows

Array = NDArray[Any]

#: Rows of one batch of five that the first points are: all of them, one, two, and three.
PARTS = ((0, 5), (0, 1), (1, 3), (2, 5))

#: Points that say whether a cell runs, and whether its rows depend on each other.
FEWEST = 2

#: Scales of weights, of inputs and states, and rows of the other points.
_OTHERS = ((0.25, 30.0, 3), (4.0, 2.0**-10, 2))

#: Relative; what rows may differ by without depending on each other.
_ALIKE = 1e-6


@dataclass(frozen=True)
class Point:
    """Where a cell is evaluated; all numbers are float32's, so that a certificate can hold them.

    Args:
        weights: by name.
        x: `(B, F)`.
        states: `(B, n)` each.
    """

    weights: Mapping[str, Array]
    x: Array
    states: tuple[Array, ...]


@dataclass(frozen=True)
class Answer:
    """The output and the new states, as the cell returns them."""

    values: tuple[Array, ...]

    @property
    def is_finite(self) -> bool:
        """Whether all are numbers."""
        return all(np.isfinite(value).all() for value in self.values)


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Array:
    return np.float64(np.float32(scale * rng.normal(size=shape)))


def points(spec: Spec) -> list[Point]:
    """Return the points, drawn from the seed: first `PARTS` of one batch, then others."""
    rng = np.random.default_rng([spec.seed, 1])
    frozen = {name: _numbers(rng, spec.weight_shapes[name], 1.0) for name in sorted(spec.frozen)}

    def draw(weight: float, scale: float, rows: int) -> Point:
        free = {n: s for n, s in spec.weight_shapes.items() if n not in frozen}
        drawn = {n: _numbers(rng, s, weight) for n, s in free.items()}
        states = tuple(_numbers(rng, (rows, n), scale) for n in spec.states)
        return Point(drawn | frozen, _numbers(rng, (rows, spec.features), scale), states)

    whole = draw(1.0, 1.0, PARTS[0][1])
    parts = [_part(whole, begin, end) for begin, end in PARTS]
    return [*parts, *(draw(*other) for other in _OTHERS)]


def _part(whole: Point, begin: int, end: int) -> Point:
    return Point(whole.weights, whole.x[begin:end], tuple(s[begin:end] for s in whole.states))


def mixes(spec: Spec, answers: Sequence[Answer]) -> bool | None:
    """Return whether the rows of a batch depend on each other, or on how many they are.

    Args:
        spec: the cell.
        answers: at `PARTS`, or the first of them.

    Returns:
        None where the output or a state has no rows, or not of its size.
    """
    found = False
    for k, size in enumerate((None, *spec.states)):
        parts = [a.values[k] for a in answers[: len(PARTS)]]
        batches = [end - begin for begin, end in PARTS[: len(parts)]]
        shape = shape_in_rows([part.shape for part in parts], batches)
        numbers = 0 if shape is None else int(np.prod([n for n in shape if n != B]))
        if shape is None or B in shape[1:] or numbers == 0 or size not in (None, numbers):
            return None
        if shape[:1] == (B,):
            whole = parts[0].reshape(batches[0], -1)
            pairs = [(p, whole[b:e]) for p, (b, e) in zip(parts, PARTS, strict=False)]
        elif len(shape) < 2 or shape[0] == 1:
            pairs = [(part, parts[0]) for part in parts]
        else:
            return None
        found = found or any(_apart(part.reshape(-1), own.reshape(-1)) for part, own in pairs)
    return found


def _apart(a: Array, b: Array) -> bool:
    return bool(np.any(np.abs(a - b) > _ALIKE * (1 + np.abs(a) + np.abs(b))))
