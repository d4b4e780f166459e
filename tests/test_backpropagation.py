from __future__ import annotations

import numpy as np
import pytest

from gru_bench.learning.backpropagation import UNROLLED, backpropagate
from gru_bench.learning.network import Network
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import ADDITION


@pytest.mark.parametrize("steps", [UNROLLED, UNROLLED + 1])
def test_the_gradient_is_the_slope_of_the_loss(steps: int) -> None:
    network = Network("gru_bench:GRUCell", {"units": 2}, ADDITION, "float64")
    rng = np.random.default_rng(0)
    theta = rng.uniform(-1, 1, network.size)
    x = network.encode(tf.constant(rng.integers(0, 4, (steps, 3))))

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient, scores, _ = backpropagate(
            network, tf.constant(theta), [], x, lambda s: tf.reduce_sum(s * s)
        )
        assert scores.shape == (steps, 3, 1)
        return float(loss), gradient.numpy()

    _, gradient = value_and_gradient(theta)
    small = np.finfo(float).eps ** (1 / 3)
    for k in (0, 7, network.size - 3, network.size - 1):
        moved = small * np.eye(network.size)[k]
        slope = (value_and_gradient(theta + moved)[0] - value_and_gradient(theta - moved)[0]) / (
            2 * small
        )
        # Truncation and cancellation of a central difference are both of this order.
        assert gradient[k] == pytest.approx(slope, abs=100 * small**2)


def test_a_weight_that_is_not_used_has_no_slope() -> None:
    network = Network("gru_bench:GRUCell", {"units": 2}, ADDITION, "float64")
    theta = tf.constant(np.random.default_rng(0).uniform(-1, 1, network.size))
    x = network.encode(tf.zeros((UNROLLED + 1, 1), tf.int32))  # so no W matters
    _, gradient, _, _ = backpropagate(network, theta, [], x, tf.reduce_sum)
    named = dict(
        zip([v.name for v in network.cell.weights], network.unpack(gradient), strict=False)
    )
    np.testing.assert_array_equal(named["W_z"], np.zeros((2, 2)))
    assert (np.abs(named["b_z"]) > 0).all()
