"""The numeric derivative against exact ones: is the true error within the estimate?

    python -m tests.corpus.gradient_exact

The exact derivatives are those of the published equations, carried forward with 50 digits by the
chain rule written out (mpmath), for GRUs of both variants with weights from tiny to saturating.
"""

from __future__ import annotations

import argparse
from typing import Any

import mpmath
import numpy as np

from gru_bench.gradients.agreement import Agreement
from gru_bench.gradients.check import cell_problem
from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.making import make_subject
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.problem import Problem

#: True errors must be within their estimates for this share of entries.
SHARE = 0.999


class Dual:
    """A number of 50 digits and its derivatives by all arguments."""

    def __init__(self, value: Any, derivatives: dict[int, Any]) -> None:
        self.value, self.derivatives = value, derivatives

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, _combine(self, other, 1, 1))

    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, _combine(self, other, other.value, self.value))

    def __rsub__(self, one: int) -> Dual:
        return Dual(one - self.value, {k: -d for k, d in self.derivatives.items()})

    def through(self, value: Any, slope: Any) -> Dual:
        return Dual(value, {k: slope * d for k, d in self.derivatives.items()})


def _combine(a: Dual, b: Dual, by_a: Any, by_b: Any) -> dict[int, Any]:
    found = {k: by_a * d for k, d in a.derivatives.items()}
    for k, d in b.derivatives.items():
        found[k] = found.get(k, 0) + by_b * d
    return found


def sigmoid(a: Dual) -> Dual:
    y = 1 / (1 + mpmath.exp(-a.value))
    return a.through(y, y * (1 - y))


def tanh(a: Dual) -> Dual:
    y = mpmath.tanh(a.value)
    return a.through(y, mpmath.sech(a.value) ** 2)


def dot(row: list[Dual], matrix: list[list[Dual]], j: int) -> Dual:
    total = row[0] * matrix[0][j]
    for k in range(1, len(row)):
        total = total + row[k] * matrix[k][j]
    return total


def exact(problem: Problem, units: int, reset: str) -> np.ndarray[Any, Any]:
    """Return the derivatives of outputs and final state, rounded to float64, `(n, m)`."""
    mpmath.mp.dps = 50
    numbers = [Dual(mpmath.mpf(float(v)), {k: mpmath.mpf(1)}) for k, v in enumerate(problem.point)]
    named: dict[str, Any] = {}
    for part in problem.arguments.parts:
        flat = numbers[part.where]
        width = part.shape[-1]
        rows = [flat[k : k + width] for k in range(0, len(flat), width)]
        named[part.name] = rows if part.name[0] in "WUx" else flat
    w, h, made = named, named["h_0"], []
    for x in w["x"]:
        z = [sigmoid(dot(x, w["W_z"], j) + dot(h, w["U_z"], j) + w["b_z"][j]) for j in range(units)]
        r = [sigmoid(dot(x, w["W_r"], j) + dot(h, w["U_r"], j) + w["b_r"][j]) for j in range(units)]
        if reset == "before":
            rh = [a * b for a, b in zip(r, h, strict=True)]
            recurrent = [dot(rh, w["U_h"], j) for j in range(units)]
        else:
            recurrent = [r[j] * (dot(h, w["U_h"], j) + w["c_h"][j]) for j in range(units)]
        n = [tanh(dot(x, w["W_h"], j) + recurrent[j] + w["b_h"][j]) for j in range(units)]
        h = [(1 - z[j]) * h[j] + z[j] * n[j] for j in range(units)]
        made += h
    made += h
    found = np.zeros((problem.arguments.size, len(made)))
    for o, result in enumerate(made):
        for k, d in result.derivatives.items():
            found[k, o] = float(d)
    return found


def subject_of(units: int, reset: str, scale: float, seed: int) -> KerasSubject:
    rng = np.random.default_rng(seed)
    subject = make_subject(GRUCell, {"units": units, "reset": reset}, 2)
    weights = {k: rng.normal(scale=scale, size=v.shape) for k, v in subject.parameters.items()}
    subject.assign(weights)
    return subject


def measure(
    units: int, steps: int, reset: str, scale: float, seed: int, method: str = "central"
) -> tuple[int, int, float, int]:
    """Return entries, those whose true error is within the estimate, worst ratio, wrong ones."""
    problem = cell_problem(subject_of(units, reset, scale, seed), steps, seed=seed)
    truth = exact(problem, units, reset)
    agreement = Agreement(problem, problem.jacobian(), method)
    found = agreement.compare(np.arange(problem.arguments.size))
    ratio = np.abs(found.numeric - truth) / found.error
    return ratio.size, int((ratio <= 1).sum()), float(ratio.max()), int(found.wrong.sum())


CASES = [
    (units, steps, reset, scale)
    for units, steps in ((1, 12), (2, 20), (3, 6), (4, 3))
    for reset in ("before", "after")
    for scale in (0.001, 0.3, 1.0, 3.0, 10.0)
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=len(CASES))
    given = parser.parse_args()
    for method in ("central", "complex"):
        total = within = wrong = 0
        worst = 0.0
        for seed, case in enumerate(CASES[: given.cases]):
            entries, good, ratio, bad = measure(*case, seed, method)
            total, within, worst, wrong = (
                total + entries,
                within + good,
                max(worst, ratio),
                wrong + bad,
            )
        print(
            f"{method}: {total} entries against 50 digits: {within} within the estimate "
            f"({within / total:.4%}), worst {worst:.2f} of the estimate, called wrong: {wrong}"
        )
        assert within >= SHARE * total
        assert not wrong


if __name__ == "__main__":
    main()
