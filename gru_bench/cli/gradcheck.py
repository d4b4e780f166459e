"""`gru-bench gradcheck`: is what autodiff says the derivative?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.terminal import console, say
from gru_bench.outside.text import visible
from gru_bench.outside.writing import write_result

if TYPE_CHECKING:
    from rich.table import Table

    from gru_bench.gradients.discrepancy import GradientCheck


@click.command()
@click.argument("cell", type=kinds.NAME)
@options.settings
@click.option(
    "--steps", default=8, show_default=True, type=kinds.STEPS, help="Steps of the sequence, T."
)
@click.option(
    "--inputs", default=2, show_default=True, type=kinds.INPUTS, help="Size of an input, F."
)
@click.option("--batch", default=1, show_default=True, type=kinds.ROWS, help="Rows of a batch, B.")
@click.option(
    "--seed", default=0, show_default=True, type=kinds.SEED, help="Of weights, inputs and states."
)
@click.option(
    "--method",
    default="central",
    show_default=True,
    type=kinds.NAME,
    help="central, complex or directional.",
)
@click.option(
    "--argument",
    "chosen",
    multiple=True,
    type=kinds.NAME,
    help="What to differentiate by: a tensor's name, or weight, input, state; may be repeated.",
)
@click.option(
    "--atol", type=kinds.TOLERANCE, help="Your own tolerance instead of the estimated error."
)
@click.option("--rtol", type=kinds.TOLERANCE, help="Likewise, relative to the numeric derivative.")
@click.option(
    "--nondet-tol",
    default=0.0,
    show_default=True,
    type=kinds.TOLERANCE,
    help="Between two gradients.",
)
@click.option(
    "--order",
    default=1,
    show_default=True,
    type=kinds.ORDER,
    help="2: the gradient's gradient too.",
)
@click.option("--forward", is_flag=True, help="Check forward mode too.")
@click.option("--training", is_flag=True, help="With dropout active, its mask held fixed.")
@click.option(
    "--kinks",
    default="report",
    show_default=True,
    type=kinds.NAME,
    help="report, or move away.",
)
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write everything as JSON.")
@click.option(
    "--script", "script_path", type=kinds.OUTPUT, help="Write a script that repeats the check."
)
def command(
    cell: str,
    settings: tuple[str, ...],
    steps: int,
    inputs: int,
    batch: int,
    seed: int,
    chosen: tuple[str, ...],
    json_path: Path | None,
    script_path: Path | None,
    training: bool,
    **given: Any,
) -> int:
    """Compare autodiff's derivatives of CELL with numeric ones, entry by entry.

    CELL is a Keras cell, package.module:Name; modules in the current folder are found. Exit code
    1 means that a derivative is wrong; the worst one is named.
    """
    arguments = options.parse_settings(settings)

    from gru_bench.gradients import check_gradients
    from gru_bench.subjects.making import make_subject

    subject = make_subject(cell, arguments, inputs, training=training, seed=seed)
    check = check_gradients(
        subject,
        steps=steps,
        batch=batch,
        arguments=chosen or None,
        seed=seed,
        **given,
    )
    console(soft_wrap=True).print(_table(check))
    say(check)
    _write(json_path, check.to_json())
    _write(script_path, check.script)
    return 0 if check.ok else 1


def _table(check: GradientCheck) -> Table:
    from rich.table import Table

    table = Table()
    for column in ("tensor", "shape", "entries", "wrong", "kinks", "coarse", "largest", "ratio"):
        table.add_column(column, justify="left" if column in ("tensor", "shape") else "right")
    for row in check.rows:
        counts = [str(n) for n in (row.entries, row.wrong, row.kinks, row.coarse)]
        shape = " x ".join(str(n) for n in row.shape)
        table.add_row(visible(row.tensor), shape, *counts, f"{row.largest:.3g}", f"{row.ratio:.3g}")
    return table


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    write_result(path, (text + "\n").encode())
    say(f"written: {path}")
