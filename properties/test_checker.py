"""What the checker of certificates promises: enclosures that hold, in real and float32 arithmetic.

The references are written here again: exact arithmetic in 300 bits with mpmath, and a float32
arithmetic that is as perverse as the rounding model allows.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from gru_bench.checker import form, rounding
from gru_bench.checker.form import Form, Matrix
from gru_bench.checker.induction import PRECISION
from gru_bench.checker.program import Evaluator, Operation, Program, Tensor
from gru_bench.checker.region import Region
from gru_bench.checker.rounding import Value

Numbers = list[Any]

#: Bounds of the errors of tanh and sigmoid in these tests.
ACTIVATION = 2.0**-21

UNARY = ("neg", "sigmoid", "tanh", "relu")
BINARY = ("add", "sub", "mul")


@dataclass(frozen=True)
class Case:
    """A small program, a region of its states, a point in it, and a seed for perversity."""

    program: Program
    x: tuple[float, ...]
    region: Region
    e: tuple[float, ...]
    seed: int

    @property
    def state(self) -> tuple[float, ...]:
        """The point in the region: few bits, so exactly a vector of float32 numbers."""
        offsets = [r * t for r, t in zip(self.region.radius, self.e, strict=True)]
        return tuple(c + t for c, t in zip(self.region.center, offsets, strict=True))

    def enclose(self) -> list[Value]:
        """Return what the checker says of the new states."""
        evaluator = Evaluator(self.program, arb(ACTIVATION), arb(ACTIVATION))
        states = evaluator.start(self.region.states())
        return evaluator.step(evaluator.read(self.x), states)[1]


def dyadic(most: int, bits: int) -> st.SearchStrategy[float]:
    """Return numbers of few bits, at most `most`."""
    return st.integers(-most << bits, most << bits).map(lambda n: n / 2**bits)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return a program of up to nine operations on vectors of one, two or three numbers."""
    n, features = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    scale = draw(st.sampled_from([0.01, 1.0, 1.0, 8.0, 100.0]))
    weight = dyadic(4, 8).map(lambda w: single(w * scale))
    shapes = [(n + features, n), (n, n), (n,), ()]
    tensors = tuple(
        Tensor(shape, tuple(draw(weight) for _ in range(size)))
        for shape, size in zip(shapes, ((n + features) * n, n * n, n, 1), strict=True)
    )
    # 0 x, 1 h, 2 kernel, 3 recurrent, 4 bias, 5 scalar
    operations = [
        Operation("concat", (0, 1), axis=0),
        Operation("matmul", (6, 2)),
        Operation("add", (7, 4)),
    ]
    vectors = [1, 7, 8]
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from((*UNARY, *BINARY, "lerp", "matmul")))
        count = 1 if name in UNARY else 2 if name in BINARY else 3
        inputs = [draw(st.sampled_from(vectors)) for _ in range(count)]
        if name == "matmul":
            inputs = [inputs[0], 3]
        elif name in BINARY and draw(st.booleans()):
            inputs[1] = 5
        operations.append(Operation(name, tuple(inputs)))
        vectors.append(5 + len(operations))
    program = Program(
        features, (n,), tensors[:3], tensors[3:], tuple(operations), vectors[-1], (vectors[-1],)
    )
    program.shapes()
    vector = st.tuples(*[dyadic(4, 6)] * n)
    radius = draw(st.tuples(*[st.sampled_from([0.0, 2.0**-6, 0.125, 1.0])] * n))
    region = Region(0, draw(vector), radius)
    e = draw(st.tuples(*[st.sampled_from([-1.0, 1.0, -0.5, 0.0, 0.75])] * n))
    x = draw(st.tuples(*[st.sampled_from([0.0, 1.0])] * features))
    return Case(program, x, region, e, draw(st.integers(0, 2**32)))


def single(number: Any) -> float:
    """Round to 24 bits."""
    with mp.workprec(24):
        return float(+mpf(number))


class Exact:
    """Real arithmetic, as good as."""

    def round(self, number: Any) -> Any:
        return number

    def activate(self, name: str, t: Any) -> Any:
        true = mpmath.tanh(t) if name == "tanh" else 1 / (1 + mpmath.exp(-t))
        return self.settle(true)

    def settle(self, number: Any) -> Any:
        return number

    def total(self, terms: Numbers) -> Any:
        return mpmath.fsum(terms)

    def product(self, a: Any, b: Any) -> Any:
        return a * b

    def lerp(self, z: Any, a: Any, b: Any) -> Any:
        return (1 - z) * a + z * b


class Perverse(Exact):
    """Float32 by the rounding model, each choice it leaves open made at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def round(self, number: Any) -> Any:
        if abs(number) < mpf(2) ** -126 and self.random.random() < 0.5:
            return mpf(0)
        return mpf(single(number))

    def settle(self, number: Any) -> Any:
        """Return a float32 number that is as far away as the bound allows."""
        sign = self.random.choice([-1, 1])
        for share in (1, 0.9, 0.5, 0):
            found = mpf(single(number + sign * share * ACTIVATION))
            if abs(found - number) <= ACTIVATION:
                return found
        raise AssertionError("the bound is below half a unit in the last place")

    def total(self, terms: Numbers) -> Any:
        """Add in a random order, by a random tree; products may come unrounded (fused)."""
        terms = list(terms)
        self.random.shuffle(terms)
        while len(terms) > 1:
            a = terms.pop(self.random.randrange(len(terms)))
            b = terms.pop(self.random.randrange(len(terms)))
            terms.append(self.round(a + b))
        return self.round(terms[0])

    def product(self, a: Any, b: Any) -> Any:
        return a * b if self.random.random() < 0.5 else self.round(a * b)

    def lerp(self, z: Any, a: Any, b: Any) -> Any:
        way = self.random.randrange(3)
        if way == 0:
            rest = self.round(1 - z)
            return self.total([self.product(rest, a), self.product(z, b)])
        if way == 1:
            return self.total([a, self.product(z, self.round(b - a))])
        rest = self.round(1 - z)
        return self.total([b, self.product(rest, self.round(a - b))])


def evaluate(case: Case, arithmetic: Exact) -> Numbers:
    """Return the new states from the case's point."""
    program = case.program
    values: list[Any] = [[mpf(t) for t in case.x], [mpf(t) for t in case.state]]
    for tensor in program.constants:
        numbers = [mpf(t) for t in tensor.values]
        width = tensor.shape[1] if len(tensor.shape) == 2 else 0
        values.append(
            [numbers[i : i + width] for i in range(0, len(numbers), width)] if width else numbers
        )
    for operation in program.operations:
        values.append(apply(operation, [values[i] for i in operation.inputs], arithmetic))
    (new,) = program.new_states
    found: Numbers = values[new]
    return found


def apply(operation: Operation, arguments: list[Any], how: Exact) -> Numbers:
    name = operation.name
    if name == "concat":
        return [t for argument in arguments for t in argument]
    if name == "matmul":
        vector, matrix = arguments
        return [
            how.total([how.product(t, w) for t, w in zip(vector, column, strict=True)])
            for column in zip(*matrix, strict=True)
        ]
    size = max(map(len, arguments))
    columns = zip(*(a * size if len(a) == 1 else a for a in arguments), strict=True)
    functions: dict[str, Callable[..., Any]] = {
        "neg": lambda a: -a,
        "relu": lambda a: max(a, mpf(0)),
        "tanh": lambda a: how.activate("tanh", a),
        "sigmoid": lambda a: how.activate("sigmoid", a),
        "add": lambda a, b: how.round(a + b),
        "sub": lambda a, b: how.round(a - b),
        "mul": lambda a, b: how.round(a * b),
        "lerp": how.lerp,
    }
    return [functions[name](*items) for items in columns]


def number(ball: arb) -> Any:
    """Return the middle of a ball."""
    return mpf(ball.mid())


def check_holds(value: Form, exact: Any, e: Sequence[float]) -> None:
    """Both enclosures of a form hold at a point."""
    assert number(value.lo) <= exact <= number(value.hi)
    gens = [number(g) for g in value.gens]
    assert len(gens) in (0, len(e))
    linear = sum((g * mpf(t) for g, t in zip(gens, e, strict=False)), number(value.center))
    loose = sum((mpf(g.rad().upper()) for g in [value.center, *value.gens]), mpf(0))
    assert abs(exact - linear) <= number(value.slack) + loose
    assert sum(map(abs, gens)) <= number(value.spread) + loose


@given(cases())
def test_the_exact_function_is_within_both_enclosures(case: Case) -> None:
    with ctx.workprec(PRECISION), mp.workprec(300):
        exact = evaluate(case, Exact())
        for value, truth in zip(case.enclose(), exact, strict=True):
            check_holds(value.form, truth, case.e)


@given(cases())
def test_every_float32_evaluation_is_within_the_error(case: Case) -> None:
    with ctx.workprec(PRECISION), mp.workprec(300):
        exact = evaluate(case, Exact())
        enclosed = case.enclose()
        for trial in range(4):
            found = evaluate(case, Perverse(case.seed + trial))
            for value, truth, computed in zip(enclosed, exact, found, strict=True):
                assert abs(computed - truth) <= number(value.error)
                after = rounding.widened(value).form
                assert number(after.lo) <= computed <= number(after.hi)
                check_holds(after, computed, case.e)


@given(cases(), st.sampled_from([2.0, 1.0 + 2.0**-20]))
def test_a_wider_region_still_encloses_what_a_narrower_one_maps_to(
    case: Case, factor: float
) -> None:
    """The image's enclosure may only be tighter by what makes the bands of another region better.

    So the narrower image itself, and not its enclosure, is what the wider one must hold.
    """
    wider = Region(
        0,
        case.region.center,
        tuple(factor * r + 2.0**-30 for r in case.region.radius),
    )
    outer = Case(case.program, case.x, wider, case.e, case.seed)
    with ctx.workprec(PRECISION), mp.workprec(300):
        for trial in range(3):
            found = evaluate(case, Perverse(case.seed + trial))
            for value, computed in zip(outer.enclose(), found, strict=True):
                after = rounding.widened(value).form
                assert number(after.lo) <= computed <= number(after.hi)


ranges = st.tuples(
    st.one_of(dyadic(2, 12), dyadic(40, 3), st.floats(-1e-30, 1e-30)),
    st.one_of(st.sampled_from([0.0, 2.0**-70, 2.0**-40, 1.0, 30.0]), st.floats(0, 4)),
).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(ranges, ranges, st.sampled_from([(0.0, 1.0), (0.0, 0.0), (0.25, 0.5), (-0.5, 2.0)]))
def test_single_operations_enclose_the_corners_of_their_ranges(
    a: tuple[float, float], b: tuple[float, float], z: tuple[float, float]
) -> None:
    """e_1, e_2, e_3 drive the three ranges; kinks and inflections lie in them or at their ends."""
    corner = [(s, t, u) for s in (-1, 0, 1) for t in (-1, 0, 1) for u in (-1, 0, 1)]
    with ctx.workprec(PRECISION), mp.workprec(300):
        A, B, Z = (_driven(ends, k) for k, ends in enumerate((a, b, z)))
        K, three = form.constant(arb(3)), mpf(3)
        results: dict[str, tuple[Form, Callable[[Numbers], Any]]] = {
            "plus": (form.plus(A, B), lambda v: v[0] + v[1]),
            "minus": (form.minus(A, B), lambda v: v[0] - v[1]),
            "times": (form.times(A, B), lambda v: v[0] * v[1]),
            "square": (form.times(A, A), lambda v: v[0] * v[0]),
            "tanh": (form.tanh(A), lambda v: mpmath.tanh(v[0])),
            "sigmoid": (form.sigmoid(A), lambda v: 1 / (1 + mpmath.exp(-v[0]))),
            "relu": (form.relu(A), lambda v: max(v[0], mpf(0))),
            "lerp": (form.lerp(Z, A, B), lambda v: (1 - v[2]) * v[0] + v[2] * v[1]),
            "product": (
                form.products(Matrix([[arb(3)], [arb(-0.25)], [arb(0)]]), [A, B, Z])[0],
                lambda v: 3 * v[0] - v[1] / 4,
            ),
            "plus a constant": (form.plus(K, A), lambda v: three + v[0]),
            "minus a constant": (form.minus(A, K), lambda v: v[0] - three),
            "from a constant": (form.minus(K, A), lambda v: three - v[0]),
            "times a constant": (form.times(A, K), lambda v: three * v[0]),
            "lerp to a constant": (form.lerp(Z, A, K), lambda v: (1 - v[2]) * v[0] + v[2] * three),
            "of constants": (form.times(K, form.minus(K, K)), lambda _: mpf(0)),
            "product with a constant": (
                form.products(Matrix([[arb(2)], [arb(-1)]]), [A, K])[0],
                lambda v: 2 * v[0] - three,
            ),
        }
        for e in corner:
            points = [_point(ends, t) for ends, t in zip((a, b, z), e, strict=True)]
            for value, function in results.values():
                check_holds(value, function(points), e)


def _driven(ends: tuple[float, float], k: int) -> Form:
    """Return the form that goes through a range as e_k goes from -1 to 1."""
    lo, hi = arb(ends[0]), arb(ends[1])
    gens = [arb(0), arb(0), arb(0)]
    gens[k] = (hi - lo) / 2
    return form.enclose((lo + hi) / 2, gens, form.size(gens), arb(0), lo, hi)


def _point(ends: tuple[float, float], t: int) -> Any:
    lo, hi = map(mpf, ends)
    return {-1: lo, 0: (lo + hi) / 2, 1: hi}[t]


weights = st.lists(dyadic(100, 10).map(single), min_size=1, max_size=12)


@given(weights, weights, dyadic(1000, 8).map(single), st.integers(0, 2**32))
def test_a_bias_may_be_added_anywhere_in_a_product(
    vector: list[float], column: list[float], bias: float, seed: int
) -> None:
    """Compilers start a sum with the bias, or add it last, or in between."""
    size = min(len(vector), len(column))
    vector, column = vector[:size], column[:size]
    with ctx.workprec(PRECISION), mp.workprec(300):
        known = [rounding.exact(form.constant(arb(t))) for t in [*vector, bias]]
        (product,) = rounding.matmul(known[:-1], Matrix([[arb(w)] for w in column]))
        value = rounding.add(product, known[-1])
        pairs = [(mpf(t), mpf(w)) for t, w in zip(vector, column, strict=True)]
        exact = Exact().total([t * w for t, w in pairs]) + mpf(bias)
        for trial in range(5):
            how = Perverse(seed + trial)
            terms = [how.product(t, w) for t, w in pairs]
            assert abs(how.total([*terms, mpf(bias)]) - exact) <= number(value.error)


@pytest.mark.parametrize("flushed", [True, False])
def test_subnormal_numbers_may_be_flushed(flushed: bool) -> None:
    tiny = 2.0**-127
    with ctx.workprec(PRECISION):
        small = rounding.exact(form.constant(arb(tiny)))
        large = rounding.exact(form.constant(arb(2.0**60)))
        (product,) = rounding.matmul([small], Matrix([[arb(2.0**60)]]))
        computed = 0.0 if flushed else tiny * 2.0**60
        for value in (rounding.multiply(small, large), product):
            assert abs(computed - tiny * 2.0**60) <= float(value.error)
        assert float(rounding.add(small, small).error) >= 2 * tiny


#: Float32 numbers with all their bits, of one magnitude or another.
full = st.builds(
    lambda m, e, s: s * m * 2.0 ** (e - 24),
    st.integers(2**23, 2**24 - 1),
    st.integers(-3, 3),
    st.sampled_from([-1, 1]),
)


@given(full, full, st.one_of(full, st.integers(0, 2**24).map(lambda n: n / 2**24)), st.randoms())
def test_one_operation_errs_within_its_error(
    a: float, b: float, z: float, rng: random.Random
) -> None:
    """Numbers known exactly, so that the operation's own rounding is all there is."""
    with ctx.workprec(PRECISION), mp.workprec(300):
        p, q, r = (mpf(t) for t in (a, b, z))
        A, B, Z = (rounding.exact(form.constant(arb(t))) for t in (a, b, z))
        bound = arb(ACTIVATION)
        for _ in range(6):
            how = Perverse(rng.getrandbits(32))
            for value, exact, computed in (
                (rounding.add(A, B), p + q, how.round(p + q)),
                (rounding.subtract(A, B), p - q, how.round(p - q)),
                (rounding.multiply(A, B), p * q, how.round(p * q)),
                (rounding.lerp(Z, A, B), (1 - r) * p + r * q, how.lerp(r, p, q)),
                (rounding.lerp(Z, A, A), p, how.lerp(r, p, p)),
                (rounding.negate(A), -p, -p),
                (rounding.tanh(A, bound), Exact().activate("tanh", p), how.activate("tanh", p)),
                (
                    rounding.sigmoid(A, bound),
                    Exact().activate("sigmoid", p),
                    how.activate("sigmoid", p),
                ),
            ):
                assert abs(computed - exact) <= number(value.error)


@pytest.mark.parametrize("terms", [2, 5, 30])
@pytest.mark.parametrize("bias", [False, True])
def test_roundings_that_all_go_one_way_are_covered(terms: int, bias: bool) -> None:
    """1 + t + t + ... with t just above half a unit in the last place: each sum rounds up."""
    t = 2.0**-24 * (1 + 2.0**-20)
    with ctx.workprec(PRECISION), mp.workprec(300):
        one, *small = (rounding.exact(form.constant(arb(v))) for v in [1.0] + [t] * terms)
        column = Matrix([[arb(1)]] * terms + ([] if bias else [[arb(1)]]))
        (value,) = rounding.matmul(small if bias else [*small, one], column)
        if bias:
            value = rounding.add(value, one)
        computed = mpf(1)
        for _ in range(terms):
            computed = mpf(single(computed + mpf(t)))
        off = computed - (1 + terms * mpf(t))
        assert mpf(2) ** -24 * terms * 0.9 < off <= number(value.error)


@pytest.mark.parametrize(
    ("z", "a", "b"), [(0.5, 1.0, -1.0), (2.0**-12, 3.0, 5.0), (0.75, 7.0, 7.5)]
)
def test_a_lerp_covers_the_worst_of_its_ways(z: float, a: float, b: float) -> None:
    """Numbers near these, tried until the worst error stands out."""
    rng = random.Random(1)
    worst = mpf(0)
    with ctx.workprec(PRECISION), mp.workprec(300):
        for trial in range(3000):
            p, q, r = (mpf(single(t * (1 + rng.random() / 64))) for t in (a, b, z))
            computed = Perverse(trial).lerp(r, p, q)
            worst = max(worst, abs(computed - ((1 - r) * p + r * q)))
        Z, A, B = (rounding.exact(form.constant(arb(t * (1 + 1 / 64)))) for t in (z, a, b))
        error = number(rounding.lerp(Z, A, B).error)
    assert error / 8 < worst <= error


@given(full, full, st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5]))
def test_errors_of_arguments_are_passed_on(a: float, b: float, z: float) -> None:
    """Arguments that are off by 2^-10 in all combinations of signs."""
    e = 2.0**-10
    with ctx.workprec(PRECISION), mp.workprec(300):
        A, B, Z = (rounding.single(form.constant(arb(t)), arb(e)) for t in (a, b, z))
        column = Matrix([[arb(2)], [arb(-1)], [arb(0.5)]])
        functions: list[tuple[Value, Callable[[Numbers], Any]]] = [
            (rounding.add(A, B), lambda v: v[0] + v[1]),
            (rounding.subtract(A, B), lambda v: v[0] - v[1]),
            (rounding.multiply(A, B), lambda v: v[0] * v[1]),
            (rounding.negate(A), lambda v: -v[0]),
            (rounding.relu(A), lambda v: max(v[0], mpf(0))),
            (rounding.tanh(A, arb(0)), lambda v: mpmath.tanh(v[0])),
            (rounding.sigmoid(A, arb(0)), lambda v: 1 / (1 + mpmath.exp(-v[0]))),
            (rounding.lerp(Z, A, B), lambda v: (1 - v[2]) * v[0] + v[2] * v[1]),
            (rounding.matmul([A, B, Z], column)[0], lambda v: 2 * v[0] - v[1] + v[2] / 2),
        ]
        for value, function in functions:
            exact = function([mpf(a), mpf(b), mpf(z)])
            for signs in itertools.product((-1, 1), repeat=3):
                near = [mpf(t) + s * mpf(e) for t, s in zip((a, b, z), signs, strict=True)]
                assert abs(function(near) - exact) <= number(value.error)
