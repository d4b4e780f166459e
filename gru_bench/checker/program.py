"""One step of the network as a straight-line program, and its enclosure over a region.

Values are numbered: 0 is x, then come the states, the cell's weights, the literals and the results
of the operations in order. A value is a vector of `rounding.Value`s (a scalar is a vector of one),
or a constant matrix. There is no batch axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb

from gru_bench.checker import form, rounding
from gru_bench.checker.form import Matrix
from gru_bench.checker.rounding import Value
from gru_bench.errors import UsageError

Vector = list[Value]
Shape = tuple[int, ...]

#: Operations and their numbers of arguments; `concat` takes any number.
ARITY = {
    "matmul": 2,
    "add": 2,
    "sub": 2,
    "mul": 2,
    "neg": 1,
    "sigmoid": 1,
    "tanh": 1,
    "relu": 1,
    "lerp": 3,
    "slice": 1,
    "concat": None,
}


@dataclass(frozen=True)
class Tensor:
    """Numbers in C order; shape `()`, `(n,)` or `(n, m)`."""

    shape: Shape
    values: tuple[float, ...]

    @property
    def rows(self) -> list[tuple[float, ...]]:
        """The rows of a matrix."""
        width = self.shape[1]
        return [self.values[i : i + width] for i in range(0, len(self.values), width)]


@dataclass(frozen=True)
class Operation:
    """One operation, its arguments by number; `axis`, `begin`, `end` for slice and concat."""

    name: str
    inputs: tuple[int, ...]
    axis: int = 0
    begin: int = 0
    end: int = 0


@dataclass(frozen=True)
class Program:
    """The step: from x and the states to the cell's output and the new states."""

    features: int
    states: tuple[int, ...]
    weights: tuple[Tensor, ...]
    literals: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    output: int
    new_states: tuple[int, ...]

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and literals, as they are numbered."""
        return self.weights + self.literals

    def shapes(self) -> list[Shape]:
        """Return the shape of each value.

        Raises:
            UsageError: sizes that do not fit.
        """
        shapes: list[Shape] = [(self.features,), *((n,) for n in self.states)]
        shapes += [tensor.shape for tensor in self.constants]
        for number, operation in enumerate(self.operations):
            arguments = [shapes[i] for i in operation.inputs]
            shape = _result(operation, arguments)
            if shape is None:
                listed = ", ".join(str(list(s)) for s in arguments)
                raise UsageError(f"operation {number}, {operation.name}, does not fit {listed}")
            shapes.append(shape)
        for name, found, sizes in (
            ("new_states", self.new_states, self.states),
            ("output", (self.output,), (None,)),
        ):
            for i, n in zip(found, sizes, strict=True):
                if len(shapes[i]) != 1 or n not in (None, shapes[i][0]):
                    raise UsageError(f"{name}: value {i} has shape {list(shapes[i])}")
        return shapes


def _result(operation: Operation, shapes: list[Shape]) -> Shape | None:
    """Return the shape of the result, or None where the arguments do not fit."""
    name, axis = operation.name, operation.axis
    ranks = [len(shape) for shape in shapes]
    if name == "matmul":
        fits = ranks == [1, 2] and shapes[0][0] == shapes[1][0]
        return shapes[1][1:] if fits else None
    if name == "slice":
        fits = axis < ranks[0] and 0 <= operation.begin < operation.end <= shapes[0][axis]
        size = operation.end - operation.begin
        return (*shapes[0][:axis], size, *shapes[0][axis + 1 :]) if fits else None
    if name == "concat":
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if axis >= min(ranks) or len(set(ranks)) > 1 or len(others) > 1:
            return None
        size = sum(shape[axis] for shape in shapes)
        return (*shapes[0][:axis], size, *shapes[0][axis + 1 :])
    # Elementwise on vectors of one size, or 1. A matrix of one row is taken for that row.
    rows = [shape[-1:] for shape in shapes]
    sizes = {row[0] for row in rows if row} - {1}
    if any(shape[:-1] not in ((), (1,)) for shape in shapes) or len(sizes) > 1:
        return None
    return max(rows, key=lambda row: (math.prod(row), len(row)))


#: Values by number.
Values = dict[int, Vector | Matrix]


class Evaluator:
    """Encloses the step over a region: `complete` with what is known, a symbol and states."""

    def __init__(self, program: Program, tanh: arb, sigmoid: arb) -> None:
        self.program = program
        self._tanh, self._sigmoid = tanh, sigmoid
        constants = enumerate(program.constants, 1 + len(program.states))
        #: Values that depend neither on x nor on the states.
        self.constants = self.complete({n: self.tensor(tensor) for n, tensor in constants})

    def tensor(self, tensor: Tensor) -> Vector | Matrix:
        """Return constants as values."""
        if len(tensor.shape) == 2:
            return Matrix([[arb(w) for w in row] for row in tensor.rows])
        return self.vector(tensor.values)

    def vector(self, numbers: Sequence[float]) -> Vector:
        """Return known numbers as a vector of values."""
        return [rounding.exact(form.constant(arb(t))) for t in numbers]

    def read(self, features: Sequence[float]) -> Values:
        """Return all values that a symbol and the constants determine."""
        return self.complete({0: self.vector(features), **self.constants})

    def start(self, states: Vector) -> Values:
        """Return all values that the states, in one vector, and the constants determine."""
        known = dict(self.constants)
        for number, size in enumerate(self.program.states, 1):
            known[number], states = states[:size], states[size:]
        return self.complete(known)

    def step(self, symbol: Values, states: Values) -> tuple[Vector, Vector]:
        """Return the cell's output and the new states, all of them in one vector."""
        values = self.complete({**symbol, **states})
        new = [value for i in self.program.new_states for value in _vector(values[i])]
        return _vector(values[self.program.output]), new

    def complete(self, values: Values) -> Values:
        """Add the results of all operations whose arguments are there."""
        first = 1 + len(self.program.states) + len(self.program.constants)
        for number, operation in enumerate(self.program.operations, first):
            if number not in values and all(i in values for i in operation.inputs):
                values[number] = self._apply(operation, [values[i] for i in operation.inputs])
        return values

    def _apply(self, operation: Operation, arguments: list[Vector | Matrix]) -> Vector | Matrix:
        name = operation.name
        if name == "matmul":
            vector, matrix = arguments
            assert isinstance(matrix, Matrix)
            return rounding.matmul(_vector(vector), matrix)
        if name in ("slice", "concat") and isinstance(arguments[0], Matrix):
            return _rearrange(operation, arguments)
        vectors = [self._row(argument) for argument in arguments]
        if name == "concat":
            return [value for vector in vectors for value in vector]
        if name == "slice":
            return vectors[0][operation.begin : operation.end]
        size = max(len(vector) for vector in vectors)
        columns = [vector * size if len(vector) == 1 else vector for vector in vectors]
        return [self._elementwise(name, *values) for values in zip(*columns, strict=True)]

    def _row(self, value: Vector | Matrix) -> Vector:
        """Return a vector, which may be the only row of a constant matrix."""
        if isinstance(value, Matrix):
            (row,) = value.rows
            return [rounding.exact(form.constant(w)) for w in row]
        return value

    def _elementwise(self, name: str, *values: Value) -> Value:
        if name == "tanh":
            return rounding.tanh(values[0], self._tanh)
        if name == "sigmoid":
            return rounding.sigmoid(values[0], self._sigmoid)
        function = {
            "add": rounding.add,
            "sub": rounding.subtract,
            "mul": rounding.multiply,
            "neg": rounding.negate,
            "relu": rounding.relu,
            "lerp": rounding.lerp,
        }[name]
        result: Value = function(*values)  # type: ignore[operator]
        return result


def _vector(value: Vector | Matrix) -> Vector:
    assert isinstance(value, list)
    return value


def _rearrange(operation: Operation, matrices: list[Vector | Matrix]) -> Matrix:
    """Slice or concatenate constant matrices, which is exact."""
    parts = [matrix.rows for matrix in matrices if isinstance(matrix, Matrix)]
    begin, end = operation.begin, operation.end
    if operation.name == "slice":
        (rows,) = parts
        return Matrix(rows[begin:end] if operation.axis == 0 else [row[begin:end] for row in rows])
    if operation.axis == 0:
        return Matrix([row for rows in parts for row in rows])
    joined = zip(*parts, strict=True)
    return Matrix([[w for row in pieces for w in row] for pieces in joined])
