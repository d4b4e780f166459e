"""`gru-bench compare`: does a candidate learn worse than a base?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import engine as engines
from gru_bench.cli import kinds, options
from gru_bench.cli.interrupt import INTERRUPTED
from gru_bench.cli.terminal import console, say
from gru_bench.errors import UsageError
from gru_bench.outside.writing import write_result

if TYPE_CHECKING:
    from rich.table import Table

    from gru_bench.comparison.record import Comparison


#: What adds an option to a command.
_Option = Callable[[Callable[..., Any]], Callable[..., Any]]


def _set(side: str) -> _Option:
    return click.option(
        f"--{side}-set",
        multiple=True,
        type=kinds.NAME,
        metavar="NAME=VALUE",
        help=f"Argument of the {side}'s constructor; may be repeated.",
    )


def _number(name: str, default: float, kind: Any, text: str) -> _Option:
    return click.option(name, default=default, show_default=True, type=kind, help=text)


@click.command()
@click.argument("base", type=kinds.NAME)
@click.argument("candidate", required=False, type=kinds.NAME)
@click.option("--base", "other_base", type=kinds.NAME, help="The base, where CANDIDATE is alone.")
@_set("base")
@_set("candidate")
@click.option("--base-rev", type=kinds.NAME, help="Git revision of the base's file, as HEAD~1.")
@click.option("--recipe", type=kinds.NAME, help="How to train; by default `default`.")
@click.option("--iterations", type=kinds.ITERATIONS, help="Updates; by default the recipe's.")
@click.option("--task", type=kinds.NAME, help="What to learn; by default addition.")
@click.option("--lengths", type=kinds.LENGTHS, help="Bits measured; by default 8,64,256.")
@click.option("--pairs", type=kinds.PAIRS, help="Tried at each length and family; default 64.")
@click.option("--prove", is_flag=True, help="Count proofs for every length too.")
@_number("--alpha", 0.05, kinds.ERROR_RATE, "How often worse, or better, may be said wrongly.")
@_number("--beta", 0.05, kinds.ERROR_RATE, "How often equivalent may be said wrongly.")
@_number("--margin", 1.2, kinds.FACTOR, "Factor in iterations that does not matter.")
@_number("--points", 10.0, kinds.POINTS, "Percentage points of a share that do not matter.")
@_number("--max-seeds", 128, kinds.SEEDS, "Seeds used at most.")
@_number("--seed-block", 0, kinds.SEED_BLOCK, "Block b has the seeds from 10,000 b on.")
@_number("--base-runs", 1, kinds.BASE_RUNS, "Of the base, for each run of the candidate.")
@click.option(
    "--fail-on",
    default="worse",
    show_default=True,
    type=kinds.FAIL_ON,
    metavar="VERDICT",
    help="worse; or undecided: exit 1 unless it is shown to be no worse.",
)
@click.option("--no-speed", is_flag=True, help="Do not measure how fast both train.")
@click.option(
    "--runs",
    default="gru_bench_runs",
    show_default=True,
    type=kinds.FOLDER,
    help="Folder of runs; what is there is not trained again.",
)
@click.option("--workers", type=kinds.WORKERS, help="Seeds trained at a time.")
@engines.option
@click.option("--markdown", "markdown_path", type=kinds.OUTPUT, help="Write a text for a review.")
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write everything as JSON.")
@click.option("--junit", "junit_path", type=kinds.OUTPUT, help="Write the verdicts as JUnit XML.")
def command(
    base: str,
    candidate: str | None,
    other_base: str | None,
    base_set: tuple[str, ...],
    candidate_set: tuple[str, ...],
    base_rev: str | None,
    lengths: str | None,
    prove: bool,
    fail_on: str,
    no_speed: bool,
    max_seeds: int,
    engine: str,
    markdown_path: Path | None,
    json_path: Path | None,
    junit_path: Path | None,
    **others: Any,
) -> int:
    """Compare CANDIDATE with BASE: does it learn worse, better, or equally well?

    BASE is a cell, package.module:Name, or a folder of runs; with --base-rev it is the cell as its
    file was then. Both are trained with the same seeds and data; seeds are added until a verdict
    holds. Exit code 1 means worse. Interrupted, the same command goes on where it stopped.
    """
    if other_base is not None:
        if candidate is not None:
            raise UsageError("the base is given twice: as BASE and as --base")
        base, candidate = other_base, base
    candidate = _check_cells(base, candidate, base_rev, prove)
    if base_rev is not None and engine != engines.LOCAL:
        raise UsageError("--base-rev needs --engine local: workers have the file as it is today")
    engines.check(engine, others["workers"])
    arguments = [options.parse_settings(given) for given in (base_set, candidate_set)]
    chosen = None if lengths is None else [int(length) for length in lengths.split(",")]

    from gru_bench.cli.contest import ContestView
    from gru_bench.cli.progress import drawn
    from gru_bench.comparison.compare import compare_cells
    from gru_bench.learning.training import Interrupted

    view = ContestView(max_seeds)
    try:
        with (
            engines.opened(engine, others["workers"]) as opened,
            drawn(view),
            _as_of(base, base_rev) as named,
        ):
            found = compare_cells(
                named,
                candidate,
                base_arguments=arguments[0],
                candidate_arguments=arguments[1],
                lengths=chosen,
                prove=prove,
                max_seeds=max_seeds,
                speed=not no_speed,
                engine=opened,
                watch=view,
                tell=_tell,
                **others,
            )
    except Interrupted:
        kept = f"finished runs are kept in {others['runs']}, the same command goes on"
        _tell(f"interrupted; {kept}")
        return INTERRUPTED
    _show(found)
    _write(json_path, lambda: found.model_dump_json(indent=1) + "\n")
    _write(markdown_path, lambda: _markdown(found))
    _write(junit_path, lambda: _junit(found))
    return 1 if found.fails(fail_on == "undecided") else 0


def _check_cells(base: str, candidate: str | None, revision: str | None, prove: bool) -> str:
    """Return the candidate's name, once all that is given fits together."""
    if revision is None:
        if candidate is None:
            raise UsageError(
                "compare takes a base and a candidate, for example gru_bench:GRUCell "
                "my_cells:MyGRU; or one cell and --base-rev"
            )
        return options.check_cell(candidate)
    if prove:
        raise UsageError("--prove cannot be given with --base-rev: Keras knows one class by a name")
    options.check_cell(base)
    return options.check_cell(base if candidate is None else candidate)


@contextlib.contextmanager
def _as_of(base: str, revision: str | None) -> Iterator[str]:
    """Give the base, as of a revision where one is given."""
    if revision is None:
        yield base
        return
    from gru_bench.comparison.revision import at_revision

    with at_revision(base, revision) as named:
        yield named


def _tell(line: str) -> None:
    say(f"gru-bench: {line}", err=True)


def _show(found: Comparison) -> None:
    from gru_bench.comparison import telling

    say(telling.sentence(found))
    say()
    console().print(_table(found))
    say()
    for line in (telling.legend(found), *telling.remarks(found)):
        say(line)


def _table(found: Comparison) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from gru_bench.comparison import telling

    table = Table(
        box=box.SIMPLE_HEAD, padding=0, collapse_padding=True, pad_edge=False, show_edge=False
    )
    for name in telling.HEAD:
        side = "left" if name in ("measure", "verdict") else "right"
        table.add_column(Text(name), justify=side)  # type: ignore[arg-type]
    style = {"worse": "bold red", "better": "bold green", "undecided": "yellow"}
    for row in telling.rows(found):
        table.add_row(*map(Text, row[:-1]), Text(row[-1], style.get(row[-1], "")))
    return table


def _markdown(found: Comparison) -> str:
    from gru_bench.comparison.markdown import to_markdown

    return to_markdown(found)


def _junit(found: Comparison) -> str:
    from gru_bench.comparison.junit import to_junit

    return to_junit(found)


def _write(path: Path | None, make: Callable[[], str]) -> None:
    if path is not None:
        write_result(path, make().encode("utf-8", "backslashreplace"))
        say(f"written: {path}")
