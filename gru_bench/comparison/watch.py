"""Who watches a comparison: as a training is watched, and the evidence after each batch."""

from __future__ import annotations

from gru_bench.comparison.verdict import Evidence
from gru_bench.runs.watch import Watch


class ComparisonWatch(Watch):
    """Is told how far a comparison is; this one shows nothing of it."""

    def weigh(self, evidence: Evidence, seeds: int) -> None:
        """Hear of the evidence so far.

        Args:
            evidence: after each of the seeds.
            seeds: how many there are.
        """
