"""Training many seeds: one compiled program for one seed, reused seed after seed.

The program (`compiled.py`) is called by as many threads as there are cores, each with seeds of its
own. So any Keras cell trains at the speed of compiled code, and a seed's run cannot depend on the
seeds beside it: it never meets them.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_integer
from gru_bench.learning.adder import Adder
from gru_bench.learning.compiled import BLOCK, Program
from gru_bench.learning.network import Network
from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.outside.bounds import SEED, SEEDS
from gru_bench.subjects.keras.maker import around
from gru_bench.subjects.loading import with_units
from gru_bench.task.transducer import ADDITION, Transducer, get_task


@dataclass
class Progress:
    """What a run tells while it trains.

    Args:
        seed: of the run.
        iteration: updates done.
        loss: mean over the last block.
        accuracy: share of training pairs with every bit right, in the last iteration.
        worst_loss: the loss of what the worst case writes, for a recipe that has one.
    """

    seed: int
    iteration: int
    loss: float
    accuracy: float
    worst_loss: float | None = None


@dataclass
class TrainedRun:
    """One (cell, recipe, seed) trained.

    Args:
        cell: `package.module:Name`.
        arguments: of the cell.
        recipe: the recipe.
        task: name of the task.
        seed: of the replicate.
        curve: iteration, loss, accuracy on training pairs, a row each block.
        worst_curve: iteration and loss of the worst case, for a recipe that has one.
        weights: θ at each checkpoint iteration, the last one included.
        measurements: what `measure` returned at each checkpoint.
        diverged: the first iteration whose loss was not finite, or None.
        seconds: spent on this run, by the wall clock.
    """

    cell: str
    arguments: dict[str, Any]
    recipe: Recipe
    task: str
    seed: int
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    worst_curve: list[tuple[int, float]] = field(default_factory=list)
    weights: dict[int, NDArray[Any]] = field(default_factory=dict)
    measurements: dict[int, Any] = field(default_factory=dict)
    diverged: int | None = None
    seconds: float = 0.0

    def adder(self) -> Adder:
        """Return the trained adder.

        Raises:
            UsageError: the run diverged before its first checkpoint.
        """
        if not self.weights:
            raise UsageError(f"seed {self.seed} diverged at iteration {self.diverged}")
        network = Network(self.cell, self.arguments, get_task(self.task), self.recipe.dtype)
        origin = {
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.seed,
            "iterations": max(self.weights),
        }
        return Adder(network, self.theta, self.recipe.threshold, origin)

    @property
    def theta(self) -> NDArray[Any]:
        """The weights after the last iteration."""
        return self.weights[max(self.weights)]


Measure = Callable[[NDArray[Any], int], Any]


class Interrupted(KeyboardInterrupt):
    """Training was interrupted; `.runs` holds what had finished."""

    def __init__(self, runs: list[TrainedRun]) -> None:
        super().__init__()
        self.runs = runs


def train(
    cell: str | type[Any],
    recipe: str | Recipe = "default",
    seeds: int | Sequence[int] = 1,
    *,
    arguments: Mapping[str, Any] | None = None,
    task: Transducer = ADDITION,
    checkpoints: Sequence[int] = (),
    measure: Measure | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_run: Callable[[TrainedRun], None] | None = None,
    workers: int | None = None,
) -> list[TrainedRun]:
    """Train a cell by a recipe for many seeds.

    Args:
        cell: a cell class in Keras's RNN-cell protocol, or its `package.module:Name`.
        recipe: a recipe or its name.
        seeds: how many (0, 1, ...) or which.
        arguments: for the cell's constructor; `units` defaults to the recipe's.
        task: what to learn.
        checkpoints: iterations at which weights are kept and measured; the last always is.
        measure: called with θ and the iteration at each checkpoint, in a worker thread.
        on_progress: called in this thread after each block of iterations.
        on_run: called in this thread with each finished run.
        workers: seeds trained at a time; by default one for each core.

    Returns:
        The runs, in the order of the seeds.

    Raises:
        UsageError: bad arguments.
        Interrupted: Ctrl-C; it holds the runs that had finished.
    """
    recipe = get_recipe(recipe)
    network = make_network(cell, recipe, arguments, task)
    return train_network(
        Program(network, recipe),
        check_seeds(seeds),
        check_checkpoints(checkpoints, recipe),
        measure,
        on_progress or (lambda _: None),
        on_run or (lambda _: None),
        workers,
    )


def make_network(
    cell: str | type[Any],
    recipe: Recipe,
    arguments: Mapping[str, Any] | None = None,
    task: Transducer = ADDITION,
) -> Network:
    """Return the network a recipe trains; `units`, if the cell takes it, defaults to the recipe's.

    Raises:
        UsageError: the cell cannot be loaded, made or run, or has what training does not count.
    """
    arguments = with_units(cell, arguments or {}, recipe.units)
    network = Network(cell, arguments, task, recipe.dtype)
    around(network.make_cell())  # what Keras has no loop for could not be saved
    if network.left_out:
        raise UsageError(
            f"cell {network.cell_name!r} has {network.left_out}, which training does not count: "
            "train it without"
        )
    return network


def check_seeds(seeds: int | Sequence[int]) -> list[int]:
    """Return seeds as a list; a number n stands for 0 .. n-1.

    Raises:
        UsageError: there are none, or one is negative or given twice.
    """
    if isinstance(seeds, Sequence):
        chosen = [SEED.check("a seed", seed) for seed in seeds]
    else:
        chosen = list(range(SEEDS.check("seeds", seeds)))
    if not chosen or len(set(chosen)) < len(chosen):
        raise UsageError(f"seeds must be given, each once, got {list(chosen)}")
    return chosen


def check_checkpoints(checkpoints: Sequence[int], recipe: Recipe) -> list[int]:
    """Return the checkpoints in order, the recipe's last iteration among them.

    Raises:
        UsageError: one lies outside 0 .. iterations.
    """
    for checkpoint in checkpoints:
        if check_integer("a checkpoint", checkpoint, 0) > recipe.iterations:
            raise UsageError(
                f"a checkpoint must be at most the recipe's {recipe.iterations} iterations, "
                f"got {checkpoint}"
            )
    return sorted({*checkpoints, recipe.iterations})


def train_network(
    program: Program,
    seeds: Sequence[int],
    checkpoints: Sequence[int],
    measure: Measure | None,
    on_progress: Callable[[Progress], None],
    on_run: Callable[[TrainedRun], None],
    workers: int | None = None,
    admit: Callable[[int], bool] = lambda _: True,
) -> list[TrainedRun]:
    """Train seeds in threads and hand their progress to this one; see `train`.

    `admit` is asked in a worker thread before a seed begins, and those it refuses are left out.
    """
    events: queue.SimpleQueue[Progress | TrainedRun | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()
    finished: dict[int, TrainedRun] = {}
    refused: list[None] = []

    def work(seed: int) -> None:
        try:
            if stop.is_set():
                return
            if not admit(seed):
                events.put(None)
                return
            run = _train_one(program, seed, checkpoints, measure, events.put, stop)
            if run is not None:
                events.put(run)
        except BaseException as error:
            events.put(error)

    def take(event: Progress | TrainedRun | BaseException | None) -> None:
        if event is None:
            refused.append(event)
        elif isinstance(event, BaseException):
            raise event
        elif isinstance(event, Progress):
            on_progress(event)
        else:
            finished[event.seed] = event
            on_run(event)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            for seed in seeds:
                pool.submit(work, seed)
            while len(finished) + len(refused) < len(seeds):
                take(events.get())
        except BaseException as error:
            stop.set()
            pool.shutdown(cancel_futures=True)
            if not isinstance(error, KeyboardInterrupt):
                raise
            # A worker may have finished a run that this thread had not yet taken.
            while not events.empty():
                take(events.get())
            raise Interrupted([finished[s] for s in seeds if s in finished]) from None
    return [finished[seed] for seed in seeds if seed in finished]


def _train_one(
    program: Program,
    seed: int,
    checkpoints: Sequence[int],
    measure: Measure | None,
    tell: Callable[[Progress], None],
    stop: threading.Event,
) -> TrainedRun | None:
    """Train one seed; None if it was told to stop."""
    network, recipe = program.network, program.recipe
    run = TrainedRun(network.cell_name, network.arguments, recipe, network.task.name, seed)
    begun = time.perf_counter()
    carried, iteration = program.start(seed), 0
    for checkpoint in checkpoints:
        while iteration < checkpoint and run.diverged is None:
            if stop.is_set():
                return None
            last = min(checkpoint, (iteration // BLOCK + 1) * BLOCK)
            carried, losses, accuracy, bad = program.advance(seed, carried, iteration, last)
            iteration = last
            run.curve.append((iteration, losses[0], accuracy))
            run.worst_curve += [(iteration, worst) for worst in losses[1:]]
            if bad >= 0:
                run.diverged = bad
            tell(Progress(seed, iteration, losses[0], accuracy, *losses[1:]))
        if run.diverged is not None:
            break
        run.weights[checkpoint] = carried[0].numpy()
        if measure is not None:
            run.measurements[checkpoint] = measure(run.weights[checkpoint], checkpoint)
    run.seconds = time.perf_counter() - begun
    return run
