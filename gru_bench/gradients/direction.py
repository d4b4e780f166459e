"""Derivatives along directions: for cells whose Jacobian would not fit, and for forward mode."""

from __future__ import annotations

import numpy as np

from gru_bench.gradients.appeal import points_near
from gru_bench.gradients.derivative import LEVELS, directional, first_step
from gru_bench.gradients.discrepancy import Entry, GradientCheck, TensorRow, ratio_of
from gru_bench.trace.problem import Array, Problem

#: Directions for each tensor of arguments.
DIRECTIONS = 3


def check_directions(problem: Problem, seed: int, check: GradientCheck) -> None:
    """Compare vᵀJ d for random v and d, one tensor of arguments at a time.

    Args:
        problem: the function.
        seed: of v and d.
        check: the table is written into it.
    """
    _compare(problem, seed, check)
    if check.wrong and not problem.overrides and _right_nearby(problem, seed):
        for row in check.rows:
            row.kinks, row.wrong = row.wrong, 0
        check.notes.append(
            f"{check.kinks} directions lead from a kink or a jump; none is wrong nearby"
        )
        check.listed = []


def _right_nearby(problem: Problem, seed: int) -> bool:
    """Return whether all directions agree at a few points nearby."""
    for point in points_near(problem, ("weight", "input", "state"), 3):
        there = GradientCheck(problem.name, problem.steps, problem.path, "directional", seed)
        moved = problem.at(point)
        if not np.isfinite(moved.value).all():
            return False
        _compare(moved, seed, there)
        if there.wrong or there.coarse:
            return False
    return True


def _compare(problem: Problem, seed: int, check: GradientCheck) -> None:
    rng = np.random.default_rng(seed)
    cotangent = rng.choice([-1.0, 1.0], problem.results.size) * rng.uniform(
        0.5, 1, problem.results.size
    )
    gradient, _, _ = problem.pull_back(cotangent)
    for part in problem.arguments.parts:
        row = TensorRow(part.name, part.kind, part.shape)
        for k in range(DIRECTIONS):
            d = np.zeros(problem.arguments.size)
            d[part.where] = rng.choice([-1.0, 1.0], part.size) / np.sqrt(part.size)
            value, error, h = _along(problem, d, cotangent)
            given, name = float(gradient @ d), f"{part.name} along direction {k}"
            row.entries += 1
            if not np.isfinite(error):
                row.coarse += 1
                check.notes.append(f"no step gives a numeric derivative by {name}")
                continue
            wrong = not abs(given - value) <= error
            kind = "wrong" if wrong else "agrees"
            results = "a random combination of all results"
            entry = Entry(name, results, problem.steps, given, value, error, h, kind)
            _count(row, entry)
            if check.worst is None or entry.ratio > check.worst.ratio:
                check.worst = entry
            if wrong:
                check.listed.append(entry)
        check.rows.append(row)


def _count(row: TensorRow, entry: Entry) -> None:
    row.wrong += entry.kind == "wrong"
    row.largest = max(row.largest, abs(entry.numeric))
    row.distance = max(row.distance, abs(entry.autodiff - entry.numeric))
    row.ratio = max(row.ratio, entry.ratio)


def _along(problem: Problem, d: Array, cotangent: Array) -> tuple[float, float, float]:
    """Return the numeric derivative of the combination along d, its estimated error and its step.

    The step is the smallest that was used, as for single entries. The error is infinite where no
    step gives a number.
    """
    weight = np.abs(cotangent)
    best = (0.0, np.inf, 0.0)
    for shrink in (1.0, 1 / 8, 1 / 64, 1 / 512):
        h = first_step(problem.epsilon) * shrink
        values, corrections = directional(problem, d[None], h)
        rounding = 64 * problem.epsilon * (1 + np.abs(problem.value)) * 8 / h
        error = float(corrections[0] @ weight + np.linalg.norm(rounding * weight))
        if error < best[1]:
            best = (float(values[0] @ cotangent), error, h / 2 ** (LEVELS - 1))
    return best


def check_forward(problem: Problem, seed: int, check: GradientCheck) -> None:
    """Compare forward mode with numeric derivatives along random directions, tensor by tensor.

    Args:
        problem: the function.
        seed: of the directions.
        check: `forward` and `forward_ok` are written into it.
    """
    rng = np.random.default_rng(seed)
    check.forward = 0.0
    for part in problem.arguments.parts:
        d = np.zeros(problem.arguments.size)
        d[part.where] = rng.choice([-1.0, 1.0], part.size) / np.sqrt(part.size)
        given = problem.push_forward(d)
        best = np.full(problem.results.size, np.inf)
        value = np.zeros(problem.results.size)
        for shrink in (1.0, 1 / 8, 1 / 64):
            h = first_step(problem.epsilon) * shrink
            values, corrections = directional(problem, d[None], h)
            error = corrections[0] + 64 * problem.epsilon * (1 + np.abs(problem.value)) * 8 / h
            value, best = np.where(error < best, values[0], value), np.minimum(error, best)
        if not np.isfinite(best).all():
            check.notes.append(f"no step shows whether forward mode is right in all of {part.name}")
        gap = np.nan_to_num(np.abs(given - value), nan=np.inf)
        ratio = float(np.max(ratio_of(gap, best), where=np.isfinite(best), initial=0))
        check.forward = max(check.forward, ratio)
        if ratio > 1:
            check.forward_ok = False
            check.notes.append(f"forward mode is wrong in derivatives by {part.name}")


def check_second(problem: Problem, seed: int) -> tuple[Problem, Array]:
    """Return the gradient of a random combination of results as a problem, and the combination."""
    rng = np.random.default_rng(seed)
    cotangent = rng.choice([-1.0, 1.0], problem.results.size)
    cotangent *= rng.uniform(0.5, 1, problem.results.size)
    return problem.gradient(cotangent), cotangent
