"""Numeric derivatives with an error estimate for every entry.

Central differences D(h) = (f(θ + h e) - f(θ - h e)) / 2h have an error in even powers of h, so

    R_k(h) = (4^k R_{k-1}(h/2) - R_{k-1}(h)) / (4^k - 1),   R_0 = D

removes one power after another (Richardson). The estimate is the last correction, which is about
the error of the value before it, plus what rounding of f can do to the weighted sum of D.

The complex step Im f(θ + ih e) / h subtracts nothing, so it is exact to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.problem import Problem

Array = NDArray[Any]

#: Step sizes h, h/2, h/4 of one estimate.
LEVELS = 3

#: A result computed in T steps carries rounding of at most this many eps times its condition.
#: Chosen so that, against 50 digits, the true error of a derivative is within its estimate
#: (tests/test_gradients.py measures it).
ROUNDINGS = 4.0


@dataclass
class Estimate:
    """Numeric derivatives of all results by some arguments.

    Args:
        value: `(C, m)`.
        truncation: estimated error of the extrapolation alone, `(C, m)`.
        step: the smallest h used for each argument, `(C,)`.
        amplification: by what a rounding error of f is multiplied, `(C,)`.
        kinked: arguments whose one-sided differences disagree more than smoothness allows, `(C,)`.
        changes: |D(h) - D(h/2)| and |D(h/2) - D(h/4)|, `(2, C, m)`.
    """

    value: Array
    truncation: Array
    step: Array
    amplification: Array
    kinked: NDArray[np.bool_]
    changes: Array

    def careful(self, rounding: Array) -> Array:
        """Return the estimated error of the extrapolation, larger where D is no series in h².

        Each halving of h then brings D nearer by another share than a quarter: the second
        derivative jumps, or a kink or a jump lies within the steps. The share is taken to be
        three quarters at most, and what spoils one of the differences spoils the correction.

        Args:
            rounding: what rounding does to the value, `(C, m)`.
        """
        first, second = self.changes
        odd = (second > 0.4 * first) | (second < 0.1 * first)
        odd &= np.maximum(first, second) > 4 * rounding
        more = np.maximum(4 * self.truncation, 3 * second)
        return np.asarray(np.where(odd, more, self.truncation))


def first_step(epsilon: float) -> float:
    """Return the largest step of an estimate, for arguments of order one.

    The value left after two extrapolations errs by about h^6 f'''''''/10^6 and its rounding by
    200 eps/h, so the best h follows eps^(1/7): 2^-5 in double precision, 2^-2 in single.
    """
    return float(2.0 ** np.round(np.log2(4 * epsilon ** (1 / 7)) - 0.2))


def weights_of_levels(levels: int) -> Array:
    """Return how the extrapolated value weighs D(h), D(h/2), ..."""
    rows = np.eye(levels)
    for k in range(1, levels):
        rows = (4**k * rows[1:] - rows[:-1]) / (4**k - 1)
    return np.asarray(rows[0])


def amplification(steps: Any) -> Any:
    """Return by what a rounding error of f is multiplied in an extrapolated value.

    Args:
        steps: the largest h, a number or an array.
    """
    return (np.abs(weights_of_levels(LEVELS)) * 2.0 ** np.arange(LEVELS)).sum() / steps


def central(problem: Problem, columns: NDArray[np.int64], steps: Array) -> Estimate:
    """Return extrapolated central differences.

    Args:
        problem: the function.
        columns: which arguments, `(C,)`.
        steps: the largest h for each, `(C,)`.
    """
    base = problem.value
    block = max(1, problem.chunk // (2 * LEVELS))
    parts = [
        _central_block(problem, columns[k : k + block], steps[k : k + block], base)
        for k in range(0, len(columns), block)
    ]
    return Estimate(
        np.concatenate([p[0] for p in parts]),
        np.concatenate([p[1] for p in parts]),
        steps / 2 ** (LEVELS - 1),
        amplification(steps),
        np.concatenate([p[2] for p in parts]),
        np.concatenate([p[3] for p in parts], axis=1),
    )


def _central_block(
    problem: Problem, columns: NDArray[np.int64], steps: Array, base: Array
) -> tuple[Array, Array, Array, Array]:
    h = steps / 2.0 ** np.arange(LEVELS)[:, None]
    deltas = np.stack([h, -h]).reshape(-1)
    index = np.tile(columns, 2 * LEVELS)
    made = problem.evaluate(index, deltas).reshape(2, LEVELS, len(columns), -1)
    difference = made[0] - made[1]
    difference /= 2 * h[..., None]
    value, correction = _extrapolate(difference)
    changes = np.abs(np.diff(difference, axis=0))[-2:]
    return value, correction, _kinks(made, base), changes


def _extrapolate(table: Array) -> tuple[Array, Array]:
    """Return the extrapolated value and its last correction for D `(K, ...)`."""
    correction = np.zeros_like(table[0])
    for k in range(1, LEVELS):
        change = (table[1:] - table[:-1]) / (4**k - 1)
        table = table[1:] + change
        correction = change[-1]
    return table[0], np.abs(correction)


def _kinks(made: Array, base: Array) -> NDArray[np.bool_]:
    """Return the columns where (f(θ+h) - 2f(θ) + f(θ-h)) / h does not go down with h.

    It is the difference between the one-sided derivatives: smoothness makes it proportional to h.
    """
    gap = [np.abs(made[0, k] + made[1, k] - 2 * base) for k in (0, -1)]
    noise = 1e3 * np.finfo(base.dtype).eps * (1 + np.abs(base))
    ratio = 2.0 ** (LEVELS - 1)
    found: NDArray[np.bool_] = np.any((gap[1] * ratio > 0.5 * gap[0]) & (gap[1] > noise), axis=1)
    return found


def complex_step(problem: Problem, columns: NDArray[np.int64], size: float = 2.0**-100) -> Estimate:
    """Return derivatives by the complex step, for problems that can be replayed.

    Args:
        problem: the function.
        columns: which arguments, `(C,)`.
        size: the step; anything whose square is below eps.
    """
    made = problem.evaluate(columns, np.full(len(columns), 1j * size))
    value = made.imag / size
    count = len(columns)
    zero = np.zeros(count)
    none = np.zeros_like(value)
    kinked = zero.astype(bool)
    return Estimate(value, none, np.full(count, size), zero, kinked, np.stack([none, none]))


def one_sided(problem: Problem, columns: NDArray[np.int64], steps: Array) -> tuple[Array, Array]:
    """Return the derivatives to the left and to the right, `(C, m)` each, to second order.

    Args:
        problem: the function.
        columns: which arguments, `(C,)`.
        steps: h for each, `(C,)`.
    """
    deltas = np.concatenate([steps, 2 * steps, -steps, -2 * steps, 0 * steps])
    made = problem.evaluate(np.tile(columns, 5), deltas).reshape(5, len(columns), -1)
    near_r, far_r, near_l, far_l, base = made
    right = (4 * near_r - far_r - 3 * base) / (2 * steps[:, None])
    left = -(4 * near_l - far_l - 3 * base) / (2 * steps[:, None])
    return left, right


def directional(problem: Problem, directions: Array, step: float) -> tuple[Array, Array]:
    """Return derivatives along directions and their estimated truncation, `(D, m)` each.

    Args:
        problem: the function.
        directions: `(D, n)`.
        step: the largest h.
    """
    h = step / 2.0 ** np.arange(LEVELS)
    signed = np.concatenate([h, -h])
    values, corrections = [], []
    for direction in directions:
        made = problem.evaluate_at(problem.point + signed[:, None] * direction)
        table = (made[:LEVELS] - made[LEVELS:]) / (2 * h[:, None])
        value, correction = _extrapolate(table)
        values.append(value)
        corrections.append(correction)
    return np.stack(values), np.stack(corrections)
