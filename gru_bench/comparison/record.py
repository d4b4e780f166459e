"""What a comparison found, as a record that is written as JSON."""

from __future__ import annotations

from typing import Literal

from gru_bench.comparison.verdict import UNDECIDED, WORSE
from gru_bench.records import Record

Verdict = Literal["worse", "better", "equivalent", "undecided"]


class Contestant(Record):
    """One of the two cells.

    Args:
        title: what it is called.
        cell: `package.module:Name`.
        arguments: of its constructor, as JSON.
        source: hash of its source.
        origin: where its runs come from: "trained here", or a folder.
        trained: runs that were trained now.
        stored: runs that were there already.
        speed: seed-iterations/s, measured in turns with the other; None where not asked for.
        solved_by: iterations, and the share of seeds that have solved the task by then.
    """

    title: str
    cell: str
    arguments: str
    source: str
    origin: str
    trained: int
    stored: int
    speed: float | None
    solved_by: tuple[tuple[int, float], ...]


class Line(Record):
    """One measure.

    Args:
        measure: its name.
        verdict: on this measure alone.
        base: median of iterations, share of seeds, or mean accuracy; None for no median.
        candidate: likewise.
        effect: factor in iterations, or candidate less base.
        low: end of its interval, at confidence 1 - α, whenever it is read.
        high: end of its interval.
        worse: evidence that the candidate is worse, 1 at first.
        better: evidence that it is better.
        equivalent: evidence that it is within the margin, in both directions.
        margin: factor in iterations, or share.
    """

    measure: str
    verdict: Verdict
    base: float | None
    candidate: float | None
    effect: float
    low: float
    high: float
    worse: float
    better: float
    equivalent: float
    margin: float


class Place(Record):
    """Accuracy at one length in one family, after the last iteration.

    Args:
        family: of pairs.
        length: bits.
        base: mean exact accuracy over seeds.
        candidate: likewise.
        evidence: that the two differ, 1 at first.
        differs: whether they do, corrected for all lengths and families (e-BH).
    """

    family: str
    length: int
    base: float
    candidate: float
    evidence: float
    differs: bool


class Moment(Record):
    """The evidence after a number of seeds: that it is worse, better, and equivalent."""

    seeds: int
    worse: float
    better: float
    equivalent: float


class Comparison(Record):
    """What a comparison found.

    Args:
        verdict: worse, better, equivalent or undecided.
        not_worse: whether the candidate was shown to be worse by its margin in no measure.
        seeds: that the verdict took.
        first_seed: the lowest of them.
        last_seed: the highest of them.
        base_runs: of the base, for each of them.
        identical: of these, whose two runs are the same bit for bit.
        base: what is compared with.
        candidate: what is compared.
        recipe: name of the recipe.
        iterations: of each run.
        task: that was learned.
        lengths: bits at which accuracy was measured.
        pairs: tried at each length in each family.
        alpha: error rate of worse and of better.
        beta: error rate of equivalent.
        most_seeds: that were allowed.
        lines: a measure each.
        places: accuracy by family and length.
        moments: the evidence after each seed.
        log_rank: p-value of a test of fixed size, for those who know it; None if nobody solved.
        notices: what else should be known.
        machine: that this was found on.
    """

    form: Literal["gru_bench comparison 1"]
    verdict: Verdict
    not_worse: bool
    seeds: int
    first_seed: int
    last_seed: int
    base_runs: int
    identical: int
    base: Contestant
    candidate: Contestant
    recipe: str
    iterations: int
    task: str
    lengths: tuple[int, ...]
    pairs: int
    alpha: float
    beta: float
    most_seeds: int
    lines: tuple[Line, ...]
    places: tuple[Place, ...]
    moments: tuple[Moment, ...]
    log_rank: float | None
    notices: tuple[str, ...]
    machine: str

    @property
    def is_identical(self) -> bool:
        """Whether all runs of the two are the same bit for bit."""
        return self.identical == self.seeds

    def fails(self, undecided: bool = False) -> bool:
        """Return whether it is a finding: worse, or undecided where that is asked for.

        What was shown to be worse by its margin in no measure does not fail, though it may be
        undecided whether it is better or equivalent.
        """
        unknown = undecided and self.verdict == UNDECIDED and not self.not_worse
        return self.verdict == WORSE or unknown
