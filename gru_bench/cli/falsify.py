"""`gru-bench falsify`: are there integers that an adder gets wrong?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gru_bench.cli import output
from gru_bench.errors import UsageError, check_integer

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from gru_bench.adder import Adder
    from gru_bench.proof.falsify import Search

#: Decimal digits beyond which an integer is shown in hexadecimal.
_READABLE = 60


@click.command()
@click.argument("model")
@click.option("--steps", type=int, help="Steps of the network to search, at most [10000000].")
@click.option("--seconds", type=float, help="Stop after so many seconds.")
@click.option("--longest", type=int, help="Symbols of the longest word to try [100000].")
@click.option("--seed", default=0, show_default=True, help="Of the searches.")
@output.file("--json", "json_path", help="Write it as JSON too.")
def command(
    model: str,
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
    options = {
        name: check_integer(f"--{name}", value, 1)
        for name, value in given.items()
        if value is not None
    }
    check_integer("--seed", seed, 0)
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--seconds must be above 0, got {seconds}")
    from gru_bench.adder import Adder
    from gru_bench.proof.falsify import Interrupted, falsify

    adder, code = Adder.load(model), 0
    try:
        search = falsify(adder, seed=seed, seconds=seconds, **options)
    except Interrupted as stopped:
        search, code = stopped.search, 130
    _show(search, adder, model)
    output.write(json_path, json.dumps(search.to_json(), indent=1) + "\n")
    if code:
        click.echo("gru-bench: interrupted", err=True)
        return code
    return int(search.counterexample is not None)


def _show(search: Search, adder: Adder, model: str) -> None:
    from rich.console import Console

    Console(soft_wrap=True).print(_table(search))
    for line in refutation(search, adder, model) or _nothing(search):
        click.echo(line)


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


def refutation(search: Search, adder: Adder, model: str) -> list[str]:
    """Say what is wrong and how to see it; nothing if nothing is."""
    from gru_bench.proof.counterexample import natural_length

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
            "no shorter word is wrong (every one was tried)"
            if found.shortest
            else f"none shorter was found; every word of at most {search.exhaustive} is right"
        ),
    ]
    if task.name.endswith("addition"):
        padded = natural_length(task, found) < found.length
        bits = f" --bits {found.length}" if padded else ""
        lines.append(f"see it: gru-bench add {' '.join(numbers)}{bits} --model {model} --check")
    return lines


def _nothing(search: Search) -> list[str]:
    lines = [
        f"no counterexample found in {search.steps:,} steps ({search.seconds:.1f} s); every word "
        f"of at most {search.exhaustive} symbols is right, and all tried up to {search.longest:,}; "
        f"the smallest margin seen is {search.margin:.4g}"
    ]
    if search.closed:
        lines.append("the states reached are finitely many, and from each every symbol was tried")
    if search.unconfirmed:
        lines.append(f"{search.unconfirmed} words were wrong in a batch and right read alone")
    return lines


def _shown(number: int) -> str:
    return str(number) if number < 10**_READABLE else hex(number)
