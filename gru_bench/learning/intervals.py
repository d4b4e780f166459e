"""Intervals that TensorFlow can differentiate: what a program's values can be, at worst.

For training only: ends are rounded to nearest, so nothing is proved by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gru_bench.subjects.keras.runtime import tf


class Interval(NamedTuple):
    """Lower and upper ends, `(B, n)` each."""

    low: Any
    high: Any


class Share(Interval):
    """An interval that lies within [0, 1] whatever its operands were: what a sigmoid gives."""


class Intervals:
    """The algebra of differentiable intervals.

    Args:
        dtype: computed in.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def constant(self, value: Any) -> Interval:
        """Return a constant, whose ends meet."""
        value = tf.convert_to_tensor(value, self.dtype)
        return Interval(value, value)

    def matmul(self, v: Interval, W: Any) -> Interval:
        """Return v W."""
        W = tf.convert_to_tensor(W, self.dtype)
        if v.low is v.high:
            point = self._product(v.low, W)
            return Interval(point, point)
        middle = self._product((v.low + v.high) / 2, W)
        half = self._product((v.high - v.low) / 2, tf.abs(W))
        return Interval(middle - half, middle + half)

    def _product(self, v: Any, W: Any) -> Any:
        return tf.tensordot(v, W, 1)

    def add(self, a: Interval, b: Interval) -> Interval:
        """Return a + b."""
        return Interval(a.low + b.low, a.high + b.high)

    def sub(self, a: Interval, b: Interval) -> Interval:
        """Return a - b."""
        return Interval(a.low - b.high, a.high - b.low)

    def neg(self, a: Interval) -> Interval:
        """Return -a."""
        return Interval(-a.high, -a.low)

    def mul(self, a: Interval, b: Interval) -> Interval:
        """Return a ∘ b."""
        corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
        return _hull(corners)

    def lerp(self, z: Interval, a: Interval, b: Interval) -> Interval:
        """Return (1 - z) ∘ a + z ∘ b, its exact range where z, a and b vary independently.

        It is linear in each of the three, so corners decide: those of z, and for each of them the
        end of a that the sign of 1 - z asks for, and the end of b that the sign of z asks for.
        """
        lows, highs = [], []
        for t in z:
            # The signs of a share are known: training asks for none where gates are sigmoids.
            a_low, a_high = a if isinstance(z, Share) else _turned(a, t > 1)
            b_low, b_high = b if isinstance(z, Share) else _turned(b, t < 0)
            lows.append((1 - t) * a_low + t * b_low)
            highs.append((1 - t) * a_high + t * b_high)
        return Interval(tf.minimum(*lows), tf.maximum(*highs))

    def sigmoid(self, a: Interval) -> Interval:
        """Return σ(a)."""
        return Share(tf.sigmoid(a.low), tf.sigmoid(a.high))

    def tanh(self, a: Interval) -> Interval:
        """Return the hyperbolic tangent of a."""
        return Interval(tf.tanh(a.low), tf.tanh(a.high))

    def relu(self, a: Interval) -> Interval:
        """Return max(a, 0)."""
        return Interval(tf.nn.relu(a.low), tf.nn.relu(a.high))

    def slice(self, a: Interval, begin: int, end: int) -> Interval:
        """Return entries begin .. end-1."""
        return type(a)(a.low[..., begin:end], a.high[..., begin:end])

    def concat(self, parts: Sequence[Interval]) -> Interval:
        """Return vectors one after the other."""
        kind = Share if all(isinstance(part, Share) for part in parts) else Interval
        return kind(*(self._side_by_side([part[k] for part in parts]) for k in range(2)))

    def _side_by_side(self, parts: list[Any]) -> Any:
        rows = next((part for part in parts if part.shape.rank == 2), None)
        if rows is not None:
            parts = [
                p if p.shape.rank == 2 else tf.broadcast_to(p, (rows.shape[0], p.shape[0]))
                for p in parts
            ]
        return tf.concat(parts, axis=-1)

    def join(self, parts: Sequence[Any], axis: int) -> Any:
        """Concatenate constant matrices."""
        return tf.concat([tf.convert_to_tensor(p, self.dtype) for p in parts], axis=axis)


def _turned(a: Interval, turned: Any) -> Interval:
    """Return an interval with its ends exchanged where a factor of it is negative."""
    return Interval(tf.where(turned, a.high, a.low), tf.where(turned, a.low, a.high))


def _hull(values: list[Any]) -> Interval:
    low, high = values[0], values[0]
    for value in values[1:]:
        low, high = tf.minimum(low, value), tf.maximum(high, value)
    return Interval(low, high)
