"""Reading a traced step: TensorFlow's graph, operation by operation, told to a scribe.

A tensor that depends on inputs or weights is read as an array of numbers that stand for its
entries, of the shape that the tensor has. An operation that only moves entries is applied to those
numbers; so splits, transpositions, strided slices and the like need no rule of their own, and
nothing is ever read of a tensor but its entries. What is left is arithmetic, which the scribe
writes down: as a program, or as one expression for each entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import in_one_line
from gru_bench.lifting.error import LiftingError
from gru_bench.subjects.keras.runtime import tf
from gru_bench.trace.tensorflow.known import Known, check_shaped_only, fold
from gru_bench.trace.tensorflow.moves import MOVES, carried, moved
from gru_bench.trace.tensorflow.replay import ancestors

Array = NDArray[Any]
Ids = NDArray[np.int64]

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

#: Operations with an effect or a memory that a step may have all the same: they have none.
_HARMLESS = ("ReadVariableOp", "Placeholder", "VarHandleOp")


class Scribe(Protocol):
    """Writes down what a step computes; an id stands for one entry."""

    def literal(self, values: Array) -> Ids:
        """Return the ids of constants, an array of the same shape."""

    def elementwise(self, name: str, operands: Sequence[Ids]) -> Ids:
        """Return the ids of the results of an operation on operands of one shape."""

    def matmul(self, a: Ids, b: Ids) -> Ids:
        """Return the ids of a b, `(k, m)` for `(k, n)` and `(n, m)`."""


class Reader:
    """Reads one graph for one scribe.

    Args:
        graph: of a traced function.
        scribe: who writes it down.
        dtype: the only floating-point type that may occur.
    """

    def __init__(self, graph: Any, scribe: Scribe, dtype: str) -> None:
        self._graph, self._scribe, self._dtype = graph, scribe, tf.as_dtype(dtype)
        self._found: dict[tuple[str, int], Any] = {}

    def read(self, given: Sequence[tuple[Any, Any]], wanted: Sequence[Any]) -> list[Any]:
        """Return what each wanted tensor is, ids or `Known`.

        Args:
            given: tensors of the graph, and what each is: ids of the shape it has, or `Known`.
            wanted: tensors of the graph.

        Raises:
            LiftingError: an operation that is needed cannot be read.
        """
        for tensor, value in given:
            self._set(tensor, value)
        needed = ancestors(wanted)
        for operation in self._graph.get_operations():
            _check_harmless(operation)
            if operation.name in needed and operation.type != "Placeholder":
                self._add(operation)
        return [self._get(tensor) for tensor in wanted]

    def ids(self, value: Any) -> Ids:
        """Return the ids of a value, be it known or not."""
        return self._scribe.literal(value.value) if isinstance(value, Known) else value

    def _set(self, tensor: Any, value: Any) -> None:
        shape = _shape_of(value)
        if not tensor.shape.is_compatible_with(shape):
            raise LiftingError(
                f"operation {tensor.op.type} is read with shape {shape}, it has {tensor.shape}"
            )
        self._found[tensor.op.name, int(tensor.value_index)] = value

    def _get(self, tensor: Any) -> Any:
        found = self._found.get((tensor.op.name, int(tensor.value_index)))
        if found is None:
            raise LiftingError(
                f"the step reads a variable that is no weight of the cell ({tensor.op.name!r})"
            )
        return found

    def _add(self, operation: Any) -> None:
        """Read one operation."""
        kind = operation.type
        inputs = [self._get(tensor) for tensor in operation.inputs]
        for tensor in (*operation.inputs, *operation.outputs):
            if tensor.dtype.is_floating and tensor.dtype != self._dtype:
                raise LiftingError(
                    f"operation {kind} has {tensor.dtype.name} numbers, the cell computes in "
                    f"{self._dtype.name}"
                )
        try:
            made = self._made(operation, kind, inputs)
        except LiftingError:
            raise
        except Exception as error:  # a rule that does not fit: nothing is guessed
            reason = f"operation {kind} cannot be lifted ({in_one_line(error)})"
            raise LiftingError(reason) from error
        if len(made) != len(operation.outputs):
            raise LiftingError(f"operation {kind} has {len(operation.outputs)} results")
        for tensor, value in zip(operation.outputs, made, strict=True):
            self._set(tensor, value)

    def _made(self, operation: Any, kind: str, inputs: list[Any]) -> list[Any]:  # noqa: PLR0911
        """Return what an operation's results are."""
        attributes = {key: operation.get_attr(key) for key in operation.node_def.attr}
        if kind == "Const":
            return [Known.of(tf.make_ndarray(attributes["value"]))]
        if kind == "Shape":
            return [_shape(operation.inputs[0], inputs[0], attributes)]
        if kind in ("ZerosLike", "OnesLike"):
            dtype = operation.outputs[0].dtype.as_numpy_dtype
            return [Known.of(np.full(_shape_of(inputs[0]), kind == "OnesLike", dtype))]
        if kind == "Cast" and attributes["SrcT"] == attributes["DstT"]:
            return inputs
        if not _varies(inputs) and not _computes(kind, inputs):
            return fold(kind, attributes, inputs)
        check_shaped_only(kind, inputs)
        if kind in MOVES:
            return self._move(kind, attributes, inputs)
        return [self._computed(kind, attributes, [self.ids(value) for value in inputs])]

    def _computed(self, kind: str, attributes: dict[str, Any], operands: list[Ids]) -> Ids:
        """Tell the scribe of arithmetic."""
        if kind == "MatMul":
            return self._matmul(attributes, *operands)
        if kind == "Square":
            return self._scribe.elementwise("mul", [operands[0], operands[0]])
        if kind == "AddN":
            return self._total(operands)
        if kind not in ELEMENTARY:
            raise LiftingError(f"operation {kind} cannot be lifted")
        if kind == "BiasAdd" and attributes["data_format"] != b"NHWC" and operands[0].ndim > 2:
            raise LiftingError("operation BiasAdd along the second of several axes is not lifted")
        return self._scribe.elementwise(ELEMENTARY[kind], np.broadcast_arrays(*operands))

    def _total(self, operands: list[Ids]) -> Ids:
        total = operands[0]
        for operand in operands[1:]:
            total = self._scribe.elementwise("add", [total, operand])
        return total

    def _matmul(self, attributes: dict[str, Any], a: Ids, b: Ids) -> Ids:
        a = a.T if attributes["transpose_a"] else a
        b = b.T if attributes["transpose_b"] else b
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
            raise LiftingError(f"operation MatMul of shapes {a.shape} and {b.shape} is not lifted")
        return self._scribe.matmul(a, b)

    def _move(self, kind: str, attributes: dict[str, Any], inputs: list[Any]) -> list[Ids]:
        """Apply an operation that only moves entries to the numbers that stand for them."""
        which = carried(kind, len(inputs))
        if not all(isinstance(value, Known) for k, value in enumerate(inputs) if k not in which):
            raise LiftingError(f"operation {kind} moves entries by what is computed")
        entries = [self.ids(v) if k in which else v.value for k, v in enumerate(inputs)]
        return [np.asarray(made, np.int64) for made in moved(kind, attributes, entries)]


def _shape_of(value: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = value.value.shape if isinstance(value, Known) else value.shape
    return shape


def _varies(inputs: Sequence[Any]) -> bool:
    return any(not isinstance(value, Known) for value in inputs)


def _computes(kind: str, inputs: Sequence[Any]) -> bool:
    """Return whether an operation computes with real numbers: folded, it would hide a rounding."""
    exact = kind in MOVES or kind in ("Fill", "Cast")
    return not exact and any(value.is_real for value in inputs)


def _shape(tensor: Any, value: Any, attributes: dict[str, Any]) -> Known:
    """Return a tensor's shape; where the trace does not know it, it depends on the batch."""
    shape = _shape_of(value)
    known = tensor.shape.as_list() if tensor.shape.rank is not None else [None] * len(shape)
    dtype = attributes["out_type"].as_numpy_dtype
    return Known(np.array(shape, dtype), np.array([n is None for n in known], bool))


def _check_harmless(operation: Any) -> None:
    """Refuse an operation that does more than compute: assigns, draws, prints, calls Python."""
    stateful = operation.op_def is not None and operation.op_def.is_stateful
    if stateful and operation.type not in _HARMLESS:
        raise LiftingError(
            f"operation {operation.type} draws, changes or calls something, so the step is not a "
            "function of weights, input and states"
        )
