"""`gru-bench activations`: how exact TensorFlow's tanh and sigmoid are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds
from gru_bench.cli.terminal import console, say
from gru_bench.outside.writing import write_result, write_whole

if TYPE_CHECKING:
    from gru_bench.program.activation import ActivationError
    from gru_bench.trace.tensorflow.activation import Measurement


@click.command()
@click.option(
    "--every",
    default=1,
    show_default=True,
    type=kinds.EVERY,
    help="Try each so many-th float32.",
)
@click.option(
    "--function",
    "functions",
    multiple=True,
    type=kinds.NAME,
    help="tanh or sigmoid; both by default.",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=kinds.NAME,
    help="How it is executed; all by default.",
)
@click.option("-o", "--output", type=kinds.OUTPUT, help="Write the figures (JSON).")
def command(
    every: int, functions: tuple[str, ...], modes: tuple[str, ...], output: Path | None
) -> int:
    """Measure the error of TensorFlow's float32 tanh and sigmoid over all 2^32 inputs.

    Proofs rely on the figures stored in the package; exit code 1 says that they do not hold
    here. With -o an interrupted measurement goes on where it stopped. All inputs take about half
    an hour; --every 1000 takes seconds.
    """
    from gru_bench.program.activation import FUNCTIONS, read_measurement
    from gru_bench.trace.tensorflow.activation import MODES, Measurement

    begun = None if output is None else read_measurement(output)
    measurement = Measurement(every, functions or FUNCTIONS, modes or MODES, begun)
    words = ["gru-bench activations", *([f"--every {every}"] if every > 1 else [])]
    words += [f"--function {name}" for name in functions] + [f"--mode {name}" for name in modes]
    _measure(measurement, " ".join(words), output)
    found = measurement.record(" ".join(words))
    return _show(found)


def _measure(measurement: Measurement, command_line: str, output: Path | None) -> None:
    """Measure to the end, saving now and then."""
    from rich.progress import Progress

    from gru_bench.trace.tensorflow.activation import CHUNK, INPUTS

    screen = console(err=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        bar = progress.add_task("bit patterns", total=INPUTS)
        try:
            while not measurement.finished:
                measurement.advance()
                progress.update(bar, completed=measurement.done)
                if output is not None and measurement.done % (64 * CHUNK) == 0:
                    write_whole(output, _bytes(measurement.record(command_line)))
        finally:
            if output is not None:
                write_result(output, _bytes(measurement.record(command_line)))


def _bytes(record: ActivationError) -> bytes:
    return (record.model_dump_json(indent=1) + "\n").encode()


def _show(found: ActivationError) -> int:
    """Print the figures; 1 if one lies above what proofs rely on."""
    from rich.table import Table

    from gru_bench.program.activation import activation_error

    table = Table()
    for column in ("function", "mode", "inputs", "largest error", "at", "smallest", "largest"):
        table.add_column(column, justify="left" if column in ("function", "mode") else "right")
    for function, measured in found.functions.items():
        for mode, row in measured.modes.items():
            floats = [float.fromhex(t) for t in (row.error, row.at, row.lowest, row.highest)]
            error, at, lowest, highest = floats
            cells = [f"{error:.4g}", f"{at!r}", f"{lowest:.9g}", f"{highest:.9g}"]
            table.add_row(function, mode, f"{row.inputs:,}", *cells)
    console(soft_wrap=True).print(table)
    code = 0
    for function in found.functions:
        bound, granted = found.bound(function), activation_error(function)
        holds = bound <= granted
        code |= not holds
        verdict = "holds here" if holds else "does NOT hold here: measure all inputs and store them"
        say(f"{function}: at most {bound:.6g} here; proofs rely on {granted:.6g}: {verdict}")
    return int(code)
