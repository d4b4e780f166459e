"""Enclosures of real functions over a region, in real arithmetic: floats come in `rounding`.

A region is the image of the cube [-1, 1]^d. A form encloses one real function v of the cube twice:

    v(e) = c + g·e + t,  |t| <= slack
    lo <= v(e) <= hi

c and g are Arb balls: for SOME reals in those balls, the same ones for all e, the first line holds.
The other numbers are exact, rounded outward. Each function below returns a form of the function it
is named after, so that a chain of them encloses the composition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from flint import arb, arb_mat

ZERO, ONE, HALF = arb(0), arb(1), arb(0.5)

#: Narrower ranges get no slope: a secant would be all rounding.
_NARROW = arb(2) ** -60


@dataclass(slots=True)
class Form:
    """A real function of the cube, enclosed as at the head of this module.

    Args:
        center: c.
        gens: g_1, ..., g_d, or none where all are 0.
        spread: bounds |g_1| + ... + |g_d|.
        slack: bounds |t|.
        lo: a lower bound of v.
        hi: an upper bound.
    """

    center: arb
    gens: list[arb]
    spread: arb
    slack: arb
    lo: arb
    hi: arb

    @property
    def magnitude(self) -> arb:
        """A bound of |v|."""
        return (-self.lo).max(self.hi).upper()


def largest(lo: arb, hi: arb) -> arb:
    """Return the largest absolute value in [lo, hi]."""
    return (-lo).max(hi).max(ZERO).upper()


def size(gens: Sequence[arb]) -> arb:
    """Return a bound of |g_1| + ... + |g_d|."""
    return sum(map(abs, gens), ZERO).upper()


def enclose(center: arb, gens: list[arb], spread: arb, slack: arb, lo: arb, hi: arb) -> Form:
    """Return a form whose range is what both enclosures leave: each holds, so both do."""
    spread, slack = spread.upper(), slack.upper()
    reach = spread + slack
    return Form(
        center,
        gens,
        spread,
        slack,
        lo.lower().max((center - reach).lower()),
        hi.upper().min((center + reach).upper()),
    )


def constant(value: arb) -> Form:
    """Return the form of a number known exactly."""
    return Form(value, [], ZERO, ZERO, value, value)


def plus(a: Form, b: Form) -> Form:
    """Return a + b."""
    gens = _sum(a.gens, b.gens)
    return enclose(
        a.center + b.center, gens, _size(gens, a, b), a.slack + b.slack, a.lo + b.lo, a.hi + b.hi
    )


def minus(a: Form, b: Form) -> Form:
    """Return a - b."""
    return plus(a, negative(b))


def negative(a: Form) -> Form:
    """Return -a."""
    return Form(-a.center, [-g for g in a.gens], a.spread, a.slack, -a.hi, -a.lo)


def times(a: Form, b: Form) -> Form:
    """Return a b = m_a b + m_b a - m_a m_b + (a - m_a)(b - m_b), m the middles of the ranges."""
    (m_a, w_a), (m_b, w_b) = _middle(a), _middle(b)
    gens = _sum([m_a * g for g in b.gens], [m_b * g for g in a.gens])
    center = m_a * b.center + m_b * a.center - m_a * m_b
    slack = abs(m_a) * b.slack + abs(m_b) * a.slack + w_a * w_b
    corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi]
    return enclose(center, gens, size(gens), slack, _least(corners), _most(corners))


def products(matrix: Matrix, vector: Sequence[Form]) -> list[Form]:
    """Return vᵀ W, one form for each column of W."""
    middles = [_middle(v) for v in vector]
    none = [ZERO] * max(len(v.gens) for v in vector)
    rows = [[v.center, m, *(v.gens or none)] for v, (m, _) in zip(vector, middles, strict=True)]
    radii = arb_mat([[v.slack, w] for v, (_, w) in zip(vector, middles, strict=True)])
    exact, rest = (matrix.transposed * arb_mat(rows)).tolist(), (matrix.absolute * radii).tolist()
    return [
        enclose(center, gens, size(gens), slack, middle - width, middle + width)
        for (center, middle, *gens), (slack, width) in zip(exact, rest, strict=True)
    ]


def tanh(a: Form) -> Form:
    """Return tanh a, which increases and has values in [-1, 1]."""
    lo, hi = a.lo.tanh(), a.hi.tanh()
    band = _band(a.lo, a.hi, lo, hi)
    return _along(a, *band, lo.lower().max(-ONE), hi.upper().min(ONE))


def sigmoid(a: Form) -> Form:
    """Return 1 / (1 + exp(-a)) = (1 + tanh(a/2)) / 2."""
    start, end = HALF * a.lo, HALF * a.hi
    lo, hi = start.tanh(), end.tanh()
    slope, offset, width = _band(start, end, lo, hi)
    lo, hi = (HALF * (ONE + lo)).lower().max(ZERO), (HALF * (ONE + hi)).upper().min(ONE)
    return _along(a, HALF * HALF * slope, HALF * (ONE + offset), HALF * width, lo, hi)


def relu(a: Form) -> Form:
    """Return max(a, 0): below its secant by at most the secant's value at the kink."""
    if a.lo >= 0:
        return a
    if a.hi <= 0:
        return constant(ZERO)
    slope = (a.hi / (a.hi - a.lo)).mid().min(ONE)
    # max(t, 0) - slope t is convex: largest at an end of the range, least at 0, where it is 0,
    # for any slope in [0, 1].
    top = _most([-slope * a.lo, a.hi - slope * a.hi])
    return _along(a, slope, HALF * top, HALF * top, ZERO, a.hi)


def _along(a: Form, slope: arb, offset: arb, width: arb, lo: arb, hi: arb) -> Form:
    """Return f(a) in [lo, hi], where |f(t) - slope t - offset| <= width; slope >= 0 is exact."""
    gens = [slope * g for g in a.gens] if slope > 0 else []
    center, slack = slope * a.center + offset, slope * a.slack + width
    return enclose(center, gens, slope * a.spread, slack, lo, hi)


def lerp(z: Form, a: Form, b: Form) -> Form:
    """Return (1 - z) a + z b = a + z (b - a).

    For z in [0, 1] it increases in a and b, and is linear in z: the corners have the extremes.
    """
    form = plus(a, times(z, minus(b, a)))
    if not (z.lo >= 0 and z.hi <= 1):
        return form
    ends = (z.lo, z.hi)
    form.lo = form.lo.max(_least([(ONE - t) * a.lo + t * b.lo for t in ends]))
    form.hi = form.hi.min(_most([(ONE - t) * a.hi + t * b.hi for t in ends]))
    return form


class Matrix:
    """A constant matrix W `(n, m)`, and what products need of it."""

    def __init__(self, rows: list[list[arb]]) -> None:
        self.rows = rows
        columns = list(zip(*rows, strict=True))
        self.transposed = arb_mat([list(column) for column in columns])
        self.absolute = arb_mat([[abs(w) for w in column] for column in columns])
        #: The sum of |W| over each column.
        self.weights = [sum((abs(w) for w in column), ZERO).upper() for column in columns]


def _sum(one: list[arb], other: list[arb]) -> list[arb]:
    """Return the sums of generators, of which one side may have none."""
    if not (one and other):
        return one or other
    return [p + q for p, q in zip(one, other, strict=True)]


def _size(gens: list[arb], a: Form, b: Form) -> arb:
    """Return a bound of the absolute sum of `gens`, the generators of a + b."""
    return size(gens) if a.gens and b.gens else a.spread + b.spread


def _middle(a: Form) -> tuple[arb, arb]:
    """Return a number m and a bound of |v - m| for v in [lo, hi]."""
    middle = (HALF * (a.lo + a.hi)).mid()
    return middle, (a.hi - middle).max(middle - a.lo).upper()


def _least(values: Sequence[arb]) -> arb:
    return reduce(arb.min, [value.lower() for value in values])


def _most(values: Sequence[arb]) -> arb:
    return reduce(arb.max, [value.upper() for value in values])


def _band(lo: arb, hi: arb, tanh_lo: arb, tanh_hi: arb) -> tuple[arb, arb, arb]:
    """Return λ, μ, δ with |tanh t - λ t - μ| <= δ for all t in [lo, hi], given tanh of both.

    Any λ in [0, 1) will do; the secant's is chosen. tanh t - λ t has its extremes at the ends or
    where tanh' = 1 - y² = λ: at y = ±√(1 - λ), t = ±artanh y = ±ln((1 + y) / √λ).
    """
    slope = ZERO
    if hi - lo > _NARROW:
        slope = ((tanh_hi - tanh_lo) / (hi - lo)).mid()
    if not (slope >= _NARROW and slope < 1):
        slope = ZERO
    candidates = [tanh_lo - slope * lo, tanh_hi - slope * hi]
    if slope > 0:
        y = (ONE - slope).sqrt()
        t = ((ONE + y) / slope.sqrt()).log()
        # A point that is not certainly outside the range counts as inside.
        inside = [s for s in (ONE, -ONE) if not (s * t < lo or s * t > hi)]
        candidates += [s * (y - slope * t) for s in inside]
    low, high = _least(candidates), _most(candidates)
    offset = (HALF * (low + high)).mid()
    return slope, offset, (high - offset).max(offset - low).upper()
