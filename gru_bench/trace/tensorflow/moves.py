"""Operations that only move entries: applied to numbers that stand for the entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.tensorflow import operations
from gru_bench.trace.tensorflow.operations import Attributes

Array = NDArray[Any]


def _tile(_attributes: Attributes, _lead: int, x: Array, multiples: Array) -> list[Array]:
    return [np.tile(x, [int(m) for m in multiples])]


def _broadcast_to(_attributes: Attributes, _lead: int, x: Array, shape: Array) -> list[Array]:
    return [np.broadcast_to(x, [int(n) for n in shape])]


def _gather(attributes: Attributes, _lead: int, x: Array, index: Array, axis: Array) -> list[Array]:
    if attributes["batch_dims"]:
        raise ValueError("batch_dims")
    at, where = np.asarray(index), int(axis)
    if at.size and (at.min() < 0 or at.max() >= x.shape[where]):
        raise IndexError("an index is out of range")
    return [np.take(x, at, axis=where)]


def _reverse(_attributes: Attributes, _lead: int, x: Array, axes: Array) -> list[Array]:
    return [np.flip(x, tuple(int(axis) for axis in axes))]


def _roll(_attributes: Attributes, _lead: int, x: Array, shift: Array, axes: Array) -> list[Array]:
    shifts, where = (np.atleast_1d(part).tolist() for part in (shift, axes))
    return [np.roll(x, shifts, where)]


#: Those that NumPy does too; the numbers that say how to move are operands as in TensorFlow.
MOVES: dict[str, Callable[..., list[Array]]] = {
    **operations.MOVES,
    "EnsureShape": lambda _attributes, _lead, x: [x],
    "Tile": _tile,
    "BroadcastTo": _broadcast_to,
    "GatherV2": _gather,
    "ReverseV2": _reverse,
    "Roll": _roll,
}


def carried(kind: str, count: int) -> range:
    """Return which of so many operands an operation moves; the others say how."""
    if kind in ("Pack", "IdentityN"):
        return range(count)
    if kind == "ConcatV2":
        return range(count - 1)
    return range(1, 2) if kind == "Split" else range(1)


def moved(
    kind: str, attributes: Attributes, values: Sequence[Any], entries: Sequence[Any] = ()
) -> list[Array]:
    """Return what an operation makes of its operands.

    Args:
        kind: a key of `MOVES`.
        attributes: of the operation.
        values: its operands.
        entries: what stands in the place of those whose entries are moved, if anything else.
    """
    which = carried(kind, len(values))
    operands = [
        entries[k] if len(entries) and k in which else value for k, value in enumerate(values)
    ]
    return MOVES[kind](attributes, 0, *operands)
