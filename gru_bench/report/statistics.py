"""Statistics in which the seed is the unit: pure functions, no randomness.

Pairs tried with one set of weights are not independent evidence about a recipe: a seed that
learned is right for nearly all of them, one that did not for nearly none. So intervals count
seeds, not pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

CONFIDENCE = 0.95
#: Less than any share of pairs; below it the quantiles overflow.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval.

    Args:
        mean: over seeds.
        low: end of the interval.
        high: end of the interval.
        seeds: how many.
    """

    mean: float
    low: float
    high: float
    seeds: int


def share_interval(total: float, seeds: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a mean share, with a real-valued count.

    For shares that are 0 or 1 it is the exact binomial interval. A share between 0 and 1 varies
    at most as much as a binomial with the same mean, so for others it is conservative. It is
    never of zero width, also where all seeds agree.

    Args:
        total: sum of the shares, in [0, seeds].
        seeds: how many shares.
        confidence: of the interval.
    """
    tail = (1 - confidence) / 2
    right, wrong = total, seeds - total
    low = special.betaincinv(right, wrong + 1, tail) if right > _NOTHING else 0.0
    high = special.betaincinv(right + 1, wrong, 1 - tail) if wrong > _NOTHING else 1.0
    return float(low), float(high)


def mean_share(shares: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of one share in [0, 1] per seed, with its interval."""
    values = np.asarray(shares, np.float64)
    low, high = share_interval(float(values.sum()), values.size, confidence)
    mean = float(values.mean())
    # Beta quantiles carry rounding of their own, which must not push an end past the mean.
    return Estimate(mean, min(low, mean), max(high, mean), values.size)


def solved_share(times: Sequence[int | None], last: int) -> tuple[NDArray[np.float64], ...]:
    """Return iterations and the share of seeds that have solved the task by then.

    Seeds that never solved it are right-censored at the last iteration; the share is the
    complement of the Kaplan-Meier estimate.

    Args:
        times: iteration at which each seed solved the task, or None.
        last: iteration at which watching ended.
    """
    solved = [time for time in times if time is not None]
    failed = [last] * (len(times) - len(solved))
    cdf = stats.ecdf(stats.CensoredData(uncensored=solved, right=failed)).cdf
    return np.asarray(cdf.quantiles, np.float64), np.asarray(cdf.probabilities, np.float64)


@dataclass(frozen=True)
class Solving:
    """How long seeds took to solve the task.

    Args:
        seeds: how many were trained.
        solved: how many solved it and stayed without error to the end.
        share: of seeds that did, with its interval.
        median: iteration by which half the seeds had; None if fewer than half did.
        low: end of the median's interval; None if beyond the last iteration.
        high: end of the median's interval; None if beyond the last iteration.
        expected: iterations over all seeds for each seed that solved it (ERT); None if none did.
    """

    seeds: int
    solved: int
    share: Estimate
    median: int | None
    low: int | None
    high: int | None
    expected: float | None


def solving(
    times: Sequence[int | None],
    spent: Sequence[int],
    last: int,
    confidence: float = CONFIDENCE,
) -> Solving:
    """Summarise iterations-to-solve; failures count.

    Args:
        times: iteration at which each seed solved the task, or None.
        spent: iterations each seed trained until it had solved the task or was given up.
        last: iteration at which watching ended.
        confidence: of the intervals.
    """
    grid, shares = solved_share(times, last)
    grid, shares = np.append(0, grid), np.append(0, shares)
    # Nothing is censored before the last iteration, so the binomial interval is exact there.
    ends = [share_interval(share * len(times), len(times), confidence) for share in shares]
    solved = sum(time is not None for time in times)
    return Solving(
        seeds=len(times),
        solved=solved,
        share=mean_share([float(time is not None) for time in times], confidence),
        median=_first_half(grid, shares),
        low=_first_half(grid, [high for _, high in ends]),
        high=_first_half(grid, [low for low, _ in ends]),
        expected=sum(spent) / solved if solved else None,
    )


def _first_half(grid: NDArray[Any], shares: Sequence[float] | NDArray[Any]) -> int | None:
    """Return the first iteration at which a share has reached one half."""
    reached = [int(i) for i, share in zip(grid, shares, strict=True) if share >= 0.5 - 1e-12]
    return reached[0] if reached else None
