"""Large weights: what their edges say of all their entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_bench.equations.box import Box

#: An entry that changes nothing, one that changes what no weight of the equations does, and one
#: that is not looked at.
DEAD, UNKNOWN, NOWHERE = -1, -2, -3


@dataclass(frozen=True)
class Key:
    """An entry of a weight of the equations.

    Args:
        part: the weight.
        entry: its flat index.
        factor: with which it counts.
    """

    part: str
    entry: int
    factor: float


def complete(
    box: Box,
    found: Sequence[Sequence[int]],
    keys: Sequence[Key],
    shapes: Mapping[str, tuple[int, ...]],
) -> tuple[list[list[int]], list[Key]] | None:
    """Return labels of all entries of matrices whose edges have labels, and what they stand for.

    An entry's row says one thing of what it is, and its column the rest: input or state, gate,
    row and column of the part.

    Args:
        box: the cell.
        found: labels of the edges.
        keys: what they stand for.
        shapes: of the parts.

    Returns:
        None where rows and columns contradict each other, or the first entry says nothing.
    """
    every = [Key(p, k, 1.0) for p, shape in shapes.items() for k in range(int(np.prod(shape)))]
    number = {(key.part, key.entry): k for k, key in enumerate(every)}
    whole = []
    for weight, own in zip(box.matrices, found, strict=True):
        known = dict(zip(box.entries(weight), own, strict=True))
        labelled = _one(box.weights[weight].shape, known, keys, shapes, number)
        if labelled is None:
            return None
        whole.append(labelled)
    return whole, every


#: Kind of the part, gate, row and column.
_Place = tuple[str, str, int, int]


def _one(
    shape: tuple[int, ...],
    known: Mapping[int, int],
    keys: Sequence[Key],
    shapes: Mapping[str, tuple[int, ...]],
    number: Mapping[tuple[str, int], int],
) -> list[int] | None:
    if UNKNOWN in known.values():
        return None
    if all(label == DEAD for label in known.values()):
        return [DEAD] * int(np.prod(shape))
    if known[0] == DEAD:
        return None

    def place(label: int) -> _Place:
        kind, _, gate = keys[label].part.partition("_")
        return kind, gate, *divmod(keys[label].entry, shapes[keys[label].part][1])

    first = place(known[0])
    steps = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    lines = [
        [known[t * step] for t in range(size)] for size, step in zip(shape, steps, strict=True)
    ]
    places = [[None if label == DEAD else place(label) for label in line] for line in lines]
    varies = [
        {a for one in line if one is not None for a in range(4) if one[a] != first[a]}
        for line in places
    ]
    if any(varies[a] & varies[b] for a in range(len(varies)) for b in range(a)):
        return None
    labelled = []
    for index in np.ndindex(*shape):
        parts = [line[t] for line, t in zip(places, index, strict=True)]
        if any(part is None for part in parts):
            labelled.append(DEAD)
            continue
        own: list[Any] = list(first)
        for part, changing in zip(parts, varies, strict=True):
            for a in changing:
                own[a] = part[a] if part is not None else own[a]
        kind, gate, row, column = own
        name = f"{kind}_{gate}"
        width = shapes[name][1] if name in shapes else 1
        label = number.get((name, row * width + column))
        if label is None:
            return None
        labelled.append(label)
    return labelled
