"""A traced TensorFlow graph, replayed in NumPy over many points at once.

Compiling a program for thousands of perturbed points costs seconds; replaying the traced graph,
operation by operation, costs no compilation at all. Three kinds of value flow through a replay:
a plain array, the same for all points; `Rows`, with a leading axis of points; and `Sparse`, a
weight of which each point displaces at most one entry, which keeps products with it dense and
cheap: x (W + δ E_ij) = x W + δ x_i e_j.

What a replay computes is compared with what TensorFlow computes before it is used (`points`).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.subjects.keras.runtime import tf
from gru_bench.trace.rows import Rows, Sparse, Value
from gru_bench.trace.tensorflow.node import Node
from gru_bench.trace.tensorflow.operations import ELEMENTWISE, MOVES, STRUCTURAL
from gru_bench.trace.tensorflow.sparse import destinations, gather_moved, sparse_product, sparse_sum
from gru_bench.trace.unsupported import UnsupportedOperationError

Array = NDArray[Any]


class Replay:
    """A graph ready to be replayed.

    Args:
        graph: a `FuncGraph`.
        given: for each group of inputs, its placeholders; the first group is the one that does
            not change from step to step, and what depends on it alone is computed once.
        results: tensors to compute.
        captured: placeholder and value of what the graph captured.

    Raises:
        UnsupportedOperationError: the graph has an operation that is not in the tables.
    """

    def __init__(
        self,
        graph: Any,
        given: Sequence[Sequence[Any]],
        results: Sequence[Any],
        captured: Sequence[tuple[Any, Any]],
    ) -> None:
        self._fixed: dict[int, list[Value]] = {}
        self._nodes: list[Node] = []
        self._where: dict[str, int] = {}
        self._maps: dict[int, list[Any]] = {}
        self._given = [[t.op.name for t in group] for group in given]
        self._names: set[str] = {name for group in self._given for name in group}
        self._captured = {t.op.name: _captured_value(value) for t, value in captured}
        needed = ancestors(results)
        for operation in graph.get_operations():
            if operation.name in needed:
                self._add(operation)
        self._results = [self._place(t) for t in results]
        self._slots = [[self._where.get(name, -1) for name in group] for group in self._given]
        self._order_by_dependence()

    def _place(self, tensor: Any) -> tuple[int, int]:
        return self._where[tensor.op.name], int(tensor.value_index)

    def _add(self, operation: Any) -> None:
        index = len(self._nodes)
        self._where[operation.name] = index
        self._nodes.append(
            Node(
                operation.type,
                tuple(self._place(t) for t in operation.inputs),
                {key: operation.get_attr(key) for key in operation.node_def.attr},
                ELEMENTWISE.get("AddV2" if operation.type == "BiasAdd" else operation.type),
                tuple((a.name, a.number_attr) for a in operation.op_def.input_arg),
            )
        )
        if operation.name in self._captured:
            self._fixed[index] = [self._captured[operation.name]]
        elif operation.type == "Const":
            self._fixed[index] = [tf.make_ndarray(operation.get_attr("value"))]
        elif operation.name not in self._names:
            self._compute_or_check(index)

    def _compute_or_check(self, index: int) -> None:
        """Compute what depends on nothing given; otherwise see that the tables have it."""
        node = self._nodes[index]
        known = [self._fixed.get(i) for i, _ in node.inputs]
        if node.type == "ReadVariableOp" and known[0] is not None:
            read = tf.raw_ops.ReadVariableOp(resource=known[0][0], dtype=node.attributes["dtype"])
            self._fixed[index] = [np.asarray(read)]
        elif all(value is not None for value in known) and node.type != "Placeholder":
            operands = [self._fixed[i][k] for i, k in node.inputs]
            self._fixed[index] = self._apply(index, operands)
        elif node.elementwise is None and node.type not in STRUCTURAL:
            raise UnsupportedOperationError(node.type)

    def _order_by_dependence(self) -> None:
        """Split the nodes into those of the first group alone and the rest."""
        once = set(self._slots[0]) | set(self._fixed)
        self._once: list[int] = []
        self._each: list[int] = []
        given = {slot for group in self._slots for slot in group}
        for index, node in enumerate(self._nodes):
            if index in given or index in self._fixed:
                continue
            if all(i in once for i, _ in node.inputs):
                once.add(index)
                self._once.append(index)
            else:
                self._each.append(index)

    def prepare(self, values: Sequence[Value]) -> dict[int, list[Value]]:
        """Return what follows from the first group of inputs, for `finish`."""
        known = dict(self._fixed)
        known.update({s: [v] for s, v in zip(self._slots[0], values, strict=True)})
        for index in self._once:
            node = self._nodes[index]
            known[index] = self._apply(index, [known[i][k] for i, k in node.inputs])
        return known

    def finish(self, known: dict[int, list[Value]], *groups: Sequence[Value]) -> list[Value]:
        """Return the results for the other groups of inputs."""
        values = dict(known)
        for slots, group in zip(self._slots[1:], groups, strict=True):
            values.update({s: [v] for s, v in zip(slots, group, strict=True)})
        for index in self._each:
            node = self._nodes[index]
            values[index] = self._apply(index, [values[i][k] for i, k in node.inputs])
        return [values[i][k] for i, k in self._results]

    def widened(self) -> Replay:
        """Return a replay in which no cast takes precision from numbers that have it."""
        other = copy.copy(self)
        other._nodes = [
            replace(node, elementwise=_widen)
            if node.type == "Cast" and node.attributes["DstT"].is_floating
            else node
            for node in self._nodes
        ]
        return other

    def walk(
        self, visit: Callable[[Node, list[Any]], list[Any]], *groups: Sequence[Any]
    ) -> list[Any]:
        """Return the results in another arithmetic.

        Args:
            visit: computes a node's results from its operands; what depends on nothing given
                comes as plain arrays.
            *groups: the inputs, in that arithmetic.
        """
        values: dict[int, list[Any]] = dict(self._fixed)
        for slots, group in zip(self._slots, groups, strict=True):
            values.update({s: [v] for s, v in zip(slots, group, strict=True)})
        for index in (*self._once, *self._each):
            node = self._nodes[index]
            values[index] = visit(node, [values[i][k] for i, k in node.inputs])
        return [values[i][k] for i, k in self._results]

    def _apply(self, index: int, operands: list[Value]) -> list[Value]:
        try:
            return self._applied(index, operands)
        except UnsupportedOperationError:
            raise
        except Exception as error:  # operands that the tables did not expect
            raise UnsupportedOperationError(self._nodes[index].type) from error

    def _applied(self, index: int, operands: list[Value]) -> list[Value]:
        node = self._nodes[index]
        types = [type(v) for v in operands]
        if Sparse in types:
            made = self._apply_sparse(index, operands)
            if made is not None:
                return made
            operands = [v.dense() if isinstance(v, Sparse) else v for v in operands]
            types = [type(v) for v in operands]
        if node.elementwise is None:
            return _structural(node, operands, Rows in types)
        if Rows in types:
            return [_elementwise(node, operands)]
        return [np.asarray(node.elementwise(node.attributes, *operands))]

    def _apply_sparse(self, index: int, operands: list[Value]) -> list[Value] | None:
        """Return the results with displaced entries kept apart, or None where they cannot be."""
        node = self._nodes[index]
        if node.type in MOVES:
            return self._move(index, operands)
        made = None
        if node.type == "MatMul":
            made = sparse_product(node.attributes, operands)
        elif node.type in ("Add", "AddV2", "BiasAdd"):
            made = sparse_sum(operands)
        return None if made is None else [made]

    def _move(self, index: int, operands: list[Value]) -> list[Value] | None:
        """Carry displaced entries through an operation that only moves them."""
        if any(isinstance(v, Rows) for v in operands):
            return None
        node = self._nodes[index]
        function = MOVES[node.type]
        bases: list[Any] = [v.base if isinstance(v, Sparse) else v for v in operands]
        results = function(node.attributes, 0, *bases)
        which = [k for k, v in enumerate(operands) if isinstance(v, Sparse)]
        if index not in self._maps:
            self._maps[index] = [destinations(function, node, bases, k) for k in range(len(bases))]
        maps = self._maps[index]
        if any(maps[k] is None for k in which):
            return None
        return [
            gather_moved(result, [(operands[k], maps[k][n]) for k in which])
            for n, result in enumerate(results)
        ]


def _captured_value(value: Any) -> Any:
    """Return a captured tensor as an array; handles of variables and of lists as they are."""
    return value if value.dtype in (tf.resource, tf.variant) else np.asarray(value)


def ancestors(tensors: Sequence[Any]) -> set[str]:
    """Return the names of all operations that the tensors depend on."""
    found: set[str] = set()
    stack = [t.op for t in tensors]
    while stack:
        operation = stack.pop()
        if operation.name not in found:
            found.add(operation.name)
            stack.extend(t.op for t in operation.inputs)
    return found


def _widen(attributes: dict[str, Any], x: Array) -> Array:
    """Return what a cast makes of whole numbers and truth values, and real numbers as they are."""
    return x if x.dtype.kind in "fc" else ELEMENTWISE["Cast"](attributes, x)


def _structural(node: Node, operands: list[Any], lead: bool) -> list[Value]:
    """Apply an operation that is not elementwise to arrays and rows."""
    function = STRUCTURAL.get(node.type)
    if function is None:
        if lead:
            raise UnsupportedOperationError(node.type)
        return _by_tensorflow(node, operands)
    if not lead:
        return list(function(node.attributes, 0, *operands))
    if node.type in ("MatMul", "BatchMatMulV2"):
        return [_product(node.attributes, *operands)]
    count = next(len(v.array) for v in operands if isinstance(v, Rows))
    arrays = [_lift(v, count) for v in operands]
    results = function(node.attributes, 1, *arrays)
    return list(results) if node.type == "Shape" else [Rows(r) for r in results]


def _lift(value: Any, count: int) -> Array:
    """Return rows as they are, and floating arrays repeated; indices and shapes stay plain."""
    if isinstance(value, Rows):
        return value.array
    array = np.asarray(value)
    return np.broadcast_to(array, (count, *array.shape)) if array.dtype.kind in "fc" else array


def _product(attributes: dict[str, Any], a: Any, b: Any) -> Value:
    swapped = attributes.get("transpose_a") or attributes.get("adj_x")
    if isinstance(a, Rows) and not isinstance(b, Rows) and not swapped and b.ndim == 2:
        matrix = b.T if attributes.get("transpose_b") or attributes.get("adj_y") else b
        out = a.array.reshape(-1, a.array.shape[-1]) @ matrix
        return Rows(out.reshape(*a.array.shape[:-1], -1))
    arrays = [v.array if isinstance(v, Rows) else v for v in (a, b)]
    return Rows(STRUCTURAL["MatMul"](attributes, 1, *arrays)[0])


def _elementwise(node: Node, operands: list[Any]) -> Rows:
    rank = max(v.array.ndim - 1 if isinstance(v, Rows) else np.ndim(v) for v in operands)
    assert node.elementwise is not None
    return Rows(node.elementwise(node.attributes, *[_align(v, rank) for v in operands]))


def _align(value: Any, rank: int) -> Array:
    """Return rows with `rank` axes after the leading one, so that NumPy broadcasts as meant."""
    if not isinstance(value, Rows):
        return np.asarray(value)
    missing = rank - value.array.ndim + 1
    if not missing:
        return value.array
    shape = value.array.shape
    return value.array.reshape(shape[0], *(1,) * missing, *shape[1:])


def _by_tensorflow(node: Node, operands: list[Array]) -> list[Value]:
    """Let TensorFlow itself compute what no perturbation reaches."""
    function = getattr(tf.raw_ops, node.type, None)
    if function is None:
        raise UnsupportedOperationError(node.type)
    accepted = inspect.signature(function).parameters
    attributes = {k: v for k, v in node.attributes.items() if k in accepted}
    queue = list(operands)
    for name, length in node.operands:
        count = node.attributes[length] if length else 1
        taken, queue = queue[:count], queue[count:]
        attributes[name] = taken if length else taken[0]
    try:
        made = function(**attributes)
        parts = made if isinstance(made, (list, tuple)) else [made]
        return [np.asarray(part) for part in parts]
    except Exception as error:  # what it makes may be no array: a list of tensors, a random state
        raise UnsupportedOperationError(node.type) from error
