"""Pages: the report as Markdown and as one self-contained HTML file, and its data."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jinja2
import matplotlib as mpl
import pandas as pd

from gru_bench.outside import text
from gru_bench.report.automaton import automaton, region_map
from gru_bench.report.certainty import beside, share_table, summarise, verdict_table, widen
from gru_bench.report.exhibit import Exhibit
from gru_bench.report.figure import heat_map, learning_curves, png, solved_seeds
from gru_bench.report.loss import loss_table
from gru_bench.report.markup import accuracy_table, plain_table
from gru_bench.report.statistics import CONFIDENCE
from gru_bench.report.table import (
    Results,
    bit_table,
    claim_table,
    group_keys,
    group_title,
    seed_table,
    select,
    solving_table,
)
from gru_bench.runs.execution import Outcome
from gru_bench.runs.experiment import Experiment
from gru_bench.runs.run import Run

AUTOMATON = (
    "Each node is a region of states, coloured and named by the transducer state it stands for; "
    "the initial one has a black rim. An edge says which digits are read, the first operand's "
    "first, and after the stroke which digit is written. Drawn from the certificate."
)
REGIONS = (
    "Outlines are the proof's regions (boxes in all directions of the state), dots are states that "
    "random words lead to, both seen along the two directions in which these states vary most. "
    "The cross is the initial state. What overlaps here need not overlap in all directions."
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
        exhibits: proofs to draw.
    """

    experiment: Experiment
    outcome: Outcome
    results: Results
    command: str
    exhibits: Sequence[Exhibit] = ()

    @cached_property
    def pictures(self) -> list[Picture]:
        """All figures: two for each group, solved seeds, two for each proof."""
        # Labels are no formulas, whatever dollar signs they have.
        with mpl.rc_context({"text.parse_math": False}), warnings.catch_warnings():
            # No font has all characters; those it lacks are drawn as boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
            return self._draw()

    def _draw(self) -> list[Picture]:
        heat = f"Each number is the mean over seeds; the tables have its interval. {self.basis}"
        band = f"Lines are means over seeds, bars {self.interval}. {self.basis}"
        found = []
        if self.judged:
            heat += " ∞: share of seeds proved for any length."
        for number, (title, part, certain) in enumerate(self._groups(), 1):
            maps = Picture(f"accuracy-{number}.png", title, heat, png(heat_map(part, certain)))
            curves = Picture(f"curves-{number}.png", title, band, png(learning_curves(part)))
            found += [maps, curves]
        step = (
            "Share of seeds that, from that iteration to the last, make no error on any tested "
            f"pair; bands {self.interval}. {self.basis}"
        )
        if self.judged:
            step += " Dashed: seeds that from that iteration to the last are proved."
        data = png(solved_seeds(self.results))
        found.append(Picture("solved.png", "Seeds that solved the task", step, data))
        return [*found, *self._proofs()]

    def _proofs(self) -> Iterator[Picture]:
        for number, exhibit in enumerate(self.exhibits, 1):
            title = f"{exhibit.title}: seed {exhibit.seed} after {exhibit.iteration:,} iterations"
            yield Picture(f"automaton-{number}.png", title, AUTOMATON, png(automaton(exhibit)))
            yield Picture(f"regions-{number}.png", title, REGIONS, png(region_map(exhibit)))

    def pictured(self, kind: str) -> list[Picture]:
        """The figures whose file names begin so."""
        return [picture for picture in self.pictures if picture.file.startswith(kind)]

    @property
    def judged(self) -> bool:
        """Whether verdicts for any length were asked for."""
        return len(self.results.verdicts) > 0

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

    def _groups(self) -> list[tuple[str, pd.DataFrame, pd.DataFrame | None]]:
        summary = self.results.summary
        return [
            (
                group_title(summary, cell, recipe),
                select(summary, cell=cell, recipe=recipe),
                beside(self.results, cell, recipe),
            )
            for cell, recipe in group_keys(summary)
        ]

    @property
    def _recipes(self) -> list[dict[str, Any]]:
        recipes = {group.recipe.name: group.recipe for group in self.outcome.groups}
        return [recipe.model_dump(mode="json") for recipe in recipes.values()]

    def markdown(self) -> str:
        """Return the page as Markdown; figures lie beside it."""
        groups = [
            (
                text.markdown(title),
                [(f, _markdown(widen(select(part, family=f), c))) for f in _families(part)],
            )
            for title, part, c in self._groups()
        ]
        return self._render(
            "report.md",
            groups=groups,
            claims=_markdown(self._claims, index=False) if self.experiment.claims else "",
            solving=_markdown(solving_table(self.results.solving), index=False),
            **{name: _markdown(frame, index=False) for name, frame in self._tables.items()},
            bits=_markdown(bit_table(self.results), index=False),
            seeds=_markdown(seed_table(self.results)),
        )

    def html(self) -> str:
        """Return the page as HTML that needs no other file."""
        groups = [
            (title, accuracy_table(part, f"accuracy-{number}", certain))
            for number, (title, part, certain) in enumerate(self._groups(), 1)
        ]
        seeds = seed_table(self.results).reset_index().astype({"seed": str})
        return self._render(
            "report.html",
            groups=groups,
            claims=plain_table(self._claims, "claims") if self.experiment.claims else "",
            solving=plain_table(solving_table(self.results.solving), "solving"),
            **{
                name: plain_table(frame, name) if len(frame) else ""
                for name, frame in self._tables.items()
            },
            bits=plain_table(bit_table(self.results), "bits"),
            seeds=plain_table(seeds, "seeds"),
        )

    @property
    def _tables(self) -> dict[str, pd.DataFrame]:
        """Tables that are empty where an experiment has nothing to say there."""
        return {
            "shares": share_table(self.results),
            "proving": solving_table(self.results.proving, "proved"),
            "verdicts": verdict_table(self.results),
            "losses": loss_table(self.outcome.groups),
        }

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
        environment.filters |= {"md": text.markdown, "code": text.code}
        return environment.get_template(template).render(
            page=self, experiment=self.experiment, recipes=self._recipes, **tables
        )

    def csv(self) -> str:
        """Return the long frame as CSV."""
        return self.results.long.to_csv(index=False, lineterminator="\n")

    def verdicts_csv(self) -> str:
        """Return the verdicts as CSV."""
        return self.results.verdicts.to_csv(index=False, lineterminator="\n")

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
            **self._certainty(),
        }
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def _certainty(self) -> dict[str, Any]:
        if not self.judged:
            return {}
        return {
            "any_length": _records(summarise(self.results)),
            "proving": _records(self.results.proving),
            "verdicts": _records(self.results.verdicts),
        }


def _families(summary: pd.DataFrame) -> list[str]:
    return [str(family) for family in summary["family"].unique()]


def _markdown(frame: pd.DataFrame, index: bool = True) -> str:
    if frame.empty:
        return ""
    if index:
        frame = frame.rename_axis(columns=None).rename(columns=_bits)
        frame = frame.reset_index().map(lambda v: f"{v:,}" if isinstance(v, int) else v)
    align = ["right" if index else "left", *["center"] * (frame.shape[1] - 1)]
    frame = (
        frame.astype(str).map(text.markdown).rename(columns=lambda name: text.markdown(str(name)))
    )
    return str(frame.to_markdown(index=False, colalign=align, disable_numparse=True))


def _bits(column: Any) -> str:
    return column if isinstance(column, str) else f"{column:,} bits"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of plain values, None for what is missing."""
    records: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return records
