"""Expressions: what each single entry of a result is, as a tree; equal trees have equal ids.

Two steps that give the same ids compute the same numbers by the same operations. That is how a
lifted program is compared with the trace it was read from, at several sizes of the batch, and a
certificate's program with that of a model.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.program.program import Program

Array = NDArray[Any]
Ids = NDArray[np.int64]

#: Operations whose operands may change places: floating-point addition and product are commutative.
_COMMUTATIVE = ("add", "mul")


class Table:
    """Numbers for expressions, a number for each; a scribe of `Reader`.

    Args:
        dtype: of literals, which are told apart bit by bit.
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = np.dtype(dtype)
        self._known: dict[Hashable, int] = {}
        self._one = self._number(("literal", self._dtype.type(1).tobytes()))

    def _number(self, key: Hashable) -> int:
        return self._known.setdefault(key, len(self._known))

    def given(self, name: Hashable, shape: Sequence[int]) -> Ids:
        """Return the ids of a value that is given, such as an input or a weight."""
        size = int(np.prod(shape))
        ids = [self._number(("given", name, k)) for k in range(size)]
        return np.array(ids, np.int64).reshape(shape)

    def literal(self, values: Array) -> Ids:
        """Return the ids of constants."""
        flat = np.asarray(values).astype(self._dtype).reshape(-1)
        ids = [self._number(("literal", value.tobytes())) for value in flat]
        return np.array(ids, np.int64).reshape(np.shape(values))

    def elementwise(self, name: str, operands: Sequence[Ids]) -> Ids:
        """Return the ids of an operation's results on operands of one shape."""
        columns = [operand.reshape(-1).tolist() for operand in operands]
        ids = [self._one_result(name, entry) for entry in zip(*columns, strict=True)]
        return np.array(ids, np.int64).reshape(operands[0].shape)

    def _one_result(self, name: str, operands: tuple[int, ...]) -> int:
        if name == "mul" and self._one in operands:  # exact
            return operands[0] if operands[1] == self._one else operands[1]
        if name in _COMMUTATIVE:
            operands = tuple(sorted(operands))
        return self._number((name, operands))

    def matmul(self, a: Ids, b: Ids) -> Ids:
        """Return the ids of a b; the terms of a sum may be added in any order."""
        if a.shape[1] == 1:
            return self.elementwise("mul", np.broadcast_arrays(a, b))
        rows = [self._number(("row", tuple(row))) for row in a.tolist()]
        columns = [self._number(("column", tuple(column))) for column in b.T.tolist()]
        ids = [[self._number(("matmul", r, c)) for c in columns] for r in rows]
        return np.array(ids, np.int64).reshape(a.shape[0], b.shape[1])


class Expressions:
    """The algebra of expressions, in which a program can be evaluated: values are ids `(n,)`.

    Args:
        table: the numbers.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def constant(self, value: Any) -> Ids:
        """Return a weight, which is ids, or a literal, which is floats."""
        value = np.asarray(value)
        ids: Ids = value if value.dtype == np.int64 else self._table.literal(value)
        return np.atleast_1d(ids)

    def matmul(self, v: Ids, W: Any) -> Ids:
        """Return v W."""
        ids: Ids = self._table.matmul(v[None], self.constant(W))[0]
        return ids

    def _apply(self, name: str, *operands: Any) -> Ids:
        # A constant matrix of one row counts as that row.
        rows = [np.squeeze(self.constant(o), 0) if np.ndim(o) == 2 else o for o in operands]
        return self._table.elementwise(name, np.broadcast_arrays(*rows))

    def add(self, a: Ids, b: Ids) -> Ids:
        """Return a + b."""
        return self._apply("add", a, b)

    def sub(self, a: Ids, b: Ids) -> Ids:
        """Return a - b."""
        return self._apply("sub", a, b)

    def mul(self, a: Ids, b: Ids) -> Ids:
        """Return a ∘ b."""
        return self._apply("mul", a, b)

    def neg(self, a: Ids) -> Ids:
        """Return -a."""
        return self._apply("neg", a)

    def sigmoid(self, a: Ids) -> Ids:
        """Return σ(a)."""
        return self._apply("sigmoid", a)

    def tanh(self, a: Ids) -> Ids:
        """Return the hyperbolic tangent of a."""
        return self._apply("tanh", a)

    def relu(self, a: Ids) -> Ids:
        """Return max(a, 0)."""
        return self._apply("relu", a)

    def lerp(self, z: Ids, a: Ids, b: Ids) -> Ids:
        """Return (1 - z) ∘ a + z ∘ b."""
        return self._apply("lerp", z, a, b)

    def slice(self, a: Ids, begin: int, end: int) -> Ids:
        """Return entries begin .. end-1."""
        return a[begin:end]

    def concat(self, parts: Sequence[Ids]) -> Ids:
        """Return vectors one after the other."""
        return np.concatenate(parts)

    def join(self, parts: Sequence[Any], axis: int) -> Ids:
        """Concatenate constant matrices."""
        return np.concatenate([self.constant(part) for part in parts], axis=axis)


def expressions(program: Program, table: Table) -> list[Ids]:
    """Return the ids of a program's results: the output `(O,)`, then each state `(n,)`."""
    weights = [table.given(("weight", k), shape) for k, shape in enumerate(program.weight_shapes)]
    states = [table.given(("state", k), (n,)) for k, n in enumerate(program.state_sizes)]
    x = table.given("x", (program.input_size,))
    output, new = program.evaluate(Expressions(table), x, states, weights)
    return [output, *new]
