"""The engine that a command line names."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds
from gru_bench.errors import UsageError

if TYPE_CHECKING:
    from gru_bench.runs.engine import Engine

LOCAL, DASK = "local", "dask"
#: Seconds within which a scheduler has to answer.
ANSWER = 10.0

option = click.option(
    "--engine",
    default=LOCAL,
    show_default=True,
    type=kinds.ENGINE,
    metavar="ENGINE",
    help="Who trains: local, dask (processes), or a dask scheduler, as tcp://HOST:PORT.",
)


@contextlib.contextmanager
def opened(name: str, workers: int | None) -> Iterator[Engine | None]:
    """Give the engine of this name; None for this process.

    Raises:
        UsageError: dask.distributed is not installed, or nobody answers.
    """
    if name == LOCAL:
        yield None
        return
    address = None if name == DASK else name
    try:
        from gru_bench.runs.cluster import open_cluster
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise
        raise UsageError(
            f"--engine {name} needs dask.distributed: pip install 'gru_bench[cluster]'"
        ) from None
    with open_cluster(address, workers) as engine:
        yield engine


def check(name: str, workers: int | None) -> None:
    """Refuse an address at which nobody listens, before what takes seconds to import.

    Raises:
        UsageError: nobody does, or what is given does not fit together.
    """
    if name in (LOCAL, DASK):
        return
    if workers is not None:
        raise UsageError("--workers is for this machine: a scheduler has its own")
    host, _, port = name.partition("://")[2].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER) as probe:
            # A scheduler introduces itself; by TLS it waits to be spoken to.
            if name.startswith("tcp:") and not probe.recv(1):
                raise UsageError(f"engine {name} hangs up: it is no dask scheduler")
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"engine {name} does not answer within {ANSWER:g} s: {reason}") from None
