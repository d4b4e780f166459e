"""Certainty: how many seeds are proved, refuted or open for numbers of any length, and since when.

All of it is empty where an experiment asks for no verdicts: not measured is not OPEN.
"""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd

from gru_bench.report.statistics import mean_share
from gru_bench.report.table import Results, entry, group_keys, group_title, pivot, select

#: What a verdict may be; a diverged seed has no weights and gets none.
OUTCOMES = ("PROVED", "REFUTED", "OPEN", "DIVERGED")
#: What the column beside the finite lengths is called.
COLUMN = "any length"
#: Numbers of more characters than this are described instead of printed.
_LONG = 24


@functools.lru_cache(maxsize=2)  # asked for once for each cell
def summarise(results: Results) -> pd.DataFrame:
    """Return how many seeds have which verdict: a row for each cell, recipe and iteration."""
    if results.verdicts.empty:
        return pd.DataFrame()
    rows = []
    keys = ["cell", "recipe", "iteration"]
    for (cell, recipe, iteration), part in results.verdicts.groupby(keys, sort=False):
        row = {"cell": cell, "recipe": recipe, "iteration": iteration, "seeds": len(part)}
        for outcome in OUTCOMES:
            estimate = mean_share((part["outcome"] == outcome).astype(float).tolist())
            name = outcome.lower()
            row |= {
                name: int((part["outcome"] == outcome).sum()),
                f"{name}_share": estimate.mean,
                f"{name}_low": estimate.low,
                f"{name}_high": estimate.high,
                f"{name}_entry": entry(estimate),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def beside(results: Results, cell: str, recipe: str) -> pd.DataFrame | None:
    """Return the column beside the finite lengths of one cell and recipe.

    Returns:
        By iteration `entry`, the share of seeds proved with its interval, and `mean`, the share;
        None where no verdicts were asked for.
    """
    summary = summarise(results)
    if summary.empty:
        return None
    part = select(summary, cell=cell, recipe=recipe).set_index("iteration")
    return pd.DataFrame({"entry": part["proved_entry"], "mean": part["proved_share"]})


def widen(
    summary: pd.DataFrame, certain: pd.DataFrame | None, value: str = "entry"
) -> pd.DataFrame:
    """Return one cell, recipe and family by iteration and length, with the column beside them.

    Args:
        summary: of the cell, recipe and family.
        certain: what `beside` returned.
        value: "entry" or "mean".
    """
    table = pivot(summary, value)
    return table if certain is None else table.assign(**{COLUMN: certain[value]})


def share_table(results: Results, last: bool = False) -> pd.DataFrame:
    """Return the shares of seeds proved, refuted and open, as texts.

    Args:
        results: of the experiment.
        last: only after the last iteration.
    """
    summary = summarise(results)
    rows = []
    for cell, recipe in group_keys(summary) if len(summary) else []:
        part = select(summary, cell=cell, recipe=recipe)
        part = select(part, iteration=part["iteration"].max()) if last else part
        for _, row in part.iterrows():
            title = f"{group_title(summary, cell, recipe)}: {row['iteration']:,}"
            rows.append({"after iteration": title} | _texts(row))
    frame = pd.DataFrame(rows)
    nobody = len(frame) and not summary["diverged"].any()
    return frame.drop(columns="diverged") if nobody else frame


def _texts(row: Any) -> dict[str, str]:
    """Return count and share for each outcome; spaces that do not break keep them together."""
    names = [outcome.lower() for outcome in OUTCOMES]
    return {
        name: f"{row[name]}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{row['seeds']}: "
        f"{row[f'{name}_entry']}"
        for name in names
    }


def seed_rows(results: Results) -> list[dict[str, str]]:
    """Return how each seed ended, in texts: a row for each cell, recipe and seed."""
    verdicts, found = results.verdicts, []
    judged = {}
    if len(verdicts):
        last = verdicts.groupby(["cell", "recipe"])["iteration"].transform("max")
        rows = verdicts[verdicts["iteration"] == last]
        judged = {(row["cell"], row["recipe"], row["seed"]): row for _, row in rows.iterrows()}
    several = results.seeds["recipe"].nunique() > 1
    for _, seed in results.seeds.iterrows():
        row = judged.get((seed["cell"], seed["recipe"], seed["seed"]))
        since = seed.get("proved_at")
        found.append(
            {
                "cell": seed["cell"] + (f", recipe {seed['recipe']}" if several else ""),
                "seed": str(seed["seed"]),
                "solved": seed["outcome"],
                "verdict": _ended(seed) if row is None else row["outcome"],
                "since": "" if since is None or pd.isna(since) else f"{int(since):,}",
                "known": "" if row is None else detail(row),
            }
        )
    return found


def _ended(seed: Any) -> str:
    """Return how a seed without a verdict ended."""
    if pd.notna(seed["diverged_at"]):
        return "DIVERGED"
    return "SOLVED" if pd.notna(seed["solved_at"]) else "NOT SOLVED"


def detail(row: Any) -> str:
    """Return what is known of one seed at one iteration, in one line."""
    if row["outcome"] == "PROVED":
        return (
            f"{row['regions']:.0f} regions at resolution {row['resolution']}, smallest margin "
            f"{row['margin']:.3g}; theorem {row['theorem'][:16]}"
        )
    if row["outcome"] == "REFUTED":
        operands = ", ".join(_number(number) for number in row["operands"])
        return (
            f"wrong for {operands} with {row['length']:.0f} digits a number, at digit "
            f"{row['position']:.0f} counted from 0"
        )
    if row["outcome"] == "OPEN" and pd.notna(row["steps"]):
        return (
            f"{row['reason']}; no counterexample in {row['steps']:,.0f} steps, every word of at "
            f"most {row['exhaustive']:.0f} symbols is right in a batch, the longest tried has "
            f"{row['longest']:,.0f}"
        )
    return str(row["reason"])


def _number(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:10]}… ({int(text, 0).bit_length():,} bits)"
