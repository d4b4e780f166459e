"""`gru-bench check`: does a cell obey the laws?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.interrupt import INTERRUPTED
from gru_bench.cli.terminal import console, say
from gru_bench.errors import check_known
from gru_bench.outside.text import one_line
from gru_bench.outside.writing import write_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from gru_bench.laws.telling.outcome import Outcome, Report


@click.command()
@click.argument("cell", type=kinds.NAME)
@options.settings
@click.option(
    "--equations", type=kinds.EQUATIONS, help="What the cell claims to compute; guessed without."
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
    "--inputs", type=kinds.INPUTS, help="Size of an input, F, if the cell takes only one."
)
@click.option("--junit", "junit_path", type=kinds.OUTPUT, help="Write the outcomes as JUnit XML.")
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write everything as JSON.")
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
def command(
    cell: str,
    settings: tuple[str, ...],
    equations: str | None,
    profile: str,
    laws: tuple[str, ...],
    seed: int,
    inputs: int | None,
    junit_path: Path | None,
    json_path: Path | None,
    expect_path: str | None,
    time_limit: float | None,
    memory_limit: int,
) -> int:
    """Check CELL against the laws of recurrent cells.

    CELL is a Keras cell, a whole layer, or a function that returns either, package.module:Name;
    modules in the current folder are found. Exit code 1 means that a law is broken: the smallest
    case is shown, with a script that repeats it.
    """
    from gru_bench import profiles
    from gru_bench.laws.running.choice import choose
    from gru_bench.laws.running.expectation import load_expected
    from gru_bench.laws.running.isolation import Isolated

    options.check_cell(cell)
    arguments = options.parse_settings(settings)
    check_known("profile", profile, profiles.LAW_EXAMPLES)
    check = Isolated(
        cell,
        arguments,
        equations,
        inputs,
        profile,
        seed,
        choose(laws or None),
        load_expected(expect_path) if expect_path else {},
        time_limit,
        memory_limit * 2**20,
    )
    interrupted = False
    with _live(len(check.laws), cell) as tell:
        try:
            check.run(tell)
        except KeyboardInterrupt:
            interrupted = True
    _print(check.report)
    _write(json_path, lambda: check.report.to_json() + "\n")
    _write(junit_path, lambda: _junit(check.report))
    if interrupted:
        say("gru-bench: interrupted; what was found until then is above", err=True)
        return INTERRUPTED
    return 0 if check.report.ok else 1


def _junit(report: Report) -> str:
    from gru_bench.laws.telling.junit import to_junit

    return to_junit(report)


def _print(report: Report) -> None:
    for outcome in report.failed:
        say(f"{outcome}\n")
    screen = console(soft_wrap=True)
    screen.print(_table(report))
    wrapper = textwrap.TextWrapper(screen.width, subsequent_indent="  ", break_on_hyphens=False)
    for reason, laws in _reasons(report).items():
        say(wrapper.fill(reason))
        say(textwrap.indent(wrapper.fill(", ".join(laws)), "  "))
    for note in report.notes:
        say(f"note: {note}")
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    say(f"{report.name}: {len(report.planned)} laws planned, {len(report.outcomes)} run: {counts}")
    spent = sorted(report.seconds.items(), key=lambda item: -item[1])
    total = sum(report.seconds.values())
    say(f"{total:.1f} s: " + ", ".join(f"{what} {s:.1f}" for what, s in spent))


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


def _reasons(report: Report) -> dict[str, list[str]]:
    """Return the laws that did not pass by status and reason, those that failed first."""
    from gru_bench.laws.telling.outcome import STATUSES

    found: dict[str, list[str]] = {}
    for outcome in sorted(report.outcomes, key=lambda one: STATUSES.index(one.status)):
        if outcome.reason:
            reason = textwrap.shorten(outcome.reason, 160, placeholder=" ...")
            found.setdefault(f"{outcome.status}: {reason}", []).append(outcome.law)
    return found


def _write(path: Path | None, make: Callable[[], str]) -> None:
    if path is None:
        return
    write_result(path, make().encode("utf-8", "backslashreplace"))
    say(f"written: {path}")


@contextmanager
def _live(total: int, cell: str) -> Iterator[Callable[[Outcome], None]]:
    """Show on standard error how far the check is, and give what it tells its outcomes to."""
    from rich.markup import escape
    from rich.progress import Progress

    screen = console(err=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(escape(one_line(f"checking {cell}")), total=total)
        yield lambda _: progress.advance(task)
