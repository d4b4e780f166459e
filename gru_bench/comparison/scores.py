"""What a seed says of base and candidate: scores in [-1, 1], positive where the candidate is worse.

All runs of a comparison end at the same iteration, so a seed's two runs can always be ordered: one
that never solves the task is simply the worse. Each score changes its sign where base and
candidate change places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Names of what is measured, in the order in which it is told.
ITERATIONS, SOLVED, ACCURACY, PROVED = MEASURES = ("iterations", "solved", "accuracy", "proved")

#: Scores by measure, each `(..., n)`: the seeds lie along the last axis.
Scores = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Trial:
    """What one run of one seed came to.

    Args:
        seed: of the replicate.
        solved: iteration from which on it made no error, None if there was none.
        accuracy: share of pairs with every bit right, at the last iteration, by family and length.
        proved: whether it was proved for every length; None where no verdict was asked for.
        digest: what tells whether two runs are the same bit for bit.
    """

    seed: int
    solved: int | None
    accuracy: Mapping[tuple[str, int], float] = field(default_factory=dict)
    proved: bool | None = None
    digest: str = ""

    @property
    def mean_accuracy(self) -> float:
        """The mean over families and lengths."""
        return math.fsum(self.accuracy.values()) / len(self.accuracy) if self.accuracy else 0.0


def iterations_score(base: int | None, candidate: int | None) -> float:
    """Return how much longer the candidate took, in factors of two, at most one of them.

    x = clip(log2(T_candidate / T_base), -1, 1); 1 if only the base solves the task, -1 if only the
    candidate does, 0 if neither.

    Args:
        base: iterations that the base took to solve the task, or None.
        candidate: iterations that the candidate took, or None.
    """
    if base is None or candidate is None:
        return float((candidate is None) - (base is None))
    # A run that solves the task before its first update took no time that could be compared.
    longer = math.log2(max(candidate, 1)) - math.log2(max(base, 1))
    return min(1.0, max(-1.0, longer))


def score_pairs(
    base: Sequence[Trial], candidate: Sequence[Trial]
) -> dict[str, NDArray[np.float64]]:
    """Return the scores of seeds, by measure, each of shape `(n,)`.

    Args:
        base: a trial for each seed.
        candidate: as many trials.
    """
    pairs = list(zip(base, candidate, strict=True))
    found = {
        ITERATIONS: [iterations_score(b.solved, c.solved) for b, c in pairs],
        SOLVED: [float((c.solved is None) - (b.solved is None)) for b, c in pairs],
        ACCURACY: [b.mean_accuracy - c.mean_accuracy for b, c in pairs],
    }
    if pairs and all(one.proved is not None for pair in pairs for one in pair):
        found[PROVED] = [float(bool(b.proved)) - float(bool(c.proved)) for b, c in pairs]
    return {name: np.asarray(values, np.float64) for name, values in found.items()}


def mean_scores(
    bases: Sequence[Sequence[Trial]], candidate: Sequence[Trial]
) -> dict[str, NDArray[np.float64]]:
    """Return the scores of seeds, the mean over several runs of the base for each.

    Args:
        bases: trials of the base, several lists; no trial stands beside two of the candidate's.
        candidate: as many trials as each list has.
    """
    found = [score_pairs(base, candidate) for base in bases]
    return {name: np.mean([scores[name] for scores in found], axis=0) for name in found[0]}


def score_places(
    bases: Sequence[Sequence[Trial]], candidate: Sequence[Trial]
) -> dict[tuple[str, int], NDArray[np.float64]]:
    """Return base's mean accuracy less the candidate's, by family and length, each `(n,)`."""
    return {
        place: np.mean([[trial.accuracy[place] for trial in base] for base in bases], axis=0)
        - np.asarray([trial.accuracy[place] for trial in candidate], np.float64)
        for place in bases[0][0].accuracy
    }
