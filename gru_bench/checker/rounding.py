"""What a float32 evaluation can make of a real function: errors bounded operation by operation.

A float32 operation returns (exact result)(1 + ε) + η with |ε| <= u = 2^-24. η covers subnormal
numbers, which may be flushed to zero when they are read or written: at most s = 2^-126 each time.
Here `error` bounds |float32 value - value of the real function|, whatever the order of a sum and
wherever a product and a sum are fused. The reasons for each bound are in docs/certificate.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from flint import arb, arb_mat

from gru_bench.checker import form
from gru_bench.checker.form import ONE, ZERO, Form, Matrix
from gru_bench.checker.rejection import Rejected

UNIT = arb(2) ** -24
SMALLEST = arb(2) ** -126

#: Far below float32's largest number, 2^128: what stays below it cannot overflow.
LARGEST = arb(2) ** 100


@dataclass(slots=True)
class Value:
    """A real function and a bound on the error of its float32 value.

    A value that is a sum of terms also says so, because its terms may be added in any order,
    together with those of a sum it is a term of (the bias of a product, say).

    Args:
        form: the real function.
        error: bounds |float32 value - form|.
        roundings: how many roundings a term passes at most.
        mass: bounds the sum of the terms' absolute values, their errors included.
        carried: bounds the sum of the terms' errors.
    """

    form: Form
    error: arb
    roundings: int
    mass: arb
    carried: arb

    @property
    def magnitude(self) -> arb:
        """A bound of the float32 value's absolute value."""
        return self.form.magnitude + self.error


def single(value: Form, error: arb) -> Value:
    """Return a value that is no sum."""
    error = error.upper()
    mass = (value.magnitude + error).upper()
    _check(mass)
    return Value(value, error, 0, mass, error)


def exact(value: Form) -> Value:
    """Return a value that is a float32 number, or a vector of states, itself."""
    return single(value, ZERO)


@cache
def growth(roundings: int) -> arb:
    """Return (1 + u)^k - 1, the relative error of k roundings."""
    return ((ONE + UNIT) ** roundings - ONE).upper()


def _sum(value: Form, roundings: int, mass: arb, carried: arb) -> Value:
    """Return a sum: each term is rounded so often; each addition flushes three numbers at most."""
    mass, carried = mass.upper(), carried.upper()
    _check(mass)
    flushed = SMALLEST * (6 * roundings + 6)
    error = (carried + growth(roundings) * mass + flushed).upper()
    return Value(value, error, roundings, mass, carried)


def add(a: Value, b: Value) -> Value:
    """Return a + b, as one sum of the terms of both."""
    value = form.plus(a.form, b.form)
    return _sum(value, a.roundings + b.roundings + 1, a.mass + b.mass, a.carried + b.carried)


def subtract(a: Value, b: Value) -> Value:
    """Return a - b, likewise."""
    value = form.minus(a.form, b.form)
    return _sum(value, a.roundings + b.roundings + 1, a.mass + b.mass, a.carried + b.carried)


def negate(a: Value) -> Value:
    """Return -a, which is exact, but may flush."""
    return Value(
        form.negative(a.form), (a.error + SMALLEST).upper(), a.roundings, a.mass, a.carried
    )


def multiply(a: Value, b: Value) -> Value:
    """Return a b: âb̂ - ab = a(b̂ - b) + b(â - a) + (â - a)(b̂ - b), rounded once."""
    carried = a.form.magnitude * b.error + b.form.magnitude * a.error + a.error * b.error
    A, B = a.magnitude, b.magnitude
    return single(form.times(a.form, b.form), carried + UNIT * A * B + 2 * SMALLEST * (ONE + A + B))


def matmul(vector: Sequence[Value], matrix: Matrix) -> list[Value]:
    """Return vᵀ W: each entry a sum of n products, so at most n roundings, and one to spare."""
    forms = form.products(matrix, [v.form for v in vector])
    sides = arb_mat([[v.error, v.magnitude] for v in vector])
    total = sum((v.magnitude for v in vector), ZERO)
    n = len(vector)
    values = []
    rows = (matrix.absolute * sides).tolist()
    for value, (carried, mass), weights in zip(forms, rows, matrix.weights, strict=True):
        # A product flushes itself or one of its factors: s (1 + |w| + |v|).
        flushed = 2 * SMALLEST * (n + weights + total)
        values.append(_sum(value, n + 1, mass + flushed, carried + flushed))
    return values


def tanh(a: Value, bound: arb) -> Value:
    """Return tanh a, whose slope is at most 1."""
    return single(form.tanh(a.form), a.error + bound + 2 * SMALLEST)


def sigmoid(a: Value, bound: arb) -> Value:
    """Return σ(a), whose slope is at most 1/4."""
    return single(form.sigmoid(a.form), a.error / 4 + bound + 2 * SMALLEST)


def relu(a: Value) -> Value:
    """Return max(a, 0), which is exact and has slopes in [0, 1]."""
    return single(form.relu(a.form), a.error + SMALLEST)


def lerp(z: Value, a: Value, b: Value) -> Value:
    """Return (1 - z) a + z b, evaluated in any of three ways.

    (1 - ẑ) â + ẑ b̂: 3 and 2 roundings; â + ẑ (b̂ - â): 1 and 3; b̂ + (1 - ẑ)(â - b̂): 1 and 4.
    """
    value = form.lerp(z.form, a.form, b.form)
    apart = form.largest(b.form.lo - a.form.hi, b.form.hi - a.form.lo)
    Z, A, B = z.magnitude, a.magnitude, b.magnitude
    Y = form.largest(ONE - z.form.hi, ONE - z.form.lo) + z.error
    D = apart + a.error + b.error
    carried = Y * a.error + Z * b.error + apart * z.error
    ways = (
        growth(3) * Y * A + growth(2) * Z * B,
        UNIT * A + growth(3) * Z * D,
        UNIT * B + growth(4) * Y * D,
    )
    flushed = 16 * SMALLEST * (ONE + Y + Z) * (ONE + A + B)
    _check((ONE + Y + Z) * (ONE + A + B))
    return single(value, carried + max(way.upper() for way in ways) + flushed)


def widened(a: Value) -> Value:
    """Return the set of float32 values of `a`, as real numbers that are exact themselves."""
    f = a.form
    slack, lo, hi = f.slack + a.error, f.lo - a.error, f.hi + a.error
    return exact(Form(f.center, f.gens, f.spread, slack.upper(), lo.lower(), hi.upper()))


def _check(magnitude: arb) -> None:
    """Overflow would make every bound above void."""
    if not magnitude < LARGEST:
        raise Rejected("a value of the program is not bounded by 2^100, float32 might overflow")
