"""`gru-bench train`: make an adder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.interrupt import INTERRUPTED
from gru_bench.cli.terminal import say
from gru_bench.errors import UsageError

if TYPE_CHECKING:
    from gru_bench.learning.training import TrainedRun

#: What an adder has to get right to count as solving its task.
LENGTHS, PAIRS = (8, 64, 256, 1024), 256


@click.command()
@options.cell
@options.settings
@click.option(
    "--recipe", default="default", show_default=True, type=kinds.NAME, help="How to train."
)
@click.option(
    "--task", default="addition", show_default=True, type=kinds.NAME, help="What to learn."
)
@click.option(
    "--seeds", default=1, show_default=True, type=kinds.SEEDS, help="How many seeds to train."
)
@click.option(
    "--iterations", type=kinds.ITERATIONS, help="Optimiser updates; by default the recipe's."
)
@click.option(
    "-o",
    "--output",
    default="adder.keras",
    show_default=True,
    type=kinds.OUTPUT,
    help="Where to save.",
)
def command(
    cell: str,
    settings: tuple[str, ...],
    recipe: str,
    task: str,
    seeds: int,
    iterations: int | None,
    output: Path,
) -> int:
    """Train a cell to add and save the adder.

    With several seeds the first one that solves the task is saved. Solving means: no error on
    256 pairs of each family at each of 8, 64, 256 and 1,024 bits.
    """
    from gru_bench.learning.adder import check_model_path
    from gru_bench.learning.recipe import get_recipe
    from gru_bench.task.transducer import FAMILIES, get_task

    arguments = options.parse_settings(settings)
    path = check_model_path(output)
    chosen, transducer = get_recipe(recipe, iterations=iterations), get_task(task)

    from gru_bench.cli.progress import watching
    from gru_bench.learning.compiled import Program
    from gru_bench.learning.evaluation import Evaluator
    from gru_bench.learning.training import Interrupted, make_network, train_network

    network = make_network(cell, chosen, arguments, transducer)
    evaluator = Evaluator(network, chosen.threshold, PAIRS)
    interrupted = False
    with watching() as watch:
        watch.plan(seeds, 0, seeds * chosen.iterations)
        watch.begin(f"{cell} by {recipe!r}", seeds, chosen.iterations)

        def measure(theta: Any, _: int) -> Any:
            with watch.doing("measuring"):
                return evaluator.measure_all(theta, FAMILIES, LENGTHS)

        try:
            runs = train_network(
                Program(network, chosen),
                range(seeds),
                [chosen.iterations],
                measure,
                watch.step,
                watch.finish,
            )
        except Interrupted as stopped:
            runs, interrupted = stopped.runs, True
    return _save(runs, str(path), interrupted)


def _save(runs: list[TrainedRun], path: str, interrupted: bool) -> int:
    """Save the best run and say what became of all; return the exit code."""
    kept = [run for run in runs if run.diverged is None]
    if not kept:
        if interrupted:
            say("gru-bench: interrupted before a seed had finished", err=True)
            return INTERRUPTED
        raise UsageError(f"every seed diverged, the first at iteration {runs[0].diverged}")
    best = max(kept, key=_score)
    best.adder().save(path)
    for line in _describe(runs, best, path):
        say(line)
    if interrupted:
        say("gru-bench: interrupted; the seeds that had finished are kept", err=True)
    return INTERRUPTED if interrupted else 0


def _accuracies(run: TrainedRun) -> list[Any]:
    measured: list[Any] = run.measurements[max(run.measurements)]
    return measured


def _score(run: TrainedRun) -> tuple[float, int]:
    """Rank runs: the most accurate, of equals the lowest seed."""
    measured = _accuracies(run)
    return sum(m.exact_accuracy for m in measured) / len(measured), -run.seed


def _describe(runs: list[TrainedRun], best: TrainedRun, path: str) -> list[str]:
    """Say what became of the seeds and which was saved."""
    solved = [run.seed for run in runs if run.diverged is None and _score(run)[0] == 1]
    lines = [
        f"seed {run.seed} diverged at iteration {run.diverged}"
        for run in runs
        if run.diverged is not None
    ]
    lines.append(
        f"{len(solved)} of {len(runs)} seeds solve the task after {max(best.weights)} "
        f"iterations (no error on {PAIRS} pairs of each family at each length)"
    )
    if best.worst_curve:
        lines.append(
            f"loss {best.curve[-1][1]:.4f}, of what the worst case writes "
            f"{best.worst_curve[-1][1]:.4f} (seed {best.seed})"
        )
    if best.seed in solved:
        lines.append(f"saved seed {best.seed}, the first that solves it, to {path}")
    else:
        worst = min(_accuracies(best), key=lambda m: m.exact_accuracy)
        lines.append(
            f"saved seed {best.seed}, the most accurate, to {path}; on {worst.family} pairs of "
            f"{worst.length} bits it is right for {worst.exact} of {worst.pairs}"
        )
    return lines
