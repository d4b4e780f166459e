from __future__ import annotations

import numpy as np
import pytest

from gru_bench.learning.optimizer import adam, learning_rate
from gru_bench.learning.recipe import get_recipe
from gru_bench.subjects.keras.runtime import tf


def rate(i: int, **changes: object) -> float:
    recipe = get_recipe("default", learning_rate=0.5, **changes)
    return float(learning_rate(recipe, tf.constant(i), tf.float64))


def test_the_schedule_by_hand() -> None:
    cosine = {"schedule": "cosine", "warmup": 4, "iterations": 12}
    assert [rate(i, **cosine) for i in range(5)] == [0.125, 0.25, 0.375, 0.5, 0.5]
    assert rate(8, **cosine) == pytest.approx(0.25, abs=1e-15)
    assert rate(12, **cosine) == pytest.approx(0, abs=1e-15)
    constant = {"schedule": "constant", "warmup": 0, "iterations": 12}
    assert [rate(i, **constant) for i in (0, 7, 12)] == [0.5] * 3


def test_the_first_step_goes_down_by_the_rate_whatever_the_slope() -> None:
    recipe = get_recipe("tutorial", learning_rate=0.25)
    zeros = tf.zeros(3, tf.float64)
    gradient = tf.constant([1e-3, -5.0, 1e4], tf.float64)
    theta, (m, v) = adam(recipe, zeros, (zeros, zeros), gradient, tf.constant(0))
    np.testing.assert_allclose(theta, [-0.25, 0.25, -0.25], rtol=1e-3)
    np.testing.assert_allclose(m, 0.1 * gradient)
    np.testing.assert_allclose(v, 0.001 * gradient**2)


def test_decay_shrinks_weights_apart_from_the_step() -> None:
    recipe = get_recipe("tutorial", learning_rate=0.25, weight_decay=0.5)
    zeros = tf.zeros(2, tf.float64)
    theta = tf.constant([8.0, -8.0], tf.float64)
    shrunk, _ = adam(recipe, theta, (zeros, zeros), zeros, tf.constant(3))
    np.testing.assert_array_equal(shrunk, [7.0, -7.0])
