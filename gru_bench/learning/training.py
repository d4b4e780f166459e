"""Training many seeds: one compiled program for one seed, reused seed after seed.

A program advances one seed by up to a block of iterations and is called by as many threads as
there are cores, each with seeds of its own. So any Keras cell trains at the speed of compiled
code, and a seed's run cannot depend on the seeds beside it: it never meets them.
"""

from __future__ import annotations

import inspect
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_integer
from gru_bench.learning.adder import Adder
from gru_bench.learning.backpropagation import backpropagate
from gru_bench.learning.family import Pairs, Stream, run_transducer
from gru_bench.learning.loss import training_loss
from gru_bench.learning.network import STATE_NOISE, TRAINING_PAIRS, Network
from gru_bench.learning.optimizer import adam
from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.learning.worst_case import WorstCase
from gru_bench.outside.bounds import SEED, SEEDS
from gru_bench.subjects.keras.loading import load_cell_class
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.task.transducer import ADDITION, FAMILIES, Transducer, get_task

#: Iterations whose pairs are drawn at once; draws are keyed by the block, so where a run is
#: stopped for a checkpoint changes nothing.
BLOCK = 50


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


class Program:
    """The compiled training of one network by one recipe.

    Args:
        network: what is trained.
        recipe: how.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        self.network = network
        self.recipe = recipe
        self.steps = recipe.bits + (network.task.flush if recipe.form == "full" else 0)
        if recipe.bits - (recipe.form == "tutorial") < 1:
            raise UsageError(f"recipe {recipe.name!r}: form 'tutorial' needs at least 2 bits")
        self.worst_case = (
            WorstCase(network, recipe.radius, recipe.state_limit) if recipe.worst_case else None
        )
        self._advance = tf.function(self._trace, jit_compile=True, autograph=False)

    def start(self, seed: int) -> tuple[Any, ...]:
        """Return what a run of `seed` carries from block to block, before its first iteration."""
        theta = self.network.initial_weights(seed, self.recipe.stddev or None)
        moments = (tf.zeros_like(theta), tf.zeros_like(theta))
        return (theta, moments, tuple(self.network.frozen(seed)))

    def advance(self, seed: int, carried: tuple[Any, ...], first: int, last: int) -> Any:
        """Do iterations `first .. last-1`, all within one block.

        Returns:
            The new `carried`, the mean losses (the worst case's is the second, where there is
            one), the exact accuracy on the last batch, and the first iteration whose loss was not
            finite (or -1).
        """
        scalar = [tf.constant(value, tf.int64) for value in (seed, first, last)]
        carried, losses, accuracy, bad = self._advance(*scalar, carried)
        return carried, losses.numpy().tolist(), float(accuracy), int(bad)

    def _trace(self, seed: Any, first: Any, last: Any, carried: Any) -> Any:
        recipe, network = self.recipe, self.network
        x, labels = self._pairs(seed, first // BLOCK)
        zero = tf.zeros((), network.variable_dtype)
        none = tf.zeros(1 if self.worst_case is None else 2, network.variable_dtype)

        def body(i: Any, carried: Any, total: Any, _: Any, bad: Any) -> Any:
            theta, moments, frozen = carried
            k = tf.cast(i % BLOCK, tf.int32) if recipe.fresh else 0
            risen = self._risen(i)
            steps = self.worst_case or network
            if self.worst_case and recipe.merge:
                steps = self.worst_case.merging(recipe.merge * risen)
            loss, gradient, scores, frozen = backpropagate(
                steps,
                theta,
                frozen,
                x[k],
                lambda scores: self._loss(scores, labels[k], risen),
                self._disturber(seed, i) if recipe.noise else None,
            )
            losses = self._losses(scores, labels[k])
            scores = scores[..., : network.scores]
            theta, moments = adam(recipe, theta, moments, gradient, i)
            right = tf.equal(network.decide(scores, recipe.threshold), labels[k])
            accuracy = tf.reduce_mean(tf.cast(tf.reduce_all(right, axis=0), zero.dtype))
            bad = tf.where((bad < 0) & ~tf.math.is_finite(loss), i, bad)
            return i + 1, (theta, moments, tuple(frozen)), total + losses, accuracy, bad

        _, carried, total, accuracy, bad = tf.while_loop(
            lambda i, *_: i < last, body, (first, carried, none, zero, tf.constant(-1, tf.int64))
        )
        return carried, total / tf.cast(last - first, zero.dtype), accuracy, bad

    def _risen(self, i: Any) -> Any:
        """Return how far the worst case's ramp has risen at iteration i, from 0 to 1."""
        recipe = self.recipe
        since = tf.cast(i, self.network.variable_dtype) - recipe.worst_case_from * recipe.iterations
        return tf.clip_by_value(since / max(1.0, recipe.worst_case_ramp * recipe.iterations), 0, 1)

    def _loss(self, scores: Any, labels: Any, risen: Any) -> Any:
        """Return what an iteration makes small, where the ramp has risen so far."""
        losses = self._losses(scores, labels)
        if self.worst_case is None:
            return losses[0]
        weight = self.recipe.worst_case * risen
        excess = self.worst_case.excess(scores)
        return (1 - weight) * losses[0] + weight * losses[1] + _EXCESS * excess

    def _losses(self, scores: Any, labels: Any) -> Any:
        """Return the loss, and where there is a worst case its loss too, `(1,)` or `(2,)`."""
        kinds = [scores] if self.worst_case is None else self.worst_case.scores(scores, labels)
        return tf.stack([training_loss(self.recipe, self.network, s, labels) for s in kinds])

    def _pairs(self, seed: Any, block: Any) -> tuple[Any, Any]:
        """Return a block's features `(blocks, T, B, F)` and labels `(blocks, T, B)`."""
        recipe, task = self.recipe, self.network.task
        blocks = BLOCK if recipe.fresh else 1
        shares = np.bincount(np.arange(recipe.batch) % len(recipe.families))
        length = tf.constant(recipe.bits - (recipe.form == "tutorial"))
        parts = []
        for k, share in enumerate(shares):
            index = (block if recipe.fresh else tf.zeros_like(block)) * len(shares) + k
            family = FAMILIES.index(recipe.families[k])
            stream = Stream(seed, TRAINING_PAIRS)
            pairs = Pairs(task, int(blocks * share), length, family, stream, index)
            symbols = pairs.chunk(pairs.parameters(), 0, self.steps)
            parts.append(tf.reshape(symbols, (blocks, int(share), self.steps)))
        symbols = tf.reshape(tf.concat(parts, axis=1), (blocks * recipe.batch, self.steps))
        _, labels = run_transducer(task, tf.zeros_like(symbols[:, 0]), symbols)

        def time_major(a: Any) -> Any:
            return tf.transpose(tf.reshape(a, (blocks, recipe.batch, self.steps)), (0, 2, 1))

        return self.network.encode(time_major(symbols)), time_major(labels)

    def _disturber(self, seed: Any, i: Any) -> Any:
        """Return the function that adds an iteration's uniform noise to the states."""
        initial = keras.tree.flatten(self.network.initial_state(self.recipe.batch))
        stream, half_width = Stream(seed, STATE_NOISE), self.recipe.noise
        noise = []
        for k, state in enumerate(initial):
            shape = (self.steps, *state.shape)
            unit = stream.coarse(i * len(initial) + k, shape, state.dtype)
            noise.append(half_width * unit)

        def disturb(states: Any, t: Any) -> Any:
            own = states if self.worst_case is None else states[0]
            flat = keras.tree.flatten(own)
            disturbed = [state + kind[t] for state, kind in zip(flat, noise, strict=True)]
            packed = keras.tree.pack_sequence_as(own, disturbed)
            return packed if self.worst_case is None else (packed, *states[1:])

        return disturb


#: Weight of what states have beyond the recipe's limit, squared.
_EXCESS = 0.1

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
        UsageError: the cell cannot be loaded, made or run.
    """
    arguments = dict(arguments or {})
    found = load_cell_class(cell) if isinstance(cell, str) else cell
    # Of __init__: for a class, early releases of Python 3.11 show the signature of Keras's __new__.
    if "units" in inspect.signature(found.__init__).parameters:
        arguments = {"units": recipe.units, **arguments}
    return Network(cell, arguments, task, recipe.dtype)


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
) -> list[TrainedRun]:
    """Train seeds in threads and hand their progress to this one; see `train`."""
    events: queue.SimpleQueue[Progress | TrainedRun | BaseException] = queue.SimpleQueue()
    stop = threading.Event()
    finished: dict[int, TrainedRun] = {}

    def work(seed: int) -> None:
        try:
            run = _train_one(program, seed, checkpoints, measure, events.put, stop)
            if run is not None:
                events.put(run)
        except BaseException as error:
            events.put(error)

    def take(event: Progress | TrainedRun | BaseException) -> None:
        if isinstance(event, BaseException):
            raise event
        if isinstance(event, Progress):
            on_progress(event)
        else:
            finished[event.seed] = event
            on_run(event)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            for seed in seeds:
                pool.submit(work, seed)
            while len(finished) < len(seeds):
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
    return [finished[seed] for seed in seeds]


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
