from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from gru_bench.errors import UsageError
from gru_bench.learning.network import Network
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.task.transducer import ADDITION, get_task


def gru(dtype: str = "float32", **arguments: Any) -> Network:
    return Network("gru_bench:GRUCell", {"units": 3, **arguments}, ADDITION, dtype)


def test_its_size_is_that_of_cell_and_read_out() -> None:
    assert gru().size == 3 * (2 * 3 + 3 * 3 + 3) + 3 + 1
    assert gru(reset="after").size == gru().size + 3
    compare = Network("gru_bench:GRUCell", {"units": 3}, get_task("comparison"))
    assert (compare.scores, gru().scores) == (3, 1)
    assert compare.size == gru().size + 2 * 4


def test_packing_inverts_unpacking() -> None:
    network = gru()
    theta = np.arange(network.size, dtype="float32")
    parts = network.unpack(tf.constant(theta))
    assert [tuple(part.shape) for part in parts] == network.shapes
    np.testing.assert_array_equal(network.pack(parts), theta)


def test_it_decides_by_threshold_or_by_the_largest() -> None:
    scores = tf.constant([[[0.2], [0.5], [0.7]]])
    np.testing.assert_array_equal(gru().decide(scores, 0.5), [[0, 0, 1]])
    compare = Network("gru_bench:GRUCell", {"units": 3}, get_task("comparison"))
    np.testing.assert_array_equal(compare.decide(tf.constant([[0.2, -1.0, 0.7]]), 0.5), [2])


def test_it_reads_bits_and_writes_a_linear_score() -> None:
    network = gru()
    np.testing.assert_array_equal(network.encode(tf.constant([0, 1, 2, 3]))[1:3], np.eye(2))
    V, c = tf.constant([[1.0], [2.0], [3.0]]), tf.constant([0.5])
    got = network.read_out([V, c], tf.constant([[1.0, 10.0, 100.0]]))
    np.testing.assert_array_equal(got, [[321.5]])


@pytest.mark.parametrize("stddev", [None, 0.3])
def test_initial_weights_follow_the_seed(stddev: float | None) -> None:
    network = gru("float64")
    first = network.initial_weights(1, stddev).numpy()
    assert first.shape == (network.size,)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(network.initial_weights(1, stddev), first)
    assert (network.initial_weights(2, stddev).numpy() != first).any()


def test_initial_weights_are_a_truncated_normal() -> None:
    weights = gru(units=40).initial_weights(0, 0.3).numpy()
    assert np.abs(weights).max() <= 0.6
    # The standard deviation of a normal cut off at two sigmas is 0.88 sigma.
    assert weights.std() == pytest.approx(0.3 * 0.88, rel=0.03)


def test_own_initialisers_are_the_cells() -> None:
    network = gru(bias_initializer="ones")
    parts = network.unpack(network.initial_weights(0, None))
    named = dict(zip([v.name for v in network.cell.weights], parts, strict=False))
    np.testing.assert_array_equal(named["b_h"], np.ones(3))
    np.testing.assert_array_equal(parts[-1], [0])
    np.testing.assert_allclose(named["U_h"] @ tf.transpose(named["U_h"]), np.eye(3), atol=1e-6)


def test_threads_that_start_at_once_get_the_weights_of_their_own_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = gru()
    alone = [network.initial_weights(seed, None).numpy() for seed in range(4)]
    set_seed = keras.utils.set_random_seed

    def set_seed_slowly(seed: int) -> None:
        set_seed(seed)
        time.sleep(0.05)  # the others' turn

    monkeypatch.setattr(keras.utils, "set_random_seed", set_seed_slowly)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: network.initial_weights(seed, None), range(4)))
    for mine, theirs in zip(alone, together, strict=True):
        np.testing.assert_array_equal(theirs, mine)


def test_a_class_that_no_name_reaches_will_do() -> None:
    class Local(keras.layers.SimpleRNNCell):
        pass

    network = Network(Local, {"units": 3}, ADDITION)
    assert network.initial_weights(0, None).shape == (network.size,)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("cell", ["gru_bench:GRUCell", "keras.layers:GRUCell"])
def test_mixed_precision_computes_low_and_scores_high(cell: str, policy: str) -> None:
    network = Network(cell, {"units": 3}, ADDITION, policy)
    theta = network.initial_weights(0, 0.3)
    assert theta.dtype == tf.float32
    x, states = network.encode(tf.constant([0, 3])), network.initial_state(2)
    scores, new = network.step(network.unpack(theta), network.frozen(0), x, states)
    assert new[0].dtype == policy.removeprefix("mixed_")
    assert scores.dtype == tf.float32


def test_a_seed_fixes_dropout() -> None:
    network = Network("keras.layers:LSTMCell", {"units": 8, "dropout": 0.5}, ADDITION)
    weights = network.unpack(network.initial_weights(0, 0.3))[:-2]
    x = network.encode(tf.constant([3] * 8))

    def output(seed: int, training: bool) -> np.ndarray:
        network.forget_masks()
        states = network.initial_state(8)
        found = network.cell_step(weights, network.frozen(seed), x, states, training)[0]
        network.forget_masks()
        return found.numpy()

    np.testing.assert_array_equal(output(1, True), output(1, True))
    assert (output(1, True) != output(2, True)).any()
    np.testing.assert_array_equal(output(1, False), output(2, False))


class Explodes(keras.layers.Layer):
    state_size = 3

    def call(self, inputs: Any, states: Any) -> Any:
        raise RuntimeError(f"first line\nsecond line of {inputs.shape}, {len(states)}")


class Flat(keras.layers.Layer):
    state_size = 3

    def call(self, inputs: Any, states: Any) -> Any:
        return inputs[0], states


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Explodes, "cannot run one step: RuntimeError: first line second line"),
        (Flat, "must return an output of shape (batch, size), got rank 1"),
    ],
)
def test_a_cell_that_cannot_run_is_refused_in_one_line(cell: type, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Network(cell, {}, ADDITION)
    assert message in str(caught.value)
    assert cell.__name__ in str(caught.value)
    assert "\n" not in str(caught.value)
