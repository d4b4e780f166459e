"""A run as a row of the index, and as lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gru_bench.errors import UsageError
from gru_bench.runs.run import Run, read_run
from gru_bench.runs.solving import proof_time, solve_time


def read_row(path: Path) -> dict[str, Any]:
    """Return what the index holds of a file: the run's figures, or why it is none."""
    try:
        run = read_run(path)
    except UsageError as error:
        return {"notice": str(error)}
    own = run.inputs
    last = [row for row in run.measurements if row.iteration == own.checkpoints[-1]]
    return {
        "cell": own.cell,
        "arguments": json.dumps(own.arguments, sort_keys=True),
        "recipe": own.recipe.name,
        "task": own.task,
        "seed": own.seed,
        "iterations": own.recipe.iterations,
        "solved": solve_time(run),
        "accuracy": sum(row.exact / row.pairs for row in last) / len(last) if last else 0.0,
        "verdict": run.verdicts[-1].outcome if run.verdicts else None,
        "diverged": run.diverged,
        "seconds": run.seconds,
        "source": own.source,
        "versions": json.dumps(own.versions, sort_keys=True),
    }


def describe_run(run: Run) -> Iterator[str]:
    """Yield what is known of a run, a line each."""
    own = run.inputs
    yield f"{own.name}"
    yield f"cell       {own.cell} {json.dumps(own.arguments, sort_keys=True)}, source {own.source}"
    yield f"trained    {own.recipe.iterations} iterations of recipe {own.recipe.name!r}, {own.task}"
    yield f"seed       {own.seed}, evaluated with {own.evaluation_seed}"
    yield f"on         {run.machine}, {run.seconds} s"
    yield "versions   " + ", ".join(f"{name} {version}" for name, version in own.versions.items())
    if run.diverged is not None:
        yield f"diverged   at iteration {run.diverged}"
    yield f"solved     {_when(solve_time(run))}"
    if own.any_length is not None:
        yield f"proved     {_when(proof_time(run))}"
    for verdict in run.verdicts[-1:]:
        yield f"verdict    {verdict.outcome} at iteration {verdict.iteration}: {verdict.reason}"
    last = max((row.iteration for row in run.measurements), default=None)
    for row in run.measurements:
        if row.iteration == last:
            right = f"{row.exact} of {row.pairs} pairs right"
            yield f"accuracy   iteration {last}, {row.length} bits, {row.family}: {right}"


def _when(iteration: int | None) -> str:
    return "never" if iteration is None else f"from iteration {iteration} on"
