"""`gru-bench gradflow`: does the gradient vanish?"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.terminal import console, say
from gru_bench.errors import UsageError
from gru_bench.outside.text import visible
from gru_bench.outside.writing import make_folder, write_result

if TYPE_CHECKING:
    import pandas as pd

    from gru_bench.learning.adder import Adder

#: Units of a cell where none are asked for.
UNITS = 16

#: Beside the cell asked for, these are shown.
BESIDE = ("gru_bench:GRUCell", "keras.layers:LSTMCell", "keras.layers:SimpleRNNCell")


@click.command()
@click.argument("cell", default="gru_bench:GRUCell", type=kinds.NAME)
@options.settings
@click.option("--steps", default=512, show_default=True, type=kinds.STEPS, help="The largest T.")
@click.option(
    "--inputs", default=2, show_default=True, type=kinds.INPUTS, help="Size of an input, F."
)
@click.option(
    "--seed", default=0, show_default=True, type=kinds.SEED, help="Of weights, inputs and states."
)
@click.option(
    "--adder",
    "adder_path",
    type=kinds.NAME,
    help="A trained adder, saved by `gru-bench train`.",
)
@options.trust
@click.option("--train", "training", is_flag=True, help="Train an adder of CELL first.")
@click.option("--alone", is_flag=True, help="Without other cells beside it.")
@click.option(
    "-o",
    "--output",
    type=kinds.FOLDER,
    help="Folder for gradflow.csv, gradflow.json and gradflow.svg.",
)
def command(
    cell: str,
    settings: tuple[str, ...],
    steps: int,
    inputs: int,
    seed: int,
    adder_path: str | None,
    trust: tuple[str, ...],
    training: bool,
    alone: bool,
    output: Path | None,
) -> int:
    """Show norm and spectrum of the derivative of the last state by the first, against T.

    CELL as initialised, trained (--adder or --train), and with its update gate shut, beside GRU,
    LSTM and simple RNN.
    """
    arguments = options.parse_settings(settings)
    if adder_path and training:
        raise UsageError("--adder and --train: give one of them")
    adder = options.load_adder(adder_path, trust) if adder_path else None

    from rich.table import Table

    from gru_bench.gradients.gradflow import compare_flow
    from gru_bench.subjects.loading import with_units

    arguments = with_units(cell, arguments, UNITS)
    trained = {}
    if adder is not None or training:
        cell, arguments, weights, inputs = _trained(adder, cell, arguments, seed)
        trained[cell] = weights
    cells = [cell] if alone else list(dict.fromkeys([cell, *BESIDE]))
    flow = compare_flow(cells, steps, arguments, seed, trained, inputs)
    table = Table()
    for column in flow.columns:
        table.add_column(column)
    for row in flow.itertuples(index=False):
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else visible(str(v)) for v in row))
    console(soft_wrap=True).print(table)
    if output is not None:
        _write(output, flow)
    return 0


def _trained(
    adder: Adder | None, cell: str, arguments: dict[str, Any], seed: int
) -> tuple[str, dict[str, Any], list[Any], int]:
    """Return cell, its arguments, its trained weights and the size of its inputs."""
    if adder is not None:
        network, theta = adder.network, adder.theta
    else:
        from gru_bench.learning.recipe import get_recipe
        from gru_bench.learning.training import make_network, train
        from gru_bench.task.transducer import ADDITION

        network = make_network(cell, get_recipe("default"), arguments, ADDITION)
        theta = train(cell, "default", [seed], arguments=arguments)[0].theta
    weights = [w.numpy() for w in network.unpack(theta)[:-2]]
    return network.cell_name, network.arguments, weights, network.task.features.shape[1]


def _write(folder: Path, flow: pd.DataFrame) -> None:
    from gru_bench.gradients.gradflow import draw_flow

    drawn = io.BytesIO()
    draw_flow(flow, drawn)
    make_folder(folder)
    write_result(folder / "gradflow.csv", flow.to_csv(index=False).encode())
    write_result(folder / "gradflow.json", flow.to_json(orient="records", indent=2).encode())
    write_result(folder / "gradflow.svg", drawn.getvalue())
    say(f"written: {folder}/gradflow.csv, gradflow.json, gradflow.svg")
