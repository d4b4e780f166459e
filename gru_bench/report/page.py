"""Pages: the report as one self-contained HTML file and as short Markdown, and its data."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from gru_bench.outside import text
from gru_bench.report.automaton import automaton
from gru_bench.report.certainty import beside, seed_rows, share_table, summarise, widen
from gru_bench.report.exhibit import Exhibit
from gru_bench.report.facts import embed, facts
from gru_bench.report.loss import loss_table
from gru_bench.report.statistics import CONFIDENCE
from gru_bench.report.story import Standing, failures, standings, verdict
from gru_bench.report.table import (
    Results,
    bit_table,
    claim_table,
    group_keys,
    group_title,
    last_table,
    select,
    solving_table,
)
from gru_bench.runs.execution import Outcome
from gru_bench.runs.experiment import Experiment
from gru_bench.runs.run import Run

#: Rows of all tables of the Markdown page, which stays short enough for a pull request.
MOST_ROWS = 15
_LIBRARIES = ("vega.min.js", "vega-lite.min.js")


@dataclass(frozen=True)
class Page:
    """What the pages of one report say.

    Args:
        experiment: what was asked.
        outcome: the groups with their runs.
        results: their frames.
        command: that makes the report again.
        exhibits: proofs to draw.
    """

    experiment: Experiment
    outcome: Outcome
    results: Results
    command: str
    exhibits: Sequence[Exhibit] = ()

    @property
    def judged(self) -> bool:
        """Whether verdicts for any length were asked for."""
        return len(self.results.verdicts) > 0

    @property
    def standings(self) -> list[Standing]:
        """How far each cell and recipe got."""
        return standings(self.results, self.experiment.task)

    @property
    def verdict(self) -> tuple[str, str]:
        """What was found, in one sentence, and how sure that is, in another."""
        return verdict(self.standings)

    @property
    def failures(self) -> list[str]:
        """The first seeds that are refuted, with their operands."""
        return failures(self.results)

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

    @property
    def recipes(self) -> list[dict[str, Any]]:
        """The recipes with all their fields."""
        found = {group.recipe.name: group.recipe for group in self.outcome.groups}
        return [recipe.model_dump(mode="json") for recipe in found.values()]

    def html(self) -> str:
        """Return the page as HTML that needs no other file."""
        folder = importlib.resources.files("gru_bench.report")
        libraries = [(folder / "vega" / name).read_text(encoding="utf-8") for name in _LIBRARIES]
        return _render(
            "report.html",
            page=self,
            experiment=self.experiment,
            libraries=[Markup(library) for library in libraries],
            script=Markup((folder / "templates" / "page.js").read_text(encoding="utf-8")),
            style=Markup((folder / "templates" / "page.css").read_text(encoding="utf-8")),
            facts=Markup(embed(facts(self.results, self.exhibits))),
            accuracy=[self._accuracy(*key) for key in group_keys(self.results.summary)],
            claims=claim_table(self.results, self.experiment.claims),
            solving=solving_table(self.results.solving),
            shares=share_table(self.results),
            proving=solving_table(self.results.proving, "proved"),
            losses=loss_table(self.outcome.groups),
            bits=bit_table(self.results),
            seeds=seed_rows(self.results),
            proofs=[(exhibit, automaton(exhibit)) for exhibit in self.exhibits],
        )

    def _accuracy(self, cell: str, recipe: str) -> tuple[str, list[tuple[str, pd.DataFrame]]]:
        """Return a cell's title and, for each family, its accuracy by iteration and length."""
        part = select(self.results.summary, cell=cell, recipe=recipe)
        certain = beside(self.results, cell, recipe)
        families = [str(family) for family in part["family"].unique()]
        tables = [(family, widen(select(part, family=family), certain)) for family in families]
        return group_title(self.results.summary, cell, recipe), tables

    def markdown(self) -> str:
        """Return the page as Markdown of fewer than 60 lines."""
        claims = claim_table(self.results, self.experiment.claims)
        tables = {
            "solving": solving_table(self.results.solving),
            "shares": share_table(self.results, last=True),
            "accuracy": last_table(self.results),
            "claims": claims,
        }
        rows = MOST_ROWS // sum(len(frame) > 0 for frame in tables.values())
        return _render(
            "report.md",
            page=self,
            experiment=self.experiment,
            **{name: _markdown(frame, rows) for name, frame in tables.items()},
        )

    def csv(self) -> str:
        """Return the long frame as CSV."""
        return self.results.long.to_csv(index=False, lineterminator="\n")

    def verdicts_csv(self) -> str:
        """Return the verdicts as CSV."""
        return self.results.verdicts.to_csv(index=False, lineterminator="\n")

    def json(self) -> str:
        """Return experiment, summaries and origin as JSON, of `report.schema.json`."""
        data = {
            "experiment": self.experiment.model_dump(mode="json"),
            "recipes": self.recipes,
            "command": self.command,
            "machines": self.machines,
            "versions": self.versions,
            "seconds": round(self.seconds, 2),
            "confidence": CONFIDENCE,
            "verdict": " ".join(self.verdict),
            "accuracy": _records(self.results.summary),
            "solving": _records(self.results.solving),
            "seeds": _records(self.results.seeds),
        }
        if self.judged:
            data["any_length"] = _records(summarise(self.results))
            data["proving"] = _records(self.results.proving)
            data["verdicts"] = _records(self.results.verdicts)
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _render(template: str, **shown: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gru_bench.report"),
        autoescape=template.endswith("html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"md": text.markdown, "code": text.code, "short": text.short}
    return environment.get_template(template).render(**shown)


def _markdown(frame: pd.DataFrame, rows: int) -> str:
    """Return the beginning of a frame of texts as a table, and how many rows are left out."""
    if frame.empty:
        return ""
    shown = frame.head(rows).astype(str).map(text.short).map(text.markdown)
    shown = shown.rename(columns=lambda name: text.markdown(str(name)))
    align = ["left", *["center"] * (frame.shape[1] - 1)]
    table = str(shown.to_markdown(index=False, colalign=align, disable_numparse=True))
    more = len(frame) - len(shown)
    return f"{table}\n\n{more:,} more rows are in the page." if more else table


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of plain values, None for what is missing."""
    records: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return records
