"""A place in a cell's weight that holds a weight of the equations, whatever the sizes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Axis:
    """What one axis of a weight has to do with a part.

    Args:
        of: the axis of the part that runs along it; -1 where the part lies at one place.
        features: how many times F, of which the place where it begins is made.
        units: how many times n.
        one: how many beside.
        step: between neighbours.
    """

    of: int
    features: int = 0
    units: int = 0
    one: int = 0
    step: int = 1

    def start(self, features: int, units: int) -> int:
        """Return where it begins."""
        return self.features * features + self.units * units + self.one


@dataclass(frozen=True)
class Slot:
    """A part, or a summand of one, in a weight.

    Args:
        part: of the equations.
        weight: the name of the cell's.
        axes: one for each axis of that weight.
        sizes: of the part's axes, each "F", "n" or "1".
        factor: with which it counts.
    """

    part: str
    weight: str
    axes: tuple[Axis, ...]
    sizes: tuple[str, ...]
    factor: float = 1.0

    def view(self, array: Array, features: int, units: int) -> Array:
        """Return the part as a view of the weight, in the part's shape.

        Raises:
            ValueError: the weight is too small.
        """
        lengths = {"F": features, "n": units, "1": 1}
        index: list[Any] = []
        order = []
        for axis, size in zip(self.axes, array.shape, strict=True):
            first = axis.start(features, units)
            if axis.of < 0:
                index.append(first)
                continue
            last = first + axis.step * (lengths[self.sizes[axis.of]] - 1)
            if not 0 <= last < size:
                raise ValueError(f"{self.weight} of shape {array.shape} is too small")
            index.append(slice(first, last + 1, axis.step))
            order.append(axis.of)
        found: Array = array[tuple(index)]
        if not order:
            return found.reshape(1)
        return found.transpose(np.argsort(order)) if len(order) > 1 else found

    @property
    def transposed(self) -> bool:
        """Whether rows of the part are columns of the weight."""
        order = [axis.of for axis in self.axes if axis.of >= 0]
        return order == [1, 0]

    def to_json(self) -> dict[str, Any]:
        """Return it as a record of plain values."""
        axes = [
            {"of": a.of, "F": a.features, "n": a.units, "one": a.one, "step": a.step}
            for a in self.axes
        ]
        return {
            "part": self.part,
            "weight": self.weight,
            "axes": axes,
            "sizes": list(self.sizes),
            "factor": self.factor,
        }

    @staticmethod
    def from_json(given: Mapping[str, Any]) -> Slot:
        """Return what `to_json` wrote.

        Raises:
            KeyError: something is missing.
        """
        axes = tuple(
            Axis(int(a["of"]), int(a["F"]), int(a["n"]), int(a["one"]), int(a["step"]))
            for a in given["axes"]
        )
        return Slot(
            str(given["part"]),
            str(given["weight"]),
            axes,
            tuple(str(s) for s in given["sizes"]),
            float(given["factor"]),
        )


def slot_for(
    part: str,
    weight: str,
    at: Array,
    shape: tuple[int, ...],
    sizes: tuple[str, ...],
    numbers: tuple[int, int],
    factor: float,
    joined: bool = False,
) -> Slot | None:
    """Return the slot of flat indices, None where they do not lie in a regular way.

    Args:
        part: of the equations.
        weight: the name of the cell's.
        at: flat index of each entry of the part.
        shape: of the weight.
        sizes: of the part's axes, each "F", "n" or "1".
        numbers: F and n.
        factor: with which it counts.
        joined: whether input's and state's matrices lie in the weight, one after the other.
    """
    where = np.stack(np.unravel_index(at, shape or (1,)), axis=-1)
    first = where[(0,) * at.ndim]
    steps: dict[int, tuple[int, int]] = {}
    for axis in range(at.ndim):
        if at.shape[axis] == 1:
            continue
        change = np.diff(where, axis=axis).reshape(-1, where.shape[-1])
        moving = np.flatnonzero(change[0])
        if len(moving) != 1 or (change != change[0]).any() or int(moving[0]) in steps:
            return None
        steps[int(moving[0])] = (axis, int(change[0, moving[0]]))
    axes = []
    for k, start in enumerate(first[: len(shape)]):
        of, step = steps.get(k, (-1, 1))
        if step < 1:
            return None
        after_input = joined and of == 0 and part.startswith("U")
        axes.append(_axis(of, int(start), step, numbers, after_input))
    return Slot(part, weight, tuple(axes), sizes, factor)


def _axis(of: int, start: int, step: int, numbers: tuple[int, int], after_input: bool) -> Axis:
    """Return the axis; where F is a multiple of n, what comes after the input begins at F."""
    features, units = numbers
    if of < 0 or step > 1:
        return Axis(of, one=start, step=step)
    if start % units == 0 and not (after_input and start >= features):
        return Axis(of, units=start // units)
    if start >= features and (start - features) % units == 0:
        return Axis(of, features=1, units=(start - features) // units)
    return Axis(of, one=start)


def rows_of_bias(slots: Sequence[Slot], numbers: tuple[int, int]) -> list[Slot]:
    """Return slots of which those of vectors know where they lie beside the rows of matrices.

    Args:
        slots: of all parts.
        numbers: F and n.
    """
    rows = {
        (slot.weight, k)
        for slot in slots
        for k, axis in enumerate(slot.axes)
        if len(slot.sizes) == 2 and axis.of == 0
    }
    features, units = numbers
    known = {features + units: (1, 1), features: (1, 0), units: (0, 1)}
    found = []
    for slot in slots:
        axes = [
            Axis(-1, *known[axis.one])
            if axis.of < 0
            and len(slot.sizes) == 1
            and (slot.weight, k) in rows
            and axis.one in known
            else axis
            for k, axis in enumerate(slot.axes)
        ]
        found.append(replace(slot, axes=tuple(axes)))
    return found
