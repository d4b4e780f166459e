"""Laws on correct cells, seed by seed: `python -m tests.corpus.wrong_cells.alarms`.

It is called in the project's folder. No law may fail on a correct cell, whatever the seed. What was
tried is kept and gone on from as that of the matrix is, so an hour now and an hour then make a
whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from gru_bench import profiles
from gru_bench.laws.telling.outcome import EXPECTED, FAILED, NOT_APPLICABLE, PASSED
from tests.corpus.wrong_cells.correct import correct_rows
from tests.corpus.wrong_cells.laws import LAWS
from tests.corpus.wrong_cells.ledger import (
    LETTERS,
    Letters,
    Row,
    Task,
    filled,
    kept,
    recalled,
    write,
)
from tests.corpus.wrong_cells.matrix import FOLDER

#: Seeds that one process tries, so that they share what is traced.
BLOCK = 2

Table = Mapping[str, Letters]


def summary(table: Table, seeds: int, profile: str) -> str:
    """Return what was tried for a reader, what was not counted."""
    cells = correct_rows()
    whole = [row.cell for row in seeded(cells, range(seeds)) if set(LAWS) <= set(table[row.cell])]
    alarms = [name for name in whole if LETTERS[FAILED] in table[name].values()]
    lines = [f"# Correct cells, profile {profile}", ""]
    lines += [f"- cells and seeds tried: {len(whole)} of {len(cells) * seeds}"]
    lines += [f"- with a false alarm: {len(alarms)}", ""]
    lines += [
        "| cell | seeds | passed | expected failures | not applicable | false alarms |",
        "|---|---|---|---|---|---|",
    ]
    for cell in cells:
        some = [table[row.cell] for row in seeded([cell], range(seeds)) if row.cell in whole]
        counts = [_span(some, status) for status in (PASSED, EXPECTED, NOT_APPLICABLE)]
        failed = {n for found in some for n, x in found.items() if x == LETTERS[FAILED]}
        shown = (cell.cell, len(some), *counts, ", ".join(sorted(failed)) or "none")
        lines.append(f"| {' | '.join(map(str, shown))} |")
    return "\n".join([*lines, ""])


def _span(some: Sequence[Letters], status: str) -> str:
    counts = [list(found.values()).count(LETTERS[status]) for found in some]
    return " to ".join(map(str, sorted({min(counts), max(counts)}))) if counts else ""


def seeded(cells: Sequence[Row], seeds: Sequence[int]) -> list[Row]:
    """Return the rows of all cells for some seeds."""
    return [cell.with_seed(seed) for cell in cells for seed in seeds]


def tasks_of(table: Table, seeds: int, profile: str, only: str) -> list[Task]:
    """Return what is to be tried: a few seeds of each cell, then the next few."""
    found = []
    for first in range(0, seeds, BLOCK):
        for cell in correct_rows():
            rows = seeded([cell], range(first, min(first + BLOCK, seeds)))
            if only in cell.cell:
                found.append(Task(rows, list(LAWS), profile, [table[row.cell] for row in rows]))
    return found


@click.command()
@click.option("--profile", default="thorough", type=click.Choice(list(profiles.LAW_EXAMPLES)))
@click.option("--seeds", default=20, help="Tried of each cell.")
@click.option("--only", default="", help="Cells whose name contains this.")
@click.option("--jobs", default=os.cpu_count() or 1, help="Processes at once.")
@click.option("-o", "--output", default=FOLDER, type=click.Path(path_type=Path))
def main(profile: str, seeds: int, only: str, jobs: int, output: Path) -> None:
    """Try every law on every correct cell with many seeds; exit with 1 if one fails."""
    path = output / f"correct-{profile}.csv"
    known, all_rows = kept(path), seeded(correct_rows(), range(seeds))
    table = {row.cell: recalled(row, known) for row in all_rows}

    def keep() -> None:
        write(path, {cell: letters for cell, letters in table.items() if letters}, all_rows)
        path.with_suffix(".md").write_text(summary(table, seeds, profile), encoding="utf-8")

    for row, letters in filled(tasks_of(table, seeds, profile, only), jobs):
        table[row.cell] = letters
        failed = [name for name, x in letters.items() if x == LETTERS[FAILED]]
        click.echo(f"{row.cell}: {' '.join(failed) or 'no false alarm'}")
        keep()
    keep()
    raise SystemExit(any(LETTERS[FAILED] in letters.values() for letters in table.values()))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
