"""How many seeds have solved the task by which iteration, and a test of fixed size beside bets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

#: Iterations at which the shares of seeds are told, as parts of the last one.
_PARTS = (1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 3 / 4, 1)


def censored(times: Sequence[int | None], last: int) -> stats.CensoredData:
    """Return times to solve the task, censored on the right for seeds that never did.

    Args:
        times: iterations, or None.
        last: iteration at which watching ended.
    """
    solved = [time for time in times if time is not None]
    return stats.CensoredData(uncensored=solved, right=[last] * (len(times) - len(solved)))


def solved_by(times: Sequence[int | None], last: int) -> list[tuple[int, float]]:
    """Return iterations and the share of seeds that have solved the task by then (Kaplan-Meier)."""
    curve = stats.ecdf(censored(times, last)).cdf
    points = sorted({max(1, round(part * last)) for part in _PARTS})
    return [(point, float(curve.evaluate(point))) for point in points]


def log_rank(
    base: Sequence[int | None], candidate: Sequence[int | None], last: int
) -> float | None:
    """Return the p-value of the log-rank test; None where neither ever solves the task.

    It holds for a number of seeds that was fixed before; looked at after each batch it errs far
    more often than it says, so nothing here is decided by it.
    """
    if not any(time is not None for time in (*base, *candidate)):
        return None
    with np.errstate(invalid="ignore"):
        found = float(stats.logrank(censored(base, last), censored(candidate, last)).pvalue)
    # Where all at risk solve it together, what is observed is what is expected: 0 / 0.
    return 1.0 if math.isnan(found) else found
