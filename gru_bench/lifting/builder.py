"""Building a program out of entries: where values are used, slices and concatenations are read off.

Each entry of a weight, an input, a state or a result has a number. An operand is an array of such
numbers in any order; it is cut into runs that lie side by side in one value. So the program reads
just the entries that the cell reads, or it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.lifting.block import Block, blocks
from gru_bench.lifting.error import LiftingError
from gru_bench.program.program import Operation, Program

Array = NDArray[Any]
Ids = NDArray[np.int64]

#: Parts that one operand may be put together from.
MOST_PARTS = 64

#: While a program is built, results are numbered from here, since literals are still being found.
_RESULTS = 1 << 30


@dataclass(frozen=True)
class _Owner:
    """A value of the program, whose entries have numbers from `begin` on."""

    number: int
    shape: tuple[int, ...]
    begin: int
    constant: bool


class Builder:
    """Writes a program; a scribe of `Reader`.

    Args:
        input_size: F.
        state_sizes: length of each state.
        weight_shapes: of the weights.
        dtype: of literals.
    """

    def __init__(
        self,
        input_size: int,
        state_sizes: Sequence[int],
        weight_shapes: Sequence[tuple[int, ...]],
        dtype: str,
    ) -> None:
        self._dtype = np.dtype(dtype)
        self._owners: list[_Owner] = []
        self._begins: list[int] = []
        self._size = 0
        self._literals: list[Array] = []
        self._values: list[Any] = []  # of literal entries, which have the numbers -1, -2, ...
        self._literal_ids: dict[bytes, int] = {}
        self._operations: list[Operation] = []
        self._ready: dict[Any, int] = {}
        self._shapes = (input_size, tuple(state_sizes), tuple(weight_shapes))
        self.x = self._own(0, (input_size,), False)
        self.states = [self._own(k, (n,), False) for k, n in enumerate(state_sizes, 1)]
        first = 1 + len(state_sizes)
        self.weights = []
        for k, shape in enumerate(weight_shapes):
            if len(shape) > 2:
                raise LiftingError(f"a weight of shape {shape} is neither vector nor matrix")
            self.weights.append(self._own(first + k, shape, True))
        self._first_literal = first + len(weight_shapes)

    def _own(self, number: int, shape: tuple[int, ...], constant: bool) -> Ids:
        """Give numbers to the entries of a value."""
        ids = self._size + np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
        if ids.size:
            self._owners.append(_Owner(number, shape, self._size, constant))
            self._begins.append(self._size)
            self._size += ids.size
        return ids

    def _owner(self, entry: int) -> _Owner:
        return self._owners[int(np.searchsorted(self._begins, entry, "right")) - 1]

    def literal(self, values: Array) -> Ids:
        """Return the ids of constants."""
        array = np.asarray(values).astype(self._dtype)
        ids = []
        for value in array.reshape(-1):
            key = value.tobytes()
            if key not in self._literal_ids:
                self._values.append(value)
                self._literal_ids[key] = -len(self._values)
            ids.append(self._literal_ids[key])
        return np.array(ids, np.int64).reshape(array.shape)

    def elementwise(self, name: str, operands: Sequence[Ids]) -> Ids:
        """Write an operation down on operands of one shape."""
        shape, size = operands[0].shape, operands[0].size
        if not size:
            return np.zeros(shape, np.int64)
        flats = [operand.reshape(-1) for operand in operands]
        if size > 1 and all(np.all(flat == flat[0]) for flat in flats):
            # One number, computed once: all entries of the result are it.
            return np.broadcast_to(self.elementwise(name, [f[:1] for f in flats]), shape)
        numbers = [self._vector(f[:1] if np.all(f == f[0]) else f) for f in flats]
        scalar = size == 1 and all(self._is_scalar(int(f[0])) for f in flats)
        result = self._emit(name, numbers)
        return self._own(result, () if scalar else (size,), False).reshape(shape)

    def matmul(self, a: Ids, b: Ids) -> Ids:
        """Write the products of rows with a constant matrix down, one for each row."""
        if not a.size or not b.size:
            raise LiftingError(f"operation MatMul of shapes {a.shape} and {b.shape} is not lifted")
        if not self._is_constant(b):
            if not self._is_constant(a):
                raise LiftingError("operation MatMul of two values that vary cannot be lifted")
            return self.matmul(b.T, a.T).T
        if len(a) > MOST_PARTS:
            raise LiftingError(f"operation MatMul of {len(a)} rows is not lifted")
        if a.shape[1] == 1 and self._parts(b) is None:
            return self.elementwise("mul", np.broadcast_arrays(a, b))
        matrix = self._matrix(b)
        rows = []
        for row in a:
            result = self._emit("matmul", [self._vector(row, scalar=False), matrix])
            rows.append(self._own(result, (b.shape[1],), False))
        return np.stack(rows)

    def _is_scalar(self, entry: int) -> bool:
        return entry >= 0 and self._owner(entry).shape == ()

    def _is_constant(self, ids: Ids) -> bool:
        entries = np.unique(ids[ids >= 0])
        owners = np.unique(np.searchsorted(self._begins, entries, "right") - 1)
        return all(self._owners[k].constant for k in owners.tolist())

    def _emit(self, name: str, inputs: Sequence[int], **attributes: int) -> int:
        self._operations.append(Operation(name, tuple(inputs), attributes))
        return _RESULTS + len(self._operations) - 1

    def _literal_value(self, ids: Ids) -> int:
        """Return the number of a literal with these entries."""
        array = np.array([self._values[-1 - k] for k in ids.reshape(-1).tolist()], self._dtype)
        key = ("literal", ids.shape, array.tobytes())
        if key not in self._ready:
            self._literals.append(array.reshape(ids.shape))
            self._ready[key] = self._first_literal + len(self._literals) - 1
        return self._ready[key]

    def _vector(self, flat: Ids, scalar: bool = True) -> int:
        """Return the number of a vector with these entries.

        Args:
            flat: `(n,)`.
            scalar: whether a value of rank 0 will do for a single entry.
        """
        key = ("vector", scalar, flat.tobytes())
        if key not in self._ready:
            self._ready[key] = self._new_vector(flat, scalar)
        return self._ready[key]

    def _new_vector(self, flat: Ids, scalar: bool) -> int:
        if scalar and flat.size == 1 and self._is_scalar(int(flat[0])):
            return self._owner(int(flat[0])).number
        cuts = self._cuts(flat)
        if len(cuts) >= MOST_PARTS:
            raise LiftingError(
                f"a value is put together from {len(cuts) + 1} parts, more than {MOST_PARTS}"
            )
        parts = [self._run(run) for run in np.split(flat, cuts)]
        return parts[0] if len(parts) == 1 else self._emit("concat", parts, axis=0)

    def _cuts(self, flat: Ids) -> Array:
        """Return where entries do not lie side by side in one row of one value."""
        literal = flat < 0
        apart = (np.diff(flat) != 1) & ~(literal[1:] & literal[:-1])
        apart |= literal[1:] != literal[:-1]
        rows = np.array([self._row(entry) for entry in flat.tolist()])
        apart |= np.any(rows[1:] != rows[:-1], axis=1)
        return np.flatnonzero(apart) + 1

    def _row(self, entry: int) -> tuple[int, int]:
        """Return in which row of which value an entry lies."""
        if entry < 0:
            return -1, 0
        owner = self._owner(entry)
        row = (entry - owner.begin) // owner.shape[1] if len(owner.shape) == 2 else 0
        return owner.number, row

    def _run(self, run: Ids) -> int:
        """Return the number of a vector of entries that lie side by side in one row."""
        if run[0] < 0:
            return self._literal_value(run)
        owner = self._owner(int(run[0]))
        if len(owner.shape) == 2:
            one = self._literal_value(self.literal(np.ones(1)))
            return self._emit("matmul", [one, self._matrix(run[None])])
        if owner.shape == ():  # made a vector by an exact product
            return self._emit("mul", [self._literal_value(self.literal(np.ones(1))), owner.number])
        if run.size == owner.shape[0]:
            return owner.number
        begin = int(run[0]) - owner.begin
        return self._emit("slice", [owner.number], axis=0, begin=begin, end=begin + run.size)

    def _parts(self, ids: Ids) -> Block | None:
        """Return how a matrix is put together from constant matrices, None where it is not."""
        return blocks(ids, self._matrices, MOST_PARTS)

    def _matrices(self, ids: Ids) -> tuple[Ids, Ids]:
        """Return first entry and columns of the constant matrix that each entry lies in."""
        at = np.searchsorted(self._begins, ids, "right") - 1
        begins = np.array([o.begin for o in self._owners], np.int64)
        columns = np.array([o.shape[1] if len(o.shape) == 2 else 0 for o in self._owners], np.int64)
        return np.where(ids < 0, 0, begins[at]), np.where(ids < 0, 0, columns[at])

    def _matrix(self, ids: Ids) -> int:
        """Return the number of a constant matrix with these entries, `(n, m)`."""
        key = ("matrix", ids.shape, ids.tobytes())
        if key not in self._ready:
            parts = self._parts(ids)
            if parts is None:
                raise LiftingError(
                    f"a matrix of shape {ids.shape} is put together from entries of weights in "
                    "another order, or from vectors"
                )
            self._ready[key] = self._assemble(parts)
        return self._ready[key]

    def _assemble(self, block: Block) -> int:
        """Write the slices and concatenations down that make a matrix."""
        if block.parts:
            return self._emit(
                "concat", [self._assemble(part) for part in block.parts], axis=block.axis
            )
        if block.ids[0, 0] < 0:
            return self._literal_value(block.ids)
        owner = self._owner(int(block.ids[0, 0]))
        first = int(block.ids[0, 0]) - owner.begin
        number = owner.number
        for axis, begin in enumerate(divmod(first, owner.shape[1])):
            size = block.ids.shape[axis]
            if size < owner.shape[axis]:
                number = self._emit("slice", [number], axis=axis, begin=begin, end=begin + size)
        return number

    def program(self, output: Ids, states: Sequence[Ids]) -> Program:
        """Return what was written down, its values numbered in order.

        Args:
            output: the ids of the cell's output.
            states: the ids of the new states.
        """
        results = [self._vector(ids.reshape(-1), scalar=False) for ids in (output, *states)]
        shift = self._first_literal + len(self._literals) - _RESULTS
        input_size, state_sizes, weight_shapes = self._shapes
        return Program(
            input_size,
            state_sizes,
            weight_shapes,
            tuple(self._literals),
            tuple(
                Operation(o.name, tuple(_settled(k, shift) for k in o.inputs), o.attributes)
                for o in self._operations
            ),
            _settled(results[0], shift),
            tuple(_settled(number, shift) for number in results[1:]),
            (),
        )


def _settled(number: int, shift: int) -> int:
    return number + shift if number >= _RESULTS else number
