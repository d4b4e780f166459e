"""Backpropagation through time, unrolled for short sequences and looped for long ones.

XLA's code for an unrolled sequence slows down faster than the sequence grows (at 25 steps it is
three times slower than the loop, and compiles four times longer). So a longer sequence loops over
its steps and keeps the states; the backward pass loops the other way and computes each step again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gru_bench.subjects.keras.runtime import keras, tf

#: Most steps that are unrolled: the tutorial's five. Measured at batch 64 and 100, 16 units.
UNROLLED = 5

Disturb = Callable[[Any, Any], Any]


class Steps(Protocol):
    """What backpropagation needs of a network; see `Network`."""

    def unpack(self, theta: Any) -> list[Any]:
        """Return the weights in θ, shaped."""

    @property
    def learns_start(self) -> bool:
        """Whether the states before the first step depend on weights."""

    def initial_state(self, batch: int, weights: Sequence[Any] | None = None) -> Any:
        """Return the states before the first step, which may depend on weights."""

    def forget_masks(self) -> None:
        """Drop the dropout masks that are kept from step to step."""

    def cell_step(
        self, weights: Sequence[Any], frozen: Any, x: Any, states: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Return the output, the new states and the new non-trainable values."""

    def read_out(self, weights: Sequence[Any], outputs: Any) -> Any:
        """Return the scores of outputs."""


def backpropagate(
    network: Steps,
    theta: Any,
    frozen: Any,
    x: Any,
    loss: Callable[[Any], Any],
    disturb: Disturb | None = None,
) -> tuple[Any, Any, Any, Any]:
    """Return loss, gradient, scores and the new non-trainable values of one training batch.

    Args:
        network: the network.
        theta: its weights θ, `(P,)`.
        frozen: its non-trainable values.
        x: encoded symbols, `(T, B, F)` with T and B Python integers.
        loss: from scores `(T, B, scores)` to a scalar.
        disturb: from (states, step number) to the states that go on, a differentiable function.

    Returns:
        The loss, its gradient in θ `(P,)`, the scores, and the non-trainable values.
    """
    steps, batch = int(x.shape[0]), int(x.shape[1])
    size = steps if steps <= UNROLLED else 1
    weights = network.unpack(theta)
    cell_weights, read_out = weights[:-2], weights[-2:]

    def segment(index: Any, states: Any) -> tuple[Any, Any, Any]:
        """Run `size` steps from given states: all of them, or one.

        Every step starts from the same random state, so dropout masks hold for a whole sequence.
        """
        outputs = []
        for k in range(size):
            t = index * size + k
            network.forget_masks()
            output, states, after = network.cell_step(cell_weights, frozen, x[t], states, True)
            outputs.append(output)
            states = disturb(states, t) if disturb else states
        return tf.stack(outputs), states, after

    if size == steps:
        return _at_once(network, weights, segment, batch, loss)
    with tf.GradientTape() as first:
        first.watch(cell_weights)
        states = network.initial_state(batch, cell_weights)
    outputs, starts, after = _forward(steps, segment, states, frozen)
    with tf.GradientTape() as tape:
        tape.watch((outputs, *read_out))
        scores = network.read_out(read_out, tf.reshape(outputs, (steps, batch, -1)))
        value = loss(scores)
    d_outputs, *d_read_out = tape.gradient(value, (outputs, *read_out))
    d_cell, d_states = _backward(steps, segment, starts, cell_weights, d_outputs)
    if network.learns_start:
        d_first = first.gradient(
            keras.tree.flatten(states), cell_weights, d_states, unconnected_gradients="zero"
        )
        d_cell = [a + b for a, b in zip(d_cell, d_first, strict=True)]
    return value, _flat([*d_cell, *d_read_out]), scores, after


def _at_once(
    network: Steps, weights: list[Any], segment: Any, batch: int, loss: Callable[[Any], Any]
) -> tuple[Any, Any, Any, Any]:
    """Return what `backpropagate` does, from one tape over all steps."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        states = network.initial_state(batch, weights[:-2])
        outputs, _, after = segment(0, states)
        scores = network.read_out(weights[-2:], outputs)
        value = loss(scores)
    gradient = tape.gradient(value, weights, unconnected_gradients="zero")
    return value, _flat(gradient), scores, after


def _flat(tensors: Any) -> Any:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)


def _forward(steps: int, segment: Any, states: Any, frozen: Any) -> tuple[Any, Any, Any]:
    """Loop over the steps; return all outputs, the states before each, and what is left."""
    probe, _, _ = segment(0, states)
    held = [probe, *keras.tree.flatten(states)]
    arrays = [tf.TensorArray(tensor.dtype, steps, element_shape=tensor.shape) for tensor in held]

    def body(index: Any, states: Any, _: Any, arrays: Any) -> Any:
        outputs, later, after = segment(index, states)
        values = [outputs, *keras.tree.flatten(states)]
        arrays = [array.write(index, value) for array, value in zip(arrays, values, strict=True)]
        return index + 1, later, tuple(after), arrays

    _, _, after, arrays = tf.while_loop(
        lambda index, *_: index < steps,
        body,
        (tf.constant(0), states, tuple(frozen), arrays),
        maximum_iterations=steps,
    )
    outputs, *flat = [array.stack() for array in arrays]
    return outputs, keras.tree.pack_sequence_as(states, flat), after


def _backward(
    steps: int, segment: Any, starts: Any, cell_weights: Any, d_outputs: Any
) -> tuple[list[Any], list[Any]]:
    """Loop back over the steps; return the gradients of the cell's weights and first states."""
    d_states = [tf.zeros_like(state[0]) for state in keras.tree.flatten(starts)]
    d_weights = [tf.zeros_like(weight) for weight in cell_weights]

    def body(index: Any, d_states: Any, d_weights: Any) -> Any:
        states = keras.tree.map_structure(lambda kept: kept[index], starts)
        sources = [*keras.tree.flatten(states), *cell_weights]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs, later, _ = segment(index, states)
            targets = [outputs, *keras.tree.flatten(later)]
        gradient = tape.gradient(
            targets,
            sources,
            output_gradients=[d_outputs[index], *d_states],
            unconnected_gradients="zero",
        )
        earlier, own = gradient[: len(d_states)], gradient[len(d_states) :]
        return index - 1, earlier, [a + b for a, b in zip(d_weights, own, strict=True)]

    _, d_states, d_weights = tf.while_loop(
        lambda index, *_: index >= 0,
        body,
        (tf.constant(steps - 1), d_states, d_weights),
        maximum_iterations=steps,
    )
    return list(d_weights), list(d_states)
