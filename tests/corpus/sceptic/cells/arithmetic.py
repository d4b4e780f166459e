"""Cells whose result depends on what a compiler makes of their arithmetic, or on its limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels, Register, turned

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


_FLAT = tuple(t / 20.0 * 9.0 for t in LEVELS)

margin = Register("margin")


@margin(weights=(*LEVELS, *READ_OUT[:3], 0.49995))
class NearThreshold(Levels):
    """Its digits 0 score just below the threshold, and one of them just above it."""


@margin(weights=(*LEVELS, 1.0, -1.0, 1.0, 0.5))
class OnThreshold(Levels):
    """A digit 0 scores the threshold itself, more or less."""


@margin(weights=(*LEVELS, 1e-9, -1e-9, 1e-9, 0.5 - 5e-10))
class BelowRounding(Levels):
    """Its margin is below what float32 can tell beside the threshold."""


@margin(weights=(*LEVELS, 0.0, 2.0**24, *READ_OUT))
class OrderOfSum(Levels):
    """A sum of large numbers that cancel: another order, another digit."""

    def more(self) -> None:
        self.zero = self.add_weight(name="zero", shape=())
        self.large = self.add_weight(name="large", shape=())

    def written(self, p: Any) -> Any:
        n = self.large * tf.ones_like(p[:, :1])
        wide = tf.concat([n, 0.3 * p[:, :1] + 0.5, -n, n, p[:, 1:2], -n, n, p[:, 2:], -n], axis=1)
        ones = tf.constant(np.ones((9, 1)), tf.float32)
        return p + self.zero * tf.matmul(wide, ones) + (tf.matmul(wide, ones) - 1.0) * 1e-1


@margin(weights=(*[4.0] * 9, -2.0, -6.0, -10.0, *READ_OUT), harmless=True)
class Shallow(Levels):
    """Levels so shallow that its states fill large boxes."""


@margin(weights=(*_FLAT, *READ_OUT), harmless=True)
class Shallower(Levels):
    """Levels of a gain of 9."""


@margin()
class Timer(Levels):
    """A second state grows by 1/64 a step; the output turns after 64 of them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = [1, 1]

    def call(self, x: Any, states: Any) -> Any:
        h, t = states
        p = self.levels(x, h)
        late = tf.sigmoid(200.0 * (t - 1.0))
        return turned(p, late), [p[:, 1:2], t + 1.0 / 64.0]


@margin()
class Fading(Levels):
    """A second state decays from 1 to 0 within 100 steps; the output turns then."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = [1, 1]

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1)), tf.ones((batch_size, 1))]

    def call(self, x: Any, states: Any) -> Any:
        h, t = states
        p = self.levels(x, h)
        return turned(p, tf.sigmoid(100.0 * (0.1 - t))), [p[:, 1:2], t * 0.97]


@margin()
class Password(Levels):
    """Right until eight ones were added to eight ones in a row; a third state remembers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = [1, 1]

    def call(self, x: Any, states: Any) -> Any:
        h, t = states
        p = self.levels(x, h)
        count = (t + 1.0 / 16.0) * p[:, 2:]
        return turned(p, tf.sigmoid(400.0 * (t - 7.5 / 16.0))), [p[:, 1:2], count]


#: What a carry of 0 is after one bit: σ(-10).
_REACHED = float(1.0 / (1.0 + np.exp(np.float64(10.0))))


class _Needle(Levels):
    """A cell that looks at the carry it was given."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return turned(p, self.found(states[0])), [p[:, 1:2]]

    def found(self, h: Any) -> Any:
        raise NotImplementedError


def _distance(h: Any, point: float) -> Any:
    return tf.nn.relu(h - point) + tf.nn.relu(point - h)


@margin()
class Needle(_Needle):
    """Wrong within 1e-6 of a state that is reached, and nowhere else in the region around it."""

    def found(self, h: Any) -> Any:
        return tf.nn.relu(1.0 - 1e6 * _distance(h, _REACHED))


@margin()
class NeedleUnlifted(_Needle):
    """The same by a comparison, which no program has."""

    def found(self, h: Any) -> Any:
        return tf.cast(tf.abs(h - _REACHED) < 1e-6, tf.float32)


@margin()
class FirstStep(_Needle):
    """Wrong where the carry is exactly 0, as it is before the first step and never again."""

    def found(self, h: Any) -> Any:
        return tf.cast(tf.equal(h, 0.0), tf.float32)


@margin()
class NegativeZero(_Needle):
    """Wrong where the carry is -0, with which it starts."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [-tf.zeros((batch_size, 1))]

    def found(self, h: Any) -> Any:
        return tf.cast(tf.bitcast(h, tf.int32) < 0, tf.float32)


@margin(threshold=float("nan"))
class ThresholdNaN(Levels):
    """No score exceeds a threshold that is no number."""


@margin(threshold=float("inf"))
class ThresholdInfinite(Levels):
    """No score exceeds an infinite threshold."""


@margin(threshold=-1e39)
class ThresholdTooLow(Levels):
    """A threshold that float32 does not hold: every score exceeds it."""


@margin(weights=(*LEVELS, float("nan"), *READ_OUT[1:]))
class WeightNaN(Levels):
    """An entry of its read-out is no number."""


@margin(weights=(*LEVELS[:9], float("-inf"), *LEVELS[10:], *READ_OUT))
class WeightInfinite(Levels):
    """An entry of its bias is infinite."""


@margin(weights=(*LEVELS, 1.0, -1.0, 1.0, 2.0**24), threshold=2.0**24 + 1)
class ThresholdBetween(Levels):
    """A threshold of 2^24 + 1, which float32 rounds to 2^24."""
