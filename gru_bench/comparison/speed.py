"""How fast two cells train, measured in turns in one process: beside a verdict, never in it."""

from __future__ import annotations

import os
import statistics
import time

from gru_bench.learning.compiled import Program
from gru_bench.learning.training import train_network

#: Rounds in which both take their turn, and iterations of each seed in a round.
_ROUNDS, _ITERATIONS = 5, 100


def measure_speeds(base: Program, candidate: Program, workers: int | None = None) -> list[float]:
    """Return seed-iterations/s of both, medians over rounds; who begins changes each round.

    Machines differ from each other by more than most changes do, so figures of stored runs are
    not used.

    Args:
        base: the compiled training of one.
        candidate: of the other.
        workers: seeds trained at a time; by default one for each core.
    """
    both = (base, candidate)
    for program in both:
        program.advance(0, program.start(0), 0, 1)
    seen: tuple[list[float], list[float]] = ([], [])
    for number in range(_ROUNDS):
        for i in (0, 1) if number % 2 == 0 else (1, 0):
            seen[i].append(_speed(both[i], workers or os.cpu_count() or 1))
    return [statistics.median(found) for found in seen]


def _speed(program: Program, workers: int) -> float:
    iterations = min(_ITERATIONS, program.recipe.iterations)
    begun = time.perf_counter()
    seeds = range(workers)
    train_network(program, seeds, [iterations], None, _ignore, _ignore, workers)
    return len(seeds) * iterations / (time.perf_counter() - begun)


def _ignore(_: object) -> None:
    """Take no note of progress."""
