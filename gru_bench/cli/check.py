"""`gru-bench check`: does a cell obey the laws?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.interrupt import INTERRUPTED
from gru_bench.cli.terminal import console, say
from gru_bench.errors import UsageError, check_known
from gru_bench.outside.bounds import shown
from gru_bench.outside.writing import make_folder, write_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from gru_bench.laws.telling.outcome import Outcome, Report


@click.command()
@click.argument("cell", type=kinds.NAME)
@options.settings
@click.option(
    "--equations",
    type=kinds.EQUATIONS,
    help="What the cell claims to compute: gru, lstm, ...; found out without.",
)
@click.option(
    "--reading",
    type=kinds.NAME,
    help="JSON or TOML file that says how its weights are read, from identify --json.",
)
@click.option(
    "--profile", default="ci", show_default=True, type=kinds.NAME, help="quick, ci or thorough."
)
@click.option(
    "--law", "laws", multiple=True, type=kinds.NAME, help="Only this law; may be repeated."
)
@click.option(
    "--seed", default=0, show_default=True, type=kinds.SEED, help="Of the generated cases."
)
@click.option(
    "--inputs",
    multiple=True,
    type=kinds.SIZE_OR_INTEGERS,
    help="Size of an input, F, if the cell takes only one; integers, if it takes whole numbers.",
)
@click.option(
    "--input-range",
    type=kinds.NAME,
    help="Least and greatest input that the cell takes, for example 0:1.",
)
@click.option("--junit", "junit_path", type=kinds.OUTPUT, help="Write the outcomes as JUnit XML.")
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write everything as JSON.")
@click.option(
    "--scripts",
    "folder",
    type=kinds.FOLDER,
    help="Write a script for each law that is broken into this folder.",
)
@click.option(
    "--expect",
    "expect_path",
    type=kinds.NAME,
    help="TOML file of expected failures: law = reason.",
)
@click.option(
    "--time-limit", type=kinds.SECONDS, help="Seconds for one law; by default the profile's."
)
@click.option(
    "--memory-limit",
    default=4096,
    show_default=True,
    type=kinds.MEMORY,
    help="MiB beyond TensorFlow's.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show every law, and all notes whole.")
def command(
    cell: str,
    settings: tuple[str, ...],
    equations: str | None,
    reading: str | None,
    profile: str,
    laws: tuple[str, ...],
    seed: int,
    inputs: tuple[int | str, ...],
    input_range: str | None,
    junit_path: Path | None,
    json_path: Path | None,
    folder: Path | None,
    expect_path: str | None,
    time_limit: float | None,
    memory_limit: int,
    verbose: bool,
) -> int:
    """Check CELL against the laws of recurrent cells.

    CELL is a Keras cell, a whole layer, a plain class written in NumPy, or a function that returns
    one, package.module:Name; modules in the current folder are found. Exit code 1 means that a law
    is broken: the smallest case is shown, with a script that repeats it (of several, the first;
    --scripts writes all).
    """
    from gru_bench import profiles
    from gru_bench.laws.running.choice import choose
    from gru_bench.laws.running.expectation import load_expected
    from gru_bench.laws.running.isolation import Isolated
    from gru_bench.subjects.inputs import read_inputs

    options.check_cell(cell)
    arguments = options.parse_settings(settings)
    claimed = _claimed(equations, reading)
    check_known("profile", profile, profiles.LAW_EXAMPLES)
    kind = "integers" if "integers" in inputs else None
    check = Isolated(
        cell,
        arguments,
        claimed,
        next((size for size in inputs if isinstance(size, int)), None),
        profile,
        seed,
        choose(laws or None),
        load_expected(expect_path) if expect_path else {},
        time_limit,
        memory_limit * 2**20,
        read_inputs(kind, input_range),
    )
    interrupted = False
    with _live([law.name for law in check.laws]) as tell:
        try:
            check.run(tell)
        except KeyboardInterrupt:
            interrupted = True
    _print(check.report, verbose, folder)
    try:
        _write_scripts(folder, check.report)
        _write(json_path, lambda: check.report.to_json() + "\n")
        _write(junit_path, lambda: _junit(check.report))
    finally:
        say(_verdict(check.report))
    if interrupted:
        say("gru-bench: interrupted; what was found until then is above", err=True)
        return INTERRUPTED
    return 0 if check.report.ok else 1


def _claimed(equations: str | None, reading: str | None) -> str | None:
    """Return what the cell claims to be: equations, or a file that reads its weights."""
    if reading is None:
        return equations
    if equations is not None:
        raise UsageError("give --equations or --reading, not both: a reading names equations")
    if not reading.lower().endswith((".json", ".toml")):
        raise UsageError(f"--reading takes a .json or .toml file, got {shown(reading)}")
    return reading


def _junit(report: Report) -> str:
    from gru_bench.laws.telling.junit import to_junit

    return to_junit(report)


def _print(report: Report, verbose: bool, folder: Path | None) -> None:
    """Show the failures, whole and first, and then how the laws ended."""
    from gru_bench.laws.telling.summary import failures, summary

    for text in failures(report, verbose, folder):
        say(text)
    screen = console(soft_wrap=True)
    if verbose:
        screen.print(_table(report))
    for line in summary(report, screen.width, verbose):
        say(line)


def _verdict(report: Report) -> str:
    from gru_bench.laws.telling.summary import verdict

    return verdict(report)


def _table(report: Report) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("law", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("cases", justify="right")
    table.add_column("seconds", justify="right")
    style = {"passed": "green", "failed": "red", "expected failure": "yellow"}
    family = ""
    for outcome in report.outcomes:
        if outcome.family != family:
            family = outcome.family
            table.add_section()
            table.add_row(Text(family, "bold"))
        table.add_row(
            f"  {outcome.law}",
            Text(outcome.status, style.get(outcome.status, "dim")),
            str(outcome.examples),
            f"{outcome.seconds:.2f}",
        )
    return table


def _write(path: Path | None, make: Callable[[], str]) -> None:
    if path is None:
        return
    write_result(path, make().encode("utf-8", "backslashreplace"))
    say(f"written: {path}")


def _write_scripts(folder: Path | None, report: Report) -> None:
    """Write the script of each failure, a file each; other files of the folder stay."""
    from gru_bench.laws.telling.summary import file_of, file_text

    if folder is None or not any(outcome.script for outcome in report.failed):
        return
    make_folder(folder)
    for outcome in report.failed:
        if outcome.script:
            written = file_text(outcome).encode("utf-8", "backslashreplace")
            write_result(folder / file_of(outcome), written)


@contextmanager
def _live(laws: Sequence[str]) -> Iterator[Callable[[Outcome], None]]:
    """Show on standard error which law the check is at, and give what it tells its outcomes to."""
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    screen = console(err=True)
    columns = (
        TextColumn("{task.completed} of {task.total} laws"),
        BarColumn(10),
        TextColumn("{task.description}", table_column=Column(overflow="fold")),
    )
    with Progress(
        *columns, console=screen, transient=True, disable=not screen.is_terminal
    ) as progress:
        left = list(laws)
        task = progress.add_task(f"starting; {left[0]}", total=len(left))

        def tell(outcome: Outcome) -> None:
            left.remove(outcome.law)
            progress.update(task, advance=1, description=left[0] if left else "")

        yield tell
