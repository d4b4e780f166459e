"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import kinds
from gru_bench.errors import UsageError
from gru_bench.outside.bounds import shown
from gru_bench.outside.opening import check_depth

if TYPE_CHECKING:
    from gru_bench.learning.adder import Adder

cell = click.option(
    "--cell",
    default="gru_bench:GRUCell",
    show_default=True,
    type=kinds.NAME,
    help="package.module:Name of a Keras cell; modules in the current folder are found.",
)
settings = click.option(
    "--set",
    "settings",
    multiple=True,
    type=kinds.NAME,
    metavar="NAME=VALUE",
    help="Argument of the cell's constructor, for example units=16; may be repeated.",
)

trust = click.option(
    "--trust",
    multiple=True,
    metavar="MODULE",
    type=kinds.MODULE,
    help="A module of yours whose cell the model has, for example my_cells: its code will be run.",
)


def load_adder(path: str, trust: Sequence[str]) -> Adder:
    """Return a saved adder; what is none is refused before TensorFlow starts.

    Raises:
        UsageError: it cannot be opened, or is of a cell that is not trusted.
    """
    from gru_bench.learning.saved import read_saved

    saved = read_saved(Path(path))
    from gru_bench.learning.adder import Adder

    return Adder.restore(saved, Path(path), trust)


def check_cell(name: str) -> str:
    """Return a cell's name if it can be one, before a process is started to find out.

    Raises:
        UsageError: it is not of the form package.module:Name.
    """
    module, separator, attribute = name.partition(":")
    if not separator or not all(part.isidentifier() for part in [*module.split("."), attribute]):
        raise UsageError(
            "a cell is named package.module:Name, for example keras.layers:GRUCell, "
            f"got {shown(name)}"
        )
    return name


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Return `name=value` strings as a dictionary; values are JSON, or else plain text.

    Raises:
        UsageError: one has no name or no `=`.
    """
    parsed: dict[str, Any] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or not name.isidentifier():
            raise UsageError(f"--set takes name=value, for example units=16, got {shown(setting)}")
        try:
            parsed[name] = _value(text)
        except RecursionError:
            raise UsageError(f"--set {name}: it is nested too deeply") from None
        check_depth(parsed[name], f"--set {name}")
    return parsed


def _value(text: str) -> Any:
    """Return what JSON says, or else plain text; digits of ASCII alone make a number."""
    try:
        return json.loads(
            text.lower() if text in {"True", "False"} else text, parse_constant=_not_finite
        )
    except UsageError:
        raise
    except ValueError:
        return text


def _not_finite(name: str) -> Any:
    raise UsageError(f"--set takes finite numbers, got {name}")


def trusting(modules: Sequence[str]) -> list[str]:
    """Return the words of a command line that trusts these modules."""
    return [word for module in modules for word in ("--trust", module)]
