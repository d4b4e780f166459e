"""Pages: the report as Markdown and as one self-contained HTML file, and its data."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jinja2
import pandas as pd

from gru_bench.report.execution import Outcome
from gru_bench.report.experiment import Experiment
from gru_bench.report.figure import heat_map, learning_curves, png, solved_seeds
from gru_bench.report.markup import accuracy_table, plain_table
from gru_bench.report.run import Run
from gru_bench.report.statistics import CONFIDENCE
from gru_bench.report.table import (
    Results,
    bit_table,
    claim_table,
    group_keys,
    group_title,
    pivot,
    seed_table,
    select,
    solving_table,
)


@dataclass(frozen=True)
class Picture:
    """A figure on a page.

    Args:
        file: its path beside the page.
        title: what it shows.
        caption: how to read it.
        data: PNG.
    """

    file: str
    title: str
    caption: str
    data: bytes

    @property
    def address(self) -> str:
        """The figure as an address that needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.data).decode("ascii")


@dataclass(frozen=True)
class Page:
    """What the pages of one report say.

    Args:
        experiment: what was asked.
        outcome: the groups with their runs.
        results: their frames.
        command: that makes the report again.
    """

    experiment: Experiment
    outcome: Outcome
    results: Results
    command: str

    @cached_property
    def pictures(self) -> list[Picture]:
        """All figures: a heat map and learning curves for each group, then solved seeds."""
        heat = f"Each number is the mean over seeds; the tables have its interval. {self.basis}"
        band = f"Lines are means over seeds, bars {self.interval}. {self.basis}"
        found = []
        for number, (title, part) in enumerate(self._groups(), 1):
            maps = Picture(f"accuracy-{number}.png", title, heat, png(heat_map(part)))
            curves = Picture(f"curves-{number}.png", title, band, png(learning_curves(part)))
            found += [maps, curves]
        step = (
            "Share of seeds that, from that iteration to the last, make no error on any tested "
            f"pair; bands {self.interval}. {self.basis}"
        )
        data = png(solved_seeds(self.results))
        return [*found, Picture("solved.png", "Seeds that solved the task", step, data)]

    @property
    def basis(self) -> str:
        """From what the figures were measured."""
        seeds = len(self.experiment.seeds)
        return f"{seeds} seeds, {self.experiment.pairs:,} pairs at each length and family."

    @property
    def interval(self) -> str:
        """What intervals are called."""
        return f"{CONFIDENCE:.0%} intervals in which the seed is the unit"

    @property
    def diverged(self) -> list[str]:
        """A line about each seed that diverged."""
        lost = self.results.seeds.dropna(subset=["diverged_at"])
        return [
            f"{row.cell}, recipe {row.recipe}: seed {row.seed} diverged at iteration "
            f"{int(row.diverged_at):,} and counts as wrong from there on"  # type: ignore[arg-type]
            for row in lost.itertuples(index=False)
        ]

    @property
    def machines(self) -> list[str]:
        """The machines that trained the runs."""
        return sorted({str(run.machine) for run in self._runs})

    @property
    def versions(self) -> list[str]:
        """The versions that trained the runs."""
        sets = (run.inputs.versions.items() for run in self._runs)
        return sorted({", ".join(f"{name} {version}" for name, version in v) for v in sets})

    @property
    def seconds(self) -> float:
        """Seconds spent on all runs, one after the other."""
        return sum(run.seconds for run in self._runs)

    @property
    def _runs(self) -> list[Run]:
        return [run for group in self.outcome.groups for run in group.runs]

    def _groups(self) -> list[tuple[str, pd.DataFrame]]:
        summary = self.results.summary
        return [
            (group_title(summary, cell, recipe), select(summary, cell=cell, recipe=recipe))
            for cell, recipe in group_keys(summary)
        ]

    @property
    def _recipes(self) -> list[dict[str, Any]]:
        recipes = {group.recipe.name: group.recipe for group in self.outcome.groups}
        return [recipe.model_dump(mode="json") for recipe in recipes.values()]

    def markdown(self) -> str:
        """Return the page as Markdown; figures lie beside it."""
        groups = [
            (title, [(f, _markdown(pivot(select(part, family=f)))) for f in _families(part)])
            for title, part in self._groups()
        ]
        return self._render(
            "report.md",
            groups=groups,
            claims=_markdown(self._claims, index=False) if self.experiment.claims else "",
            solving=_markdown(solving_table(self.results), index=False),
            bits=_markdown(bit_table(self.results), index=False),
            seeds=_markdown(seed_table(self.results)),
        )

    def html(self) -> str:
        """Return the page as HTML that needs no other file."""
        groups = [
            (title, accuracy_table(part, f"accuracy-{number}"))
            for number, (title, part) in enumerate(self._groups(), 1)
        ]
        seeds = seed_table(self.results).reset_index().astype({"seed": str})
        return self._render(
            "report.html",
            groups=groups,
            claims=plain_table(self._claims, "claims") if self.experiment.claims else "",
            solving=plain_table(solving_table(self.results), "solving"),
            bits=plain_table(bit_table(self.results), "bits"),
            seeds=plain_table(seeds, "seeds"),
        )

    @property
    def _claims(self) -> pd.DataFrame:
        return claim_table(self.results, self.experiment.claims)

    def _render(self, template: str, **tables: Any) -> str:
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("gru_bench.report"),
            autoescape=template.endswith("html"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=jinja2.StrictUndefined,
        )
        return environment.get_template(template).render(
            page=self, experiment=self.experiment, recipes=self._recipes, **tables
        )

    def csv(self) -> str:
        """Return the long frame as CSV."""
        return self.results.long.to_csv(index=False, lineterminator="\n")

    def json(self) -> str:
        """Return experiment, summaries and origin as JSON."""
        data = {
            "experiment": self.experiment.model_dump(mode="json"),
            "recipes": self._recipes,
            "command": self.command,
            "machines": self.machines,
            "versions": self.versions,
            "seconds": round(self.seconds, 2),
            "confidence": CONFIDENCE,
            "accuracy": _records(self.results.summary),
            "solving": _records(self.results.solving),
            "seeds": _records(self.results.seeds),
        }
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _families(summary: pd.DataFrame) -> list[str]:
    return [str(family) for family in summary["family"].unique()]


def _markdown(frame: pd.DataFrame, index: bool = True) -> str:
    if index:
        frame = frame.rename_axis(columns=None).rename(columns=_bits)
        frame = frame.reset_index().map(lambda v: f"{v:,}" if isinstance(v, int) else v)
    align = ["right" if index else "left", *["center"] * (frame.shape[1] - 1)]
    text = frame.astype(str).to_markdown(index=False, colalign=align, disable_numparse=True)
    return str(text)


def _bits(column: Any) -> str:
    return column if isinstance(column, str) else f"{column:,} bits"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of plain values, None for what is missing."""
    records: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return records
