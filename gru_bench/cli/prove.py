"""`gru-bench prove`: does an adder add integers of any length?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gru_bench.cli import output
from gru_bench.errors import UsageError, check_integer

if TYPE_CHECKING:
    from pathlib import Path

    from gru_bench.proof.verdict import Verdict


@click.command()
@click.argument("model")
@output.file("-o", "--output", "certificate", help="Write the certificate here.")
@click.option("--task", help="The task that MODEL must have been trained for.")
@click.option("--steps", type=int, help="Steps of the search for a counterexample [10000000].")
@click.option("--seconds", type=float, help="For each of proving and searching, roughly.")
@click.option("--seed", default=0, show_default=True, help="Of simulated words and searches.")
@output.file("--json", "json_path", help="Write it as JSON too.")
def command(
    model: str,
    certificate: Path | None,
    task: str | None,
    steps: int | None,
    seconds: float | None,
    seed: int,
    json_path: Path | None,
) -> int:
    """Give a verdict on the adder saved in MODEL, for numbers of every length.

    PROVED: its float32 arithmetic is right for ever, by a certificate that the independent
    checker accepted (`gru-bench verify` repeats that). REFUTED: operands it gets wrong. OPEN:
    neither; how far it was searched. Exit code 1 for REFUTED, 0 otherwise.
    """
    if steps is not None:
        check_integer("--steps", steps, 0)
    check_integer("--seed", seed, 0)
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--seconds must be above 0, got {seconds}")
    from gru_bench.adder import Adder
    from gru_bench.cli.falsify import refutation
    from gru_bench.proof.certificate import write_certificate
    from gru_bench.proof.verdict import STEPS, prove
    from gru_bench.task import get_task

    adder = Adder.load(model)
    trained = adder.network.task.name
    if task is not None and get_task(task).name != trained:
        raise UsageError(f"model {model!r} was trained for {trained}, not for {task}")
    verdict = prove(adder, seed, STEPS if steps is None else steps, seconds)
    for line in _lines(verdict):
        click.echo(line)
    if verdict.search is not None:
        for line in refutation(verdict.search, adder, model):
            click.echo(line)
    if certificate is not None and verdict.certificate is not None:
        write_certificate(certificate, verdict.certificate)
        verifying = f"gru-bench verify {certificate} --model {model}"
        click.echo(f"written: {certificate} (check it: {verifying})")
    output.write(json_path, json.dumps(verdict.to_json(), indent=1) + "\n")
    return int(verdict.outcome == "REFUTED")


def _lines(verdict: Verdict) -> list[str]:
    """Say what came of it and with what figures."""
    tried = [
        f"{a.regions} regions at resolution {a.resolution}" + (f": {a.reason}" if a.reason else "")
        for a in verdict.attempts
        if a.regions is not None
    ]
    if verdict.outcome == "PROVED":
        return [
            verdict.reason,
            f"{tried[-1]}; smallest margin {verdict.margin:.3g}; found in {verdict.finding:.2f} s, "
            f"accepted by the checker in {verdict.checking:.2f} s",
        ]
    lines = []
    search = verdict.search
    if verdict.outcome == "OPEN":
        lines = [f"OPEN: {verdict.reason}", *(f"tried {line}" for line in tried)]
        if search is not None:
            lines.append(
                f"no counterexample in {search.steps:,} steps; every word of at most "
                f"{search.exhaustive} symbols is right; longest word tried {search.longest:,}; "
                f"smallest margin seen {search.margin:.4g}"
            )
    return lines
