"""`gru-bench falsify`: are there integers that an adder gets wrong?"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.interrupt import INTERRUPTED
from gru_bench.cli.terminal import console, say
from gru_bench.outside.writing import write_result

if TYPE_CHECKING:
    from rich.table import Table

    from gru_bench.learning.adder import Adder
    from gru_bench.refutation.falsify import Search

#: Decimal digits beyond which an integer is shown in hexadecimal.
_READABLE = 60


@click.command()
@click.argument("model", type=kinds.NAME)
@options.trust
@click.option(
    "--steps", type=kinds.SEARCH, help="Steps of the network to search, at most [10000000]."
)
@click.option("--seconds", type=kinds.SECONDS, help="Stop after so many seconds.")
@click.option("--longest", type=kinds.WORD, help="Symbols of the longest word to try [100000].")
@click.option("--seed", default=0, show_default=True, type=kinds.SEED, help="Of the searches.")
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write it as JSON too.")
def command(
    model: str,
    trust: tuple[str, ...],
    steps: int | None,
    seconds: float | None,
    longest: int | None,
    seed: int,
    json_path: Path | None,
) -> int:
    """Search for integers that the adder saved in MODEL gets wrong, and print the smallest found.

    Every word to the length that is affordable, then repeated words, what can follow them, states
    driven to their extremes, and long words of many kinds. Exit code 1 says that one was found;
    0 says how far it was searched.
    """
    given = {"steps": steps, "longest": longest}
    limits = {name: value for name, value in given.items() if value is not None}
    adder, code = options.load_adder(model, trust), 0

    from gru_bench.refutation.falsify import Interrupted, falsify

    try:
        search = falsify(adder, seed=seed, seconds=seconds, **limits)
    except Interrupted as stopped:
        search, code = stopped.search, INTERRUPTED
    _show(search, adder, model, trust)
    if json_path is not None:
        _write(search, json_path)
    if code:
        say("gru-bench: interrupted", err=True)
        return code
    return int(search.counterexample is not None)


def _show(search: Search, adder: Adder, model: str, trust: Sequence[str]) -> None:
    console(soft_wrap=True).print(_table(search))
    for line in refutation(search, adder, model, trust) or _nothing(search):
        say(line)


def _table(search: Search) -> Table:
    from rich.table import Table

    table = Table()
    for column in ("search", "steps", "longest word", "smallest margin", "seconds"):
        table.add_column(column, justify="left" if column == "search" else "right")
    for effort in search.efforts:
        cells = [f"{effort.steps:,}", f"{effort.longest:,}" if effort.longest else ""]
        cells.append(f"{effort.margin:.4g}" if effort.longest else "")
        table.add_row(effort.search, *cells, f"{effort.seconds:.1f}")
    return table


def refutation(search: Search, adder: Adder, model: str, trust: Sequence[str]) -> list[str]:
    """Say what is wrong and how to see it; nothing if nothing is."""
    from gru_bench.refutation.counterexample import natural_length

    found, task = search.counterexample, adder.network.task
    if found is None:
        return []
    place = "bit" if task.base == 2 else "digit"
    numbers = [_shown(number) for number in found.operands]
    lines = [
        f"REFUTED: {task.name} of {' and '.join(numbers)}: {place} {found.position} (counted from "
        f"0, least significant first) is {found.said}, but should be {found.true}",
        f"{found.steps} steps, {found.length} {place}s a number: "
        + (
            "no shorter word is wrong (every one was tried, many at once)"
            if found.shortest
            else f"none shorter was found; {search.words}"
        ),
    ]
    if task.name.endswith("addition"):
        padded = natural_length(task, found) < found.length
        bits = ["--bits", str(found.length)] if padded else []
        words = ["gru-bench", "add", *numbers, *bits, "--model", model, *options.trusting(trust)]
        lines.append(f"see it: {shlex.join([*words, '--check'])}")
    return lines


def _nothing(search: Search) -> list[str]:
    lines = [
        f"no counterexample found in {search.steps:,} steps ({search.seconds:.1f} s); "
        f"{search.words}, and all that were tried up to {search.longest:,}; "
        f"the smallest margin seen is {search.margin:.4g}"
    ]
    if search.closed:
        lines.append(
            "the states reached are finitely many, and from each every symbol was tried, "
            "many at once"
        )
    if search.unconfirmed:
        lines.append(f"{search.unconfirmed} words were wrong in a batch and right read alone")
    return lines


def _shown(number: int) -> str:
    return str(number) if number < 10**_READABLE else hex(number)


def _write(search: Search, path: Path) -> None:
    write_result(path, (json.dumps(search.to_json(), indent=1) + "\n").encode())
    say(f"written: {path}")
