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
@click.option("--model", help="A saved adder: the certificate must be about it.")
@click.option("--theorem", help="Its sha256, if only this theorem will do.")
@click.option("--json", "json_path", help="Write what was proved as JSON.")
def command(file: str, model: str | None, theorem: str | None, json_path: str | None) -> int:
    """Check the certificate FILE without trusting anything it claims.

    Neither TensorFlow nor the code that finds proofs is used, unless a model is to be compared.
    Exit code 1 means that the file does not prove what it says; the place is named.
    """
    from gru_bench.checker.induction import verify
    from gru_bench.checker.rejection import Rejected

    try:
        proved = verify(file, theorem)
        compared = None if model is None else _compare(proved, model)
    except Rejected as rejection:
        click.echo(f"REJECTED: {rejection}")
        return 1
    click.echo(proved.claim if compared is None else proved.claim_of_model)
    click.echo(proved.assumptions)
    regions = len(proved.certificate.regions)
    click.echo(
        f"{regions} regions, {proved.steps} steps: the smallest margin is {proved.margin:.3g}, "
        f"the largest image fills {proved.reach:.1%} of its region"
    )
    click.echo(f"theorem sha256:{proved.theorem}")
    click.echo(
        compared or "not compared with a model: the cell is only what the file says (--model)"
    )
    if json_path is not None:
        _write(json_path, proved)
    return 0


def _compare(proved: Verified, model: str) -> str:
    """Say that the certificate is about this model, or reject it."""
    from gru_bench.learning.adder import Adder
    from gru_bench.proof.comparison import compare

    adder = Adder.load(model)
    try:
        return str(compare(proved.certificate, adder))
    except UsageError as error:
        raise UsageError(f"model {model!r}: {error}") from error


def _write(path: str, proved: Verified) -> None:
    try:
        Path(path).write_text(json.dumps(proved.to_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path!r}: {error.strerror}") from error
    click.echo(f"written: {path}")
