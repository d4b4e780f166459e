"""Lift many written cells: is each program what its cell computes, or refused with a reason?

    python -m benchmarks.lifting --cells 20000 --seed 0 --processes 2
    python -m benchmarks.lifting --only 280 [--smaller]

The cells are those of the seeds from --seed on (tests/corpus/written.py); each is evaluated by
TensorFlow in double precision at many points (tests/corpus/judge.py). Cells whose rows depend on
each other are counted apart: they have no program. The exit code is 1 where a cell is lifted
wrongly, ends in a raw error, or has a program that does not run or does not enclose.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Cells of one task, and tasks of one process: then it is renewed, so that memory stays as it is.
TASK, RENEWED = 50, 60

#: Faulty cells printed of each outcome.
SHOWN = 3


@dataclass(frozen=True)
class Result:
    """What came of one cell; it is shown where something is wrong."""

    seed: int
    outcome: str
    reason: str
    mixes: bool
    shown: str = ""


@dataclass
class Tally:
    """All results so far, the largest process in MiB, and seconds of processor time."""

    counts: Counter[tuple[str, bool]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: list[Result] = field(default_factory=list)
    memory: float = 0.0
    processor: float = 0.0

    def add(self, results: list[Result], memory: float, processor: float) -> None:
        """Count results."""
        self.memory = max(self.memory, memory)
        self.processor += processor
        for result in results:
            self.counts[result.outcome, result.mixes] += 1
            if result.outcome == "refused":
                self.refusals[kind_of(result.reason)] += 1
            if result.shown:
                self.faults.append(result)


def kind_of(reason: str) -> str:
    """Return a reason without the numbers in it."""
    return re.sub(r"\([^()]*\)|\[[^\[\]]*\]|(?<![A-Za-z])\d[\d.e+-]*", "#", reason)


def judged(seed: int) -> Result:
    """Return what comes of the cell of a seed."""
    from tests.corpus.judge import FAULTS, judge
    from tests.corpus.keras_cell import KerasReader, source
    from tests.corpus.written import write

    spec = write(seed)
    found = judge(spec, KerasReader())
    shown = source(spec) if found.outcome in FAULTS else ""
    return Result(seed, found.outcome, found.reason, found.mixes, shown)


def judge_all(seeds: range) -> tuple[list[Result], float, float]:
    """Return what comes of the cells of some seeds, peak memory in MiB, and processor time."""
    from gru_bench.subjects.keras.runtime import keras

    started = time.process_time()
    results = [judged(seed) for seed in seeds]
    keras.backend.clear_session()
    gc.collect()
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return results, largest, time.process_time() - started


def in_parallel(seeds: range, processes: int) -> Iterator[tuple[list[Result], float, float]]:
    """Return what `judge_all` gives for all seeds, task by task, as they come."""
    spawn = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    tasks = [seeds[k : k + TASK] for k in range(0, len(seeds), TASK)]
    # Not an executor of concurrent.futures: in Python 3.11 it waits for ever when it renews.
    with spawn.Pool(processes, maxtasksperchild=RENEWED) as pool:
        yield from pool.imap_unordered(judge_all, tasks)


def tell(tally: Tally, seconds: float) -> None:
    """Print counts, refusals and the first faults of each kind."""
    from_all = sum(tally.counts.values())
    print(
        f"{from_all} cells in {seconds:.0f} s, {tally.processor:.0f} s of processor time; "
        f"largest process {tally.memory:.0f} MiB"
    )
    print(f"{'':14}{'rows apart':>12}{'rows mixed':>12}")
    for outcome in sorted({outcome for outcome, _ in tally.counts}, key=str.swapcase):
        apart, mixed = (tally.counts[outcome, mixes] for mixes in (False, True))
        print(f"{outcome:14}{apart:12}{mixed:12}")
    print("refusals:")
    for kind, count in tally.refusals.most_common():
        print(f"{count:7} {kind}")
    told: Counter[tuple[str, bool]] = Counter()
    for fault in sorted(tally.faults, key=lambda f: (f.mixes, f.outcome, f.seed)):
        told[fault.outcome, fault.mixes] += 1
        if told[fault.outcome, fault.mixes] <= SHOWN:
            print(f"\n{fault.outcome}: {fault.reason}\n{fault.shown}")
            print(f"again: python -m benchmarks.lifting --only {fault.seed}")


def only(seed: int, smaller: bool) -> int:
    """Judge one cell and print it, and the smallest found of which the same is true."""
    from tests.corpus.judge import FAULTS, judge
    from tests.corpus.keras_cell import KerasReader, source
    from tests.corpus.shrinking import shrunk
    from tests.corpus.written import write

    spec = write(seed)
    found = judge(spec, KerasReader())
    if smaller:
        spec = shrunk(spec, lambda other: judge(other, KerasReader()).outcome == found.outcome)
        found = judge(spec, KerasReader())
    print(f"{found.outcome}: {found.reason or 'as the cell'}")
    print(f"{source(spec)}\nrows are {'mixed' if found.mixes else 'apart'}")
    return int(found.outcome in FAULTS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the first cell")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", type=int, metavar="SEED", help="judge this cell alone")
    parser.add_argument("--smaller", action="store_true", help="with --only: make it smaller first")
    given = parser.parse_args()
    if given.only is not None:
        return only(given.only, given.smaller)
    started, tally = time.perf_counter(), Tally()
    for found in in_parallel(range(given.seed, given.seed + given.cells), given.processes):
        tally.add(*found)
        done = sum(tally.counts.values())
        print(f"\r{done} of {given.cells}, {len(tally.faults)} faults", end="", file=sys.stderr)
    print(file=sys.stderr)
    tell(tally, time.perf_counter() - started)
    return int(bool(tally.faults))


if __name__ == "__main__":
    sys.exit(main())
