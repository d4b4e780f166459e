"""A network that runs together with the interval of all it could do if its states were disturbed.

What it writes at worst is differentiable, so it can be trained: an adder that is right for every
state inside boxes that its own steps map into each other can be proved right for all lengths.
Source of training by interval bounds: Gowal et al., arXiv 1810.12715.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gru_bench.intervals import Interval, Intervals
from gru_bench.lifting import lift
from gru_bench.network import Network
from gru_bench.runtime import keras, tf
from gru_bench.subject import KerasSubject


class WorstCase:
    """A network whose steps also carry intervals of states; in `backpropagate` it stands for one.

    Args:
        network: the network.
        radius: by which the states' intervals grow, both ways, before each step.

    Raises:
        LiftingError: the cell's step has an operation that has no interval.
    """

    def __init__(self, network: Network, radius: float) -> None:
        self.network = network
        self.radius = radius
        self.limit = 2.0
        self.program = lift(KerasSubject(network.cell, network.task.features.shape[1]))
        self.algebra = Intervals(network.compute_dtype)

    def unpack(self, theta: Any) -> list[Any]:
        """Return the weights in θ, as `Network.unpack`."""
        return self.network.unpack(theta)

    def forget_masks(self) -> None:
        """As `Network.forget_masks`."""
        self.network.forget_masks()

    def initial_state(self, batch: int) -> Any:
        """Return the cell's states, and the lower and upper ends of their intervals."""
        states = self.network.initial_state(batch)
        flat = keras.tree.flatten(states)
        return states, list(flat), list(flat)

    def cell_step(
        self, weights: Sequence[Any], frozen: Any, x: Any, states: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Return output and its two ends side by side `(B, 3 O)`, states, non-trainable values."""
        nominal, low, high = states
        output, new, after = self.network.cell_step(weights, frozen, x, nominal, training)
        boxes = [Interval(a - self.radius, b + self.radius) for a, b in zip(low, high, strict=True)]
        reach, later = self.program.evaluate(self.algebra, Interval(x, x), boxes, weights)
        far = [tf.maximum(-s.low, s.high) - self.limit for s in later]
        excess = tf.add_n([tf.reduce_sum(tf.nn.relu(f) ** 2, axis=-1) for f in far])
        outputs = tf.concat([output, reach.low, reach.high, excess[:, None]], axis=-1)
        return outputs, (new, [s.low for s in later], [s.high for s in later]), after

    def read_out(self, weights: Sequence[Any], outputs: Any) -> Any:
        """Return scores and their two ends side by side, `(..., 3 scores)`."""
        output, low, high = tf.split(outputs[..., :-1], 3, axis=-1)
        V, c = weights
        reach = self.algebra.matmul(Interval(low, high), V)
        scores = self.network.read_out(weights, output)
        return tf.concat([scores, reach.low + c, reach.high + c, outputs[..., -1:]], axis=-1)

    def worst_scores(self, scores: Any, labels: Any) -> tuple[Any, Any]:
        """Return the scores `(..., scores)` and the worst ones for the labels `(...)`."""
        nominal, low, high = tf.split(scores[..., :-1], 3, axis=-1)
        if self.network.scores == 1:
            return nominal, tf.where(labels[..., None] == 1, low, high)
        right = tf.one_hot(labels, self.network.scores, on_value=True, off_value=False, dtype=bool)
        return nominal, tf.where(right, low, high)
