"""One gradient, three ways to get it: looped, unrolled, and TensorFlow's own tape."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gru_bench.learning import backpropagation
from gru_bench.learning.backpropagation import UNROLLED, backpropagate
from gru_bench.learning.network import Network
from gru_bench.profiles import scaled
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import ADDITION
from gru_bench.trace.tolerance import sensitivity_error
from properties.strategies import arrays, symbols

BATCH, UNITS = 2, 3
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "GRU, reset before": ("gru_bench:GRUCell", {"reset": "before"}),
    "GRU, reset after": ("gru_bench:GRUCell", {"reset": "after"}),
    "Keras's GRU": ("keras.layers:GRUCell", {}),
    "Keras's LSTM": ("keras.layers:LSTMCell", {}),
    "Keras's SimpleRNN": ("keras.layers:SimpleRNNCell", {}),
}
DROPOUT = {"dropout": 0.4, "recurrent_dropout": 0.4}

every_cell = pytest.mark.parametrize("cell", CELLS)


@lru_cache
def network(cell: str, dropout: bool = False) -> Network:
    name, arguments = CELLS[cell]
    arguments = {"units": UNITS, **arguments, **(DROPOUT if dropout else {})}
    return Network(name, arguments, ADDITION, "float64")


def loss(scores: Any) -> Any:
    """Return a smooth loss that weighs every score differently."""
    weight = tf.cast(tf.range(1, tf.size(scores) + 1), scores.dtype)
    return tf.reduce_sum(tf.tanh(tf.reshape(scores, [-1])) * weight) / 10


def disturb(states: Any, t: Any) -> Any:
    """Change states smoothly, by the step: what the noise of a recipe may do."""
    shift = 0.1 * tf.cast(t + 1, tf.float64)
    return [state * (1 + 0.1 * shift) + shift for state in states]


def gradient(net: Network, theta: Any, x: Any, unrolled: int, disturbed: bool) -> tuple[Any, ...]:
    with mock.patch.object(backpropagation, "UNROLLED", unrolled):
        return backpropagate(net, theta, net.frozen(7), x, loss, disturb if disturbed else None)


def by_tape(net: Network, theta: Any, x: Any, disturbed: bool) -> tuple[Any, ...]:
    """Return loss, gradient and scores by a plain loop under one tape."""
    with tf.GradientTape() as tape:
        tape.watch(theta)
        weights, states, outputs = net.unpack(theta), net.initial_state(BATCH), []
        for t in range(x.shape[0]):
            output, states, _ = net.cell_step(weights[:-2], net.frozen(7), x[t], states, True)
            outputs.append(output)
            states = disturb(states, t) if disturbed else states
        scores = net.read_out(weights[-2:], tf.stack(outputs))
        value = loss(scores)
    return value, tape.gradient(value, theta), scores


def expectations(net: Network, theta: NDArray[Any], x: Any, disturbed: bool) -> list[Any]:
    """Return the tape's loss, gradient and scores, each with its name and derived tolerance."""
    features = net.task.features.shape[1]
    # Forward and back through every step: a product each, and the gates' elementwise operations.
    operations = 2 * x.shape[0] * (features + UNITS + 20) + BATCH * x.shape[0]

    @lru_cache
    def taped(raw: bytes) -> list[Any]:
        net.forget_masks()  # it draws its own from the same random state, once
        moved = tf.constant(np.frombuffer(raw))
        return [part.numpy() for part in by_tape(net, moved, x, disturbed)]

    found = []
    for k, name in enumerate(("loss", "gradient", "scores")):
        bound = sensitivity_error(
            lambda moved, k=k: taped(moved.tobytes())[k],
            [theta],
            operations,
            f"{x.shape[0]} steps of {features + UNITS} inputs, there and back",
        )
        # A correct gradient differs in the last digits; a wrong one in the first.
        assert bound.limit < 1e-8, bound.why
        found.append((name, taped(theta.tobytes())[k], bound))
    net.forget_masks()
    return found


def check_against(expected: list[Any], got: Any) -> None:
    """Compare loss, gradient and scores with the tape's."""
    for value, (name, want, bound) in zip(got, expected, strict=True):
        bound.check(value, want, name)


@every_cell
@scaled(0.15)
@given(data=st.data(), steps=st.integers(1, UNROLLED + 3), disturbed=st.booleans())
def test_looped_unrolled_and_taped_gradients_agree(
    cell: str, data: st.DataObject, steps: int, disturbed: bool
) -> None:
    net = network(cell)
    theta = data.draw(arrays("float64", (net.size,), 1.0))
    x = net.encode(tf.constant(data.draw(symbols(ADDITION, steps, BATCH))))
    expected = expectations(net, theta, x, disturbed)
    for unrolled in (0, steps):
        *got, _ = gradient(net, tf.constant(theta), x, unrolled, disturbed)
        check_against(expected, got)


@pytest.mark.parametrize("cell", ["Keras's GRU", "Keras's LSTM", "Keras's SimpleRNN"])
@scaled(0.15)
@given(data=st.data(), steps=st.integers(2, UNROLLED + 2))
def test_dropout_masks_hold_for_a_sequence_looped_and_unrolled(
    cell: str, data: st.DataObject, steps: int
) -> None:
    net = network(cell, dropout=True)
    theta = data.draw(arrays("float64", (net.size,), 1.0))
    x = net.encode(tf.constant(data.draw(symbols(ADDITION, steps, BATCH))))
    expected = expectations(net, theta, x, False)
    for unrolled in (0, steps):
        *got, after = gradient(net, tf.constant(theta), x, unrolled, False)
        check_against(expected, got)
        # The random state goes on, so the next iteration drops others.
        for before, later in zip(net.frozen(7), after, strict=True):
            assert not np.array_equal(before, later)
        net.forget_masks()


@pytest.mark.parametrize("cell", ["GRU, reset before", "Keras's LSTM"])
def test_the_compiled_loop_has_the_same_gradient(cell: str) -> None:
    net = network(cell)
    rng = np.random.default_rng(1)
    theta = rng.uniform(-1, 1, net.size)
    x = net.encode(tf.constant(rng.integers(0, 4, (UNROLLED + 2, BATCH))))

    @tf.function(jit_compile=True, autograph=False)
    def compiled(theta: Any) -> Any:
        return backpropagate(net, theta, net.frozen(7), x, loss)[:3]

    check_against(expectations(net, theta, x, False), compiled(tf.constant(theta)))
