"""Facts: what the page's script draws its charts from, as small as it can be said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gru_bench.outside.text import short
from gru_bench.report.automaton import principal, zonotope
from gru_bench.report.certainty import summarise
from gru_bench.report.chart import specifications
from gru_bench.report.exhibit import Exhibit
from gru_bench.report.statistics import share_interval, solved_share
from gru_bench.report.table import Results, group_keys, group_title, select

#: States drawn of each proof.
_STATES = 400
#: What ends an element of a page, and what begins a comment.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def embed(data: Any) -> str:
    """Return data as JSON that may stand in any element of a page."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return "".join(_ESCAPES.get(character, character) for character in text)


def facts(results: Results, exhibits: Sequence[Exhibit]) -> dict[str, Any]:
    """Return all that charts are drawn from, and their specifications."""
    certain = summarise(results)
    return {
        "charts": specifications(),
        "groups": [_group(results, certain, key) for key in group_keys(results.seeds)],
        "exhibits": [_exhibit(exhibit) for exhibit in exhibits],
        "judged": len(results.verdicts) > 0,
    }


def _group(results: Results, certain: pd.DataFrame, key: tuple[str, str]) -> dict[str, Any]:
    cell, recipe = key
    summary = select(results.summary, cell=cell, recipe=recipe)
    seeds = select(results.seeds, cell=cell, recipe=recipe)
    iterations = summary["iteration"].unique().tolist()
    families = summary["family"].unique().tolist()
    long = select(results.long, cell=cell, recipe=recipe)
    # Rows come by iteration, family and length, and in the long frame by seed before these.
    shape = (len(iterations), len(families), summary["length"].nunique())
    found = {
        "title": short(group_title(results.seeds, *key)),
        "iterations": iterations,
        "lengths": summary["length"].unique().tolist(),
        "families": families,
        "seeds": seeds["seed"].tolist(),
        "outcomes": _outcomes(results, seeds),
        "shares": summary[["mean", "low", "high"]].round(6).to_numpy().reshape(*shape, 3).tolist(),
        "pairs": int(summary["pairs"].iloc[0]),
        "exact": np.moveaxis(long["exact"].to_numpy().reshape(-1, *shape), 0, -1).tolist(),
        "solved": _steps(seeds, "solved_at"),
    }
    if len(certain):
        part = select(certain, cell=cell, recipe=recipe)
        found["proved"] = _steps(seeds, "proved_at")
        columns = ["proved_share", "proved_low", "proved_high"]
        found["any"] = part[columns].round(6).to_numpy().tolist()
        judged = select(results.verdicts, cell=cell, recipe=recipe)
        found["verdicts"] = [
            judged.loc[judged["iteration"] == i, "outcome"].str[0].tolist() for i in iterations
        ]
    return found


def _outcomes(results: Results, seeds: pd.DataFrame) -> dict[str, int]:
    """Return how many seeds ended how."""
    if not len(results.verdicts):
        lost, solved = seeds["diverged_at"].notna(), seeds["solved_at"].notna()
        counts = {"solved": solved, "not solved": ~solved & ~lost, "diverged": lost}
        return {name: int(found.sum()) for name, found in counts.items()}
    part = select(results.verdicts, cell=seeds["cell"].iloc[0], recipe=seeds["recipe"].iloc[0])
    last = select(part, iteration=part["iteration"].max())["outcome"].str.lower()
    names = ("proved", "open", "refuted", "diverged")
    return {name: int((last == name).sum()) for name in names}


def _steps(seeds: pd.DataFrame, column: str) -> list[list[float]]:
    """Return iteration, share of seeds done by then, and its interval."""
    times = [None if pd.isna(time) else int(time) for time in seeds[column]]
    last = int(seeds["iterations"].iloc[0])
    grid, shares = solved_share(times, last)
    rows = zip([0, *grid, last], [0, *shares, shares[-1]], strict=True)
    ends = ((time, s, *share_interval(s * len(times), len(times))) for time, s in rows)
    return [[int(time), *(round(float(x), 4) for x in row)] for time, *row in ends]


def _exhibit(exhibit: Exhibit) -> list[dict[str, Any]]:
    """Return outlines of regions and states among them, in the directions they vary most."""
    states, where = exhibit.sample()
    mean, axes = principal(states)
    labels = exhibit.family.labels
    rows: list[dict[str, Any]] = []

    def put(kind: str, state: int, place: Any, **more: int) -> None:
        x, y = (round(float(value), 4) for value in place)
        rows.append({"kind": kind, "state": str(state), "x": x, "y": y, **more})

    for number, (center, radius) in enumerate(zip(exhibit.center, exhibit.radius, strict=True)):
        outline = (center - mean) @ axes + zonotope(radius[:, None] * axes)
        for order, corner in enumerate(outline):
            put("region", labels[number], corner, region=number, order=order)
    every = max(1, len(states) // _STATES)
    for state, region in zip(states[::every], where[::every], strict=True):
        put("state", labels[region], (state - mean) @ axes)
    put("start", labels[0], (exhibit.center[0] - mean) @ axes)
    return rows
