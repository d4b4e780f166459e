"""The verdict of a report in sentences that a person would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gru_bench.report.certainty import detail
from gru_bench.report.statistics import Estimate, mean_share
from gru_bench.report.table import Results, group_keys, group_title, select

#: What seeds do that learned a task, and what they fail to do.
_VERBS = {"addition": "add", "subtraction": "subtract", "comparison": "compare"}


@dataclass(frozen=True)
class Standing:
    """How far one cell and recipe got.

    Args:
        title: cell and recipe.
        verb: what its seeds do that learned the task.
        seeds: how many.
        solved: how many make no error at the end.
        diverged: how many.
        proved: how many are proved at the end; None where verdicts were not asked for.
        since: iteration from which on the first of them solve, or are proved.
        median: by which half the seeds had solved it.
    """

    title: str
    verb: str
    seeds: int
    solved: int
    diverged: int
    proved: int | None
    since: int | None
    median: float

    @property
    def share(self) -> Estimate:
        """The share of seeds that it is judged by, with its interval."""
        done = self.solved if self.proved is None else self.proved
        return mean_share([float(seed < done) for seed in range(self.seeds)])

    @property
    def rank(self) -> tuple[float, ...]:
        """What comes first is best."""
        return (-(self.proved or 0), -self.solved, self.median)

    @property
    def sentence(self) -> str:
        """What it did, after its title."""
        first = "the first " if self.seeds > 1 else ""
        when = "" if self.since is None else f", {first}from iteration {self.since:,} on"
        said = f"{_count(self.solved, self.seeds)} {self.verb}"
        if self.diverged:
            said += f", {self.diverged:,} diverged"
        if not self.proved:
            return (
                said + when + ("" if self.proved is None else "; none is proved for every length")
            )
        number = "all" if self.proved == self.solved > 1 else f"{self.proved:,}"
        are = "is" if self.proved == 1 else "are"
        return f"{said}; {number} {are} proved for every length{when}"


def _count(some: int, of: int) -> str:
    if of == 1:
        return "the one seed can" if some else "the one seed cannot"
    if some in (0, of):
        return f"all {of:,} seeds" if some else f"none of {of:,} seeds"
    return f"{some:,} of {of:,} seeds"


def standings(results: Results, task: str) -> list[Standing]:
    """Return how far each cell and recipe got, in the experiment's order."""
    verb, judged, frame = _VERBS.get(task, f"solve {task}"), len(results.verdicts), results.seeds
    found = []
    for key in group_keys(frame):
        part = select(frame, cell=key[0], recipe=key[1])
        proved = part["proved_at"].notna() if judged else None
        done = part["proved_at"] if proved is not None and proved.any() else part["solved_at"]
        solved = part["solved_at"].astype(float)
        found.append(
            Standing(
                title=group_title(frame, *key),
                verb=verb,
                seeds=len(part),
                solved=int(solved.notna().sum()),
                diverged=int(part["diverged_at"].notna().sum()),
                proved=None if proved is None else int(proved.sum()),
                since=None if done.isna().all() else int(done.min()),
                median=float(solved.fillna(float("inf")).median()),
            )
        )
    return found


def verdict(found: Sequence[Standing]) -> tuple[str, str]:
    """Return what a report found, in one sentence, and how sure that is, in another."""
    first, *others = sorted(found, key=lambda one: one.rank)
    head = f"{first.title}: {first.sentence}."
    what = "solve it" if first.proved is None else "are proved"
    share = first.share
    sure = f"Of all possible seeds {share.low:.0%} to {share.high:.0%} {what} (95% interval)"
    behind = [one for one in others if one.share.high < share.low]
    beside = len(others) - len(behind)
    if others and not first.solved:
        return f"No cell learned it: none of its {first.seeds:,} seeds {first.verb}.", f"{sure}."
    if others:
        head = f"Best is {head}"
        sure += f"; clearly ahead of {len(behind):,} of the others, not clearly of {beside:,}"
    return head, f"{sure}."


def failures(results: Results, most: int = 4) -> list[str]:
    """Return a line about the first refuted seed of each cell and recipe, with the operands."""
    if not len(results.verdicts):
        return []
    frame = results.verdicts
    last = frame.groupby(["cell", "recipe"])["iteration"].transform("max")
    lost = frame[(frame["iteration"] == last) & (frame["outcome"] == "REFUTED")]
    found = []
    for cell, recipe in group_keys(lost)[:most]:
        part = select(lost, cell=cell, recipe=recipe)
        more = f" (and {len(part) - 1:,} more of its seeds)" if len(part) > 1 else ""
        found.append(_line(frame, part.iloc[0]) + more)
    return found


def _line(frame: pd.DataFrame, row: Any) -> str:
    return f"{group_title(frame, row['cell'], row['recipe'])}, seed {row['seed']}: {detail(row)}"
