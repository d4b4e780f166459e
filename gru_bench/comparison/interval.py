"""Intervals of a mean, by inverting the bets: all means that the seeds do not speak against."""

from __future__ import annotations

import math

from scipy import optimize

from gru_bench.comparison.evidence import Array, log_wealth

#: The ends of where a mean of scores can lie, as near as can be computed with.
_END = 1 - 1e-9


def mean_interval(y: Array, alpha: float) -> tuple[float, float]:
    """Return the interval of the mean of scores in [-1, 1], at confidence 1 - α.

    It holds all μ against which neither of two bets has won 2/α: that the mean is above μ, and
    that it is below. Both bets lose nothing at the mean of the seeds themselves, since the
    logarithm is concave, so that mean is always inside. The interval may be read at any time: the
    chance that it misses the mean after the seed at which one stops is at most α.

    Args:
        y: scores, `(n,)`, n at least 1.
        alpha: one less the confidence.
    """
    return -_upper_end(-y, alpha), _upper_end(y, alpha)


def _upper_end(y: Array, alpha: float) -> float:
    """Return the least μ such that the bet that the mean is below μ has won 2/α; 1 if none has."""

    def excess(mean: float) -> float:
        # μ - y is at least μ - 1; the evidence rises with μ.
        return float(log_wealth(mean - y, 1 - mean)[-1]) - math.log(2 / alpha)

    if excess(_END) < 0:
        return 1.0
    start = max(-_END, min(_END, float(y.mean())))
    return float(optimize.brentq(excess, start, _END, xtol=1e-12))
