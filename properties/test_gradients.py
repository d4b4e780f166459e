"""What the gradient check promises for all cells it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.gradients.agreement import Agreement
from gru_bench.gradients.check import cell_problem, check_gradients
from gru_bench.gradients.derivative import ROUNDINGS, central, complex_step
from gru_bench.profiles import scaled
from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.making import make_subject
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.trace.problem import Array
from gru_bench.trace.tensorflow.function import FunctionProblem
from gru_bench.trace.tensorflow.sequence import CellProblem
from tests.corpus import gradient_exact

CELLS = (
    (GRUCell, {"reset": "before"}),
    (GRUCell, {"reset": "after"}),
    (keras.layers.LSTMCell, {}),
    (keras.layers.SimpleRNNCell, {}),
)


@dataclass
class Case:
    """A small cell at a random point, made when it is asked for."""

    variant: int
    units: int
    features: int
    steps: int
    scale: float
    seed: int

    def problem(self) -> CellProblem:
        cell, arguments = CELLS[self.variant]
        subject = make_subject(cell, {"units": self.units, **arguments}, self.features)
        rng = np.random.default_rng(self.seed)
        shapes = {k: v.shape for k, v in subject.parameters.items()}
        scale = 10**self.scale
        subject.assign({k: rng.normal(scale=scale, size=shape) for k, shape in shapes.items()})
        return cell_problem(subject, self.steps, seed=self.seed)


def cases(steps: int = 4) -> st.SearchStrategy[Case]:
    return st.builds(
        Case,
        variant=st.integers(0, len(CELLS) - 1),
        units=st.integers(1, 4),
        features=st.integers(1, 3),
        steps=st.integers(1, steps),
        scale=st.floats(-2, 0.7),
        seed=st.integers(0, 2**32 - 1),
    )


#: Each example makes a problem and differentiates it, which takes a tenth of a second.
few = scaled(0.3)


def rounding_of_results(problem: CellProblem, jacobian: Array) -> Array:
    """Return what rounding can do to each result, `(m,)`: it carries errors of all that enters."""
    condition = np.abs(problem.value) + problem.blur[-1] + np.abs(problem.point) @ np.abs(jacobian)
    return np.asarray(ROUNDINGS * problem.epsilon * condition)


@few
@given(cases())
def test_a_correct_cell_raises_no_alarm(case: Case) -> None:
    problem = case.problem()
    found = Agreement(problem, problem.jacobian()).compare(np.arange(problem.arguments.size))
    assert not found.wrong.any()
    assert not found.kinks.any()


@few
@given(cases())
def test_central_differences_and_the_complex_step_agree_within_their_estimates(
    case: Case,
) -> None:
    problem = case.problem()
    columns = np.arange(problem.arguments.size)
    jacobian = problem.jacobian()
    one = Agreement(problem, jacobian).compare(columns)
    other = Agreement(problem, jacobian, "complex").compare(columns)
    assert np.all(np.abs(one.numeric - other.numeric) <= one.error + other.error)


@few
@given(cases(), st.integers(0, 2**32 - 1))
def test_a_direction_is_the_sum_of_its_entries(case: Case, seed: int) -> None:
    problem = case.problem()
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=problem.arguments.size)
    jacobian = problem.jacobian()
    h = 2.0**-20
    made = problem.evaluate_at(problem.point + h * np.outer([1, -1, 2, -2], direction))
    along, farther = (made[0] - made[1]) / (2 * h), (made[2] - made[3]) / (4 * h)
    columns = np.arange(problem.arguments.size)
    entries = direction @ complex_step(problem, columns).value
    # The error of a central difference goes with h², so the two lie apart by three times that of
    # the nearer one; and each point's rounding is divided by h.
    allowed = np.abs(farther - along) + rounding_of_results(problem, jacobian) / h
    assert np.all(np.abs(along - entries) <= allowed)
    size = 1 + np.abs(entries).max()
    np.testing.assert_allclose(
        problem.push_forward(direction), direction @ jacobian, rtol=0, atol=1e-10 * size
    )


@few
@given(cases(), st.integers(0, 2**32 - 1))
def test_pulling_back_is_linear(case: Case, seed: int) -> None:
    problem = case.problem()
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(2, problem.results.size))
    pulled = [problem.pull_back(c)[0] for c in (u, v, 2 * u - 3 * v)]
    size = 1 + max(np.abs(p).max() for p in pulled)
    np.testing.assert_allclose(2 * pulled[0] - 3 * pulled[1], pulled[2], rtol=0, atol=1e-12 * size)


@few
@given(cases(steps=6))
def test_the_chain_rule_holds_over_chunks(case: Case) -> None:
    """∂s_T/∂s_0 of the whole run is the product of those of its two halves."""
    problem = case.problem()
    whole = problem.jacobian()
    count = sum(p.size for p in problem.results.parts if p.kind == "final")
    product = np.eye(count)
    for jacobian in problem.state_jacobians():
        product = product @ jacobian
    size = 1 + np.abs(product).max()
    np.testing.assert_allclose(whole[-count:, -count:], product, rtol=0, atol=1e-11 * size)
    half = problem.steps // 2
    if half:
        xs, states = problem.split()
        first = cell_problem(problem.subject, half, inputs=xs[:half], states=states)
        middle = first.final_states()
        rest = problem.steps - half
        second = cell_problem(problem.subject, rest, inputs=xs[half:], states=middle)
        a, b = (p.jacobian()[-count:, -count:] for p in (first, second))
        np.testing.assert_allclose(a @ b, product, rtol=0, atol=1e-11 * size)


@scaled(0.1)
@given(cases(steps=2), st.integers(0, 2**32 - 1))
def test_hessians_are_symmetric_and_right(case: Case, seed: int) -> None:
    problem = case.problem()
    cotangent = np.random.default_rng(seed).normal(size=problem.results.size)
    gradient = problem.gradient(cotangent)
    hessian = gradient.jacobian()
    size = 1 + np.abs(hessian).max()
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-11 * size)
    found = Agreement(gradient, hessian).compare(np.arange(gradient.arguments.size))
    assert not found.wrong.any()


@few
@given(st.permutations(range(4)), st.sampled_from(["before", "after"]), st.integers(0, 2**31))
def test_permuting_units_permutes_derivatives(order: list[int], reset: str, seed: int) -> None:
    subject = make_subject(GRUCell, {"units": 4, "reset": reset}, 2)
    rng = np.random.default_rng(seed)
    weights = {k: rng.normal(size=v.shape) for k, v in subject.parameters.items()}
    state = rng.normal(size=(1, 4))
    subject.assign(weights)
    plain = cell_problem(subject, 3, states=[state], seed=seed)
    before = plain.jacobian()
    moved = {k: v[..., order] for k, v in weights.items()}
    moved |= {k: v[order] for k, v in moved.items() if k.startswith("U")}
    subject.assign(moved)
    after = cell_problem(subject, 3, states=[state[:, order]], seed=seed).jacobian()
    place = np.arange(plain.arguments.size)
    parts = plain.arguments.split(place)
    names = [part.name for part in plain.arguments.parts]
    for k, name in enumerate(names):
        if name == "x":
            continue
        parts[k] = parts[k][..., order]
        if name.startswith("U"):
            parts[k] = parts[k][order]
    rows = plain.arguments.join(parts)
    results = plain.results.split(np.arange(plain.results.size))
    columns = plain.results.join([r[..., order] for r in results])
    np.testing.assert_allclose(after, before[np.ix_(rows, columns)], rtol=0, atol=1e-12)


@few
@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.floats(-1, 1))
def test_any_entry_of_the_jacobian_that_is_off_by_a_millionth_is_found(
    seed: int, column: int, place: float
) -> None:
    subject = make_subject(GRUCell, {"units": 3}, 2)
    problem = cell_problem(subject, 4, seed=seed)
    jacobian = problem.jacobian()
    column = int(np.argsort(-np.abs(jacobian).max(axis=1))[column])
    result = int(np.abs(jacobian[column]).argmax())
    factor = 1 + 1e-6 * np.sign(place + 0.5)
    jacobian[column, result] *= factor

    def off_as_well(point: Any) -> Any:
        # What is wrong is wrong nearby too, where a second look goes.
        there = subject_at(point)
        true = there.jacobian()
        true[column, result] *= factor
        there.jacobian = lambda: true
        return there

    subject_at, problem.at = problem.at, off_as_well
    found = Agreement(problem, jacobian).compare(np.arange(problem.arguments.size))
    assert [tuple(w) for w in np.argwhere(found.wrong)] == [(column, result)]


@few
@given(st.lists(st.floats(-2, 2), min_size=7, max_size=7), st.floats(-1, 1))
def test_polynomials_are_differentiated_within_the_estimate(
    coefficients: list[float], x: float
) -> None:
    def polynomial(t: Any) -> Any:
        return tf.math.polyval([tf.constant(c, tf.float64) for c in coefficients], t)

    problem = FunctionProblem(polynomial, [np.array([x])], ["t"])
    found = central(problem, np.array([0]), np.array([2.0**-6]))
    exact = np.polyval(np.polyder(np.array(coefficients)), x)
    rounding = 1e-12 * (1 + sum(abs(c) for c in coefficients))
    assert abs(found.value[0, 0] - exact) <= found.truncation[0, 0] + rounding


@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
def test_true_errors_are_within_their_estimates_against_50_digits(scale: float) -> None:
    for reset in ("before", "after"):
        entries, within, _, wrong = gradient_exact.measure(2, 6, reset, scale, 1)
        assert within >= 0.999 * entries
        assert not wrong


def test_checks_of_the_same_point_are_the_same() -> None:
    subject = make_subject(GRUCell, {"units": 3}, 2)
    first, second = (check_gradients(subject, steps=3, seed=5) for _ in range(2))
    assert first.rows == second.rows
    assert first.worst == second.worst
