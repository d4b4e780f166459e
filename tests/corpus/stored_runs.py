"""Runs that only pretend to have been trained, for what stores, divides and lists them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.learning.evaluation import Measurement
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import TrainedRun
from gru_bench.runs.claim import Claims
from gru_bench.runs.provenance import machine, versions
from gru_bench.runs.run import Inputs, Measured, Run, make_run, write_run
from gru_bench.runs.sharing import share
from gru_bench.runs.watch import Watch

RECIPE = get_recipe("default", iterations=100)


def inputs_of(seed: int, cell: str = "a:Cell", checkpoints: Sequence[int] = (50, 100)) -> Inputs:
    """Return inputs that nothing was made from."""
    return Inputs(
        cell=cell,
        arguments={"units": 4},
        source="0" * 16,
        recipe=RECIPE,
        task="addition",
        seed=seed,
        checkpoints=tuple(checkpoints),
        lengths=(8, 64),
        families=("uniform", "long-carry"),
        pairs=20,
        evaluation_seed=0,
        any_length=None,
        versions=versions(),
    )


def pretend(inputs: Inputs, size: int = 1) -> Run:
    """Return a run whose odd seeds solve the task.

    Args:
        inputs: of the run.
        size: numbers that its weights have.
    """
    trained = TrainedRun(inputs.cell, {}, RECIPE, inputs.task, inputs.seed)
    trained.curve = [(100, 0.5, 0.25)]
    for iteration in inputs.checkpoints:
        right = 20 if inputs.seed % 2 else 10
        rows = [
            Measurement(family, n, 20, right, 20 * (n + 1), 20 * (n + 1) - (20 - right))
            for family in inputs.families
            for n in inputs.lengths
        ]
        trained.measurements[iteration] = Measured(rows, None, None)
        trained.weights[iteration] = np.full(size, inputs.seed, np.float32)
    return make_run(trained, inputs, machine())


def divide(
    folder: Path, seeds: Sequence[int], pause: float, begun: Callable[[int], Any]
) -> tuple[dict[str, Run], int]:
    """Pretend to train runs of a folder that others may train too.

    Args:
        folder: of runs.
        seeds: of all of them.
        pause: seconds that each takes.
        begun: is told each seed that is begun here.
    """
    found: dict[str, Run] = {}

    def train(left: Sequence[Inputs], claims: Claims) -> None:
        for inputs in left:
            if claims.take(inputs):
                begun(inputs.seed)
                time.sleep(pause)
                write_run(folder, pretend(inputs))
                found[inputs.name] = pretend(inputs)
                claims.finish(inputs.name)

    trained = share([inputs_of(seed) for seed in seeds], folder, Watch(), found, train)
    return found, trained


if __name__ == "__main__":
    divide(
        Path(sys.argv[1]),
        range(int(sys.argv[2])),
        float(sys.argv[3]),
        lambda seed: print(seed, flush=True),
    )
