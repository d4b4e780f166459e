"""The verdict on a change, after each seed: worse, better, equivalent, or undecided.

    worse        mean over the measures of W_n(y, 1) ≥ 1/α
    better       mean over the measures of W_n(-y, 1) ≥ 1/α, and not worse by a margin in any
    equivalent   W_n(m - y, 1 - m) ≥ 1/β and W_n(m + y, 1 - m) ≥ 1/β in every measure, m its margin

A mean of bets is a bet, so `worse` and `better` need no correction for several measures; that all
of several hypotheses are rejected needs none either. The first seed after which one of them holds
ends the comparison, whatever comes later and however many are trained at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gru_bench.comparison.evidence import Array, log_mean, log_wealth
from gru_bench.comparison.rules import Rules
from gru_bench.comparison.scores import MEASURES, Scores
from gru_bench.outside import bounds

WORSE, BETTER, EQUIVALENT, UNDECIDED = VERDICTS = ("worse", "better", "equivalent", "undecided")


@dataclass(frozen=True)
class Evidence:
    """The evidence of scores, after each seed, as logarithms; all arrays are `(..., n)`.

    Args:
        scores: by measure.
        rules: error rates and margins.
    """

    scores: Scores
    rules: Rules

    @cached_property
    def worse_in(self) -> dict[str, Array]:
        """That the candidate is worse, by measure."""
        return {name: log_wealth(y, 1.0) for name, y in self.scores.items()}

    @cached_property
    def better_in(self) -> dict[str, Array]:
        """That the candidate is better, by measure."""
        return {name: log_wealth(-y, 1.0) for name, y in self.scores.items()}

    @cached_property
    def not_worse_in(self) -> dict[str, Array]:
        """That the candidate is not worse by the margin, by measure."""
        margins = {name: self.rules.margin_of(name) for name in self.scores}
        return {n: log_wealth(margins[n] - y, 1 - margins[n]) for n, y in self.scores.items()}

    @cached_property
    def not_better_in(self) -> dict[str, Array]:
        """That the candidate is not better by the margin, by measure."""
        margins = {name: self.rules.margin_of(name) for name in self.scores}
        return {n: log_wealth(margins[n] + y, 1 - margins[n]) for n, y in self.scores.items()}

    @cached_property
    def worse(self) -> Array:
        """That the candidate is worse in some measure."""
        return log_mean(list(self.worse_in.values()))

    @cached_property
    def better(self) -> Array:
        """That the candidate is better in some measure."""
        return log_mean(list(self.better_in.values()))

    @cached_property
    def not_worse(self) -> Array:
        """That the candidate is worse by its margin in no measure: the weakest evidence of any."""
        weakest: Array = np.minimum.reduce(list(self.not_worse_in.values()))
        return weakest

    @cached_property
    def equivalent(self) -> Array:
        """That the candidate is within the margins in every measure: the weakest evidence."""
        weakest: Array = np.minimum.reduce([self.not_worse, *self.not_better_in.values()])
        return weakest

    def holds(self, verdict: str) -> NDArray[np.bool_]:
        """Return after which seeds a verdict holds, `(..., n)`."""
        difference, sameness = math.log(1 / self.rules.alpha), math.log(1 / self.rules.beta)
        if verdict == WORSE:
            found = self.worse >= difference
        elif verdict == BETTER:
            found = (self.better >= difference) & (self.not_worse >= sameness)
        else:
            found = self.equivalent >= sameness
        return np.asarray(found, np.bool_)

    @property
    def is_not_worse(self) -> bool:
        """Whether, after the last seed, the candidate is shown to be within every margin."""
        return bool(self.not_worse[..., -1] >= math.log(1 / self.rules.beta))

    def verdict_in(self, measure: str) -> str:
        """Return the verdict on one measure after the last seed of scores `(n,)`.

        Worse or better is said where the measure would decide the whole by itself.
        """
        alone = math.log(len(self.scores) / self.rules.alpha)
        within = math.log(1 / self.rules.beta)
        if self.worse_in[measure][-1] >= alone:
            return WORSE
        if self.better_in[measure][-1] >= alone:
            return BETTER
        both = min(self.not_worse_in[measure][-1], self.not_better_in[measure][-1])
        return EQUIVALENT if both >= within else UNDECIDED


def decide(scores: Scores, rules: Rules) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return the verdict on scores and how many seeds it took, each of shape `(...)`.

    Where two hold after the same seed the graver one counts.

    Args:
        scores: by measure, each `(..., n)`, n at least 1.
        rules: error rates and margins.
    """
    evidence = Evidence(scores, rules)
    count = next(iter(scores.values())).shape[-1]
    holds = [evidence.holds(verdict) for verdict in VERDICTS[:-1]]
    seeds = [np.where(found.any(axis=-1), found.argmax(axis=-1) + 1, count + 1) for found in holds]
    first = np.minimum.reduce(seeds)
    kinds = [first == taken for taken in seeds]
    verdicts = np.select([first > count, *kinds], [UNDECIDED, *VERDICTS[:-1]], UNDECIDED)
    return verdicts, np.minimum(first, count)


def seeds_needed(verdict: str, measures: int, rules: Rules) -> int | None:
    """Return how many seeds a verdict needs, if each says it as clearly as can be.

    Args:
        verdict: worse, better or equivalent.
        measures: how many are counted.
        rules: error rates and margins.

    Returns:
        None where no number of seeds that the bench accepts is enough.
    """
    score = {WORSE: 1.0, BETTER: -1.0, EQUIVALENT: 0.0}[verdict]
    most = bounds.SEEDS.most
    # Margins of shares are by default the smaller ones, that of iterations stands first.
    scores = {name: np.full(most, score) for name in MEASURES[:measures]}
    holds = Evidence(scores, rules).holds(verdict)
    return int(holds.argmax()) + 1 if holds.any() else None
