"""`gru-bench runs`: what a folder of runs has."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gru_bench.cli import kinds
from gru_bench.cli.terminal import say
from gru_bench.errors import UsageError
from gru_bench.outside.bounds import shown
from gru_bench.outside.writing import write_result
from gru_bench.runs.index import COLUMNS, Index, Reader

#: Options that choose runs, and what they ask of a row.
_CONDITIONS = {
    "cell": "instr(cell, ?) > 0",
    "recipe": "recipe = ?",
    "task": "task = ?",
    "seed": "seed = ?",
    "solved": "(solved IS NOT NULL) = (? = 'yes')",
    "verdict": "verdict = ?",
}
_SHOWN = ("file", "iterations", "solved", "accuracy", "verdict", "seconds")


@click.command()
@click.argument("folder", default="gru_bench_runs", type=kinds.NAME)
@click.option("--cell", type=kinds.NAME, help="Only runs of cells whose name has this in it.")
@click.option("--recipe", type=kinds.NAME, help="Only runs by the recipe of this name.")
@click.option("--task", type=kinds.NAME, help="Only runs that learn this.")
@click.option("--seed", type=kinds.SEED, help="Only runs of this seed.")
@click.option(
    "--solved", type=kinds.YES_OR_NO, metavar="yes|no", help="Only those that did, or not."
)
@click.option("--verdict", type=kinds.OUTCOME, metavar="OUTCOME", help="Only runs that end so.")
@click.option("--show", type=kinds.NAME, metavar="FILE", help="Say all that is known of one run.")
@click.option("--csv", "csv_path", type=kinds.OUTPUT, help="Write a row for each run.")
@click.option("--parquet", "parquet_path", type=kinds.OUTPUT, help="The same, as Parquet.")
@click.option("--most", default=40, show_default=True, type=kinds.SEEDS, help="Runs listed.")
@click.option("--remove", is_flag=True, help="Remove the runs that are chosen.")
def command(
    folder: str,
    show: str | None,
    csv_path: Path | None,
    parquet_path: Path | None,
    most: int,
    remove: bool,
    **chosen: Any,
) -> int:
    """List, filter, show, export and remove the runs in FOLDER.

    FOLDER is that of a comparison, or of a report, which has its runs in `runs`.
    """
    conditions = [(_CONDITIONS[k], v) for k, v in chosen.items() if v is not None]
    if remove and not conditions:
        raise UsageError(
            "--remove takes the runs that are chosen by --cell, --recipe, --task, --seed, --solved "
            "or --verdict; to remove all of them, delete the folder"
        )
    place = find_folder(folder)
    if show is not None:
        return _show(place, show)
    index = Index(place, _reader)
    rows, notices = index.select(conditions), index.notices()
    index.close()
    for line in notices:
        say(f"gru-bench: {line}", err=True)
    for path, make in ((csv_path, _csv), (parquet_path, _parquet)):
        if path is not None:
            write_result(path, make(rows))
            say(f"written: {path}, {_count(rows)}")
    if remove:
        _remove(place, rows)
    elif csv_path is None and parquet_path is None:
        _list(rows, most)
    return 0


def find_folder(name: str) -> Path:
    """Return the folder that has the run files.

    Raises:
        UsageError: there is none.
    """
    folder = Path(name)
    try:
        inner = folder / "runs"
        place = inner if inner.is_dir() else folder
        if not place.is_dir():
            raise UsageError(f"there is no folder of runs {shown(name)}")
        if not any(place.glob("*.json")):
            raise UsageError(f"the folder {shown(name)} has no runs")
    except OSError as error:
        raise UsageError(f"the folder {shown(name)} cannot be read: {error.strerror}") from None
    return place


def _reader() -> Reader:
    from gru_bench.runs.row import read_row

    return read_row


def _list(rows: Sequence[dict[str, Any]], most: int) -> None:
    table = [_SHOWN, *([_text(row[name]) for name in _SHOWN] for row in rows[:most])]
    widths = [max(len(line[column]) for line in table) for column in range(len(_SHOWN))]
    for line in table if rows else []:
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        say("  ".join(padded).rstrip())
    solved = sum(row["solved"] is not None for row in rows)
    more = f", {most} of them shown" if len(rows) > most else ""
    say(f"{_count(rows)}, {solved} solving the task{more}")


def _count(rows: Sequence[Any]) -> str:
    return f"{len(rows)} run{'' if len(rows) == 1 else 's'}"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _show(place: Path, name: str) -> int:
    from gru_bench.runs.row import describe_run
    from gru_bench.runs.run import read_run

    path = place / (name if name.endswith(".json") else f"{name}.json")
    if path.parent != place or not path.is_file():
        raise UsageError(f"the folder {shown(str(place))} has no run {shown(name)}")
    for line in describe_run(read_run(path)):
        say(line)
    return 0


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise UsageError("--parquet needs pyarrow: pip install 'gru_bench[parquet]'") from None
    types = {"TEXT": pa.string(), "INTEGER": pa.int64(), "REAL": pa.float64()}
    schema = pa.schema([(name, types[kind.split()[0]]) for name, kind in COLUMNS.items()])
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(list(rows), schema), out)
    return out.getvalue()


def _remove(place: Path, rows: Sequence[dict[str, Any]]) -> None:
    removed: list[str] = []
    try:
        for row in rows:
            (place / Path(row["file"]).name).unlink(missing_ok=True)
            removed.append(row["file"])
    except OSError as error:
        raise UsageError(
            f"{len(removed)} of {_count(rows)} are removed, then {shown(str(place))} "
            f"could not be changed: {error.strerror}"
        ) from None
    say(f"{_count(rows)} removed")
