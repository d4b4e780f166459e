"""`gru-bench identify`: which published equations does a cell compute?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.terminal import say
from gru_bench.outside.writing import write_result


@click.command()
@click.argument("cell", type=kinds.NAME)
@options.settings
@click.option(
    "--input-size",
    "--inputs",
    "input_size",
    type=kinds.INPUTS,
    help="Size of an input, F; found out without.",
)
@click.option(
    "--json", "json_path", type=kinds.OUTPUT, help="Write the readings, for check --reading."
)
@click.option("-v", "--verbose", is_flag=True, help="Show the equations too.")
def command(
    cell: str,
    settings: tuple[str, ...],
    input_size: int | None,
    json_path: Path | None,
    verbose: bool,
) -> int:
    """Find out which published equations CELL computes, and how its weights are to be read.

    CELL is a Keras cell or a function that returns one, package.module:Name; modules in the
    current folder are found. Exit code 1 means that nothing published fits exactly: the nearest
    is said, with what differs.
    """
    options.check_cell(cell)
    arguments = options.parse_settings(settings)

    from gru_bench.equations.identify import identify

    found = identify(cell, arguments, input_size=input_size)
    for line in found.lines():
        say(line)
    if verbose:
        for reading in found.readings or found.nearest[:1]:
            for line in reading.hypothesis.formula.shown():
                say(f"  {line}")
    if json_path is not None:
        write_result(json_path, (json.dumps(found.to_json(), indent=2) + "\n").encode())
        say(f"written: {json_path}")
    return 0 if found.exact else 1
