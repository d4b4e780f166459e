"""Tables: results as one long frame, and what is read off it.

Every table, figure and page is made from the frames here, so that they say the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from gru_bench.report.statistics import Estimate, Solving, mean_share, solving
from gru_bench.runs.execution import Group
from gru_bench.runs.experiment import Claim
from gru_bench.runs.run import Inputs, Run
from gru_bench.runs.solving import proof_time, solve_time
from gru_bench.task.transducer import Family

#: What tells one table from another.
KEYS = ["cell", "recipe", "family"]


@dataclass(frozen=True, eq=False)
class Results:
    """The results of an experiment as frames.

    Args:
        long: a row for each cell, recipe, seed, iteration, family and length.
        summary: a row for each cell, recipe, family, iteration and length, over seeds.
        seeds: a row for each cell, recipe and seed: when it solved the task.
        solving: a row for each cell and recipe, over seeds.
        verdicts: a row for each cell, recipe, seed and iteration; none if they were not asked for.
        proving: as `solving`, of proofs for every length; none if they were not asked for.
    """

    long: pd.DataFrame
    summary: pd.DataFrame
    seeds: pd.DataFrame
    solving: pd.DataFrame
    verdicts: pd.DataFrame
    proving: pd.DataFrame


def make_results(groups: Sequence[Group]) -> Results:
    """Return the frames of an experiment's groups."""
    long = pd.DataFrame([row for group in groups for row in _long_rows(group)])
    seeds = pd.DataFrame([_seed_row(group, run) for group in groups for run in group.runs])
    verdicts = pd.DataFrame([row for group in groups for row in _verdict_rows(group)])
    proving = _solving_frame(groups, proof_time, "none was proved")
    return Results(
        long,
        summarise(long),
        seeds if len(verdicts) else seeds.drop(columns="proved_at"),
        _solving_frame(groups, solve_time, "none solved it"),
        verdicts,
        proving if len(verdicts) else proving.iloc[:0],
    )


def _long_rows(group: Group) -> Iterable[dict[str, Any]]:
    for run in group.runs:
        measured = {(row.iteration, row.family, row.length): row for row in run.measurements}
        bits = {(row.family, row.length): row.bits for row in run.measurements}
        for cell in _planned(run.inputs):
            row = measured.get(cell)
            iteration, family, length = cell
            yield {
                "cell": group.cell,
                "recipe": group.recipe.name,
                "family": family,
                "iteration": iteration,
                "length": length,
                "seed": run.inputs.seed,
                # A diverged run has no weights to measure: it counts as wrong throughout.
                "exact": row.exact if row else 0,
                "pairs": run.inputs.pairs,
                "bits_right": row.bits_right if row else 0,
                "bits": row.bits if row else bits.get((family, length), run.inputs.pairs * length),
                "measured": row is not None,
            }


def _planned(inputs: Inputs) -> Iterable[tuple[int, Family, int]]:
    for iteration in inputs.checkpoints:
        for family in inputs.families:
            for length in inputs.lengths:
                yield iteration, family, length


def _verdict_rows(group: Group) -> Iterable[dict[str, Any]]:
    for run in group.runs:
        found = {verdict.iteration: verdict for verdict in run.verdicts}
        for iteration in run.inputs.checkpoints if run.inputs.any_length else ():
            row = {
                "cell": group.cell,
                "recipe": group.recipe.name,
                "seed": run.inputs.seed,
                "iteration": iteration,
                # A diverged run has no weights to give a verdict on.
                "outcome": "DIVERGED",
                "reason": f"its loss was not finite from iteration {run.diverged} on",
            }
            yield row | (found[iteration].model_dump(mode="json") if iteration in found else {})


def summarise(long: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds with intervals, and how many seeds made no error."""
    shares = long.assign(
        accuracy=long["exact"] / long["pairs"],
        bit_accuracy=long["bits_right"] / long["bits"],
        flawless=long["exact"] == long["pairs"],
    )
    rows = []
    for key, part in shares.groupby([*KEYS, "iteration", "length"], sort=False):
        estimate = mean_share(part["accuracy"].tolist())
        bits = mean_share(part["bit_accuracy"].tolist())
        rows.append(
            dict(zip([*KEYS, "iteration", "length"], key, strict=True))
            | asdict(estimate)
            | {
                "pairs": int(part["pairs"].iloc[0]),
                "flawless": int(part["flawless"].sum()),
                "bit_accuracy": bits.mean,
                "entry": entry(estimate),
                "bit_entry": entry(bits),
            }
        )
    return pd.DataFrame(rows)


def share_text(share: float) -> str:
    """Return a share with two decimals; only 1 reads 1.00, only 0 reads 0.00."""
    for digits in (2, 3):
        text = f"{share:.{digits}f}"
        if float(text) not in {0, 1} or float(text) == share:
            return text
    return ">0.999" if share > 0.5 else "<0.001"


def entry(estimate: Estimate) -> str:
    """Return `mean [low, high]`; the ends are rounded outwards."""
    # The tiny shift keeps an end that is a round number where it is.
    low = math.floor(estimate.low * 100 + 1e-9) / 100
    high = math.ceil(estimate.high * 100 - 1e-9) / 100
    return f"{share_text(estimate.mean)} [{low:.2f}, {high:.2f}]"


def pivot(summary: pd.DataFrame, value: str = "entry") -> pd.DataFrame:
    """Return one cell, recipe and family as a table: rows iterations, columns lengths."""
    return summary.pivot(index="iteration", columns="length", values=value)


def select(frame: pd.DataFrame, **keys: Any) -> pd.DataFrame:
    """Return the rows whose columns have these values."""
    for column, value in keys.items():
        frame = frame[frame[column] == value]
    return frame


def group_keys(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (cell, recipe) of each group, in the experiment's order."""
    pairs = frame[["cell", "recipe"]].drop_duplicates()
    return [(str(cell), str(recipe)) for cell, recipe in pairs.itertuples(index=False)]


def group_title(frame: pd.DataFrame, cell: str, recipe: str) -> str:
    """Return what a group is called; the recipe is named where the frame has several."""
    return f"{cell}, recipe {recipe}" if frame["recipe"].nunique() > 1 else cell


def hardest_family(summary: pd.DataFrame) -> str:
    """Return the family with the lowest mean accuracy at the last iteration of one group."""
    last = select(summary, iteration=summary["iteration"].max())
    return str(last.groupby("family", sort=False)["mean"].mean().idxmin())


def _spent(run: Run, solved: int | None) -> int:
    given_up = run.inputs.recipe.iterations if run.diverged is None else run.diverged
    return given_up if solved is None else solved


def _seed_row(group: Group, run: Run) -> dict[str, Any]:
    solved, last = solve_time(run), run.inputs.recipe.iterations
    if run.diverged is not None:
        outcome = f"diverged at {run.diverged:,}"
    elif solved is None:
        outcome = f"not solved by {last:,}"
    else:
        outcome = f"{solved:,}"
    return {
        "cell": group.cell,
        "recipe": group.recipe.name,
        "seed": run.inputs.seed,
        "solved_at": solved,
        "diverged_at": run.diverged,
        "proved_at": proof_time(run),
        "iterations": last,
        "outcome": outcome,
        "seconds": run.seconds,
        "run": run.inputs.name,
    }


def _solving_frame(
    groups: Sequence[Group], time: Callable[[Run], int | None], nobody: str
) -> pd.DataFrame:
    rows = []
    for group in groups:
        times = [time(run) for run in group.runs]
        spent = [_spent(run, found) for run, found in zip(group.runs, times, strict=True)]
        found = solving(times, spent, group.recipe.iterations)
        rows.append(
            {
                "cell": group.cell,
                "recipe": group.recipe.name,
                **asdict(found),
                "share": found.share.mean,
                "share_low": found.share.low,
                "share_high": found.share.high,
                "diverged": sum(run.diverged is not None for run in group.runs),
                **_solving_text(found, group.recipe.iterations, nobody),
            }
        )
    return pd.DataFrame(rows).convert_dtypes()


def _solving_text(found: Solving, last: int, nobody: str) -> dict[str, str]:
    beyond = f">{last:,}"

    def text(value: float | None) -> str:
        return beyond if value is None else f"{value:,.0f}"

    return {
        "share_text": f"{found.solved} of {found.seeds}: {entry(found.share)}",
        "median_text": f"{text(found.median)} [{text(found.low)}, {text(found.high)}]",
        "expected_text": nobody if found.expected is None else f"{found.expected:,.0f}",
    }


def solving_table(frame: pd.DataFrame, done: str = "solved") -> pd.DataFrame:
    """Return how many seeds are done and how fast, a row for each cell and recipe.

    Args:
        frame: `Results.solving` or `Results.proving`.
        done: what they have done.
    """
    titles = [group_title(frame, *key) for key in group_keys(frame)]
    return pd.DataFrame(
        {
            "": titles,
            done: frame["share_text"].tolist(),
            "median iterations": frame["median_text"].tolist(),
            "iterations per success": frame["expected_text"].tolist(),
        }
    )


def bit_table(results: Results) -> pd.DataFrame:
    """Return bit accuracy after the last iteration: a row for each cell, recipe and family."""
    summary = results.summary
    rows = []
    for cell, recipe in group_keys(summary):
        part = select(summary, cell=cell, recipe=recipe)
        part = select(part, iteration=part["iteration"].max())
        for family in part["family"].unique():
            lengths = select(part, family=family)
            entries = zip(lengths["length"], lengths["bit_entry"], strict=True)
            title = f"{group_title(summary, cell, recipe)}: {family}"
            rows.append({"": title} | {f"{n:,} bits": text for n, text in entries})
    return pd.DataFrame(rows)


def last_table(results: Results) -> pd.DataFrame:
    """Return exact accuracy after the last iteration, at the greatest length, by family."""
    rows = []
    for cell, recipe in group_keys(results.summary):
        part = select(results.summary, cell=cell, recipe=recipe)
        last = select(part, iteration=part["iteration"].max(), length=part["length"].max())
        title = f"{group_title(results.summary, cell, recipe)}: {last['length'].iloc[0]:,} bits"
        rows.append({"": title} | dict(zip(last["family"], last["entry"], strict=True)))
    return pd.DataFrame(rows)


def claim_table(results: Results, claims: Sequence[Claim]) -> pd.DataFrame:
    """Return what was measured at each claim: a column for each family."""
    if not claims:
        return pd.DataFrame()
    rows = []
    for claim in claims:
        for cell, recipe in group_keys(results.summary):
            part = select(
                results.summary,
                cell=cell,
                recipe=recipe,
                iteration=claim.iteration,
                length=claim.length,
            )
            row = {
                "claimed": claim.text,
                "cell": group_title(results.summary, cell, recipe),
                "iteration": f"{claim.iteration:,}",
                "bits": f"{claim.length:,}",
            }
            for found in part.itertuples(index=False):
                # Spaces that do not break keep "1 of 64" together.
                flawless = f"{found.flawless}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{found.seeds}"
                row[str(found.family)] = f"{found.entry}; {flawless}"
            rows.append(row)
    table = pd.DataFrame(rows)
    return table if len(group_keys(results.summary)) > 1 else table.drop(columns="cell")
