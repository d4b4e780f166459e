"""`gru-bench prove`: does an adder add integers of any length?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.terminal import say
from gru_bench.errors import UsageError
from gru_bench.outside.writing import write_result

if TYPE_CHECKING:
    from gru_bench.proof.verdict import Verdict


@click.command()
@click.argument("model", type=kinds.NAME)
@options.trust
@click.option("-o", "--output", type=kinds.OUTPUT, help="Write the certificate here.")
@click.option("--task", type=kinds.NAME, help="The task that MODEL must have been trained for.")
@click.option(
    "--steps",
    type=kinds.SEARCH_OR_NONE,
    help="Steps of the search for a counterexample [10000000].",
)
@click.option("--seconds", type=kinds.SECONDS, help="For each of proving and searching, roughly.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=kinds.SEED,
    help="Of simulated words and searches.",
)
@click.option("--json", "json_path", type=kinds.OUTPUT, help="Write it as JSON too.")
def command(
    model: str,
    trust: tuple[str, ...],
    output: Path | None,
    task: str | None,
    steps: int | None,
    seconds: float | None,
    seed: int,
    json_path: Path | None,
) -> int:
    """Give a verdict on the adder saved in MODEL, for numbers of every length.

    PROVED: its float32 arithmetic is right for ever, by a certificate that the independent
    checker accepted and that was compared with the model itself, in all ways in which it is run
    (`gru-bench verify --model` repeats both). REFUTED: operands it gets wrong. OPEN:
    neither; how far it was searched. Exit code 1 for REFUTED, 0 otherwise.
    """
    from gru_bench.cli.falsify import refutation
    from gru_bench.task.transducer import get_task

    wanted = None if task is None else get_task(task).name
    adder = options.load_adder(model, trust)

    from gru_bench.proof.certificate import certificate_bytes
    from gru_bench.proof.verdict import STEPS, prove

    trained = adder.network.task.name
    if wanted not in (None, trained):
        raise UsageError(f"model {model!r} was trained for {trained}, not for {task}")
    verdict = prove(adder, seed, STEPS if steps is None else steps, seconds)
    for line in _lines(verdict):
        say(line)
    if verdict.search is not None:
        for line in refutation(verdict.search, adder, model, trust):
            say(line)
    if output is not None and verdict.certificate is not None:
        write_result(output, certificate_bytes(verdict.certificate))
        again = ["gru-bench", "verify", str(output), "--model", model, *options.trusting(trust)]
        say(f"written: {output} (check it: {shlex.join(again)})")
    if json_path is not None:
        write_result(json_path, (json.dumps(verdict.to_json(), indent=1) + "\n").encode())
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
            f"accepted by the checker in {verdict.checking:.2f} s, compared with the model in "
            f"{verdict.comparing:.2f} s",
        ]
    lines = []
    search = verdict.search
    if verdict.outcome == "OPEN":
        lines = [f"OPEN: {verdict.reason}", *(f"tried {line}" for line in tried)]
        if search is not None:
            lines.append(
                f"no counterexample in {search.steps:,} steps; {search.words}; "
                f"longest word tried {search.longest:,}; "
                f"smallest margin seen {search.margin:.4g}"
            )
    return lines
