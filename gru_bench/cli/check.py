"""`gru-bench check`: does a cell obey the laws?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gru_bench.cli import options, output
from gru_bench.errors import UsageError, check_integer, check_known

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.table import Table

    from gru_bench.laws.outcome import Outcome, Report


@click.command()
@click.argument("cell")
@options.settings
@click.option("--equations", help="What the cell claims to compute; guessed without.")
@click.option("--profile", default="ci", show_default=True, help="quick, ci or thorough.")
@click.option("--law", "laws", multiple=True, help="Only this law; may be repeated.")
@click.option("--seed", default=0, show_default=True, help="Of the generated cases.")
@click.option("--inputs", type=int, help="Size of an input, F, if the cell takes only one.")
@output.file("--junit", "junit_path", help="Write the outcomes as JUnit XML.")
@output.file("--json", "json_path", help="Write everything as JSON.")
@click.option("--expect", "expect_path", help="TOML file of expected failures: law = reason.")
@click.option("--time-limit", type=float, help="Seconds for one law; by default the profile's.")
@click.option("--memory-limit", default=4096, show_default=True, help="MiB beyond TensorFlow's.")
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
    from gru_bench.laws.choice import choose
    from gru_bench.laws.expectation import load_expected
    from gru_bench.laws.isolation import Isolated
    from gru_bench.laws.junit import to_junit

    arguments = options.parse_settings(settings)
    check_known("profile", profile, profiles.LAW_EXAMPLES)
    check_integer("--seed", seed, 0)
    check_integer("--memory-limit", memory_limit, 1)
    if inputs is not None:
        check_integer("--inputs", inputs, 1)
    if time_limit is not None and not time_limit > 0:
        raise UsageError(f"--time-limit must be more than 0, got {time_limit}")
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
    output.write(json_path, check.report.to_json() + "\n")
    output.write(junit_path, to_junit(check.report))
    if interrupted:
        return 130
    return 0 if check.report.ok else 1


def _print(report: Report) -> None:
    from rich.console import Console

    for outcome in report.failed:
        click.echo(f"{outcome}\n")
    console = Console(soft_wrap=True)
    console.print(_table(report))
    wrapper = textwrap.TextWrapper(console.width, subsequent_indent="  ", break_on_hyphens=False)
    for reason, laws in _reasons(report).items():
        click.echo(wrapper.fill(reason))
        click.echo(textwrap.indent(wrapper.fill(", ".join(laws)), "  "))
    for note in report.notes:
        click.echo(f"note: {note}")
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    click.echo(
        f"{report.name}: {len(report.planned)} laws planned, {len(report.outcomes)} run: {counts}"
    )
    spent = sorted(report.seconds.items(), key=lambda item: -item[1])
    total = sum(report.seconds.values())
    click.echo(f"{total:.1f} s: " + ", ".join(f"{what} {s:.1f}" for what, s in spent))


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
    from gru_bench.laws.outcome import STATUSES

    found: dict[str, list[str]] = {}
    for outcome in sorted(report.outcomes, key=lambda one: STATUSES.index(one.status)):
        if outcome.reason:
            reason = textwrap.shorten(outcome.reason, 160, placeholder=" ...")
            found.setdefault(f"{outcome.status}: {reason}", []).append(outcome.law)
    return found


@contextmanager
def _live(total: int, cell: str) -> Iterator[Callable[[Outcome], None]]:
    """Show on standard error how far the check is, and give what it tells its outcomes to."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"checking {cell}", total=total)
        yield lambda _: progress.advance(task)
