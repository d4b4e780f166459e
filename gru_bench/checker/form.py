"""Enclosures of real functions over a region, in real arithmetic: floats come in `rounding`.

A region is the image of the cube [-1, 1]^d. A form encloses one real function v of the cube twice:

    v(e) = c + g·e + t,  |t| <= slack        (the row is c, g_1, ..., g_d)
    lo <= v(e) <= hi

Rows are Arb balls: for SOME reals in those balls, the same ones for all e, the first line holds.
lo, hi and slack are exact, rounded outward. Each function below returns a form of the function it
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
    """A real function of the cube, enclosed as at the head of this module."""

    row: list[arb]
    slack: arb
    lo: arb
    hi: arb

    @property
    def magnitude(self) -> arb:
        """A bound of |v|."""
        return largest(self.lo, self.hi)


def largest(lo: arb, hi: arb) -> arb:
    """Return the largest absolute value in [lo, hi]."""
    return (-lo).max(hi).max(ZERO).upper()


def enclose(row: list[arb], slack: arb, lo: arb, hi: arb) -> Form:
    """Return a form whose range is what both enclosures leave: each holds, so both do."""
    reach = sum(map(abs, row[1:]), slack)
    return Form(
        row,
        slack.upper(),
        lo.lower().max((row[0] - reach).lower()),
        hi.upper().min((row[0] + reach).upper()),
    )


def constant(value: arb, dimensions: int) -> Form:
    """Return the form of a number known exactly."""
    return Form([value] + [ZERO] * dimensions, ZERO, value, value)


def plus(a: Form, b: Form) -> Form:
    """Return a + b."""
    row = [p + q for p, q in zip(a.row, b.row, strict=True)]
    return enclose(row, a.slack + b.slack, a.lo + b.lo, a.hi + b.hi)


def minus(a: Form, b: Form) -> Form:
    """Return a - b."""
    row = [p - q for p, q in zip(a.row, b.row, strict=True)]
    return enclose(row, a.slack + b.slack, a.lo - b.hi, a.hi - b.lo)


def negative(a: Form) -> Form:
    """Return -a."""
    return Form([-p for p in a.row], a.slack, -a.hi, -a.lo)


def times(a: Form, b: Form) -> Form:
    """Return a b = m_a b + m_b a - m_a m_b + (a - m_a)(b - m_b), m the middles of the ranges."""
    (m_a, w_a), (m_b, w_b) = _middle(a), _middle(b)
    row = [m_a * q + m_b * p for p, q in zip(a.row, b.row, strict=True)]
    row[0] -= m_a * m_b
    slack = abs(m_a) * b.slack + abs(m_b) * a.slack + w_a * w_b
    corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi]
    return enclose(row, slack, _least(corners), _most(corners))


def products(matrix: Matrix, vector: Sequence[Form]) -> list[Form]:
    """Return vᵀ W, one form for each column of W."""
    middles = [_middle(v) for v in vector]
    rows = arb_mat([[*v.row, m] for v, (m, _) in zip(vector, middles, strict=True)])
    radii = arb_mat([[v.slack, w] for v, (_, w) in zip(vector, middles, strict=True)])
    exact, spread = (matrix.transposed * rows).tolist(), (matrix.absolute * radii).tolist()
    return [
        enclose(row[:-1], slack, row[-1] - width, row[-1] + width)
        for row, (slack, width) in zip(exact, spread, strict=True)
    ]


def tanh(a: Form) -> Form:
    """Return tanh a, which increases and has values in [-1, 1]."""
    slope, offset, slack = _band(a.lo, a.hi)
    row = [slope * p for p in a.row]
    row[0] += offset
    lo, hi = a.lo.tanh().lower().max(-ONE), a.hi.tanh().upper().min(ONE)
    return enclose(row, slope * a.slack + slack, lo, hi)


def sigmoid(a: Form) -> Form:
    """Return 1 / (1 + exp(-a)) = (1 + tanh(a/2)) / 2."""
    half = tanh(Form([HALF * p for p in a.row], HALF * a.slack, HALF * a.lo, HALF * a.hi))
    row = [HALF * p for p in half.row]
    row[0] += HALF
    lo, hi = (HALF * (ONE + half.lo)).lower(), (HALF * (ONE + half.hi)).upper()
    return enclose(row, HALF * half.slack, lo.max(ZERO), hi.min(ONE))


def relu(a: Form) -> Form:
    """Return max(a, 0): below its secant by at most the secant's value at the kink."""
    if a.lo >= 0:
        return a
    if a.hi <= 0:
        return constant(ZERO, len(a.row) - 1)
    slope = (a.hi / (a.hi - a.lo)).mid().min(ONE)
    # max(t, 0) - slope t is convex: largest at an end of the range, least at 0, where it is 0,
    # for any slope in [0, 1].
    top = _most([-slope * a.lo, a.hi - slope * a.hi])
    row = [slope * p for p in a.row]
    row[0] += HALF * top
    return enclose(row, slope * a.slack + HALF * top, ZERO, a.hi)


def lerp(z: Form, a: Form, b: Form) -> Form:
    """Return (1 - z) a + z b = a + z (b - a).

    For z in [0, 1] it increases in a and b, and is linear in z: the corners have the extremes.
    """
    form = plus(a, times(z, minus(b, a)))
    if not (z.lo >= 0 and z.hi <= 1):
        return form
    ends = (z.lo, z.hi)
    lo = _least([(ONE - t) * a.lo + t * b.lo for t in ends])
    hi = _most([(ONE - t) * a.hi + t * b.hi for t in ends])
    return enclose(form.row, form.slack, form.lo.max(lo), form.hi.min(hi))


class Matrix:
    """A constant matrix W `(n, m)`, and what products need of it."""

    def __init__(self, rows: list[list[arb]]) -> None:
        self.rows = rows
        columns = list(zip(*rows, strict=True))
        self.transposed = arb_mat([list(column) for column in columns])
        self.absolute = arb_mat([[abs(w) for w in column] for column in columns])
        #: The sum of |W| over each column.
        self.weights = [sum((abs(w) for w in column), ZERO).upper() for column in columns]


def _middle(a: Form) -> tuple[arb, arb]:
    """Return a number m and a bound of |v - m| for v in [lo, hi]."""
    middle = (HALF * (a.lo + a.hi)).mid()
    return middle, (a.hi - middle).max(middle - a.lo).upper()


def _least(values: Sequence[arb]) -> arb:
    return reduce(arb.min, [value.lower() for value in values])


def _most(values: Sequence[arb]) -> arb:
    return reduce(arb.max, [value.upper() for value in values])


def _band(lo: arb, hi: arb) -> tuple[arb, arb, arb]:
    """Return λ, μ, δ with |tanh t - λ t - μ| <= δ for all t in [lo, hi].

    Any λ in [0, 1) will do; the secant's is chosen. tanh t - λ t has its extremes at the ends or
    where tanh' = 1 - y² = λ: at y = ±√(1 - λ), t = ±artanh y = ±ln((1 + y) / √λ).
    """
    slope = ZERO
    if hi - lo > _NARROW:
        slope = ((hi.tanh() - lo.tanh()) / (hi - lo)).mid()
    if not (slope >= _NARROW and slope < 1):
        slope = ZERO
    candidates = [lo.tanh() - slope * lo, hi.tanh() - slope * hi]
    if slope > 0:
        y = (ONE - slope).sqrt()
        t = ((ONE + y) / slope.sqrt()).log()
        # A point that is not certainly outside the range counts as inside.
        inside = [s for s in (ONE, -ONE) if not (s * t < lo or s * t > hi)]
        candidates += [s * (y - slope * t) for s in inside]
    low, high = _least(candidates), _most(candidates)
    offset = (HALF * (low + high)).mid()
    return slope, offset, (high - offset).max(offset - low).upper()
