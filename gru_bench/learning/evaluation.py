"""Exact accuracy by length and family, streaming over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from gru_bench.errors import check_known
from gru_bench.learning.family import CHUNK, Pairs, Stream, run_transducer
from gru_bench.learning.network import TEST_PAIRS, Network
from gru_bench.outside.bounds import LENGTH, PAIRS, SEED
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import FAMILIES


@dataclass(frozen=True)
class Measurement:
    """How many pairs of one family and length came out right.

    Args:
        family: of the pairs.
        length: bits per number.
        pairs: how many were tried.
        exact: how many had every bit right.
        bits: digits written over all pairs.
        bits_right: how many of them were right.
    """

    family: str
    length: int
    pairs: int
    exact: int
    bits: int
    bits_right: int

    @property
    def exact_accuracy(self) -> float:
        """Share of pairs with every bit right."""
        return self.exact / self.pairs

    @property
    def bit_accuracy(self) -> float:
        """Share of bits right."""
        return self.bits_right / self.bits

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the exact (Clopper-Pearson) interval of the exact accuracy."""
        return binomial_interval(self.exact, self.pairs, confidence)


def binomial_interval(right: int, tried: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a share."""
    interval = stats.binomtest(right, tried).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


class Evaluator:
    """The compiled evaluation of one network: any length, any family, no memory for time.

    Args:
        network: what is evaluated.
        threshold: of a two-valued read-out.
        pairs: tried at each length and family.
        seed: of the test pairs; the same pairs for whichever weights are evaluated.

    Raises:
        UsageError: pairs below 1 or a negative seed.
    """

    def __init__(self, network: Network, threshold: float, pairs: int, seed: int = 0) -> None:
        self.network = network
        self.threshold = threshold
        self.pairs = PAIRS.check("pairs", pairs)
        self.seed = SEED.check("seed", seed)
        self._count = tf.function(self._trace, jit_compile=True, autograph=False)

    def measure(self, theta: Any, family: str, length: int) -> Measurement:
        """Return how the network with weights θ does on one family and length (bits).

        Raises:
            UsageError: unknown family, or a length below 1.
        """
        index = FAMILIES.index(check_known("family", family, FAMILIES))
        LENGTH.check("length", length)
        wrong_pairs, wrong_bits = self._count(theta, tf.constant(index), tf.constant(length))
        bits = self.pairs * (length + self.network.task.flush)
        return Measurement(
            family,
            length,
            self.pairs,
            self.pairs - int(wrong_pairs),
            bits,
            bits - int(wrong_bits),
        )

    def measure_all(
        self, theta: Any, families: Sequence[str], lengths: Sequence[int]
    ) -> list[Measurement]:
        """Return a measurement for each family and length."""
        return [self.measure(theta, family, n) for family in families for n in lengths]

    def _trace(self, theta: Any, family: Any, length: Any) -> tuple[Any, Any]:
        network, count = self.network, self.pairs
        steps = length + network.task.flush
        index = tf.cast(length, tf.int64) * len(FAMILIES) + tf.cast(family, tf.int64)
        stream = Stream(tf.constant(self.seed, tf.int64), TEST_PAIRS)
        pairs = Pairs(network.task, count, length, family, stream, index)
        parameters = pairs.parameters()
        weights, frozen = network.unpack(theta), tuple(network.frozen(0))

        def body(number: Any, states: Any, carry: Any, wrong: Any, bits: Any) -> Any:
            symbols = pairs.chunk(parameters, number)
            carry, labels = run_transducer(network.task, carry, symbols)
            x = network.encode(tf.transpose(symbols))
            network.forget_masks()
            for t in range(CHUNK):
                scores, states = network.step(weights, frozen, x[t], states)
                differs = tf.not_equal(network.decide(scores, self.threshold), labels[:, t])
                differs &= number * CHUNK + t < steps
                wrong |= differs
                bits += tf.reduce_sum(tf.cast(differs, tf.int64))
            return number + 1, states, carry, wrong, bits

        _, _, _, wrong, bits = tf.while_loop(
            lambda number, *_: number * CHUNK < steps,
            body,
            (
                tf.constant(0),
                network.initial_state(count, weights[:-2]),
                tf.zeros((count,), tf.int32),
                tf.zeros((count,), tf.bool),
                tf.constant(0, tf.int64),
            ),
        )
        return tf.reduce_sum(tf.cast(wrong, tf.int64)), bits
