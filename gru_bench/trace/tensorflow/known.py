"""Values of a trace that are known before any input is: numbers, and what was made of sizes.

Each whole number says whether it depends on how many rows the batch has. A step may be *shaped* by
that (it makes a tensor of so many rows), but what it computes must not: so such numbers may be
moved and multiplied with each other, as sizes are, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.lifting.error import LiftingError
from gru_bench.trace.tensorflow.moves import MOVES, moved
from gru_bench.trace.tensorflow.operations import ELEMENTWISE, STRUCTURAL, Attributes

Array = NDArray[Any]

#: Operations on sizes that give the same shape for every batch, scaled.
_SIZES = ("Mul", "Prod")

#: Operations that may take the number of rows for a shape, and by which operand.
_SHAPED = {"Reshape": 1, "BroadcastTo": 1, "Tile": 1, "Fill": 0}


@dataclass(frozen=True)
class Known:
    """A value that depends on no input.

    Args:
        value: the numbers.
        rows: where they depend on the number of rows of the batch, bool, of the same shape.
    """

    value: Array
    rows: Array

    @classmethod
    def of(cls, value: Any) -> Known:
        """Return numbers that have nothing to do with the batch."""
        value = np.asarray(value)
        return cls(value, np.zeros(value.shape, bool))

    @property
    def is_real(self) -> bool:
        """Whether these are floating-point numbers."""
        return self.value.dtype.kind == "f" or self.value.dtype.name == "bfloat16"


def check_shaped_only(kind: str, inputs: Sequence[Any]) -> None:
    """Refuse an operation that computes with the number of rows of the batch.

    Raises:
        LiftingError: it does.
    """
    for k, given in enumerate(inputs):
        if isinstance(given, Known) and given.rows.any() and _SHAPED.get(kind) != k:
            raise LiftingError(f"the step computes with the size of its batch (operation {kind})")


def fold(kind: str, attributes: Attributes, inputs: Sequence[Known]) -> list[Known]:
    """Compute an operation on known values without any floating-point arithmetic.

    Raises:
        LiftingError: it is not one that can be.
    """
    values = [given.value for given in inputs]
    if kind in MOVES:
        found = moved(kind, attributes, values)
        marks = moved(kind, attributes, values, [given.rows for given in inputs])
        return [Known(np.asarray(v), np.asarray(m)) for v, m in zip(found, marks, strict=True)]
    if kind == "Fill":
        check_shaped_only(kind, inputs)
        return [Known.of(np.full(values[0], values[1]))]
    if kind == "Cast":
        return [_cast(attributes, inputs[0])]
    if any(given.is_real for given in inputs):
        raise LiftingError(f"operation {kind} cannot be lifted")
    if kind not in _SIZES:
        check_shaped_only(kind, inputs)
    depends = any(given.rows.any() for given in inputs)
    if kind in STRUCTURAL:
        made = STRUCTURAL[kind](attributes, 0, *values)
    elif kind in ELEMENTWISE:
        made = [ELEMENTWISE[kind](attributes, *values)]
    else:
        raise LiftingError(f"operation {kind} cannot be lifted")
    arrays = [np.asarray(value) for value in made]
    return [Known(array, np.full(array.shape, depends)) for array in arrays]


def _cast(attributes: Attributes, given: Known) -> Known:
    """Return whole numbers or truth values as another type; real numbers would be rounded."""
    dtype = np.dtype(attributes["DstT"].as_numpy_dtype)
    if given.value.dtype == dtype:
        return given
    if given.is_real:
        raise LiftingError(f"operation Cast from {given.value.dtype} cannot be lifted")
    if dtype.kind not in "iu":
        check_shaped_only("Cast", [given])
    return Known(given.value.astype(dtype), given.rows)
