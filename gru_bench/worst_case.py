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
        limit: size that states may have without excess; 0 for no limit.

    Raises:
        LiftingError: the cell's step has an operation that has no interval.
    """

    def __init__(self, network: Network, radius: float, limit: float = 0.0) -> None:
        self.network = network
        self.radius = radius
        self.limit = limit
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
        """Return output, its two ends and the excess `(B, 3 O + 1)`, states, other values."""
        nominal, low, high = states
        output, new, after = self.network.cell_step(weights, frozen, x, nominal, training)
        boxes = [Interval(a - self.radius, b + self.radius) for a, b in zip(low, high, strict=True)]
        reach, later = self.program.evaluate(self.algebra, Interval(x, x), boxes, weights)
        parts = [output, reach.low, reach.high, self._excess(later)]
        outputs = tf.concat(parts, axis=-1)
        return outputs, (new, [s.low for s in later], [s.high for s in later]), after

    def _excess(self, states: Sequence[Interval]) -> Any:
        """Return the squares of what the states' ends have beyond the limit, summed, `(B, 1)`."""
        far = [tf.nn.relu(tf.maximum(-s.low, s.high) - self.limit) ** 2 for s in states]
        total = tf.add_n([tf.reduce_sum(f, axis=-1, keepdims=True) for f in far])
        return total if self.limit else tf.zeros_like(total)

    def read_out(self, weights: Sequence[Any], outputs: Any) -> Any:
        """Return scores, their two ends and the excess side by side, `(..., 3 scores + 1)`."""
        output, low, high = tf.split(outputs[..., :-1], 3, axis=-1)
        V, c = weights
        reach = self.algebra.matmul(Interval(low, high), V)
        scores = self.network.read_out(weights, output)
        return tf.concat([scores, reach.low + c, reach.high + c, outputs[..., -1:]], axis=-1)

    def scores(self, scores: Any, labels: Any) -> tuple[Any, Any]:
        """Return the scores `(..., scores)`, and the worst ones for the labels `(...)`."""
        nominal, low, high = tf.split(scores[..., :-1], 3, axis=-1)
        if self.network.scores == 1:
            return nominal, tf.where(labels[..., None] == 1, low, high)
        right = tf.one_hot(labels, self.network.scores, on_value=True, off_value=False, dtype=bool)
        return nominal, tf.where(right, low, high)

    def excess(self, scores: Any) -> Any:
        """Return what the states have beyond the limit, squared, on average."""
        return tf.reduce_mean(scores[..., -1])
