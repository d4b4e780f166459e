"""Autodiff beside numeric derivatives: which entries are wrong, and by how much.

An entry is wrong when its distance to autodiff exceeds the estimated error of the numeric
derivative plus the rounding of both. A suspect is measured again with smaller steps before it is
called wrong; one whose one-sided derivatives differ is a kink, not an error; what is left gets a
second look (`appeal`). At the edge of the function's domain, where steps to one side give no
number, the derivative to the other side counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.gradients.appeal import Appeal, Nearby
from gru_bench.gradients.derivative import (
    ROUNDINGS,
    Estimate,
    amplification,
    central,
    complex_step,
    first_step,
    one_sided,
)
from gru_bench.trace.problem import Problem

Array = NDArray[Any]

#: By what suspects' steps shrink, pass after pass; the last is for kinks alone.
SHRINK = (1 / 8, 1 / 64, 1 / 512, 1 / 8192)

#: An estimate coarser than this, relative to the largest derivative of the same result by the
#: same tensor, is measured again.
FINE = 1e-7

#: An error below this is never called coarse.
FLOOR = 1e-12

#: One rounding that `blur` counts stands for at most this many eps: three gates, each with a
#: slope of two or three operations (tests/test_gradients.py measures it).
BLURRINGS = 16.0

#: By what a result's rounding is multiplied in the finer of two one-sided derivatives, by h.
SIDED = 32.0

#: Arguments whose derivatives are summed at once.
BLOCK_ROWS = 256


@dataclass
class Comparison:
    """Both derivatives of every entry, argument by result.

    Args:
        columns: which arguments, `(C,)`.
        autodiff: `(C, m)`.
        numeric: `(C, m)`.
        error: estimated error of `numeric` plus rounding of both, `(C, m)`.
        step: the smallest h used, `(C, m)` or `(C, 1)`.
        wrong: `(C, m)`.
        kinks: `(C, m)`; never wrong.
    """

    columns: NDArray[np.int64]
    autodiff: Array
    numeric: Array
    error: Array
    step: Array
    wrong: NDArray[np.bool_]
    kinks: NDArray[np.bool_]

    @property
    def distance(self) -> Array:
        """|autodiff - numeric|, infinite where either is not a number."""
        gap = np.abs(self.autodiff - self.numeric)
        return np.where(np.isfinite(gap), gap, np.inf)


class Agreement:
    """Compares autodiff's Jacobian with a numeric one, some arguments at a time.

    Args:
        problem: the function.
        autodiff: `(n, m)`.
        method: "central" or "complex".
        atol: with `rtol`, replaces the estimated error by the caller's own tolerance.
        rtol: relative to the numeric derivative.
    """

    def __init__(
        self,
        problem: Problem,
        autodiff: Array,
        method: str = "central",
        atol: float | None = None,
        rtol: float | None = None,
    ) -> None:
        self._problem, self._autodiff, self._method = problem, autodiff, method
        self._tolerance = None if atol is None and rtol is None else (atol or 0.0, rtol or 0.0)
        self._rounding = _Rounding(problem, autodiff)
        self._may_move = True
        parts = problem.arguments.parts
        self._part = np.repeat(np.arange(len(parts)), [p.size for p in parts])
        self._ceiling = np.stack([_largest(autodiff[p.where]) for p in parts]) * FINE

    def compare(self, columns: NDArray[np.int64]) -> Comparison:
        """Return how both compare for some arguments `(C,)`."""
        given = self._autodiff[columns]
        if self._method == "complex":
            found = complex_step(self._problem, columns)
            error = self._rounding(columns, found.amplification)
            step = found.step[:, None]
            suspects = np.zeros(len(columns), bool)
        else:
            found, error, step, suspects = self._central_passes(given, columns)
        if self._tolerance is not None:
            error = self._tolerance[0] + self._tolerance[1] * np.abs(found.value)
        wrong = ~(np.abs(given - found.value) <= error)
        kinks = np.zeros_like(wrong)
        if suspects.any():
            noise = self._rounding.of_results
            finest = step[suspects].min(axis=1)
            _excuse_kinks(self._problem, columns, suspects, finest, given, error, noise, kinks)
            wrong &= ~kinks
        if self._tolerance is None and wrong.any():
            self._hear(columns, given, found.value, step, wrong, kinks)
        return Comparison(columns, given, found.value, error, step, wrong, kinks)

    def _hear(
        self,
        columns: NDArray[np.int64],
        given: Array,
        numeric: Array,
        step: Array,
        wrong: NDArray[np.bool_],
        kinks: NDArray[np.bool_],
    ) -> None:
        """Mark as kinks what a second look acquits."""
        distance = np.abs(given - numeric)
        distance = np.where(np.isfinite(distance), distance, np.inf)
        appeal = Appeal(self._problem, self._rounding.of_results)
        sizes = np.broadcast_to(step, given.shape)
        looks: list[tuple[Callable[..., NDArray[np.bool_]], Any]] = []
        if self._method == "central":
            looks.append((appeal.by_noise, sizes.min(axis=1)))
            looks.append((appeal.by_finer, sizes.max(axis=1)))
            looks.append((appeal.by_sides, sizes.min(axis=1)))
        if self._may_move:
            looks.append((appeal.nearby, None))
        for look, size in looks:
            rows = wrong.any(axis=1)
            if rows.any():
                last = self._at if size is None else size[rows]
                acquitted = look(columns[rows], wrong[rows], given[rows], distance[rows], last)
                kinks[rows] |= acquitted
                wrong &= ~kinks

    def _at(self, problem: Problem, columns: NDArray[np.int64]) -> Nearby:
        """Return what is found at another point."""
        if not np.isfinite(problem.value).all():
            zero = np.zeros((len(columns), problem.results.size))
            return Nearby(np.ones(zero.shape, bool), zero, zero)
        there = Agreement(problem, problem.jacobian(), self._method)
        there._may_move = False  # its own neighbours would be asked in turn
        found = there.compare(columns)
        return Nearby(found.wrong, found.error, found.autodiff)

    def _central_passes(
        self, given: Array, columns: NDArray[np.int64]
    ) -> tuple[Estimate, Array, Array, NDArray[np.bool_]]:
        """Measure all, then suspects with smaller steps; each entry keeps its best estimate."""
        scale = np.fmin(np.fmax(1.0, _largest(given.T)), 1e6)
        largest = first_step(self._problem.numeric_epsilon) / 2.0 ** np.ceil(np.log2(scale))
        found = central(self._problem, columns, largest)
        rounding = self._rounding(columns, found.amplification)
        error = found.careful(rounding) + rounding
        limit = self._ceiling[self._part[columns]] + FLOOR + rounding
        step = np.repeat(found.step[:, None], given.shape[1], axis=1)
        suspects = found.kinked.copy()
        for shrink in SHRINK:
            again, gap = suspects.copy(), np.abs(given - found.value)
            if shrink != SHRINK[-1]:
                # Too coarse, no number, or beyond the estimate: by chance the three differences
                # around a kink can agree to the last digit.
                again |= np.any(~(error <= limit) | (gap > error), axis=1)
            if not again.any():
                break
            finer = central(self._problem, columns[again], largest[again] * shrink)
            finer_rounding = self._rounding(columns[again], finer.amplification)
            finer_error = finer.careful(finer_rounding) + finer_rounding
            # Larger steps may have left the function's domain: they give no number.
            better = (finer_error < error[again]) | ~np.isfinite(error[again])
            # One estimate alone can be too small by chance: what is wrong must stay wrong.
            # A finer one that is sharp beside the distance, and agrees, shows that it was.
            gap = gap[again]
            within = np.abs(given[again] - finer.value) <= finer_error
            fine = self._ceiling[self._part[columns[again]]] + 10 * FLOOR
            sharp = finer_error <= np.maximum(fine, gap)
            better |= (gap > error[again]) & within & sharp
            # Where both contradict each other, the larger steps straddle a kink, or claim too much.
            better |= np.abs(found.value[again] - finer.value) > error[again] + finer_error
            finer_step = np.broadcast_to(finer.step[:, None], better.shape)
            for kept, new in ((found.value, finer.value), (error, finer_error), (step, finer_step)):
                kept[again] = np.where(better, new, kept[again])
            suspects[again] = finer.kinked  # a kink nearby is left behind, one right here is not
        self._measure_edges(columns, found, error, step)
        return found, error, step, suspects

    def _measure_edges(
        self, columns: NDArray[np.int64], found: Estimate, error: Array, step: Array
    ) -> None:
        """Measure from one side where no differences around the point gave a number."""
        edges = ~np.isfinite(found.value).all(axis=1)
        if not edges.any():
            return
        h = step[edges].min(axis=1)
        far, near = (one_sided(self._problem, columns[edges], size) for size in (h, h / 4))
        rounding = SIDED * self._rounding.of_results / h[:, None]
        for coarse, fine in zip(far, near, strict=True):
            value, bound = found.value[edges], error[edges]
            # Near the edge a slope may change like a root of the step: half of it is still to come.
            change = 2 * np.abs(fine - coarse) + rounding
            use = ~np.isfinite(value) & np.isfinite(change)
            found.value[edges] = np.where(use, fine, value)
            error[edges] = np.where(use, change, bound)
            step[edges] = np.where(use, h[:, None] / 4, step[edges])


class _Rounding:
    """What rounding can do to numeric derivatives and to autodiff.

    A result's own rounding is eps times its condition |f| + Σ |∂f/∂θ_i| |θ_i|, and what the
    rounding of each state does to it; autodiff's is bounded by the problem (`blur`). Where only
    autodiff is in a narrow dtype, it is granted what differences in that dtype would be.
    """

    def __init__(self, problem: Problem, autodiff: Array) -> None:
        size = np.abs(problem.point)
        condition = np.abs(problem.value) + problem.blur[-1]
        for k in range(0, len(size), BLOCK_ROWS):
            rows = slice(k, k + BLOCK_ROWS)
            condition = condition + size[rows] @ np.nan_to_num(np.abs(autodiff[rows]))
        parts = problem.arguments.parts
        self._part = np.repeat(np.arange(len(parts)), [p.size for p in parts])
        roundings = ROUNDINGS * np.nan_to_num(condition)
        self.of_results = problem.numeric_epsilon * roundings
        self._of_autodiff = problem.epsilon * BLURRINGS * np.nan_to_num(problem.blur[:-1])
        if problem.numeric_epsilon < problem.epsilon:
            granted = amplification(first_step(problem.epsilon))
            self._of_autodiff += problem.epsilon * roundings * granted

    def __call__(self, columns: NDArray[np.int64], amplified: Array) -> Array:
        """Return the bound for arguments measured with these amplifications, `(C, m)`."""
        bound: Array = amplified[:, None] * self.of_results
        bound += self._of_autodiff[self._part[columns]]
        return bound


def _largest(rows: Array) -> Array:
    """Return the largest finite magnitude of each column of `(R, m)`, zero for no rows."""
    if not len(rows):
        return np.zeros(rows.shape[1])
    found = np.fmax(rows.max(axis=0), -rows.min(axis=0))
    if np.isfinite(found).all():
        return np.asarray(found)
    return np.asarray(np.where(np.isfinite(rows), np.abs(rows), 0).max(axis=0))


def _excuse_kinks(
    problem: Problem,
    columns: NDArray[np.int64],
    suspects: NDArray[np.bool_],
    finest: Array,
    autodiff: Array,
    error: Array,
    noise: Array,
    kinks: NDArray[np.bool_],
) -> None:
    """Mark entries whose one-sided derivatives differ and hold autodiff's between them.

    The steps are those of the best estimates: with larger ones a function that is smooth but
    steep looks kinked.
    """
    h = finest / 2
    left, right = one_sided(problem, columns[suspects], h)
    closer_left, closer_right = one_sided(problem, columns[suspects], h / 4)
    gap, closer = np.abs(right - left), np.abs(closer_right - closer_left)
    rounding = SIDED * noise / h[:, None]
    differ = (closer > 0.5 * gap) & (closer > 10 * rounding) & (closer > error[suspects])
    slack = 0.1 * closer + error[suspects]
    low, high = np.minimum(left, right) - slack, np.maximum(left, right) + slack
    given = autodiff[suspects]
    kinks[suspects] = differ & (given >= low) & (given <= high)
