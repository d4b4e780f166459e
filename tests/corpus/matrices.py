"""Rules that keep to matrices: what people do with weights before they multiply by them.

A matrix is reshaped to another matrix, transposed, cut and put together, in any order.
"""

from __future__ import annotations

from typing import Any

from tests.corpus.moves import joined, replaced
from tests.corpus.spec import B, Shape
from tests.corpus.writer import Rule, UnfitError, Writer


def _matrix(shape: Shape) -> tuple[int, int]:
    if len(shape) != 2 or B in shape or 0 in shape:
        raise UnfitError
    return int(shape[0]), int(shape[1])


def reshaped(w: Writer, shape: Shape, budget: int) -> str:
    """A matrix with as many entries."""
    m, n = _matrix(shape)
    rows = w.rng.choice([k for k in range(1, m * n + 1) if m * n % k == 0])
    return w.emit("reshape", w.make((rows, m * n // rows), budget), shape=shape)


def transposed(w: Writer, shape: Shape, budget: int) -> str:
    """Rows as columns."""
    m, n = _matrix(shape)
    return w.emit("transpose", w.make((n, m), budget), perm=(1, 0))


def cut(w: Writer, shape: Shape, budget: int) -> str:
    """Some rows, some columns, or both, of a larger matrix."""
    source, index = tuple(_matrix(shape)), [(None, None, None)] * 2
    axes: list[Any] = w.rng.choice([[0], [1], [1], [0, 1]])
    for axis in axes:
        before, after = w.rng.choice([(0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 1), (3, 0)])
        size = shape[axis]
        source = replaced(source, axis, before + size + after)
        index[axis] = (before or None, before + size if after else None, None)
    return w.emit("slice", w.make(source, budget), index=tuple(index))


def side_by_side(w: Writer, shape: Shape, budget: int) -> str:
    """Matrices put together."""
    return joined(w, _matrix(shape), budget)


RULES: tuple[tuple[float, Rule], ...] = (
    (3, reshaped),
    (2, transposed),
    (4, cut),
    (2, side_by_side),
)
