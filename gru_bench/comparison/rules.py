"""What a comparison is held to: error rates, margins, and how many seeds it may use."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gru_bench.comparison.scores import ITERATIONS
from gru_bench.errors import UsageError
from gru_bench.outside import bounds

#: Seeds of one block, so that blocks have none in common.
BLOCK = bounds.SEEDS.most
#: From one of the base's seeds to the next one that stands beside the same seed.
STRIDE = BLOCK // bounds.BASE_RUNS.most


@dataclass(frozen=True)
class Rules:
    """What a comparison is held to.

    Args:
        alpha: how often, at most, a cell as good is called worse; and one no better, better.
        beta: how often, at most, a difference as large as a margin is called equivalent.
        margin: factor in iterations that does not matter.
        points: percentage points in shares and accuracies that do not matter.
        seeds: at most used.
        block: of seeds: block b has the seeds from 10,000 b on.
        base_runs: of the base for each run of the candidate, which is compared with each of them:
            what the base does by chance then tells less, and the base's runs are kept.

    Raises:
        UsageError: one is out of its range.
    """

    alpha: float = 0.05
    beta: float = 0.05
    margin: float = 1.2
    points: float = 10.0
    seeds: int = 128
    block: int = 0
    base_runs: int = 1

    def __post_init__(self) -> None:
        bounds.ERROR_RATE.check("alpha", self.alpha)
        bounds.ERROR_RATE.check("beta", self.beta)
        bounds.FACTOR.check("margin", self.margin)
        bounds.POINTS.check("points", self.points)
        bounds.SEEDS.check("max_seeds", self.seeds)
        bounds.SEED_BLOCK.check("seed_block", self.block)
        bounds.BASE_RUNS.check("base_runs", self.base_runs)
        if self.base_runs > 1 and self.seeds > STRIDE:
            raise UsageError(f"with several base_runs max_seeds must be at most {STRIDE}")

    def margin_of(self, measure: str) -> float:
        """Return the margin of a measure, as a score."""
        return math.log2(self.margin) if measure == ITERATIONS else self.points / 100

    @property
    def first_seed(self) -> int:
        """The first seed of the block."""
        return self.block * BLOCK
