"""Laws on correct cells, seed by seed: `python -m tests.wrong_cells.alarms` in the project's folder.

No law may fail on a correct cell, whatever the seed. The command tries every cell of
`matrix.CORRECT` with many seeds, keeps each result as soon as it is there, and goes on from there
when it is called again: a cell and seed are tried anew only where the source of a law or of the
cell has changed.
"""

from __future__ import annotations

import csv
import inspect
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import click

from gru_bench import profiles
from gru_bench.laws import LAWS
from gru_bench.laws.outcome import FAILED, STATUSES
from gru_bench.laws.runner import run_law
from gru_bench.laws.target import Target
from gru_bench.runtime import keras
from tests.wrong_cells import matrix

#: Seeds that one process tries, so that they share what is traced.
BLOCK = 5

HEAD = ["cell", "seed", "source", *STATUSES, "cases", "seconds", "which"]

Result = list[str]


def source(name: str) -> str:
    """Return a number that changes with a correct cell and with any law."""
    make, arguments = matrix.CORRECT[name]
    laws = [matrix.law_source(law) for law in LAWS.values()]
    return matrix.crc(inspect.getsource(make), arguments, matrix.KNOWN.get(name), laws)


def tried(name: str, seeds: Sequence[int], profile: str) -> list[Result]:
    """Return a row of the table for each seed."""
    make, arguments = matrix.CORRECT[name]
    expected = matrix.KNOWN.get(name, {})
    keras.utils.clear_session()
    target = Target(make, arguments)
    found = []
    for seed in seeds:
        started = time.perf_counter()
        outcomes = [
            run_law(target, law, profile, seed, expected.get(law.name)) for law in LAWS.values()
        ]
        counts = [sum(o.status == status for o in outcomes) for status in STATUSES]
        which = " ".join(o.law for o in outcomes if o.status == FAILED)
        cases = sum(o.examples for o in outcomes)
        seconds = time.perf_counter() - started
        row = [name, seed, source(name), *counts, cases, f"{seconds:.0f}", which]
        found.append([str(item) for item in row])
    return found


def kept(path: Path) -> dict[tuple[str, str], Result]:
    """Return the rows of a table that are about today's cells and laws."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    now = {name: source(name) for name in matrix.CORRECT}
    return {(row[0], row[1]): row for row in rows if now.get(row[0]) == row[2]}


def write(path: Path, rows: dict[tuple[str, str], Result]) -> None:
    """Write the table, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = list(matrix.CORRECT)
    ordered = sorted(rows.values(), key=lambda row: (order.index(row[0]), int(row[1])))
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *ordered])
    draft.replace(path)


def summary(rows: dict[tuple[str, str], Result], profile: str, seeds: int) -> str:
    """Return the table for a reader, what was not tried counted."""
    planned = len(matrix.CORRECT) * seeds
    failed = sum(bool(row[-1]) for row in rows.values())
    cases = sum(int(row[HEAD.index("cases")]) for row in rows.values())
    lines = [
        f"# Correct cells, profile {profile}",
        "",
        f"- cells and seeds tried: {len(rows)} of {planned} ({len(matrix.CORRECT)} cells)",
        f"- with a false alarm: {failed}",
        f"- cases in all: {cases:,}",
        "",
        "| cell | seeds | laws passed | expected failures | not applicable | false alarms |",
        "|---|---|---|---|---|---|",
    ]
    for name in matrix.CORRECT:
        some = [row for (cell, _), row in rows.items() if cell == name]
        by_status = {s: _span([row[HEAD.index(s)] for row in some]) for s in STATUSES}
        alarms = ", ".join(sorted({f"{row[-1]} (seed {row[1]})" for row in some if row[-1]}))
        lines.append(
            f"| {name} | {len(some)} | {by_status['passed']} | {by_status['expected failure']} | "
            f"{by_status['not applicable']} | {alarms or 'none' if some else ''} |"
        )
    return "\n".join([*lines, ""])


def _span(counts: Sequence[str]) -> str:
    return " to ".join(sorted(set(counts), key=int)[:: max(1, len(set(counts)) - 1)])


def left(
    rows: dict[tuple[str, str], Result], seeds: int, only: str
) -> Iterator[tuple[str, list[int]]]:
    """Yield cells with seeds that are to be tried, a few seeds of each cell before the next few."""
    for first in range(0, seeds, BLOCK):
        for name in matrix.CORRECT:
            block = range(first, min(first + BLOCK, seeds))
            todo = [seed for seed in block if (name, str(seed)) not in rows]
            if todo and only in name:
                yield name, todo


@click.command()
@click.option("--profile", default="thorough", type=click.Choice(list(profiles.LAW_EXAMPLES)))
@click.option("--seeds", default=20, help="Tried of each cell.")
@click.option("--only", default="", help="Cells whose name contains this.")
@click.option("--jobs", default=os.cpu_count() or 1, help="Processes at once.")
@click.option("-o", "--output", default=matrix.FOLDER, type=click.Path(path_type=Path))
def main(profile: str, seeds: int, only: str, jobs: int, output: Path) -> None:
    """Try every law on every correct cell with many seeds; exit with 1 if one fails."""
    path = output / f"correct-{profile}.csv"
    rows = kept(path)
    context: Any = multiprocessing.get_context("spawn")
    # One process for each task: what one cell leaves behind in Keras is not for the next.
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        tasks = [pool.submit(tried, *task, profile) for task in left(rows, seeds, only)]
        for task in as_completed(tasks):
            for row in task.result():
                rows[row[0], row[1]] = row
                click.echo(f"{row[0]}, seed {row[1]}: {row[-2]} s, {row[-1] or 'no false alarm'}")
            write(path, rows)
            text = summary(rows, profile, seeds)
            path.with_suffix(".md").write_text(text, encoding="utf-8")
    raise SystemExit(any(row[-1] for row in rows.values()))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
