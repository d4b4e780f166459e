"""Cells whose margins, thresholds or states leave nothing to spare, or hide one wrong state."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import tf
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels, Register, turned

margin = Register("margin")

_FLAT = tuple(t / 20.0 * 9.0 for t in LEVELS)


@margin(weights=(*LEVELS, *READ_OUT[:3], 0.49995))
class NearThreshold(Levels):
    """Its digits 0 score just below the threshold, and one of them just above it."""


@margin(weights=(*LEVELS, 1.0, -1.0, 1.0, 0.5))
class OnThreshold(Levels):
    """A digit 0 scores the threshold itself, more or less."""


@margin(weights=(*LEVELS, 1e-9, -1e-9, 1e-9, 0.5 - 5e-10))
class BelowRounding(Levels):
    """Its margin is below what float32 can tell beside the threshold."""


def _unsettled() -> tuple[float, ...]:
    """Return terms whose sum is another for one row than for eight, that sum, and 1 / difference.

    Which order a product sums in depends on the machine; where both agree, the cell is right.
    """
    rng = np.random.default_rng(0)
    ones = tf.ones((16, 1))
    for _ in range(100):
        terms = (rng.normal(size=(1, 16)) * 10 ** rng.uniform(0, 3, (1, 16))).astype(np.float32)
        alone = float(tf.matmul(terms, ones)[0, 0])
        apart = float(tf.matmul(np.repeat(terms, 8, axis=0), ones)[0, 0]) - alone
        if apart:
            return (*terms[0].tolist(), alone, 1.0 / apart)
    return (*terms[0].tolist(), alone, 0.0)


_TERMS = _unsettled()


@margin(weights=(*LEVELS, *_TERMS, *READ_OUT), harmless=not _TERMS[-1])
class OrderOfSum(Levels):
    """A product that sums in another order for one row alone, the difference made large."""

    def more(self) -> None:
        self.terms = self.add_weight(name="terms", shape=(16,))
        self.alone = self.add_weight(name="alone", shape=())
        self.scale = self.add_weight(name="scale", shape=())

    def written(self, p: Any) -> Any:
        total = tf.matmul(0.0 * p[:, :1] + self.terms, tf.ones((16, 1)))
        return turned(p, (total - self.alone) * self.scale)


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
