"""Evidence by betting: how much a fair game would have paid against a hypothesis.

Against "the mean of y is at most 0", for y at least -b:

    W_n(y, b) = mean over stakes k of  Π_{i ≤ n} (1 + k y_i / b)

W starts at 1 and is a supermartingale that is never negative under the hypothesis, so the chance
that it ever reaches 1/α is at most α (Ville 1939): at any time of stopping, for any distribution,
from the first seed on. Source: Waudby-Smith and Ramdas, Estimating means of bounded random
variables by betting, JRSS B 86 (2024), arXiv 2010.09686.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

#: Shares of what may be lost that are bet on each seed: small ones for slow, large ones for sure
#: gains. Below 1, so that one seed never ruins the game.
STAKES = (0.15, 0.4, 0.9)


def log_wealth(y: Array, least: float, stakes: Sequence[float] = STAKES) -> Array:
    """Return log W after each seed, against "the mean of y is at most 0".

    Args:
        y: scores, `(..., n)`, each at least -least.
        least: b, above 0: how far below 0 a score can be.
        stakes: k, each between 0 and 1.

    Returns:
        `(..., n)`: entry i is the evidence of the first i + 1 seeds.
    """
    games = [np.cumsum(np.log1p(k * y / least), axis=-1) for k in stakes]
    return log_mean(games)


def log_mean(logs: Sequence[Array]) -> Array:
    """Return the logarithm of the mean of what these are the logarithms of, entry by entry.

    A mean of supermartingales is one, so evidence of several games may be averaged.
    """
    found: Array = special.logsumexp(np.stack(logs), axis=0) - math.log(len(logs))
    return found


def discoveries(log_evidence: Array, alpha: float) -> NDArray[np.bool_]:
    """Return which hypotheses are rejected by e-BH: of these, on average, α at most are true.

    The largest k is taken for which k of the K hypotheses have evidence of at least K / (α k).
    It holds however the hypotheses depend on each other. Source: Wang and Ramdas, False discovery
    rate control with e-values, JRSS B 84 (2022), arXiv 2009.02824.

    Args:
        log_evidence: of each hypothesis, `(K,)`.
        alpha: the false discovery rate.
    """
    count = log_evidence.size
    ranked = np.sort(log_evidence)[::-1]
    needed = math.log(count / alpha) - np.log(np.arange(1, count + 1)) if count else ranked
    enough = np.flatnonzero(ranked >= needed)
    if not enough.size:
        return np.zeros(count, np.bool_)
    return np.asarray(log_evidence >= ranked[enough[-1]], np.bool_)
