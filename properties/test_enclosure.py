"""What the finder's enclosures and the intervals of training promise: they enclose.

References: arithmetic in 50 digits with mpmath, NumPy's floats, and TensorFlow's float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.typing import NDArray

from gru_bench.learning.intervals import Interval, Intervals
from gru_bench.lifting import lift
from gru_bench.profiles import scaled
from gru_bench.program.enclosure import EPS, Enclosure, Enclosures
from gru_bench.program.program import Floats, Program
from gru_bench.program.rounding import measured_rounding
from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from properties.strategies import SIZES, Sizes, arrays, scales

Array = NDArray[Any]
Make = Callable[..., KerasSubject]

ROUNDING = measured_rounding()
ALGEBRA = Enclosures(ROUNDING)

#: Inside a region, as shares of its radius: few bits, so that points are float32 numbers.
SHARES = st.sampled_from([-1.0, 1.0, -0.5, 0.0, 0.75])


def exactly(values: Any) -> Array:
    """Return numbers as mpmath's."""
    return np.vectorize(lambda t: mpf(float(t)), otypes=[object])(np.asarray(values))


def elementwise(function: Callable[[Any], Any]) -> Callable[[Array], Array]:
    return np.vectorize(function, otypes=[object])


class Exact(Floats):
    """The algebra of numbers of 50 digits."""

    def constant(self, value: Any) -> Array:
        return exactly(value)

    def matmul(self, v: Array, W: Any) -> Array:
        return np.asarray(v @ exactly(W))

    def sigmoid(self, a: Array) -> Array:
        return elementwise(lambda t: 1 / (1 + mp.exp(-t)))(a)

    def tanh(self, a: Array) -> Array:
        return elementwise(mp.tanh)(a)

    def relu(self, a: Array) -> Array:
        return elementwise(lambda t: max(t, mpf(0)))(a)


class Single(Floats):
    """The algebra of float32, with TensorFlow's activations and one of the ways of a lerp."""

    def __init__(self, way: int = 0) -> None:
        super().__init__(np.float32)
        self.way = way

    def sigmoid(self, a: Array) -> Array:
        return np.asarray(tf.sigmoid(tf.constant(a)))

    def tanh(self, a: Array) -> Array:
        return np.asarray(tf.tanh(tf.constant(a)))

    def lerp(self, z: Array, a: Array, b: Array) -> Array:
        one = np.float32(1)
        ways = ((one - z) * a + z * b, a + z * (b - a), b + (one - z) * (a - b))
        return np.asarray(ways[self.way])


def check_encloses(found: Enclosure, exact: Array, e: Array) -> None:
    """Both enclosures of an exact value (n,) hold, for the generators' e (d,)."""
    n = found.center.shape[1]
    low, high, center, slack = (
        exactly(np.broadcast_to(part, (1, n)))[0]
        for part in (found.low, found.high, found.center, found.slack)
    )
    exact = np.broadcast_to(exact, (n,))
    assert np.all(low <= exact), (low - exact, exact)
    assert np.all(exact <= high), (exact - high, exact)
    gens = exactly(found.gens[0]) if found.gens.shape[-1] else np.zeros((n, 0), object)
    affine = center + (gens @ exactly(e) if gens.shape[-1] == len(e) else 0)
    assert np.all(abs(exact - affine) <= slack), (exact, affine, slack)


def check_errs_within(found: Enclosure, exact: Array, single: Array) -> None:
    """What float32 made of an exact value is no farther from it than said."""
    apart = abs(exactly(single) - exact)
    assert np.all(apart <= exactly(found.error[0])), (apart, found.error)


# --- Single operations --------------------------------------------------------------------------

CENTERS = st.sampled_from(
    [0.0, 2.0**-40, 0.125, -0.5, 0.984375, 1.0, -1.0, 3.0, -9.0, 18.0, -40.0, 90.0, 8192.0]
)
RADII = st.sampled_from([0.0, 2.0**-40, 2.0**-20, 0.015625, 0.5, 1.0, 16.0, 64.0])
UNARY = ("neg", "sigmoid", "tanh", "relu")
ARITY = {**dict.fromkeys(UNARY, 1), "add": 2, "sub": 2, "mul": 2, "lerp": 3}


@dataclass(frozen=True)
class Operand:
    """c + r e_k, its float32 value off by the last bits."""

    center: float
    radius: float
    generator: int

    def enclose(self, dimensions: int, error: float) -> Enclosure:
        gens = np.zeros((1, 1, dimensions))
        gens[0, 0, self.generator] = self.radius
        c, zero = np.full((1, 1), self.center), np.zeros((1, 1))
        reach = self.radius + EPS * (abs(self.center) + self.radius)
        return Enclosure(c, gens, zero, c - reach, c + reach, zero + error)

    def value(self, e: Sequence[float]) -> Any:
        return mpf(self.center) + mpf(self.radius) * mpf(e[self.generator])


def perturbed(exact: Any, steps: int) -> np.float32:
    """Return the float32 number so many steps beside the nearest one."""
    value = np.float32(float(exact))
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.copysign(np.inf, steps)))
    # Subnormal numbers have an error of their own in the model.
    return value if abs(value) >= ROUNDING.smallest else np.float32(0)


@pytest.mark.parametrize("name", ARITY)
@given(data=st.data())
@scaled(4)
def test_an_operation_is_enclosed_in_real_and_in_float32_arithmetic(
    name: str, data: st.DataObject
) -> None:
    mp.dps = 60
    count = ARITY[name]
    places = data.draw(st.sampled_from([range(count), [0] * count]))  # equal operands too
    kinds = [data.draw(st.tuples(CENTERS, RADII)) for _ in range(count)]
    if data.draw(st.booleans()):
        kinds = kinds[:1] * count
    if name == "lerp" and data.draw(st.booleans()):  # as a gate is
        kinds[0] = data.draw(st.sampled_from([(0.5, 0.5), (0.5, 0.0), (0.96875, 0.03125)]))
    operands = [Operand(*kind, k) for kind, k in zip(kinds, places, strict=True)]
    e = [data.draw(SHARES) for _ in range(count)]
    values = [operand.value(e) for operand in operands]
    singles = [perturbed(v, data.draw(st.integers(-2, 2))) for v in values]
    errors = [abs(mpf(float(s)) - v) for s, v in zip(singles, values, strict=True)]
    enclosed = [
        operand.enclose(count, float(error) * (1 + 2.0**-50))
        for operand, error in zip(operands, errors, strict=True)
    ]
    found = getattr(ALGEBRA, name)(*enclosed)
    exact = getattr(Exact(), name)(*(np.array([v], object) for v in values))
    check_encloses(found, exact, np.array(e))
    with np.errstate(over="ignore"):
        for way in range(3 if name == "lerp" else 1):
            single = getattr(Single(way), name)(*(np.array([s]) for s in singles))
            check_errs_within(found, exact, single)


@given(data=st.data(), n=st.integers(1, 6), scale=scales())
@scaled(4)
def test_a_product_and_its_bias_are_enclosed_in_any_order(
    data: st.DataObject, n: int, scale: float
) -> None:
    mp.dps = 60
    W = data.draw(arrays("float32", (n, 2), scale))
    bias = data.draw(arrays("float32", (2,), scale))
    center, radius = data.draw(arrays("float32", (1, n), 4.0)), data.draw(RADII)
    center = np.round(center.astype(float) * 64) / 64
    e = np.array([data.draw(SHARES) for _ in range(n)])
    zero = np.zeros((1, n))
    low, high = center - radius, center + radius
    v = Enclosure(center, radius * np.eye(n)[None], zero, low, high, zero)
    point = exactly(center[0]) + exactly(radius * e)
    single = (center[0] + radius * e).astype(np.float32)
    v.error = np.array([abs(point - exactly(single)) * 1.0001], float)
    found = ALGEBRA.add(ALGEBRA.matmul(v, W), ALGEBRA.constant(bias))
    turned = ALGEBRA.sub(ALGEBRA.constant(bias), ALGEBRA.neg(ALGEBRA.matmul(v, W)))
    exact = point @ exactly(W) + exactly(bias)
    for made in (found, turned):
        check_encloses(made, exact, e)
    # However its signs are written, it is the same sum, of terms in any order.
    np.testing.assert_allclose(turned.error, found.error, rtol=1e-9)
    order = data.draw(st.permutations(range(n + 1)))
    terms = np.concatenate([single[:, None] * W, bias[None]])[order]
    total = np.zeros(2, np.float32)
    for term in terms:
        total = total + term
    for made in (found, turned):
        check_errs_within(made, exact, total)


# --- Whole steps --------------------------------------------------------------------------------

#: Radii of regions: a point, tiny, as proofs have them, and wide.
REGION_RADII = st.sampled_from([0.0, 2.0**-16, 0.0625, 0.5, 2.0])


@dataclass(frozen=True)
class Region:
    """A box of states, a point in it, and an input: all of them float32 numbers."""

    x: Array
    center: Array
    radius: Array
    e: Array

    @property
    def point(self) -> Array:
        return self.center + self.radius * self.e

    def enclosure(self) -> Enclosure:
        c, r = self.center[None], self.radius[None]
        gens = r[..., None] * np.eye(r.size)
        return Enclosure(c, gens, np.zeros_like(c), c - r, c + r, np.zeros_like(c))


@st.composite
def regions(draw: st.DrawFn, features: int, length: int) -> Region:
    dyadic = st.integers(-32, 32).map(lambda k: k / 16)
    x = [draw(st.sampled_from([0.0, 1.0, -0.5])) for _ in range(features)]
    center = [draw(dyadic) for _ in range(length)]
    radius = [draw(REGION_RADII)] * length
    if draw(st.booleans()):
        radius = [draw(REGION_RADII) for _ in range(length)]
    e = [draw(SHARES) for _ in range(length)]
    return Region(*(np.array(part, float) for part in (x, center, radius, e)))


@cache
def lifted(subject: KerasSubject) -> Program:
    return lift(subject)


def draw_case(
    data: st.DataObject, make: Make, dtype: str
) -> tuple[KerasSubject, list[Array], Region]:
    """Return a subject with weights, these weights, and a region of its states."""
    size: Sizes = data.draw(st.sampled_from(SIZES[:2]))
    subject = make(size.units, size.features, dtype)
    scale = data.draw(scales())
    shapes = [w.shape for w in subject.parameters.values()]
    counts = [int(np.prod(shape)) for shape in shapes]
    flat = data.draw(arrays(dtype, (sum(counts),), scale))
    parts = np.split(flat, np.cumsum(counts)[:-1])
    weights = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    subject.assign(dict(zip(subject.parameters, weights, strict=True)))
    length = sum(shape[0] for shape in subject.state_shapes)
    return subject, weights, data.draw(regions(size.features, length))


def split(subject: KerasSubject, states: Array) -> list[Array]:
    ends = np.cumsum([shape[0] for shape in subject.state_shapes])[:-1]
    return np.split(states, ends, axis=-1)


@given(data=st.data())
@scaled(0.5)
def test_a_point_in_a_region_maps_into_the_enclosed_image(
    liftable: Make, data: st.DataObject
) -> None:
    mp.dps = 50
    subject, weights, region = draw_case(data, liftable, "float32")
    program = lifted(subject)
    states, parts, end = region.enclosure(), [], 0
    for (size,) in subject.state_shapes:
        parts.append(ALGEBRA.slice(states, end, end + size))
        end += size
    found, images = program.evaluate(ALGEBRA, ALGEBRA.rows(region.x[None]), parts, weights)
    point = split(subject, region.point)
    exact, new = program.evaluate(Exact(), exactly(region.x), [exactly(s) for s in point], weights)
    output, after = subject.step(region.x[None], [s[None] for s in point])
    for enclosed, true, single in zip(
        [found, *images], [exact, *new], [output, *after], strict=True
    ):
        check_encloses(enclosed, true, region.e)
        check_errs_within(enclosed, true, single[0])
        n = single.shape[1]
        low, high = (np.broadcast_to(t, (1, n)) for t in (enclosed.low, enclosed.high))
        assert np.all(single >= low - enclosed.error)
        assert np.all(single <= high + enclosed.error)


@pytest.mark.parametrize("mode", ["graph", "xla"])
@given(data=st.data())
@scaled(0.25)
def test_compiled_steps_stay_within_the_enclosure(
    mode: str, liftable_gru: KerasSubject, data: st.DataObject
) -> None:
    subject, weights, region = draw_case(data, lambda *_: liftable_gru, "float32")
    region = Region(np.resize(region.x, 3), region.center, region.radius, region.e)
    found, images = lifted(subject).evaluate(
        ALGEBRA, ALGEBRA.rows(region.x[None]), [region.enclosure()], weights
    )
    output, (after,) = subject.step(region.x[None], [region.point[None]], mode)
    for enclosed, single in ((found, output), (images[0], after)):
        assert np.all(single >= enclosed.low - enclosed.error)
        assert np.all(single <= enclosed.high + enclosed.error)


@pytest.fixture(scope="module")
def liftable_gru() -> KerasSubject:
    return KerasSubject(GRUCell(5), 3)


# --- Intervals that are trained -----------------------------------------------------------------


def interval_step(
    subject: KerasSubject, weights: Sequence[Array], x: Array, low: Array, high: Array
) -> list[tuple[Array, Array]]:
    """Return lower and upper ends of output and states for a box of states."""
    boxes = [
        Interval(tf.constant(a[None]), tf.constant(b[None]))
        for a, b in zip(split(subject, low), split(subject, high), strict=True)
    ]
    symbol = tf.constant(x[None])
    output, new = lifted(subject).evaluate(
        Intervals(subject.dtype), Interval(symbol, symbol), boxes, weights
    )
    return [(np.asarray(v.low), np.asarray(v.high)) for v in (output, *new)]


def slack(weights: Sequence[Array], region: Region) -> float:
    """Return more than float64's roundings can move an end."""
    scale = max((float(np.abs(w).max(initial=0)) for w in weights), default=0.0)
    mass = scale * (1 + np.abs(region.x).sum() + (abs(region.center) + region.radius).sum())
    return float(64 * 2.0**-52 * (1 + mass) ** 2)


@given(data=st.data())
@scaled(0.125)
def test_trained_intervals_contain_every_point_and_widen_with_the_region(
    liftable: Make, data: st.DataObject
) -> None:
    subject, weights, region = draw_case(data, liftable, "float64")
    low, high = region.center - region.radius, region.center + region.radius
    found = interval_step(subject, weights, region.x, low, high)
    wider = interval_step(subject, weights, region.x, low - 0.25, high + 0.125)
    output, states = lifted(subject).evaluate(
        Floats(), region.x, split(subject, region.point), weights
    )
    allowed = slack(weights, region)
    for (a, b), (c, d), value in zip(found, wider, [output, *states], strict=True):
        assert np.all(a - allowed <= value)
        assert np.all(value <= b + allowed)
        assert np.all(c <= a + allowed)
        assert np.all(b <= d + allowed)
