"""A network that runs together with the interval of all it could do if its states were disturbed.

What it writes at worst is differentiable, so it can be trained: an adder that is right for every
state inside boxes that its own steps map into each other can be proved right for all lengths.
Source of training by interval bounds, and of bounding differences of scores: Gowal et al., arXiv
1810.12715. That the intervals of one transducer state are merged is what makes the boxes few.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from gru_bench.learning.intervals import Interval, Intervals
from gru_bench.learning.network import Network
from gru_bench.lifting import lift
from gru_bench.subjects.keras.runtime import keras, tf


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
        self.merge: Any = None
        self.program = lift(network.subject())
        self.algebra = Intervals(network.compute_dtype)

    def merging(self, share: Any) -> WorstCase:
        """Return the same worst case with intervals that are merged.

        Args:
            share: how far each is widened, before a step, towards the hull of all intervals of
                the batch whose transducer state is the same, a scalar in [0, 1].
        """
        other = copy.copy(self)
        other.merge = share
        return other

    def unpack(self, theta: Any) -> list[Any]:
        """Return the weights in θ, as `Network.unpack`."""
        return self.network.unpack(theta)

    def forget_masks(self) -> None:
        """As `Network.forget_masks`."""
        self.network.forget_masks()

    #: The initial state of a cell that can be lifted depends on no weight.
    learns_start = False

    def initial_state(self, batch: int, weights: Sequence[Any] | None = None) -> Any:  # noqa: ARG002
        """Return the cell's states, the ends of their intervals, and the transducer's `(B,)`."""
        states = self.network.initial_state(batch)
        flat = keras.tree.flatten(states)
        return states, list(flat), list(flat), tf.zeros((batch,), tf.int32)

    def cell_step(
        self, weights: Sequence[Any], frozen: Any, x: Any, states: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Return output, its two ends and the excess `(B, 3 O + 1)`, states, other values."""
        nominal, low, high, q = states
        output, new, after = self.network.cell_step(weights, frozen, x, nominal, training)
        boxes = [
            self._merged(Interval(a - self.radius, b + self.radius), q)
            for a, b in zip(low, high, strict=True)
        ]
        reach, later = self.program.evaluate(self.algebra, Interval(x, x), boxes, weights)
        parts = [output, reach.low, reach.high, self._excess(later)]
        outputs = tf.concat(parts, axis=-1)
        ends = [s.low for s in later], [s.high for s in later]
        return outputs, (new, *ends, self._next(q, x)), after

    def _merged(self, box: Interval, q: Any) -> Interval:
        """Return boxes `(B, N)` widened towards the hull of those with the same q `(B,)`."""
        if self.merge is None:
            return box
        low, high = box
        far = tf.constant(box.low.dtype.max, box.low.dtype)
        for label in range(self.network.task.states):
            mine = (q == label)[:, None]
            least = tf.reduce_min(tf.where(mine, box.low, far), axis=0)
            most = tf.reduce_max(tf.where(mine, box.high, -far), axis=0)
            low, high = tf.where(mine, least, low), tf.where(mine, most, high)
        share = tf.cast(self.merge, low.dtype)
        return Interval(box.low + share * (low - box.low), box.high + share * (high - box.high))

    def _next(self, q: Any, x: Any) -> Any:
        """Return the transducer's states after the symbols that `x` `(B, F)` encodes."""
        task = self.network.task
        features = tf.constant(task.features, x.dtype)
        # The nearest row: |x - f|² without what all rows share.
        near = tf.matmul(x, features, transpose_b=True) - tf.reduce_sum(features**2, axis=1) / 2
        symbols = tf.argmax(near, axis=1, output_type=tf.int32)
        following = tf.constant(task.next_state, tf.int32)
        return tf.gather(tf.reshape(following, [-1]), q * task.symbols + symbols)

    def _excess(self, states: Sequence[Interval]) -> Any:
        """Return the squares of what the states' ends have beyond the limit, summed, `(B, 1)`."""
        far = [tf.nn.relu(tf.maximum(-s.low, s.high) - self.limit) ** 2 for s in states]
        total = tf.add_n([tf.reduce_sum(f, axis=-1, keepdims=True) for f in far])
        return total if self.limit else tf.zeros_like(total)

    def read_out(self, weights: Sequence[Any], outputs: Any) -> Any:
        """Return scores, what they can be at worst, and the excess side by side.

        At worst: both ends of a single score; of S scores s, the upper ends of all s_j - s_i,
        `(S²,)` with j the faster index, since the loss depends on differences, which vary less.
        """
        output, low, high = tf.split(outputs[..., :-1], 3, axis=-1)
        V, c = weights
        scores = self.network.read_out(weights, output)
        if self.network.scores == 1:
            reach = self.algebra.matmul(Interval(low, high), V)
            ends = [reach.low + c, reach.high + c]
        else:
            apart = tf.reshape(V[:, None, :] - V[:, :, None], (V.shape[0], -1))
            reach = self.algebra.matmul(Interval(low, high), apart)
            ends = [reach.high + tf.reshape(c[None, :] - c[:, None], [-1])]
        return tf.concat([scores, *ends, outputs[..., -1:]], axis=-1)

    def scores(self, scores: Any, labels: Any) -> tuple[Any, Any]:
        """Return the scores `(..., S)`, and the worst ones for the labels `(...)`."""
        S = self.network.scores
        nominal, worst = scores[..., :S], scores[..., S:-1]
        if S == 1:
            low, high = tf.split(worst, 2, axis=-1)
            return nominal, tf.where(labels[..., None] == 1, low, high)
        apart = tf.reshape(worst, (*worst.shape[:-1], S, S))
        return nominal, tf.gather(apart, labels, batch_dims=len(labels.shape))

    def excess(self, scores: Any) -> Any:
        """Return what the states have beyond the limit, squared, on average."""
        return tf.reduce_mean(scores[..., -1])
