"""The main table in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from gru_bench.report.certainty import COLUMN, beside, share_table, widen
from gru_bench.report.table import (
    Results,
    group_keys,
    group_title,
    hardest_family,
    select,
    solving_table,
)

#: With more rows than this, each cell and recipe shows its hardest family only.
MOST_ROWS = 48
#: Columns that an entry in one line takes, with the space around it.
ENTRY = len("0.997 [0.93, 1.00]") + 2


@dataclass(frozen=True)
class MainTable:
    """Exact accuracy by iteration and length, and who solved the task, as wide as there is room.

    Args:
        results: to show.
    """

    results: Results

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        del console
        summary = self.results.summary
        brief = len(summary) / summary["length"].nunique() > MOST_ROWS
        for cell, recipe in group_keys(summary):
            part = select(summary, cell=cell, recipe=recipe)
            families = [hardest_family(part)] if brief else list(part["family"].unique())
            title = group_title(summary, cell, recipe)
            certain = beside(self.results, cell, recipe)
            yield _accuracy(part, title, families, options.max_width, certain)
            yield Text()
        yield _plain(
            "No error in any family at any tested length", solving_table(self.results.solving)
        )
        if len(self.results.verdicts):
            yield Text()
            yield _plain("Any length, after the last iteration", share_table(self.results, True))
            yield Text()
            yield _plain("Proved for any length", solving_table(self.results.proving, "proved"))
        yield Text(self._note(brief), style="dim")

    def _note(self, brief: bool) -> str:
        summary = self.results.summary
        note = (
            f"Share of pairs with every bit right: mean over {summary['seeds'].max()} seeds, "
            f"{summary['pairs'].iloc[0]:,} pairs each at each length and family, "
            "with 95% intervals in which the seed is the unit."
        )
        if len(self.results.verdicts):
            note += f" {COLUMN.capitalize()}: share of seeds proved."
        return f"{note} Only the hardest family is shown." if brief else note


def _accuracy(
    summary: pd.DataFrame,
    title: str,
    families: list[str],
    width: int,
    certain: pd.DataFrame | None,
) -> Table:
    lengths = summary["length"].unique()
    columns = [*(f"{n:,} bits" for n in lengths), *([] if certain is None else [COLUMN])]
    between = " " if len("iterations") + ENTRY * len(columns) <= width else "\n"
    table = _table(title)
    table.add_column("iterations", justify="right", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="center", no_wrap=True)
    for family in families:
        part = select(summary, family=family)
        entries, means = widen(part, certain), widen(part, certain, "mean")
        table.add_row(Text(family, style="italic"))
        for iteration in entries.index:
            cells = [
                Text(text.replace(" ", between, 1), style=_style(mean))
                for text, mean in zip(entries.loc[iteration], means.loc[iteration], strict=True)
            ]
            table.add_row(f"{iteration:,}", *cells)
        table.add_section()
    return table


def _table(title: str) -> Table:
    return Table(
        title=Text(title, "bold"),  # no markup
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )


def _style(mean: float) -> str:
    if mean >= 0.95:
        return "bold"
    return "dim" if mean < 0.05 else ""


def _plain(title: str, frame: pd.DataFrame) -> Table:
    table = _table(title)
    for number, column in enumerate(frame.columns):
        table.add_column(Text(column), justify="center" if number else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(str(entry)) for entry in row))
    return table
