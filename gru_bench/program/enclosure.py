"""Sound enclosures of a program's values over many sets of states at once.

Over each set, a value v of the exact function is enclosed twice, and what float32 makes of it
once:

    v ∈ c + G e + [-δ, δ]   for some e in [-1, 1]^d     (affine form; c, G exact numbers)
    v ∈ [lo, hi]
    |float32(v) - v| <= err

Shapes: K sets, n entries of a value, d generators; c, δ, lo, hi, err are `(K, n)`, G `(K, n, d)`.
NumPy computes with rounding to nearest, so every bound is widened by more than what it can have
lost. Source of the affine forms: de Figueiredo and Stolfi, Affine arithmetic, 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.numbers import sigmoid
from gru_bench.program.rounding import Rounding

Array = NDArray[np.float64]

#: Relative slack for one float64 operation: four times the unit roundoff, because NumPy's tanh
#: and exp are good to 4 ulp at worst and all others to half.
EPS = 2.0**-50
TINY = 2.0**-1000


@dataclass
class Chain:
    """A value as a sum of float32 terms, which a compiler may add in another order.

    Args:
        roundings: that a term passes through at most.
        size: bound on the sum of the terms' magnitudes, `(K, n)`.
        inherited: bound on the sum of the terms' errors, `(K, n)`.
    """

    roundings: int
    size: Array
    inherited: Array


@dataclass
class Enclosure:
    """An enclosed value; see the module."""

    center: Array
    gens: Array
    slack: Array
    low: Array
    high: Array
    error: Array
    chain: Chain | None = None

    @property
    def largest(self) -> Array:
        """Bound on |v|, `(K, n)`."""
        return np.maximum(-self.low, self.high)

    @property
    def radius(self) -> Array:
        """Half-width of the affine form, `(K, n)`."""
        return np.asarray(np.abs(self.gens).sum(axis=-1) + self.slack)


def _settle(
    center: Array, gens: Array, slack: Array, error: Array, low: Array, high: Array
) -> Enclosure:
    """Return the value with its range cut to what its affine form allows."""
    radius = np.abs(gens).sum(axis=-1) * (1 + 64 * EPS) + slack
    reach = EPS * (np.abs(center) + radius)
    low = np.maximum(low, center - radius - reach)
    high = np.minimum(high, center + radius + reach)
    # Two sound enclosures meet; rounding could make them miss by their last bit.
    low, high = np.minimum(low, high), np.maximum(low, high)
    return Enclosure(center, gens, slack, low, high, error)


class Enclosures:
    """The algebra of enclosures.

    Args:
        rounding: float32's error model.
    """

    def __init__(self, rounding: Rounding) -> None:
        self.rounding = rounding

    def constant(self, value: Any) -> Enclosure:
        """Return an exactly known vector or scalar."""
        center = np.atleast_1d(np.asarray(value, np.float64))[None]
        zero = np.zeros_like(center)
        return Enclosure(center, np.zeros((*center.shape, 0)), zero, center, center, zero)

    def rows(self, values: Array) -> Enclosure:
        """Return exactly known vectors, one for each set, `(K, n)`."""
        zero = np.zeros_like(values)
        return Enclosure(values, np.zeros((*values.shape, 0)), zero, values, values, zero)

    def matmul(self, v: Enclosure, W: Any) -> Enclosure:
        """Return v W."""
        W = np.asarray(W, np.float64)
        size = np.abs(W)
        reach = (len(W) + 8) * EPS
        center = v.center @ W
        gens = np.matmul(W.T, v.gens)
        slack = (v.slack + reach * (np.abs(v.center) + v.radius)) @ size * (1 + reach) + TINY
        middle, half = (v.low + v.high) / 2, (v.high - v.low) / 2
        radius = (half + reach * v.largest) @ size * (1 + reach) + TINY
        low, high = middle @ W - radius, middle @ W + radius
        flushed = 4 * self.rounding.smallest * (len(W) + size.sum(axis=0) + v.largest.sum())
        chain = Chain(
            len(W) + 1,
            (v.largest + v.error) @ size * (1 + reach) + flushed,
            v.error @ size * (1 + reach) + flushed,
        )
        return self._summed(_settle(center, gens, slack, low - low, low, high), chain)

    def _chain(self, a: Enclosure) -> Chain:
        """Return a value as a sum: of one term, where it is none."""
        return a.chain or Chain(0, a.largest + a.error, a.error)

    def _summed(self, a: Enclosure, chain: Chain) -> Enclosure:
        """Return a value with the error of its sum: E + ((1+u)^k - 1) M, in any order."""
        r = self.rounding
        share = np.expm1((chain.roundings + 1e-3) * np.log1p(r.unit))
        error = (chain.inherited + share * chain.size) * (1 + 16 * EPS)
        return replace(a, error=error + 8 * r.smallest * (chain.roundings + 2), chain=chain)

    def _rounded(self, error: Array, magnitude: Array) -> Array:
        """Return an error after one more float32 rounding of a value of that magnitude."""
        r = self.rounding
        rounded = (error + r.unit * (magnitude + error)) * (1 + 16 * EPS)
        return np.asarray(rounded + 4 * r.smallest * (1 + magnitude + error))

    def _linear(self, a: Enclosure, b: Enclosure, sign: float) -> Enclosure:
        center = a.center + sign * b.center
        reach = EPS * (np.abs(a.center) + np.abs(b.center) + a.radius + b.radius)
        low, high = (b.low, b.high) if sign > 0 else (-b.high, -b.low)
        low, high = a.low + low - reach, a.high + high + reach
        slack = a.slack + b.slack + 2 * reach + TINY
        made = _settle(center, _sum(a, b, sign), slack, low - low, low, high)
        mine, other = self._chain(a), self._chain(b)
        return self._summed(
            made,
            Chain(
                mine.roundings + other.roundings + 1,
                (mine.size + other.size) * (1 + 4 * EPS),
                (mine.inherited + other.inherited) * (1 + 4 * EPS),
            ),
        )

    def add(self, a: Enclosure, b: Enclosure) -> Enclosure:
        """Return a + b."""
        return self._linear(a, b, 1.0)

    def sub(self, a: Enclosure, b: Enclosure) -> Enclosure:
        """Return a - b."""
        return self._linear(a, b, -1.0)

    def neg(self, a: Enclosure) -> Enclosure:
        """Return -a."""
        error = a.error + 4 * self.rounding.smallest
        return Enclosure(-a.center, -a.gens, a.slack, -a.high, -a.low, error, a.chain)

    def mul(self, a: Enclosure, b: Enclosure) -> Enclosure:
        """Return a ∘ b = m_a b + m_b a - m_a m_b + (a - m_a)(b - m_b), m the middles."""
        center, gens, slack = _product(a, b)
        corners = np.stack([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high], axis=0)
        reach = EPS * np.abs(corners).max(axis=0) + TINY
        low, high = corners.min(axis=0) - reach, corners.max(axis=0) + reach
        error = a.error * b.largest + b.error * a.largest + a.error * b.error
        error = self._rounded(error, a.largest * b.largest)
        return _settle(center, gens, slack, error, low, high)

    def lerp(self, z: Enclosure, a: Enclosure, b: Enclosure) -> Enclosure:
        """Return (1 - z) ∘ a + z ∘ b, with its exact range where z stays in [0, 1]."""
        whole = self.add(a, self.mul(z, self.sub(b, a)))
        low, high = _lerp_range(z, a, b)
        low, high = np.maximum(low, whole.low), np.minimum(high, whole.high)
        error = self._lerp_error(z, a, b)
        return _settle(whole.center, whole.gens, whole.slack, error, low, high)

    def _lerp_error(self, z: Enclosure, a: Enclosure, b: Enclosure) -> Array:
        """Bound the float32 error of every way to write it.

        Inherited: |1-z| e_a + |z| e_b + e_z (|a| + |b| + e_a + e_b). Its own: each of the at most
        four roundings acts on something not larger than (1 + |z|)(|a| + |b|), errors included.
        """
        inverse = np.maximum(np.abs(1 - z.low), np.abs(1 - z.high)) * (1 + EPS)
        both = a.largest + b.largest + a.error + b.error
        inherited = inverse * a.error + z.largest * b.error + z.error * both
        size = (1 + z.largest + z.error) * both
        own = self.rounding.unit * 5 * (size + inherited)
        flushed = 32 * self.rounding.smallest * (1 + z.largest) * (1 + both)
        return np.asarray((inherited + own) * (1 + 16 * EPS) + flushed)

    def tanh(self, a: Enclosure) -> Enclosure:
        """Return the hyperbolic tangent of a."""
        error = a.error + self.rounding.tanh + 4 * self.rounding.smallest
        return _curve(a, np.tanh, _tanh_line, error * (1 + 16 * EPS))

    def sigmoid(self, a: Enclosure) -> Enclosure:
        """Return σ(a)."""
        error = a.error / 4 + self.rounding.sigmoid + 4 * self.rounding.smallest
        return _curve(a, sigmoid, _sigmoid_line, error * (1 + 16 * EPS))

    def relu(self, a: Enclosure) -> Enclosure:
        """Return max(a, 0)."""
        error = a.error + 4 * self.rounding.smallest
        return _curve(a, lambda t: np.maximum(t, 0.0), _relu_line, error)

    def slice(self, a: Enclosure, begin: int, end: int) -> Enclosure:
        """Return entries begin .. end-1."""
        part = np.s_[:, begin:end]
        chain = a.chain and Chain(a.chain.roundings, a.chain.size[part], a.chain.inherited[part])
        return Enclosure(
            a.center[part],
            a.gens[part],
            a.slack[part],
            a.low[part],
            a.high[part],
            a.error[part],
            chain,
        )

    def concat(self, parts: Sequence[Enclosure]) -> Enclosure:
        """Return vectors one after the other."""
        sets = max(p.center.shape[0] for p in parts)
        d = max(p.gens.shape[-1] for p in parts)
        columns = zip(*(_spread(p, sets, d) for p in parts), strict=True)
        center, gens, slack, low, high, error, size, inherited = (
            np.concatenate(c, axis=1) for c in columns
        )
        roundings = max(p.chain.roundings if p.chain else 0 for p in parts)
        chain = Chain(roundings, size, inherited)
        return Enclosure(center, gens, slack, low, high, error, chain if roundings else None)


def _spread(a: Enclosure, sets: int, d: int) -> tuple[Array, ...]:
    """Return the parts of a value for so many sets and generators."""
    n = a.center.shape[1]
    size, inherited = (
        (a.chain.size, a.chain.inherited) if a.chain else (a.largest + a.error, a.error)
    )
    every = (a.center, a.slack, a.low, a.high, a.error, size, inherited)
    flat = [np.broadcast_to(p, (sets, n)) for p in every]
    gens = a.gens if a.gens.shape[-1] == d else np.zeros((1, n, d))
    return flat[0], np.broadcast_to(gens, (sets, n, d)), *flat[1:]


def _sum(a: Enclosure, b: Enclosure, sign: float) -> Array:
    """Return the generators of a ± b, either of which may be constant."""
    if a.gens.shape[-1] == 0:
        return sign * b.gens + np.zeros((a.center.shape[0], a.center.shape[1], 1))
    if b.gens.shape[-1] == 0:
        return a.gens + np.zeros((b.center.shape[0], b.center.shape[1], 1))
    return a.gens + sign * b.gens


def _product(a: Enclosure, b: Enclosure) -> tuple[Array, Array, Array]:
    """Return center, generators and slack of a ∘ b."""
    m_a, m_b = (a.low + a.high) / 2, (b.low + b.high) / 2
    w_a, w_b = (a.high - a.low) / 2, (b.high - b.low) / 2
    center = m_a * b.center + m_b * a.center - m_a * m_b
    first = Enclosure(m_a, m_a[..., None] * b.gens, m_a, m_a, m_a, m_a)
    second = Enclosure(m_b, m_b[..., None] * a.gens, m_b, m_b, m_b, m_b)
    gens = _sum(first, second, 1.0)
    size = np.abs(m_a) * (np.abs(b.center) + b.radius) + np.abs(m_b) * (np.abs(a.center) + a.radius)
    rest = (w_a + EPS * np.abs(m_a)) * (w_b + EPS * np.abs(m_b))
    slack = np.abs(m_a) * b.slack + np.abs(m_b) * a.slack + rest
    slack = (slack + 4 * EPS * (size + np.abs(m_a * m_b))) * (1 + 8 * EPS) + TINY
    return center, gens, slack


def _lerp_range(z: Enclosure, a: Enclosure, b: Enclosure) -> tuple[Array, Array]:
    """Return the range of (1 - z) a + z b where z, a and b vary independently.

    It is monotone in a and in b while z stays in [0, 1], and linear in z: corners decide.
    """
    ends = (z.low, z.high)
    inside = (z.low >= 0) & (z.high <= 1)
    lows = [(1 - t) * a.low + t * b.low for t in ends]
    highs = [(1 - t) * a.high + t * b.high for t in ends]
    reach = 4 * EPS * (a.largest + b.largest) + TINY
    low, high = np.minimum(*lows) - reach, np.maximum(*highs) + reach
    # Rounding takes no convex combination out of the hull of its ends.
    low, high = (
        np.maximum(low, np.minimum(a.low, b.low)),
        np.minimum(high, np.maximum(a.high, b.high)),
    )
    return np.where(inside, low, -np.inf), np.where(inside, high, np.inf)


def _curve(a: Enclosure, function: Any, line: Any, error: Array) -> Enclosure:
    """Return f(a) for a function that does not fall, from its line: f(t) ∈ λ t + m ± w."""
    slope, middle, width = line(a.low, a.high)
    center = slope * a.center + middle
    reach = 8 * EPS * (np.abs(slope * a.center) + np.abs(middle) + slope * a.radius)
    slack = slope * a.slack + width + reach + TINY
    low, high = function(a.low), function(a.high)
    low = low - 4 * EPS * np.abs(low) - TINY
    high = high + 4 * EPS * np.abs(high) + TINY
    return _settle(center, slope[..., None] * a.gens, slack, error, low, high)


def _tanh_line(low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Return slope, offset and half-width of a line along tanh over [low, high].

    tanh t - λ t has its extremes at the ends and where tanh' = λ, at tanh t = ±sqrt(1 - λ).
    """
    width = np.maximum(high - low, 1e-300)
    slope = np.where(
        high - low > 1e-7, (np.tanh(high) - np.tanh(low)) / width, 1 - np.tanh(low) ** 2
    )
    # So flat a line gains nothing, and its turning point could not be computed.
    slope = np.where(slope > 1e-12, np.clip(slope, 0, 1), 0.0)
    turn = np.sqrt(1 - slope)
    where = np.arctanh(np.minimum(turn, 1 - 2.0**-53))
    candidates = [low, high, np.clip(where, low, high), np.clip(-where, low, high)]
    values = np.stack([np.tanh(t) - slope * t for t in candidates])
    least, most = values.min(axis=0), values.max(axis=0)
    reach = 8 * EPS * (1 + slope * np.maximum(np.abs(low), np.abs(high)))
    return slope, (least + most) / 2, (most - least) / 2 + reach


def _sigmoid_line(low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Return the line of σ(t) = (1 + tanh(t/2)) / 2."""
    slope, middle, width = _tanh_line(low / 2, high / 2)
    return slope / 4, (1 + middle) / 2, width / 2 + EPS


def _relu_line(low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Return the line of max(t, 0): the chord, which lies above the kink."""
    top, bottom = np.maximum(high, 0), np.maximum(low, 0)
    slope = np.where(high > low, (top - bottom) / np.maximum(high - low, 1e-300), 0.0)
    slope = np.clip(slope, 0, 1)
    candidates = [low, high, np.clip(np.zeros_like(low), low, high)]
    values = np.stack([np.maximum(t, 0) - slope * t for t in candidates])
    least, most = values.min(axis=0), values.max(axis=0)
    reach = 8 * EPS * (np.abs(low) + np.abs(high))
    return slope, (least + most) / 2, (most - least) / 2 + reach
