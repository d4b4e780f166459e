"""The update rule against Keras's optimisers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.learning.optimizer import adam, learning_rate
from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.profiles import scaled
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.trace.tolerance import Bound, gamma
from properties.strategies import arrays
from properties.tolerance import adam_error

PARAMETERS = 4
SHIFT = 2.0**-10  # keeps gradients away from what squares to a subnormal

recipes = st.builds(
    lambda **changes: get_recipe("default", warmup=0, **changes),
    iterations=st.integers(1, 30),
    # Keras rounds η, λ, β1^t and β2^t to float32, whatever the weights are; float32 has these.
    learning_rate=st.sampled_from([2.0**-10, 2.0**-5, 0.5]),
    schedule=st.sampled_from(["constant", "cosine"]),
    beta_1=st.sampled_from([0.5, 0.875, 0.9375]),
    beta_2=st.sampled_from([0.875, 1 - 2.0**-7, 1 - 2.0**-10]),
    epsilon=st.sampled_from([1e-8, 1e-7, 1e-3]),
    weight_decay=st.sampled_from([0.0, 2.0**-8, 0.5]),
    clip_norm=st.sampled_from([0.0, 0.5, 100.0]),
)


def keras_optimizer(recipe: Recipe) -> Any:
    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, recipe.iterations)
    options = {
        "learning_rate": rate,
        "beta_1": recipe.beta_1,
        "beta_2": recipe.beta_2,
        "epsilon": recipe.epsilon,
        "clipnorm": recipe.clip_norm or None,
    }
    if recipe.weight_decay:
        return keras.optimizers.AdamW(weight_decay=recipe.weight_decay, **options)
    return keras.optimizers.Adam(**options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data(), recipe=recipes)
def test_each_step_is_that_of_keras(dtype: str, data: st.DataObject, recipe: Recipe) -> None:
    steps = data.draw(st.integers(1, min(6, recipe.iterations)))
    theta = data.draw(arrays(dtype, (PARAMETERS,), 2.0))
    drawn = data.draw(arrays(dtype, (steps, PARAMETERS), 4.0))
    gradients = drawn + np.where(drawn < 0, -SHIFT, SHIFT).astype(dtype)

    optimizer, variable = keras_optimizer(recipe), keras.Variable(theta, dtype=dtype)
    own, moments = tf.constant(theta), (tf.zeros(PARAMETERS, dtype), tf.zeros(PARAMETERS, dtype))
    clipped, rates = [], []
    for i, gradient in enumerate(gradients):
        own, moments = adam(recipe, own, moments, tf.constant(gradient), tf.constant(i))
        optimizer.apply([tf.constant(gradient)], [variable])
        norm = float(np.linalg.norm(gradient))
        clipped.append(gradient * min(1.0, (recipe.clip_norm or norm) / norm))
        share = i / recipe.iterations if recipe.schedule == "cosine" else 0
        rates.append(recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2)
        bound = adam_error(recipe, theta, clipped, rates)
        # Keras computes its schedules in float32.
        late = Bound(_rate_error(recipe, theta, clipped), "γ_20 of float32 on Keras's rate")
        bound = bound + late if recipe.schedule == "cosine" else bound
        bound.check(own, variable.value, f"θ after step {i + 1}")


def _rate_error(recipe: Recipe, theta: Any, gradients: Any) -> float:
    """Return what a rate off by γ_20 of float32 at each step can do to θ."""
    decay = recipe.weight_decay * (float(np.abs(theta).max()) + 10 * recipe.learning_rate)
    # |m| / √v <= 1 / √(1 - β2) whatever the gradients, and so is the step.
    largest = 1 / math.sqrt(1 - recipe.beta_2) + decay
    return gamma(20, "float32") * recipe.learning_rate * largest * len(gradients)


@given(
    iterations=st.integers(2, 100),
    warmup=st.integers(0, 20),
    schedule=st.sampled_from(["constant", "cosine"]),
    peak=st.sampled_from([0.001, 0.03]),
)
def test_the_rate_rises_to_its_peak_and_falls(
    iterations: int, warmup: int, schedule: str, peak: float
) -> None:
    recipe = get_recipe(
        "default", iterations=iterations, warmup=warmup, schedule=schedule, learning_rate=peak
    )
    rates = np.array(
        [learning_rate(recipe, tf.constant(i), tf.float64) for i in range(iterations + warmup + 1)]
    )
    assert (rates >= 0).all()
    assert (rates <= peak * (1 + 1e-15)).all()
    assert (np.diff(rates[:warmup]) > 0).all()
    assert rates[warmup] == peak if iterations > warmup else True
    if schedule == "constant":
        assert (rates[warmup:] == peak).all()
    elif iterations > warmup + 1:
        assert (np.diff(rates[warmup:iterations]) < 0).all()
        assert rates[iterations] <= peak * gamma(8, "float64")


@scaled(0.5)
@given(data=st.data(), limit=st.sampled_from([0.25, 1.0]))
def test_clipping_bounds_the_norm_and_keeps_the_direction(
    data: st.DataObject, limit: float
) -> None:
    recipe = get_recipe("default", warmup=0, clip_norm=limit, beta_1=0.0, schedule="constant")
    gradient = data.draw(arrays("float64", (PARAMETERS,), 4.0)) + 0.5
    zeros = tf.zeros(PARAMETERS, "float64")
    _, (m, _) = adam(recipe, zeros, (zeros, zeros), tf.constant(gradient), tf.constant(0))
    norm = np.linalg.norm(gradient)
    expected = gradient * min(1.0, limit / norm) if norm else gradient
    Bound(gamma(PARAMETERS + 8, "float64") * limit, "γ_12 of the norm").check(m, expected, "g")
