"""Options that name a file or a folder to write, and what is written there in the end.

Whether it can be is tried when the command line is read, before any work begins.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gru_bench.files import check_folder, check_writable, write_whole

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def file(*names: str, **attributes: Any) -> Decorator:
    """Return an option for a file; click's arguments are the same as those of `click.option`."""
    return _option(check_writable, "FILE", *names, **attributes)


def folder(*names: str, **attributes: Any) -> Decorator:
    """Return an option for a folder, likewise."""
    return _option(check_folder, "FOLDER", *names, **attributes)


def _option(
    check: Callable[[Path], None], metavar: str, *names: str, **attributes: Any
) -> Decorator:
    def tried(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
        if path is not None:
            check(path)
        return path

    kind = click.Path(path_type=Path)
    return click.option(*names, type=kind, metavar=metavar, callback=tried, **attributes)


def write(path: Path | None, text: str) -> None:
    """Write a text where one was asked for, and say so.

    Raises:
        UsageError: it cannot be written.
    """
    if path is not None:
        write_whole(path, text.encode())
        click.echo(f"written: {path}")
