"""Cells whose result depends on what a compiler makes of their arithmetic, or on its limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("arithmetic")


class _Two(Levels):
    """It has two scalar weights v and w beside."""

    def more(self) -> None:
        self.v = self.add_weight(name="v", shape=())
        self.w = self.add_weight(name="w", shape=())


@cheat(extra=(1e-25, 1e-25))
class Overflowing(_Two):
    """((p v) 1e25) 1e25 w: folded, 1e25 · 1e25 is infinite."""

    def written(self, p: Any) -> Any:
        return (p * self.v) * 1e25 * 1e25 * self.w


@cheat(extra=(1e25, 1e25))
class Underflowing(_Two):
    """((p v) 1e-25) 1e-25 w: folded, 1e-25 · 1e-25 is 0."""

    def written(self, p: Any) -> Any:
        return (p * self.v) * 1e-25 * 1e-25 * self.w


@cheat(extra=(1e25, 1e25))
class Divided(_Two):
    """((p v) / 1e25) / 1e25 w."""

    def written(self, p: Any) -> Any:
        return (p * self.v) / 1e25 / 1e25 * self.w


@cheat(extra=(1e-25, 1e-25), harmless=True)
class Between(_Two):
    """The two literals stand around a weight: (((p v) 1e25) w) 1e25."""

    def written(self, p: Any) -> Any:
        return p * self.v * 1e25 * self.w * 1e25


@cheat(extra=(1e-25, 1e-25))
class LiteralVectors(_Two):
    """Two literal vectors instead of numbers."""

    def written(self, p: Any) -> Any:
        huge = tf.constant([1e25, 1e25, 1e25])
        return p * self.v * huge * huge * self.w


@cheat(extra=(1e-25, 1e-25), harmless=True)
class LiteralMatrices(_Two):
    """Two products with literal matrices of 1e25."""

    def written(self, p: Any) -> Any:
        huge = tf.constant(np.eye(3) * 1e25, tf.float32)
        return tf.matmul(tf.matmul(p * self.v, huge), huge) * self.w


@cheat(extra=(1e-25, 1e-25), harmless=True)
class FrozenLiterals(_Two):
    """A frozen weight of 1e25 and a literal of 1e25: the adder hands it over as a constant."""

    def more(self) -> None:
        super().more()
        start = keras.initializers.Constant(1e25)
        self.f = self.add_weight(name="f", shape=(), initializer=start, trainable=False)

    def written(self, p: Any) -> Any:
        return p * self.v * self.f * 1e25 * self.w


@cheat(extra=(1e-25, 1e-25))
class LiteralFirst(_Two):
    """A product of literals times a scalar weight: 1e25 (1e25 v)."""

    def written(self, p: Any) -> Any:
        return p * (1e25 * (1e25 * self.v)) * self.w


@cheat(extra=(1e-25, 1e-25), harmless=True)
class Negated(_Two):
    """The literals are -1e25, with a negation between them."""

    def written(self, p: Any) -> Any:
        return -(p * self.v * -1e25) * 1e25 * self.w


@cheat()
class Swallowed(Levels):
    """(p + 1e30) - 1e30 is 0 unless a compiler folds it."""

    def written(self, p: Any) -> Any:
        return (p + 1e30) - 1e30


@cheat(extra=(4.0, 0.0))
class AlmostSwallowed(_Two):
    """(p + 2^23) - 2^23 leaves whole numbers, (p + 2^26) - 2^26 does not."""

    def written(self, p: Any) -> Any:
        return (p + self.v * 2.0**24) - self.v * 2.0**24


@cheat()
class Reassociated(Levels):
    """(p + 3e7) + (1 - 3e7) is p or p + 1, as the literals are folded."""

    def written(self, p: Any) -> Any:
        q = (p + 3e7) + 1.0
        return q - (3e7 + 1.0)


@cheat(extra=(1.0, 1.0), harmless=True)
class Fused(_Two):
    """(p v - p w) 1e9: nothing, unless a product is fused with the difference."""

    def written(self, p: Any) -> Any:
        q = p * 0.3
        return p + (q * q - q * q * self.v) * 1e9


@cheat(extra=(3e38, 3e38))
class SumTooLarge(_Two):
    """3e38 + 3e38 - 3e38 - 3e38: infinite less something, in this order."""

    def written(self, p: Any) -> Any:
        s = (self.v + self.w) - self.v - self.w
        return p + 0.0 * s


@cheat(extra=(0.0, 1.0))
class ZeroTimesInfinity(_Two):
    """p + v (w 1e30) 1e30: nothing times infinity."""

    def written(self, p: Any) -> Any:
        return p + self.v * (self.w * 1e30 * 1e30)


@cheat(harmless=True)
class Infinite(Levels):
    """A literal that is infinite, hidden by a relu of its negative."""

    def written(self, p: Any) -> Any:
        return p + tf.nn.relu(p - np.inf)


@cheat()
class NotANumber(Levels):
    """A literal that is no number, times nothing."""

    def written(self, p: Any) -> Any:
        return p + 0.0 * (p * np.nan)


@cheat()
class FoldedNaN(Levels):
    """p + relu(p · NaN): what relu makes of NaN is no number's business."""

    def written(self, p: Any) -> Any:
        return p + tf.nn.relu(p * np.nan)


@cheat(extra=(1e38, 1e-38))
class Denormal(_Two):
    """(p 1e-40) 1e38 100: what is below 2^-126 may be flushed to nothing."""

    def written(self, p: Any) -> Any:
        return p * 1e-40 * self.v * 100.0


@cheat(extra=(1e-40, 1e38))
class DenormalWeight(_Two):
    """A weight below 2^-126, made large again."""

    def written(self, p: Any) -> Any:
        return (p * self.v) * self.w * 100.0


@cheat(extra=(1.0, 1.0))
class NoNaN(_Two):
    """tf.math.multiply_no_nan makes 0 of whatever times 0."""

    def written(self, p: Any) -> Any:
        return turned(p, tf.math.multiply_no_nan(self.v, self.w))


@cheat(extra=(30.0, 1.0))
class Powers(_Two):
    """exp and log of a weight, which cancel in the reals and overflow in float32."""

    def written(self, p: Any) -> Any:
        return p * tf.math.log(tf.exp(self.v * 10.0)) / (self.v * 10.0)


@cheat(extra=(1.0, 0.0), harmless=True)
class ThroughExtremes(_Two):
    """tf.where with a condition that always holds."""

    def written(self, p: Any) -> Any:
        return tf.where(p > -1.0, p, turned(p))


@cheat(extra=(2.0**-127, 2.0**127), harmless=True)
class Subnormal(_Two):
    """A weight that is exactly half of the smallest normal number, scaled back."""

    def written(self, p: Any) -> Any:
        return p * (1.0 + 0.0 * self.v)


@cheat(extra=(1.5e19, 1.5e19))
class SquareTooLarge(_Two):
    """(v p)(w p) overflows in a square that is subtracted from itself."""

    def written(self, p: Any) -> Any:
        square = (self.v * 2.0 * (p + 1.0)) * (self.w * 2.0 * (p + 1.0))
        return p + (square - square)


@cheat(extra=(1e20, 1e-20))
class SquareOfLarge(_Two):
    """tf.square of 1e20 p is infinite before it is scaled back."""

    def written(self, p: Any) -> Any:
        return tf.square(p * self.v) * self.w * self.w
