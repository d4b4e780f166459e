"""Families of test pairs, drawn inside a compiled program for any length.

Whether step t of a pair reads a given symbol is a function of (family, seed, pair, t) alone, so
a stream of a million steps is made piece by piece and never held.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import Transducer

#: Steps made at once; words of random bits are keyed by the index of their chunk.
CHUNK = 16

_LONGEST_PERIOD = 8


@dataclass(frozen=True)
class Stream:
    """A random stream: a user's seed and the purpose it serves, so that no two uses overlap."""

    seed: Any
    purpose: int

    def integers(self, index: Any, shape: tuple[int, ...]) -> Any:
        """Return uniform uint32 words of `shape`, keyed by the seed, the purpose and `index`."""
        key = tf.stack(
            [
                tf.cast(self.seed, tf.int64),
                tf.constant(self.purpose << 58, tf.int64) + tf.cast(index, tf.int64),
            ]
        )
        return tf.random.stateless_uniform(
            shape, key, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
        )

    def coarse(self, index: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return uniform noise in [-1, 1] of 256 levels: four of a word, since words are dear."""
        size = math.prod(shape)
        words = self.integers(index, (-(-size // 4), 1))
        shifts = tf.constant([[0, 8, 16, 24]], tf.uint32)
        bytes_ = tf.bitwise.bitwise_and(
            tf.bitwise.right_shift(words, shifts), tf.constant(255, tf.uint32)
        )
        levels = tf.cast(tf.reshape(bytes_, [-1])[:size], dtype)
        return tf.reshape(levels / 127.5 - 1, shape)


def below(words: Any, bound: Any) -> Any:
    """Map uniform uint32 words to integers in `[0, bound)`, for bounds below 2^31."""
    product = tf.cast(words, tf.uint64) * tf.cast(bound, tf.uint64)
    return tf.cast(tf.bitwise.right_shift(product, tf.constant(32, tf.uint64)), tf.int32)


@dataclass(frozen=True)
class Pairs:
    """A batch of pairs of one family, as a function from step numbers to symbols.

    Args:
        task: the transducer whose symbols are drawn.
        count: pairs B (a Python integer).
        length: digits per number n, a scalar int32 tensor.
        family: index into `FAMILIES`, an integer or a scalar int32 tensor.
        stream: where the randomness comes from.
        index: which batch of the stream, a scalar integer tensor.
    """

    task: Transducer
    count: int
    length: Any
    family: Any
    stream: Stream
    index: Any

    def parameters(self) -> Any:
        """Return what is drawn once for each pair: uint32 words, `(B, 16)`."""
        return self.stream.integers(self.index * _SLOTS, (self.count, 16))

    def chunk(self, parameters: Any, number: Any, size: int = CHUNK) -> Any:
        """Return the symbols of steps `number * size ..`, int32 `(B, size)`.

        Steps at and after `length` read symbol 0.

        Args:
            parameters: what `parameters()` returned.
            number: index of the chunk, a scalar integer tensor.
            size: steps in a chunk; the draws depend on it, so keep it fixed for one use.
        """
        words = self.stream.integers(
            self.index * _SLOTS + 1 + tf.cast(number, tf.int64), (self.count, size)
        )
        t = tf.cast(number, tf.int32) * size + tf.range(size)[None, :]
        uniform = below(words, self.task.symbols)
        branches: list[Callable[[], Any]] = [
            lambda: uniform,
            lambda: self._long_carry(parameters, words, uniform, t),
            lambda: self._periodic(parameters, t),
            lambda: self._sparse(parameters, words),
        ]
        if isinstance(self.family, int):
            symbols = branches[self.family]()
        else:
            symbols = tf.switch_case(self.family, branches)
        return tf.where(t < self.length, symbols, 0)

    def _long_carry(self, parameters: Any, words: Any, uniform: Any, t: Any) -> Any:
        """One departing symbol, then only symbols that carry on, to the end.

        The first pair of a batch is the classic one: all ones plus one. Of the others half
        depart at step 0 and half at a random step; after it the carrying symbol is the same for
        the whole run or drawn anew at each step; before it stand random or carrying symbols.
        """
        departing, carrying = tf.constant(self.task.departing), tf.constant(self.task.carrying)
        first = tf.range(self.count) == 0
        late = (parameters[:, 0] % 2 == 1) & ~first
        start = tf.where(late, below(parameters[:, 1], self.length), 0)[:, None]
        depart = tf.gather(departing, below(parameters[:, 2], len(self.task.departing)))
        depart = tf.where(first, departing[-1], depart)[:, None]
        one = tf.gather(carrying, below(parameters[:, 3], len(self.task.carrying)))
        one = tf.where(first, carrying[0], one)[:, None]
        many = tf.gather(carrying, below(words, len(self.task.carrying)))
        constant = (parameters[:, 4] % 2 == 0) | first
        run = tf.where(constant[:, None], one, many)
        before = tf.where((parameters[:, 5] % 2 == 0)[:, None], uniform, run)
        return tf.where(t < start, before, tf.where(t == start, depart, run))

    def _periodic(self, parameters: Any, t: Any) -> Any:
        """A word of 1 to 8 symbols, repeated."""
        period = 1 + below(parameters[:, 6], _LONGEST_PERIOD)[:, None]
        word = below(parameters[:, 8:], self.task.symbols)
        return tf.gather(word, t % period, batch_dims=1)

    def _sparse(self, parameters: Any, words: Any) -> Any:
        """Symbol 0 but for about 1, 2, 4 or 8 of the n digits."""
        expected = tf.cast(tf.bitwise.left_shift(1, below(parameters[:, 6], 4)), tf.float32)
        share = tf.minimum(0.5, expected / tf.cast(self.length, tf.float32))[:, None]
        # The high bits decide whether, the low ones which, so that one word serves both.
        chance = tf.cast(tf.bitwise.right_shift(words, tf.constant(8, tf.uint32)), tf.float32)
        low = tf.cast(tf.bitwise.bitwise_and(words, tf.constant(255, tf.uint32)), tf.int32)
        other = 1 + low % (self.task.symbols - 1)
        return tf.where(chance < share * 2.0**24, other, 0)


# Each batch of a stream owns this many consecutive keys: one for its parameters, the others for
# chunks of steps, so 2^24 chunks reach beyond two hundred million digits.
_SLOTS = 1 << 24


def run_transducer(task: Transducer, state: Any, symbols: Any) -> tuple[Any, Any]:
    """Run the transducer inside the graph.

    Args:
        task: the transducer.
        state: int32 transducer states, `(B,)`.
        symbols: int32, `(B, T)` with T a Python integer.

    Returns:
        The states after the last step, `(B,)`, and the labels, int32 `(B, T)`.
    """
    next_state = tf.constant(task.next_state, tf.int32)
    output = tf.constant(task.output, tf.int32)
    next_state, output = tf.reshape(next_state, [-1]), tf.reshape(output, [-1])
    labels = []
    for t in range(symbols.shape[1]):
        entry = state * task.symbols + symbols[:, t]
        labels.append(tf.gather(output, entry))
        state = tf.gather(next_state, entry)
    return state, tf.stack(labels, axis=1)
