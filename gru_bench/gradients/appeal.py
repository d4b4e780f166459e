"""A second look at derivatives that seem wrong, before anybody is accused.

Differences and autodiff also disagree where there is no derivative, or none that differences can
see: at a jump, at kinks that several operations have at one point and mix with both signs, where
the second derivative jumps, where any of these lies within rounding of the point. A derivative is
wrong where it is wrong nearby too. So an entry is acquitted

- where all finer differences side with it: the coarse ones promised too much;
- where both one-sided derivatives tend to autodiff's as the steps shrink;
- where they tend to different values that hold autodiff's between them: a kink;
- where the function itself changes by as much however short the step is: a jump;
- where the function's rounding, as it is measured, explains the distance: what is large within and
  cancels is rounded by more than what enters and leaves says;
- where it agrees at random points nearby: what TensorFlow's operations say at their own kinks and
  jumps is TensorFlow's choice. Of a function in which a user wrote or stopped gradients, autodiff's
  must also be like one nearby, and the function must lead there without a jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_bench.gradients.derivative import LEVELS as HALVINGS
from gru_bench.gradients.derivative import central, one_sided
from gru_bench.trace.problem import Problem

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: One-sided steps: how many, and by what each is shorter than the one before.
LEVELS, SHRINK = 9, 1 / 4

#: By what steps shrink for the finer differences, and how many in a row must side with autodiff.
FINER, ROW = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32), 3

#: An estimate decides only where its error is this small beside the distance in question.
SHARP = 0.25

#: Points nearby that are tried, how many must agree sharply (none may disagree), and how far they
#: lie, relative to 1 + |θ|.
POINTS, ENOUGH, MOVE = 6, 3, 2.0**-9

#: Which arguments are moved, in turn: some may have no neighbours that the function reaches
#: without a jump (whole numbers, an input that means that there is none).
MOVED = (
    ("weight", "input", "state"),
    ("weight", "input"),
    ("weight", "state"),
    ("weight",),
)

#: By what a result's rounding is multiplied in a one-sided derivative to second order, by h.
SIDED = 32.0

#: How many points on each side are looked at for rounding, and how far they may lie, in roots of
#: eps: results may be rounded to a lattice that shorter ways do not leave.
SCATTERED, AWAY = 12, 32.0

#: Rounding errors that a change of the function must exceed to be one.
CLEAR = 128.0


@dataclass(frozen=True)
class Nearby:
    """What is found at another point.

    Args:
        wrong: which entries, `(C, m)`.
        error: of the numeric derivatives, `(C, m)`.
        given: autodiff's derivatives, `(C, m)`.
    """

    wrong: Mask
    error: Array
    given: Array


class Appeal:
    """Looks again at entries of a comparison.

    Args:
        problem: the function.
        noise: rounding of its results, `(m,)`.
    """

    def __init__(self, problem: Problem, noise: Array) -> None:
        self._problem, self._noise = problem, noise

    def by_finer(
        self,
        columns: NDArray[np.int64],
        accused: Mask,
        given: Array,
        distance: Array,
        step: Array,
    ) -> Mask:
        """Return which entries finer central differences acquit, `(C, m)`.

        Where rounding is coarse no bound on it decides. But it does not favour autodiff: a wrong
        derivative keeps its distance from all of them.

        Args:
            columns: which arguments, `(C,)`.
            accused: `(C, m)`.
            given: autodiff's derivatives, `(C, m)`.
            distance: |autodiff - numeric|, `(C, m)`.
            step: the largest of the h that decided for each argument, `(C,)`.
        """
        near = []
        for shrink in FINER:
            largest = step * 2 ** (HALVINGS - 1) * shrink
            found = central(self._problem, columns, largest)
            near.append(np.abs(given - found.value) <= SHARP * distance)
        rows = [np.all(near[k : k + ROW], axis=0) for k in range(len(FINER) - ROW + 1)]
        return np.asarray(accused & np.isfinite(distance) & np.any(rows, axis=0))

    def by_noise(
        self,
        columns: NDArray[np.int64],
        accused: Mask,
        given: Array,
        distance: Array,
        step: Array,
    ) -> Mask:
        """Return which entries the measured rounding acquits, `(C, m)`.

        Of random points that lie so near a parabola leaves nothing but rounding, at least on the
        side on which there is no kink.

        Args:
            columns: which arguments, `(C,)`.
            accused: `(C, m)`.
            given: autodiff's derivatives, `(C, m)`.
            distance: |autodiff - numeric|, `(C, m)`.
            step: the smallest h used for each argument, `(C,)`.
        """
        away = AWAY * np.sqrt(self._problem.numeric_epsilon)
        unit = away * (1 + np.abs(self._problem.point[columns]))
        places = np.random.default_rng(0).uniform(0, 1, SCATTERED)
        parabolas, _ = np.linalg.qr(np.vander(places, 3))
        scatter = []
        for side in (-1.0, 1.0):
            deltas = side * np.multiply.outer(places, unit)
            made = self._problem.evaluate(np.tile(columns, SCATTERED), deltas.ravel())
            made = made.reshape(SCATTERED, -1) - made.reshape(SCATTERED, -1)[:1]
            with np.errstate(invalid="ignore"):
                left = made - parabolas @ (parabolas.T @ made)
            scatter.append(np.abs(left).max(axis=0).reshape(given.shape))
        return np.asarray(accused & (distance <= SIDED * np.minimum(*scatter) / step[:, None]))

    def by_sides(
        self,
        columns: NDArray[np.int64],
        accused: Mask,
        given: Array,
        distance: Array,
        step: Array,
    ) -> Mask:
        """Return which entries shrinking one-sided steps acquit, `(C, m)`.

        Args:
            columns: which arguments, `(C,)`.
            accused: `(C, m)`.
            given: autodiff's derivatives, `(C, m)`.
            distance: |autodiff - numeric|, `(C, m)`.
            step: the smallest h used for each argument, `(C,)`.
        """
        acquitted = np.zeros_like(accused)
        before: list[Array] = []
        gap, first = np.zeros_like(given), np.zeros((2, *given.shape))
        for level in range(LEVELS):
            h = step * SHRINK**level
            sides = list(one_sided(self._problem, columns, h))
            change = self._changes(columns, h)
            if level:
                rounding = SIDED * self._noise / h[:, None]
                errors = [
                    2 * np.abs(now - then) + rounding
                    for now, then in zip(sides, before, strict=True)
                ]
                acquitted |= _tend_to(given, sides, errors, SHARP * distance)
                wider, gap = gap, np.abs(sides[1] - sides[0])
                acquitted |= _kinked(given, sides, errors, rounding, wider, gap)
            else:
                gap, first = np.abs(sides[1] - sides[0]), change
            before = sides
        jumped = (change > 0.25 * first) & (change > CLEAR * self._noise)
        return accused & (acquitted | jumped.any(axis=0))

    def _changes(self, columns: NDArray[np.int64], h: Array) -> Array:
        """Return by how much results change a step to the right and to the left, `(2, C, m)`."""
        deltas = np.concatenate([h, -h, 0 * h])
        made = self._problem.evaluate(np.tile(columns, 3), deltas).reshape(3, len(columns), -1)
        return np.asarray(np.nan_to_num(np.abs(made[:2] - made[2]), nan=0.0))

    def nearby(
        self,
        columns: NDArray[np.int64],
        accused: Mask,
        given: Array,
        distance: Array,
        compare: Callable[[Problem, NDArray[np.int64]], Nearby],
    ) -> Mask:
        """Return which entries agree at points nearby, `(C, m)`.

        Args:
            columns: which arguments, `(C,)`.
            accused: `(C, m)`.
            given: autodiff's derivatives, `(C, m)`.
            distance: |autodiff - numeric|, `(C, m)`.
            compare: says of a problem and columns which entries are wrong.
        """
        acquitted = np.zeros_like(accused)
        for kinds in MOVED:
            left = accused & ~acquitted
            if not left.any():
                break
            right = left & np.isfinite(distance)
            count, seen = np.zeros(left.shape, int), []
            for point in points_near(self._problem, kinds):
                if not right.any() or np.all(count[right] >= ENOUGH):
                    break
                found = compare(self._problem.at(point), columns)
                right &= ~found.wrong
                count += found.error <= SHARP * distance
                seen.append(found.given)
                if self._problem.overrides:
                    right &= self._continuous(point)
            right &= count >= ENOUGH
            if right.any() and self._problem.overrides:
                slack = SHARP * distance
                right &= (given >= np.min(seen, 0) - slack) & (given <= np.max(seen, 0) + slack)
            acquitted |= right
        return acquitted

    def _continuous(self, point: Array) -> Mask:
        """Return which results a straight way to this point changes less the shorter it is."""
        way = point - self._problem.point
        shares = np.array([1.0, 2.0**-6, 0.0])
        made = self._problem.evaluate_at(
            (self._problem.point + shares[:, None] * way).astype(self._problem.point.dtype)
        )
        far, near = np.abs(made[0] - made[2]), np.abs(made[1] - made[2])
        return np.asarray(near <= far / 4 + CLEAR * self._noise)


def _tend_to(given: Array, sides: list[Array], errors: list[Array], limit: Array) -> Mask:
    """Return where both sides agree with autodiff, and are sharp enough to say so."""
    agree = np.ones(given.shape, bool)
    for side, error in zip(sides, errors, strict=True):
        agree &= (np.abs(given - side) <= error) & (error <= limit)
    return agree


def _kinked(
    given: Array, sides: list[Array], errors: list[Array], rounding: Array, wider: Array, gap: Array
) -> Mask:
    """Return where the sides differ by as much as with longer steps and hold autodiff's between."""
    slack = 0.1 * gap + np.maximum(*errors)
    between = (given >= np.minimum(*sides) - slack) & (given <= np.maximum(*sides) + slack)
    lasting = (gap > 0.5 * wider) & (gap > 10 * rounding) & (gap > 2 * np.maximum(*errors))
    return np.asarray(between & lasting)


def points_near(problem: Problem, kinds: tuple[str, ...], count: int = POINTS) -> Iterator[Array]:
    """Yield random points near a problem's, of which only arguments of some kinds are moved."""
    rng = np.random.default_rng(0)
    point, moves = problem.point, np.zeros(problem.point.size)
    for part in problem.arguments.parts:
        moves[part.where] = part.kind in kinds
    for _ in range(count if moves.any() else 0):
        size = rng.uniform(0.5, 1, point.size) * rng.choice([-1.0, 1.0], point.size)
        yield (point + moves * MOVE * size * (1 + np.abs(point))).astype(point.dtype)
