"""A program: the step of a cell as a short list of elementary operations.

One program, several evaluators: an algebra says what a value is (NumPy floats, sound enclosures,
differentiable intervals in TensorFlow) and what each operation does with it. Values have no batch
axis in the program; an algebra may carry any leading axes.

A program numbers its values: 0 is the input x; then the states; then the cell's weights; then the
literals; then the results of the operations, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_bench.numbers import sigmoid

Array = NDArray[Any]


@dataclass(frozen=True)
class Operation:
    """One elementary operation.

    Args:
        name: a method of `Algebra`, or "slice" or "concat".
        inputs: numbers of earlier values.
        attributes: "axis", "begin", "end" of a slice, "axis" of a concatenation.
    """

    name: str
    inputs: tuple[int, ...]
    attributes: Mapping[str, int] = field(default_factory=dict)


class Algebra(Protocol):
    """What an evaluator does with each operation.

    Vectors and scalars are values of the algebra; matrices stay as they are given, since they are
    always constant.
    """

    def constant(self, value: Any) -> Any:
        """Return a constant vector `(n,)` or scalar as a value."""

    def matmul(self, v: Any, W: Any) -> Any:
        """Return v W, `(m,)` for `(n,)` and a constant `(n, m)`."""

    def add(self, a: Any, b: Any) -> Any:
        """Return a + b."""

    def sub(self, a: Any, b: Any) -> Any:
        """Return a - b."""

    def mul(self, a: Any, b: Any) -> Any:
        """Return a ∘ b."""

    def neg(self, a: Any) -> Any:
        """Return -a."""

    def sigmoid(self, a: Any) -> Any:
        """Return σ(a)."""

    def tanh(self, a: Any) -> Any:
        """Return the hyperbolic tangent of a."""

    def relu(self, a: Any) -> Any:
        """Return max(a, 0)."""

    def lerp(self, z: Any, a: Any, b: Any) -> Any:
        """Return (1 - z) ∘ a + z ∘ b."""

    def slice(self, a: Any, begin: int, end: int) -> Any:
        """Return entries begin .. end-1 of a vector."""

    def concat(self, parts: Sequence[Any]) -> Any:
        """Return vectors one after the other."""


@dataclass(frozen=True)
class Program:
    """A cell's step, lifted.

    Args:
        input_size: F, length of x.
        state_sizes: length of each state.
        weight_shapes: of the cell's trainable weights, in the cell's order.
        literals: constants that the step itself holds.
        operations: in an order in which each can be computed.
        output: number of the value that the cell returns.
        new_states: numbers of the states after the step.
        initial_state: of each state, `(n,)`.
    """

    input_size: int
    state_sizes: tuple[int, ...]
    weight_shapes: tuple[tuple[int, ...], ...]
    literals: tuple[Array, ...]
    operations: tuple[Operation, ...]
    output: int
    new_states: tuple[int, ...]
    initial_state: tuple[Array, ...]

    @property
    def first_weight(self) -> int:
        """Number of the first weight's value."""
        return 1 + len(self.state_sizes)

    def evaluate(
        self, algebra: Algebra, x: Any, states: Sequence[Any], weights: Sequence[Any]
    ) -> tuple[Any, list[Any]]:
        """Return the output and the new states.

        Args:
            algebra: the evaluator.
            x: a value of the algebra, `(F,)`.
            states: values of the algebra.
            weights: the cell's, plain arrays or tensors.
        """
        constants = [*weights, *self.literals]
        # A matrix is constant and stays what it was given as.
        matrix = [False] * (1 + len(states)) + [len(c.shape) == 2 for c in constants]
        values = [x, *states]
        values += [c if len(c.shape) == 2 else algebra.constant(c) for c in constants]
        for operation in self.operations:
            inputs = [values[k] for k in operation.inputs]
            moves = operation.name in ("slice", "concat")
            flat = not (moves and matrix[operation.inputs[0]])
            matrix.append(not flat)
            values.append((_on_vectors if flat else _on_matrices)(algebra, operation, inputs))
        return values[self.output], [values[k] for k in self.new_states]

    def run(self, xs: Array, weights: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, ..., O)` and final states in NumPy.

        Args:
            xs: `(T, ..., F)`; its dtype is the one computed in.
            weights: the cell's.
        """
        algebra = Floats(xs.dtype)
        lead = xs.shape[1:-1]
        states = [np.broadcast_to(s.astype(xs.dtype), (*lead, s.size)) for s in self.initial_state]
        outputs = []
        for x in xs:
            output, states = self.evaluate(algebra, x, states, weights)
            outputs.append(output)
        return np.stack(outputs), list(states)


def _on_vectors(algebra: Algebra, operation: Operation, inputs: list[Any]) -> Any:
    if operation.name == "slice":
        attributes = operation.attributes
        return algebra.slice(inputs[0], attributes["begin"], attributes["end"])
    if operation.name == "concat":
        return algebra.concat(inputs)
    return getattr(algebra, operation.name)(*inputs)


def _on_matrices(algebra: Algebra, operation: Operation, inputs: list[Any]) -> Any:
    """Slice or join constant matrices."""
    axis = operation.attributes["axis"]
    if operation.name == "concat":
        join = getattr(algebra, "join", np.concatenate)
        return join(inputs, axis)
    part = slice(operation.attributes["begin"], operation.attributes["end"])
    return inputs[0][part] if axis == 0 else inputs[0][:, part]


class Floats:
    """The algebra of NumPy floats `(..., n)`.

    Args:
        dtype: computed in.
    """

    def __init__(self, dtype: Any = np.float64) -> None:
        self.dtype = np.dtype(dtype)

    def constant(self, value: Any) -> Array:
        """Return the constant in this dtype."""
        return np.asarray(value, self.dtype)

    def matmul(self, v: Array, W: Any) -> Array:
        """Return v W."""
        return np.asarray(v @ np.asarray(W, self.dtype))

    def add(self, a: Array, b: Array) -> Array:
        """Return a + b."""
        return a + b

    def sub(self, a: Array, b: Array) -> Array:
        """Return a - b."""
        return a - b

    def mul(self, a: Array, b: Array) -> Array:
        """Return a ∘ b."""
        return a * b

    def neg(self, a: Array) -> Array:
        """Return -a."""
        return -a

    def sigmoid(self, a: Array) -> Array:
        """Return σ(a)."""
        with np.errstate(over="ignore"):
            return np.asarray(sigmoid(a))

    def tanh(self, a: Array) -> Array:
        """Return the hyperbolic tangent of a."""
        return np.asarray(np.tanh(a))

    def relu(self, a: Array) -> Array:
        """Return max(a, 0)."""
        return np.asarray(np.maximum(a, self.dtype.type(0)))

    def lerp(self, z: Array, a: Array, b: Array) -> Array:
        """Return (1 - z) ∘ a + z ∘ b."""
        return np.asarray((1 - z) * a + z * b)

    def slice(self, a: Array, begin: int, end: int) -> Array:
        """Return entries begin .. end-1."""
        return a[..., begin:end]

    def concat(self, parts: Sequence[Array]) -> Array:
        """Return vectors one after the other."""
        lead = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return np.concatenate([np.broadcast_to(p, (*lead, p.shape[-1])) for p in parts], axis=-1)
