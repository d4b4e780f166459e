"""The step of a cell, and its initial state, as TensorFlow traces them for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS, in_one_line
from gru_bench.lifting.error import LiftingError
from gru_bench.lifting.expression import Ids, Table
from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.tensorflow.known import Known
from gru_bench.trace.tensorflow.reader import Reader, Scribe

Array = NDArray[Any]


class Trace:
    """One traced step, which can be read for any number of rows.

    Args:
        subject: the cell.
        told: what its `call` is told beside inputs and states, such as `training`; by default
            what the subject tells it.
        rows: of the batch, if the trace is to know it.

    Raises:
        LiftingError: it cannot be traced.
    """

    def __init__(
        self, subject: KerasSubject, told: dict[str, Any] | None = None, rows: int | None = None
    ) -> None:
        self.subject = subject
        self.frozen = [np.asarray(value) for value in subject.frozen]
        self._weights = [tuple(w.shape) for w in subject.weights]
        dtype = subject.dtype
        signature = [
            [tf.TensorSpec(w.shape, w.dtype) for w in subject.weights],
            [tf.TensorSpec(f.shape, f.dtype) for f in subject.frozen],
            tf.TensorSpec((rows, subject.input_size), dtype),
            [tf.TensorSpec((rows, *shape), dtype) for shape in subject.state_shapes],
        ]

        def step(weights: Any, frozen: Any, x: Any, states: Any) -> Any:
            return subject.step_tensors(weights, frozen, x, states, told)

        self._step = _traced(step, signature)

    def sizes(self) -> set[int]:
        """Return the length of every axis of every tensor in the step, where it is known."""
        tensors = [t for op in self._step.graph.get_operations() for t in op.outputs]
        shapes = [tensor.shape for tensor in tensors if tensor.shape.rank is not None]
        return {int(n) for shape in shapes for n in shape if n is not None}

    def read(self, scribe: Scribe, weights: Sequence[Ids], x: Ids, states: Sequence[Ids]) -> Any:
        """Return the ids of the output `(B, O)` and of the new states `(B, n)`.

        Args:
            scribe: writes the arithmetic down.
            weights: ids of the weights.
            x: ids of the input, `(B, F)`.
            states: ids of the states, `(B, n)`.

        Raises:
            LiftingError: an operation cannot be read, or the step assigns what it keeps.
        """
        graph = self._step.graph
        flat = [*weights, *map(Known.of, self.frozen), x, *states]
        given = list(zip(graph.inputs, flat, strict=False))
        given += _captured(self._step, len(flat))
        output, new, after = self._step.structured_outputs
        for result in (output, *new):
            if not isinstance(result, tf.Tensor):
                raise LiftingError(f"a result of the step is {result!r:.40}, no tensor")
        reader = Reader(graph, scribe, self.subject.dtype)
        found = reader.read(given, [output, *new, *after])
        for k, (before, now) in enumerate(zip(self.frozen, found[1 + len(new) :], strict=True)):
            if not isinstance(now, Known) or not np.array_equal(now.value, before, equal_nan=True):
                name = self.subject.cell.non_trainable_variables[k].path
                raise LiftingError(f"the step changes what the cell keeps ({name!r})")
        results = [reader.ids(value) for value in found[: 1 + len(new)]]
        sizes = [self.subject.output_shape, *self.subject.state_shapes]
        if len(results) != len(sizes):
            raise LiftingError(f"the step returns {len(new)} states and takes {len(sizes) - 1}")
        for ids, size in zip(results, sizes, strict=True):
            if ids.shape != (len(x), *size):
                raise LiftingError(f"a result of the step has shape {ids.shape} for {len(x)} rows")
        return results[0], results[1:]

    def expressions(self, table: Table, rows: int, row: int) -> list[Ids]:
        """Return the ids of one row's output `(O,)` and new states, all other rows being foreign.

        Args:
            table: of expressions.
            rows: of the batch, B.
            row: which has the input "x" and the states as `expression.expressions` names them.
        """

        def given(name: Any, size: int) -> Ids:
            return np.stack(
                [table.given(name if k == row else ("row", k, name), (size,)) for k in range(rows)]
            )

        weights = [table.given(("weight", k), shape) for k, shape in enumerate(self._weights)]
        sizes = [shape[0] for shape in self.subject.state_shapes]
        states = [given(("state", k), n) for k, n in enumerate(sizes)]
        output, new = self.read(table, weights, given("x", self.subject.input_size), states)
        return [ids[row] for ids in (output, *new)]


def initial_state(subject: KerasSubject) -> list[Array]:
    """Return the states before the first step, `(n,)` each, if they are the same for every row.

    Args:
        subject: the cell.

    Raises:
        LiftingError: they depend on the batch or on weights, or cannot be read.
    """
    signature = [
        [tf.TensorSpec(w.shape, w.dtype) for w in subject.weights],
        [tf.TensorSpec(f.shape, f.dtype) for f in subject.frozen],
        tf.TensorSpec((), tf.int32),
    ]
    traced = _traced(subject.initial_tensors, signature)
    frozen = [Known.of(value) for value in subject.frozen]
    found: list[Array] = []
    for rows in (1, 2, 3):
        states = _Literals(subject.dtype)
        weights = [np.full(w.shape, states.weight) for w in subject.weights]
        flat = [*weights, *frozen, Known(np.array(rows, np.int32), np.array(True))]
        given = [*zip(traced.graph.inputs, flat, strict=False), *_captured(traced, len(flat))]
        reader = Reader(traced.graph, states, subject.dtype)
        read = reader.read(given, traced.structured_outputs)
        values = [states.values(reader.ids(value)) for value in read]
        if not found:
            found = [value[0] for value in values]
        for value, first in zip(values, found, strict=True):
            if value.shape != (rows, *first.shape) or np.any(value != first):
                raise LiftingError("the initial state is not the same for every row of a batch")
    return found


class _Literals:
    """A scribe that only knows constants: an initial state is no result of a computation."""

    weight = 0

    def __init__(self, dtype: str) -> None:
        self._values = [np.dtype(dtype).type(np.nan)]

    def literal(self, values: Array) -> Ids:
        """Return the ids of constants."""
        array = np.asarray(values)
        first = len(self._values)
        self._values += array.reshape(-1).tolist()
        return np.arange(first, first + array.size).reshape(array.shape)

    def elementwise(self, name: str, operands: Sequence[Ids]) -> Ids:
        """Refuse arithmetic on weights; do it on constants as the framework does."""
        columns = [self.values(operand) for operand in operands]
        if name not in ("neg", "add", "sub", "mul"):
            raise LiftingError(f"the initial state is computed (operation {name})")
        function = {"neg": tf.negative, "add": tf.add, "sub": tf.subtract, "mul": tf.multiply}
        return self.literal(np.asarray(function[name](*map(tf.constant, columns))))

    def matmul(self, a: Ids, b: Ids) -> Ids:
        """Refuse a product."""
        raise LiftingError(f"the initial state is computed (MatMul of {a.shape} and {b.shape})")

    def values(self, ids: Ids) -> Array:
        """Return the constants that ids stand for."""
        if np.any(ids == self.weight):
            raise LiftingError("the initial state depends on weights")
        return np.array(self._values, self._values[0].dtype)[ids]


def _traced(function: Any, signature: Sequence[Any]) -> Any:
    """Trace a function; its inputs in order are the first inputs of the graph."""
    try:
        traced = tf.function(function, autograph=False)
        return traced.get_concrete_function(*signature)
    except FAULTS as error:  # a user's cell can fail in any way
        reason = f"the cell cannot be traced for any number of rows: {in_one_line(error)!r}"
        raise LiftingError(reason) from error


def _captured(traced: Any, first: int) -> list[tuple[Any, Any]]:
    """Return what a trace holds beside its inputs; variables are left out, so nobody reads them."""
    pairs = zip(traced.graph.inputs[first:], traced.captured_inputs, strict=True)
    return [
        (tensor, Known.of(np.asarray(value)))
        for tensor, value in pairs
        if value.dtype not in (tf.resource, tf.variant)
    ]
