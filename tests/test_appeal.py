"""Derivatives at kinks and jumps: nobody is accused of them, and errors beside them are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_bench import check_gradients
from gru_bench.subjects.keras.runtime import tf


def _mixed(x: Any) -> Any:
    return tf.tanh(tf.nn.relu(x) - 2 * tf.nn.relu(-x))


def _same_on_both_sides(x: Any) -> Any:
    return tf.nn.relu(x) - tf.nn.relu(-x)  # it is x, and autodiff says 0 at 0


def _modulus(x: Any) -> Any:
    return tf.sign(x) * tf.nn.relu(tf.abs(x) + 0.1)


def _beside(x: Any) -> Any:
    return tf.nn.relu(x + 1e-17) - 2 * tf.nn.relu(1e-12 - x) + tf.nn.relu(-x - 1e-15)


def _huber(x: Any) -> Any:
    return tf.where(tf.abs(x) < 1, x * x / 2, tf.abs(x) - 0.5)


def _stairs(x: Any) -> Any:
    return x + tf.floor(x)


ONCE = (tf.nn.elu, tf.nn.selu, tf.nn.softsign, lambda x: x * tf.abs(x), _huber)
NEVER = (_mixed, _same_on_both_sides, _modulus, tf.sign, _beside, _stairs)
POINT = [np.array([0.0, 1.0, -1.0, 0.3, 1e-9, -1e-5])]


@pytest.mark.parametrize("function", [*ONCE, *NEVER])
def test_no_function_is_accused_where_it_is_not_smooth(function: Any) -> None:
    check = check_gradients(function, POINT)
    assert check.ok, check


@pytest.mark.parametrize("function", [*ONCE, tf.nn.relu, _mixed, _modulus])
@pytest.mark.parametrize("error", [1e-4, 0.5])
def test_a_wrong_derivative_beside_a_kink_is_found(function: Any, error: float) -> None:
    @tf.custom_gradient
    def wrong(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            made = function(x)
        slope = tape.gradient(made, x)
        return made, lambda dy: dy * (slope + error)

    check = check_gradients(wrong, POINT)
    assert check.wrong >= 2, check


def test_directions_are_looked_at_again_too() -> None:
    for error, ok in ((0.0, True), (1e-3, False)):

        @tf.custom_gradient
        def sided(x: Any, error: float = error) -> Any:
            return tf.nn.relu(x), lambda dy: dy * (tf.cast(x > 0, x.dtype) + error)

        def function(x: Any, sided: Any = sided, error: float = error) -> Any:
            return sided(x) if error else tf.nn.relu(x) - tf.nn.relu(-x)

        check = check_gradients(function, [np.zeros(3)], method="directional")
        assert check.ok == ok, check


def test_a_gradient_that_is_stopped_where_the_input_is_zero_is_found() -> None:
    def skips(x: Any, h: Any) -> Any:
        kept = tf.stop_gradient(h)  # nothing learns through steps that are skipped
        return tf.where(tf.reduce_all(x == 0), kept, tf.tanh(h + x))

    check = check_gradients(skips, [np.zeros(2), np.array([0.3, -0.2])])
    assert check.wrong == 2, check


def _cancelling(x: Any) -> Any:
    z = tf.sigmoid(x + 16)
    return z * 1e-4 + (1 - z) * tf.exp(x + 7)


def test_what_cancels_within_is_rounded_by_more_than_results_say() -> None:
    points = [np.linspace(0, 1, 12)]
    check = check_gradients(_cancelling, points)
    assert check.ok, check


@pytest.mark.parametrize("error", [1e-7, 1e-3])
def test_a_wrong_derivative_is_found_all_the_same(error: float) -> None:
    @tf.custom_gradient
    def wrong(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            made = tf.tanh(x)
        slope = tape.gradient(made, x)
        return made, lambda dy: dy * (slope + error)

    check = check_gradients(wrong, POINT)
    assert check.wrong == POINT[0].size
