"""What training makes small."""

from __future__ import annotations

from typing import Any

from gru_bench.learning.network import Network
from gru_bench.learning.recipe import Recipe
from gru_bench.subjects.keras.runtime import tf


def training_loss(recipe: Recipe, network: Network, scores: Any, labels: Any) -> Any:
    """Return the scalar loss of a recipe.

    Args:
        recipe: which loss; "quadratic" is half the squared error, summed over steps and averaged
            over the batch, "cross-entropy" is averaged over both.
        network: whose scores they are.
        scores: `(T, B, scores)`.
        labels: int32 `(T, B)`.
    """
    if network.scores == 1:
        target = tf.cast(labels[..., None], scores.dtype)
    else:
        target = tf.one_hot(labels, network.scores, dtype=scores.dtype)
    if recipe.loss == "quadratic":
        return tf.reduce_sum(0.5 * (scores - target) ** 2) / recipe.batch
    if network.scores == 1:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=scores))
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=scores))
