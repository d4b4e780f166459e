"""`gru-bench verify`: does a certificate prove what it claims?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.errors import UsageError

if TYPE_CHECKING:
    from gru_bench.checker.induction import Verified


@click.command()
@click.argument("file")
@click.option("--model", help="A saved adder: its weights must be those of the certificate.")
@click.option("--json", "json_path", help="Write what was proved as JSON.")
def command(file: str, model: str | None, json_path: str | None) -> int:
    """Check the certificate FILE without trusting anything it claims.

    Neither TensorFlow nor the code that finds proofs is used, unless a model is to be compared.
    Exit code 1 means that the file does not prove what it says; the place is named.
    """
    from gru_bench.checker.induction import verify
    from gru_bench.checker.rejection import Rejected

    try:
        proved = verify(file)
        compared = None if model is None else _compare(proved, model)
    except Rejected as rejection:
        click.echo(f"REJECTED: {rejection}")
        return 1
    click.echo(proved.claim)
    click.echo(proved.assumptions)
    regions = len(proved.certificate.regions)
    click.echo(
        f"{regions} regions, {proved.steps} steps: the smallest margin is {proved.margin:.3g}, "
        f"the largest image fills {proved.reach:.1%} of its region"
    )
    if compared is not None:
        click.echo(compared)
    if json_path is not None:
        _write(json_path, proved)
    return 0


def _compare(proved: Verified, model: str) -> str:
    raise NotImplementedError


def _write(path: str, proved: Verified) -> None:
    try:
        Path(path).write_text(json.dumps(proved.to_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path!r}: {error.strerror}") from error
    click.echo(f"written: {path}")
