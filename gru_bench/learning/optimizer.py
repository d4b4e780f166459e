"""The optimiser's update rule, as a pure function of one flat vector of weights.

Keras's optimisers keep their moments in variables, and with TensorFlow they have no stateless
form, so they cannot serve many threads in one compiled program; these equations can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gru_bench.subjects.keras.runtime import tf

if TYPE_CHECKING:
    from gru_bench.learning.recipe import Recipe


def learning_rate(recipe: Recipe, iteration: Any, dtype: Any) -> Any:
    """Return the rate at an iteration (counted from 0), a scalar of `dtype`.

    It rises linearly over the recipe's warm-up, then stays, or falls to zero along a cosine.
    """
    i, peak = tf.cast(iteration, dtype), recipe.learning_rate
    rate = tf.constant(peak, dtype)
    if recipe.schedule == "cosine":
        share = (i - recipe.warmup) / max(1, recipe.iterations - recipe.warmup)
        rate = 0.5 * peak * (1 + tf.cos(math.pi * tf.clip_by_value(share, 0, 1)))
    if recipe.warmup:
        rate = tf.where(i < recipe.warmup, peak * (i + 1) / recipe.warmup, rate)
    return rate


def adam(recipe: Recipe, theta: Any, moments: Any, gradient: Any, iteration: Any) -> Any:
    """Return θ and the moments after one update of Adam with decoupled weight decay.

        m = β1 m + (1 - β1) g
        v = β2 v + (1 - β2) g²
        θ = θ - λ η θ - η √(1 - β2^t) / (1 - β1^t) · m / (√v + ε)

    Kingma & Ba, arXiv 1412.6980 (the form that ends section 2); Loshchilov & Hutter, 1711.05101.

    Args:
        recipe: β1, β2, ε, λ (`weight_decay`), η and the norm that gradients are clipped to.
        theta: θ, `(P,)`.
        moments: m and v, `(P,)` each.
        gradient: g, `(P,)`.
        iteration: t - 1, a scalar integer tensor.
    """
    m, v = moments
    if recipe.clip_norm:
        gradient = tf.clip_by_norm(gradient, recipe.clip_norm)
    eta = learning_rate(recipe, iteration, theta.dtype)
    t = tf.cast(iteration + 1, theta.dtype)
    m = recipe.beta_1 * m + (1 - recipe.beta_1) * gradient
    v = recipe.beta_2 * v + (1 - recipe.beta_2) * gradient * gradient
    one = tf.ones((), theta.dtype)
    scale = tf.sqrt(1 - tf.pow(recipe.beta_2 * one, t)) / (1 - tf.pow(recipe.beta_1 * one, t))
    step = scale * m / (tf.sqrt(v) + recipe.epsilon)
    return theta - eta * (recipe.weight_decay * theta + step), (m, v)
