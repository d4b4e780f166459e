"""The compiled training of one network: one seed is advanced by a block of iterations."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.learning.backpropagation import backpropagate
from gru_bench.learning.family import Pairs, Stream, run_transducer
from gru_bench.learning.loss import training_loss
from gru_bench.learning.network import STATE_NOISE, TRAINING_PAIRS, Network
from gru_bench.learning.optimizer import adam
from gru_bench.learning.recipe import Recipe
from gru_bench.learning.worst_case import WorstCase
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.task.transducer import FAMILIES

#: Iterations whose pairs are drawn at once; draws are keyed by the block, so where a run is
#: stopped for a checkpoint changes nothing.
BLOCK = 50

#: Weight of what states have beyond the recipe's limit, squared.
_EXCESS = 0.1


class Program:
    """The compiled training of one network by one recipe.

    Args:
        network: what is trained.
        recipe: how.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        self.network = network
        self.recipe = recipe
        self.steps = recipe.bits + (network.task.flush if recipe.form == "full" else 0)
        if recipe.bits - (recipe.form == "tutorial") < 1:
            raise UsageError(f"recipe {recipe.name!r}: form 'tutorial' needs at least 2 bits")
        self.worst_case = (
            WorstCase(network, recipe.radius, recipe.state_limit) if recipe.worst_case else None
        )
        self._advance = tf.function(self._trace, jit_compile=True, autograph=False)

    def start(self, seed: int) -> tuple[Any, ...]:
        """Return what a run of `seed` carries from block to block, before its first iteration."""
        theta = self.network.initial_weights(seed, self.recipe.stddev or None)
        moments = (tf.zeros_like(theta), tf.zeros_like(theta))
        return (theta, moments, tuple(self.network.frozen(seed)))

    def advance(self, seed: int, carried: tuple[Any, ...], first: int, last: int) -> Any:
        """Do iterations `first .. last-1`, all within one block.

        Returns:
            The new `carried`, the mean losses (the worst case's is the second, where there is
            one), the exact accuracy on the last batch, and the first iteration whose loss was not
            finite (or -1).
        """
        scalar = [tf.constant(value, tf.int64) for value in (seed, first, last)]
        try:
            made = self._advance(*scalar, carried)
        except tf.errors.OpError as error:
            if "XLA" not in str(error):
                raise
            # Not all that a cell may do can be compiled: it trains slower then.
            self._advance = tf.function(self._trace, autograph=False)
            made = self._advance(*scalar, carried)
        carried, losses, accuracy, bad = made
        return carried, losses.numpy().tolist(), float(accuracy), int(bad)

    def _trace(self, seed: Any, first: Any, last: Any, carried: Any) -> Any:
        recipe, network = self.recipe, self.network
        x, labels = self._pairs(seed, first // BLOCK)
        zero = tf.zeros((), network.variable_dtype)
        none = tf.zeros(1 if self.worst_case is None else 2, network.variable_dtype)

        def body(i: Any, carried: Any, total: Any, _: Any, bad: Any) -> Any:
            theta, moments, frozen = carried
            k = tf.cast(i % BLOCK, tf.int32) if recipe.fresh else 0
            risen = self._risen(i)
            steps = self.worst_case or network
            if self.worst_case and recipe.merge:
                steps = self.worst_case.merging(recipe.merge * risen)
            loss, gradient, scores, frozen = backpropagate(
                steps,
                theta,
                frozen,
                x[k],
                lambda scores: self._loss(scores, labels[k], risen),
                self._disturber(seed, i) if recipe.noise else None,
            )
            losses = self._losses(scores, labels[k])
            scores = scores[..., : network.scores]
            theta, moments = adam(recipe, theta, moments, gradient, i)
            right = tf.equal(network.decide(scores, recipe.threshold), labels[k])
            accuracy = tf.reduce_mean(tf.cast(tf.reduce_all(right, axis=0), zero.dtype))
            bad = tf.where((bad < 0) & ~tf.math.is_finite(loss), i, bad)
            return i + 1, (theta, moments, tuple(frozen)), total + losses, accuracy, bad

        _, carried, total, accuracy, bad = tf.while_loop(
            lambda i, *_: i < last, body, (first, carried, none, zero, tf.constant(-1, tf.int64))
        )
        return carried, total / tf.cast(last - first, zero.dtype), accuracy, bad

    def _risen(self, i: Any) -> Any:
        """Return how far the worst case's ramp has risen at iteration i, from 0 to 1."""
        recipe = self.recipe
        since = tf.cast(i, self.network.variable_dtype) - recipe.worst_case_from * recipe.iterations
        return tf.clip_by_value(since / max(1.0, recipe.worst_case_ramp * recipe.iterations), 0, 1)

    def _loss(self, scores: Any, labels: Any, risen: Any) -> Any:
        """Return what an iteration makes small, where the ramp has risen so far."""
        losses = self._losses(scores, labels)
        if self.worst_case is None:
            return losses[0]
        weight = self.recipe.worst_case * risen
        excess = self.worst_case.excess(scores)
        return (1 - weight) * losses[0] + weight * losses[1] + _EXCESS * excess

    def _losses(self, scores: Any, labels: Any) -> Any:
        """Return the loss, and where there is a worst case its loss too, `(1,)` or `(2,)`."""
        kinds = [scores] if self.worst_case is None else self.worst_case.scores(scores, labels)
        return tf.stack([training_loss(self.recipe, self.network, s, labels) for s in kinds])

    def _pairs(self, seed: Any, block: Any) -> tuple[Any, Any]:
        """Return a block's features `(blocks, T, B, F)` and labels `(blocks, T, B)`."""
        recipe, task = self.recipe, self.network.task
        blocks = BLOCK if recipe.fresh else 1
        shares = np.bincount(np.arange(recipe.batch) % len(recipe.families))
        length = tf.constant(recipe.bits - (recipe.form == "tutorial"))
        parts = []
        for k, share in enumerate(shares):
            index = (block if recipe.fresh else tf.zeros_like(block)) * len(shares) + k
            family = FAMILIES.index(recipe.families[k])
            stream = Stream(seed, TRAINING_PAIRS)
            pairs = Pairs(task, int(blocks * share), length, family, stream, index)
            symbols = pairs.chunk(pairs.parameters(), 0, self.steps)
            parts.append(tf.reshape(symbols, (blocks, int(share), self.steps)))
        symbols = tf.reshape(tf.concat(parts, axis=1), (blocks * recipe.batch, self.steps))
        _, labels = run_transducer(task, tf.zeros_like(symbols[:, 0]), symbols)

        def time_major(a: Any) -> Any:
            return tf.transpose(tf.reshape(a, (blocks, recipe.batch, self.steps)), (0, 2, 1))

        return self.network.encode(time_major(symbols)), time_major(labels)

    def _disturber(self, seed: Any, i: Any) -> Any:
        """Return the function that adds an iteration's uniform noise to the states."""
        initial = keras.tree.flatten(self.network.initial_state(self.recipe.batch))
        stream, half_width = Stream(seed, STATE_NOISE), self.recipe.noise
        noise = []
        for k, state in enumerate(initial):
            shape = (self.steps, *state.shape)
            unit = stream.coarse(i * len(initial) + k, shape, state.dtype)
            noise.append(half_width * unit)

        def disturb(states: Any, t: Any) -> Any:
            own = states if self.worst_case is None else states[0]
            flat = keras.tree.flatten(own)
            disturbed = [state + kind[t] for state, kind in zip(flat, noise, strict=True)]
            packed = keras.tree.pack_sequence_as(own, disturbed)
            return packed if self.worst_case is None else (packed, *states[1:])

        return disturb
