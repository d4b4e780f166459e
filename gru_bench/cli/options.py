"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from gru_bench.errors import UsageError

cell = click.option(
    "--cell",
    default="gru_bench:GRUCell",
    show_default=True,
    help="package.module:Name of a Keras cell; modules in the current folder are found.",
)
settings = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Argument of the cell's constructor, for example units=16; may be repeated.",
)


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Return `name=value` strings as a dictionary; values are JSON, or else plain text.

    Raises:
        UsageError: one has no name or no `=`.
    """
    parsed: dict[str, Any] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or not name.isidentifier():
            raise UsageError(f"--set takes name=value, for example units=16, got {setting!r}")
        try:
            parsed[name] = json.loads(text.lower() if text in {"True", "False"} else text)
        except ValueError:
            parsed[name] = text
    return parsed
