"""`gru-bench gradflow`: does the gradient vanish?"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import options, output
from gru_bench.errors import UsageError, check_integer
from gru_bench.files import write_whole, writing

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

#: Beside the cell asked for, these are shown.
BESIDE = ("gru_bench:GRUCell", "keras.layers:LSTMCell", "keras.layers:SimpleRNNCell")


@click.command()
@click.argument("cell", default="gru_bench:GRUCell")
@options.settings
@click.option("--steps", default=512, show_default=True, help="The largest T.")
@click.option("--inputs", default=2, show_default=True, help="Size of an input, F.")
@click.option("--seed", default=0, show_default=True, help="Of weights, inputs and states.")
@click.option("--adder", "adder_path", help="A trained adder, saved by `gru-bench train`.")
@click.option("--train", "training", is_flag=True, help="Train an adder of CELL first.")
@click.option("--alone", is_flag=True, help="Without other cells beside it.")
@output.folder(
    "-o", "--output", "folder", help="Folder for gradflow.csv, gradflow.json and gradflow.svg."
)
def command(
    cell: str,
    settings: tuple[str, ...],
    steps: int,
    inputs: int,
    seed: int,
    adder_path: str | None,
    training: bool,
    alone: bool,
    folder: Path | None,
) -> int:
    """Show norm and spectrum of the derivative of the last state by the first, against T.

    CELL as initialised, trained (--adder or --train), and with its update gate shut, beside GRU,
    LSTM and simple RNN.
    """
    arguments = {"units": 16, **options.parse_settings(settings)}
    check_integer("--steps", steps, 1)
    check_integer("--inputs", inputs, 1)
    check_integer("--seed", seed, 0)
    if adder_path and training:
        raise UsageError("--adder and --train: give one of them")

    from rich.console import Console
    from rich.table import Table

    from gru_bench.gradients.gradflow import compare_flow

    trained = {}
    if adder_path or training:
        cell, arguments, weights, inputs = _trained(adder_path, cell, arguments, seed)
        trained[cell] = weights
    cells = [cell] if alone else list(dict.fromkeys([cell, *BESIDE]))
    flow = compare_flow(cells, steps, arguments, seed, trained, inputs)
    table = Table()
    for column in flow.columns:
        table.add_column(column)
    for row in flow.itertuples(index=False):
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
    Console(soft_wrap=True).print(table)
    if folder is not None:
        _write(folder, flow)
    return 0


def _trained(
    path: str | None, cell: str, arguments: dict[str, Any], seed: int
) -> tuple[str, dict[str, Any], list[Any], int]:
    """Return cell, its arguments, its trained weights and the size of its inputs."""
    if path is not None:
        from gru_bench.adder import Adder

        adder = Adder.load(path)
        network, theta = adder.network, adder.theta
    else:
        from gru_bench.recipe import get_recipe
        from gru_bench.task import ADDITION
        from gru_bench.training import make_network, train

        network = make_network(cell, get_recipe("default"), arguments, ADDITION)
        theta = train(cell, "default", [seed], arguments=arguments)[0].theta
    weights = [w.numpy() for w in network.unpack(theta)[:-2]]
    return network.cell_name, network.arguments, weights, network.task.features.shape[1]


def _write(folder: Path, flow: pd.DataFrame) -> None:
    from gru_bench.gradients.gradflow import draw_flow

    figure = io.BytesIO()
    draw_flow(flow, figure, "svg")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "gradflow.csv", flow.to_csv(index=False).encode())
    write_whole(folder / "gradflow.json", flow.to_json(orient="records", indent=2).encode())
    write_whole(folder / "gradflow.svg", figure.getvalue())
    click.echo(f"written: {folder}/gradflow.csv, gradflow.json, gradflow.svg")
