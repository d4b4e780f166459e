"""Lifting: the step of a cell, traced by TensorFlow, read off as a program.

Where an operation only moves entries, the trace's operation is applied to the entries' numbers
and the outcome is read off as slices and concatenations; so splits, squeezes, strided slices and
the like need no rule of their own. (1-z)∘a + z∘b is recognised however it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError
from gru_bench.program.program import Operation, Program
from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.operations import ELEMENTWISE, MOVES, STRUCTURAL

Array = NDArray[Any]

#: TensorFlow's name of each elementary operation.
ELEMENTARY = {
    "Add": "add",
    "AddV2": "add",
    "BiasAdd": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Neg": "neg",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Relu": "relu",
}


class LiftingError(UsageError):
    """A cell's step cannot be lifted; the message names the operation."""


@dataclass(frozen=True)
class _Value:
    """A value of the program, with the shape that TensorFlow gives it."""

    number: int
    shape: tuple[int, ...]
    matrix: bool = False

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


def lift(subject: KerasSubject) -> Program:
    """Return the program of a subject's step.

    Args:
        subject: a cell whose states are vectors.

    Raises:
        LiftingError: the step has an operation that is not elementary, named in the message.
    """
    if any(len(shape) != 1 for shape in subject.state_shapes):
        raise LiftingError(f"states of shape {subject.state_shapes} are not vectors")
    weights, frozen = subject.weights, subject.frozen
    step = tf.function(subject.step_tensors, autograph=False).get_concrete_function(
        [tf.TensorSpec(w.shape, w.dtype) for w in weights],
        [tf.TensorSpec(f.shape, f.dtype) for f in frozen],
        tf.TensorSpec((1, subject.input_size), subject.dtype),
        [tf.TensorSpec((1, *shape), subject.dtype) for shape in subject.state_shapes],
    )
    return _Lifter(subject, step, frozen).program()


class _Lifter:
    """Reads one traced step."""

    def __init__(self, subject: KerasSubject, step: Any, frozen: Sequence[Any]) -> None:
        self.subject = subject
        self.literals: list[Array] = []
        self.operations: list[Operation] = []
        self.found: dict[tuple[str, int], Any] = {}
        weights = subject.weights
        self._first_literal = 1 + len(subject.state_shapes) + len(weights)
        inputs = list(step.graph.inputs)
        for k, tensor in enumerate(inputs[: len(weights)]):
            shape = tuple(tensor.shape)
            if len(shape) > 2:
                raise LiftingError(f"a weight of shape {shape} is neither vector nor matrix")
            number = 1 + len(subject.state_shapes) + k
            self._set(tensor, _Value(number, shape, len(shape) == 2))
        rest = inputs[len(weights) :]
        for tensor, value in zip(rest, frozen, strict=False):
            self._set(tensor, np.asarray(value))
        rest = rest[len(frozen) :]
        for k, tensor in enumerate(rest[: 1 + len(subject.state_shapes)]):
            self._set(tensor, _Value(k, tuple(tensor.shape)))
        for tensor, value in zip(
            rest[1 + len(subject.state_shapes) :], step.captured_inputs, strict=True
        ):
            self._set(tensor, None if value.dtype == tf.resource else np.asarray(value))
        outputs = step.structured_outputs
        needed = _ancestors([outputs[0], *outputs[1]])
        for operation in step.graph.get_operations():
            if operation.name in needed and operation.type != "Placeholder":
                self._add(operation)
        self.results = [self._vector(self._get(t)) for t in [outputs[0], *outputs[1]]]

    def program(self) -> Program:
        """Return what was read, with its values numbered in order and the unneeded left out."""
        subject = self.subject
        base = self._first_literal
        # While reading, results are numbered from a base beyond every literal.
        shift = base + len(self.literals) - _RESULTS
        operations = [
            Operation(o.name, tuple(_settled(k, shift) for k in o.inputs), o.attributes)
            for o in self.operations
        ]
        results = [_settled(value.number, shift) for value in self.results]
        program = Program(
            subject.input_size,
            tuple(int(shape[0]) for shape in subject.state_shapes),
            tuple(tuple(w.shape) for w in subject.weights),
            tuple(self.literals),
            tuple(operations),
            results[0],
            tuple(results[1:]),
            tuple(state[0] for state in subject.initial_state(1)),
        )
        return prune(recognise_lerp(program))

    def _set(self, tensor: Any, value: Any) -> None:
        self.found[tensor.op.name, int(tensor.value_index)] = value

    def _get(self, tensor: Any) -> Any:
        return self.found[tensor.op.name, int(tensor.value_index)]

    def _add(self, operation: Any) -> None:
        """Read one operation of the graph."""
        kind = operation.type
        inputs = [self._get(t) for t in operation.inputs]
        attributes = {key: operation.get_attr(key) for key in operation.node_def.attr}
        if kind == "Const":
            made = [tf.make_ndarray(attributes["value"])]
        elif kind == "Shape" and isinstance(inputs[0], _Value):
            made = [np.array(inputs[0].shape, np.int32)]
        elif kind in ("ZerosLike", "OnesLike") and isinstance(inputs[0], _Value):
            made = [np.full(inputs[0].shape, float(kind == "OnesLike"), self.subject.dtype)]
        elif kind == "Fill" and not any(isinstance(v, _Value) for v in inputs):
            made = [np.full(inputs[0], inputs[1])]
        elif kind == "Cast" and attributes["SrcT"] == attributes["DstT"]:
            made = inputs
        elif kind == "MatMul":
            made = [self._matmul(attributes, *inputs)]
        elif kind == "Square":
            made = [self._elementwise("mul", [inputs[0], inputs[0]])]
        elif not any(isinstance(v, _Value) for v in inputs) and not _inexact(kind, inputs):
            made = _fold(kind, attributes, inputs)
        elif kind in MOVES:
            made = self._move(operation, attributes, inputs)
        elif kind in ELEMENTARY:
            made = [self._elementwise(ELEMENTARY[kind], inputs)]
        else:
            raise LiftingError(f"operation {kind} cannot be lifted")
        for tensor, value in zip(operation.outputs, made, strict=True):
            self._set(tensor, value)

    def _emit(
        self, name: str, inputs: Sequence[_Value], shape: tuple[int, ...], **attributes: int
    ) -> _Value:
        self.operations.append(Operation(name, tuple(v.number for v in inputs), attributes))
        moves = name in ("slice", "concat")
        matrix = moves and inputs[0].matrix
        return _Value(_RESULTS + len(self.operations) - 1, shape, matrix)

    def _literal(self, array: Array) -> _Value:
        """Return a constant vector or scalar."""
        flat = np.asarray(array, self.subject.dtype)
        flat = flat.reshape(()) if flat.size == 1 else flat.reshape(-1)
        for k, known in enumerate(self.literals):
            if known.shape == flat.shape and np.array_equal(known, flat):
                return _Value(self._first_literal + k, array.shape)
        self.literals.append(flat)
        return _Value(self._first_literal + len(self.literals) - 1, array.shape)

    def _literal_matrix(self, array: Array) -> _Value:
        self.literals.append(np.asarray(array, self.subject.dtype))
        return _Value(self._first_literal + len(self.literals) - 1, array.shape, True)

    def _vector(self, value: Any) -> _Value:
        """Return a value as a vector; a matrix of one row is taken apart by a product with 1."""
        if not isinstance(value, _Value):
            return self._literal(value)
        if not value.matrix:
            return value
        if value.shape[0] != 1:
            raise LiftingError(f"a weight of shape {value.shape} is used as a vector")
        one = np.ones((1,), self.subject.dtype)
        self.literals.append(one)
        number = _Value(self._first_literal + len(self.literals) - 1, (1,))
        return self._emit("matmul", [number, value], value.shape)

    def _matmul(self, attributes: dict[str, Any], a: Any, b: Any) -> _Value:
        if attributes["transpose_a"] or attributes["transpose_b"]:
            raise LiftingError("operation MatMul with a transposed operand cannot be lifted")
        if not isinstance(b, _Value):
            b = self._literal_matrix(b)
        if not b.matrix:
            raise LiftingError("operation MatMul of two values that vary cannot be lifted")
        v = self._vector(a)
        if v.shape != (1, b.shape[0]):
            raise LiftingError(f"operation MatMul of shapes {v.shape} and {b.shape} is not lifted")
        return self._emit("matmul", [v, b], (1, b.shape[1]))

    def _elementwise(self, name: str, inputs: Sequence[Any]) -> _Value:
        shape = np.broadcast_shapes(*(v.shape for v in inputs))
        size = int(np.prod(shape))
        operands = [self._vector(v) for v in inputs]
        if any(v.size not in (1, size) for v in operands):
            raise LiftingError(f"operation {name} broadcasts {[v.shape for v in inputs]}")
        return self._emit(name, operands, shape)

    def _move(self, operation: Any, attributes: dict[str, Any], inputs: list[Any]) -> list[Any]:
        """Read an operation that only moves entries."""
        if operation.type == "ConcatV2" and any(
            isinstance(v, _Value) and v.matrix for v in inputs[:-1]
        ):
            return [self._join(inputs[:-1], int(inputs[-1]))]
        carried = _carried(operation)
        values = [self._as_value(v) if carried[k] else v for k, v in enumerate(inputs)]
        tagged, begin, owners = [], 0, []
        for k, value in enumerate(values):
            if not carried[k]:
                tagged.append(value)
                continue
            tagged.append(np.arange(begin, begin + value.size).reshape(value.shape))
            owners.append((begin, value))
            begin += value.size
        made = MOVES[operation.type](attributes, 0, *tagged)
        return [self._read_entries(np.asarray(entries), owners) for entries in made]

    def _as_value(self, value: Any) -> _Value:
        return value if isinstance(value, _Value) else self._literal(value)

    def _join(self, parts: Sequence[Any], axis: int) -> _Value:
        """Concatenate matrices."""
        parts = [part if isinstance(part, _Value) else self._literal_matrix(part) for part in parts]
        if not all(part.matrix for part in parts):
            raise LiftingError("operation ConcatV2 joins a weight with something else")
        axis %= 2
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self._emit("concat", parts, tuple(shape), axis=axis)

    def _read_entries(self, entries: Array, owners: list[tuple[int, _Value]]) -> _Value:
        """Return the value whose entries are those numbered."""
        if any(value.matrix for _, value in owners):
            (_, matrix), *others = owners
            if others:
                raise LiftingError("a weight matrix is moved together with something else")
            return self._read_block(entries, matrix)
        flat = entries.reshape(-1)
        if not flat.size:  # nothing, which a concatenation may ask for
            return self._literal(np.zeros(entries.shape))
        cuts = np.flatnonzero(np.diff(flat) != 1) + 1
        parts = []
        for run in np.split(flat, cuts):
            parts += self._slices(run, owners)
        if len(parts) == 1:
            return _Value(parts[0].number, entries.shape)
        return self._emit("concat", parts, entries.shape, axis=0)

    def _slices(self, run: Array, owners: list[tuple[int, _Value]]) -> list[_Value]:
        """Return the slices that make up a run of consecutive entries."""
        parts = []
        for begin, value in owners:
            low, high = max(int(run[0]), begin), min(int(run[-1]) + 1, begin + value.size)
            if low >= high:
                continue
            if high - low == value.size:
                parts.append(value)
                continue
            shape = (high - low,)
            parts.append(
                self._emit("slice", [value], shape, axis=0, begin=low - begin, end=high - begin)
            )
        return parts

    def _read_block(self, entries: Array, matrix: _Value) -> _Value:
        """Return a contiguous block of a constant matrix; a single row may become a vector."""
        rows, columns = (np.unique(part) for part in np.divmod(entries, matrix.shape[1]))
        block = rows[:, None] * matrix.shape[1] + columns
        contiguous = np.all(np.diff(rows) == 1) and np.all(np.diff(columns) == 1)
        if not contiguous or not np.array_equal(entries.reshape(-1), block.reshape(-1)):
            raise LiftingError("a weight is reordered, which cannot be lifted")
        value = matrix
        for axis, part in enumerate((rows, columns)):
            if part.size < matrix.shape[axis]:
                shape = (rows.size, columns.size) if axis else (rows.size, matrix.shape[1])
                begin, end = int(part[0]), int(part[-1]) + 1
                value = self._emit("slice", [value], shape, axis=axis, begin=begin, end=end)
        if entries.ndim < 2:
            return _Value(self._vector(value).number, entries.shape)
        return value


#: While a trace is read, results are numbered from here, since literals are still being found.
_RESULTS = 1 << 30


def _settled(number: int, shift: int) -> int:
    return number + shift if number >= _RESULTS else number


def _carried(operation: Any) -> list[bool]:
    """Return which operands' entries an operation moves; the others say how."""
    return [bool(t.dtype.is_floating) for t in operation.inputs]


def _inexact(kind: str, inputs: Sequence[Any]) -> bool:
    """Return whether an operation computes with floats: folded, it would hide a rounding."""
    return kind in ELEMENTARY and any(np.asarray(v).dtype.kind == "f" for v in inputs)


def _fold(kind: str, attributes: dict[str, Any], inputs: list[Any]) -> list[Any]:
    """Compute what depends on nothing given."""
    if kind in STRUCTURAL:
        return STRUCTURAL[kind](attributes, 0, *inputs)
    if kind in ELEMENTWISE and all(np.asarray(v).dtype.kind != "f" for v in inputs):
        return [np.asarray(ELEMENTWISE[kind](attributes, *inputs))]
    raise LiftingError(f"operation {kind} cannot be lifted")


def _ancestors(tensors: Sequence[Any]) -> set[str]:
    """Return the names of all operations that the tensors depend on."""
    found: set[str] = set()
    stack = [t.op for t in tensors]
    while stack:
        operation = stack.pop()
        if operation.name not in found:
            found.add(operation.name)
            stack.extend(t.op for t in operation.inputs)
    return found


def recognise_lerp(program: Program) -> Program:
    """Return the program with (1-z)∘a + z∘b, written in any of its ways, as one `lerp`."""
    first = program.first_weight + len(program.weight_shapes) + len(program.literals)
    made = {first + k: o for k, o in enumerate(program.operations)}

    def is_one(number: int) -> bool:
        k = number - program.first_weight - len(program.weight_shapes)
        return 0 <= k < len(program.literals) and bool(np.all(program.literals[k] == 1))

    def complement(number: int) -> int | None:
        """Return z where the value is 1 - z."""
        o = made.get(number)
        return o.inputs[1] if o and o.name == "sub" and is_one(o.inputs[0]) else None

    def two_products(p: Operation, q: Operation) -> tuple[int, int, int] | None:
        for (s, a), (z, b) in (
            (left, right)
            for first, second in ((p, q), (q, p))
            for left in permutations(first.inputs)
            for right in permutations(second.inputs)
        ):
            if complement(s) == z:
                return z, a, b
        return None

    def away(o: Operation) -> tuple[int, int, int] | None:
        """Read a - z (a - b), which rounds as a + z (b - a) does."""
        a, product = o.inputs[0], made.get(o.inputs[1])
        if product and product.name == "mul":
            for z, difference in permutations(product.inputs):
                d = made.get(difference)
                if d and d.name == "sub" and d.inputs[0] == a:
                    return z, a, d.inputs[1]
        return None

    def match(o: Operation) -> tuple[int, int, int] | None:
        if o.name == "sub":
            return away(o)
        if o.name != "add":
            return None
        left, right = (made.get(k) for k in o.inputs)
        if left and right and left.name == right.name == "mul":
            return two_products(left, right)
        for a, product in ((o.inputs[0], right), (o.inputs[1], left)):
            if product and product.name == "mul":
                for z, difference in permutations(product.inputs):
                    d = made.get(difference)
                    if d and d.name == "sub" and d.inputs[1] == a:
                        return z, a, d.inputs[0]
        return None

    operations = []
    for o in program.operations:
        found = match(o)
        operations.append(Operation("lerp", found) if found else o)
    return _with(program, operations=tuple(operations))


def prune(program: Program) -> Program:
    """Return the program without values that no result depends on; weights and inputs stay."""
    literal = program.first_weight + len(program.weight_shapes)
    first = literal + len(program.literals)
    needed = {program.output, *program.new_states}
    for k in range(len(program.operations) - 1, -1, -1):
        if first + k in needed:
            needed.update(program.operations[k].inputs)
    end = first + len(program.operations)
    kept = [k for k in range(end) if k < literal or k in needed]
    place = {old: new for new, old in enumerate(kept)}
    return _with(
        program,
        literals=tuple(a for k, a in enumerate(program.literals) if literal + k in needed),
        operations=tuple(
            Operation(o.name, tuple(place[i] for i in o.inputs), o.attributes)
            for k, o in enumerate(program.operations)
            if first + k in needed
        ),
        output=place[program.output],
        new_states=tuple(place[k] for k in program.new_states),
    )


def _with(program: Program, **changes: Any) -> Program:
    return Program(**{**program.__dict__, **changes})
