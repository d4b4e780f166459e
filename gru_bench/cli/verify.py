"""`gru-bench verify`: does a certificate prove what it claims?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.terminal import say
from gru_bench.errors import UsageError
from gru_bench.outside.bounds import shown
from gru_bench.outside.writing import write_result

if TYPE_CHECKING:
    from gru_bench.checker.induction import Verified


@click.command()
@click.argument("file", type=kinds.NAME)
@click.option("--model", type=kinds.NAME, help="A saved adder: the certificate must be about it.")
@options.trust
@click.option("--theorem", type=kinds.NAME, help="Its sha256, if only this theorem will do.")
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write what was proved as JSON.")
def command(
    file: str,
    model: str | None,
    trust: tuple[str, ...],
    theorem: str | None,
    json_path: Path | None,
) -> int:
    """Check the certificate FILE without trusting anything it claims.

    Neither TensorFlow nor the code that finds proofs is used, unless a model is to be compared.
    Exit code 1 means that the file does not prove what it says; the place is named.
    """
    if theorem is not None and not re.fullmatch("[0-9a-f]{64}", theorem, re.ASCII):
        raise UsageError(f"--theorem takes a sha256, 64 hexadecimal digits, got {shown(theorem)}")
    from gru_bench.checker.induction import verify
    from gru_bench.checker.rejection import Rejected

    try:
        proved = verify(file, theorem)
        compared = None if model is None else _compare(proved, model, trust)
    except Rejected as rejection:
        say(f"REJECTED: {rejection}")
        return 1
    say(proved.claim if compared is None else proved.claim_of_model)
    say(proved.assumptions)
    regions = len(proved.certificate.regions)
    say(
        f"{regions} regions, {proved.steps} steps: the smallest margin is {proved.margin:.3g}, "
        f"the largest image fills {proved.reach:.1%} of its region"
    )
    say(f"theorem sha256:{proved.theorem}")
    say(compared or "not compared with a model: the cell is only what the file says (--model)")
    if json_path is not None:
        _write(json_path, proved)
    return 0


def _compare(proved: Verified, model: str, trust: tuple[str, ...]) -> str:
    """Say that the certificate is about this model, or reject it."""
    from gru_bench.proof.comparison import compare

    adder = options.load_adder(model, trust)
    try:
        return str(compare(proved.certificate, adder))
    except UsageError as error:
        raise UsageError(f"model {model!r}: {error}") from error


def _write(path: Path, proved: Verified) -> None:
    write_result(path, (json.dumps(proved.to_json(), indent=1) + "\n").encode())
    say(f"written: {path}")
