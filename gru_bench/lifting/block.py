"""Matrices as blocks of other matrices: how one is put together from slices of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

#: First entry and columns of the matrix that each entry lies in; no columns where it is in none.
Where = Callable[[Ids], tuple[Ids, Ids]]


@dataclass(frozen=True)
class Block:
    """A rectangle of one matrix, or of literals, or several of them side by side.

    Args:
        ids: its entries, `(n, m)`; below 0 for literals.
        axis: along which parts lie.
        parts: none for a rectangle.
    """

    ids: Ids
    axis: int = 0
    parts: tuple[Block, ...] = ()


def blocks(ids: Ids, where: Where, most: int) -> Block | None:
    """Return how a matrix is put together, or None where it is not, or from too many parts.

    Args:
        ids: of its entries, `(n, m)`.
        where: says in which matrix an entry lies.
        most: parts.
    """
    first, columns = where(ids)
    if np.any((columns == 0) & (ids >= 0)):
        return None
    return _blocks(ids, first, columns, most)


def _blocks(ids: Ids, first: Ids, columns: Ids, most: int) -> Block | None:
    axis, cuts = _cuts(ids, first, columns)
    if not cuts.size:
        return Block(ids)
    if len(cuts) >= most:
        return None
    parts: list[Block] = []
    left = most
    split = (np.split(array, cuts, axis=axis) for array in (ids, first, columns))
    for piece, firsts, widths in zip(*split, strict=True):
        found = _blocks(piece, firsts, widths, left)
        if found is None:
            return None
        left -= _count(found)
        parts.append(found)
    return Block(ids, axis, tuple(parts)) if left >= 0 else None


def _count(block: Block) -> int:
    return sum(map(_count, block.parts)) or 1


def _cuts(ids: Ids, first: Ids, columns: Ids) -> tuple[int, NDArray[np.int64]]:
    """Return the axis along which a matrix must be cut, and where; no cuts: it is a rectangle.

    Entries belong side by side where they are so in one row of one matrix, rows one below the
    other where they are so in one matrix; literals belong with literals.
    """
    literal = ids < 0
    row = np.where(literal, 0, (ids - first) // np.maximum(columns, 1))
    along = (np.diff(ids, axis=1) == 1) & (np.diff(row, axis=1) == 0)
    along &= np.diff(first, axis=1) == 0
    along = np.where(literal[:, 1:] | literal[:, :-1], literal[:, 1:] & literal[:, :-1], along)
    cuts = np.flatnonzero(~along.all(axis=0)) + 1
    if cuts.size:
        return 1, cuts
    below = (np.diff(ids, axis=0) == columns[:-1]) & (np.diff(first, axis=0) == 0)
    below = np.where(literal[1:] | literal[:-1], literal[1:] & literal[:-1], below)
    return 0, np.flatnonzero(~below.all(axis=1)) + 1
