"""1,000 correct cells must raise no alarm; the same cells with one planted error must all be found.

    python -m benchmarks.gradient_errors --count 1000

An error counts as planted where it changes the Jacobian by more than double precision can blur:
a stop_gradient on a gate whose slope is 1e-20 changes nothing. Where a drawn error does not, the
next one is drawn, and how often that was is printed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from typing import Any

import numpy as np

from gru_bench.gradients.check import cell_problem, check_gradients
from gru_bench.gradients.discrepancy import GradientCheck
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.problem import Problem
from tests.corpus.planted import FAULTS, Planted, Sample, count_places, draw

#: A planted error must change some derivative by this much of the largest by the same tensor.
VISIBLE = 5e-7


def problem_of(subject: KerasSubject, sample: Sample) -> Problem:
    return cell_problem(subject, sample.steps, seed=sample.seed)


def plant(
    sample: Sample, subject: KerasSubject, clean: np.ndarray[Any, Any]
) -> tuple[str, KerasSubject, np.ndarray[Any, Any], int]:
    """Return a fault, the planted subject, the derivatives it changes, how many were drawn."""
    rng = np.random.default_rng([sample.seed, 2])
    activations, products = count_places(subject)
    places = {
        "wrong term": activations,
        "stop_gradient on one gate": activations,
        "transposed product": products if sample.units > 1 else 0,
        "dropped path through time": len(subject.state_shapes),
    }
    problem = problem_of(subject, sample)
    for drawn in range(1, 200):
        fault = FAULTS[sample.seed % len(FAULTS)] if drawn < 20 else str(rng.choice(FAULTS))
        k = int(rng.integers(places.get(fault, len(subject.parameters)) or 1))
        if fault in places and not places[fault]:
            continue
        part = problem.arguments.parts[k]
        place = (k, int(rng.integers(part.size)))
        planted = KerasSubject(Planted(sample.cell(), fault, place), sample.features)
        changed = np.abs(problem_of(planted, sample).jacobian() - clean)
        if visible(problem, changed, clean):
            return fault, planted, changed, drawn
    raise RuntimeError(f"no error can be planted in {sample.name}")


def visible(problem: Problem, changed: Any, clean: Any) -> bool:
    """Return whether a change is more than double precision can blur."""
    floor = 1e-9 * max(1.0, float(np.abs(clean).max()))
    for part in problem.arguments.parts:
        largest = np.abs(clean[part.where]).max(axis=0)
        if np.any(changed[part.where] > np.maximum(VISIBLE * largest, floor)):
            return True
    return False


def names_it(check: GradientCheck, problem: Problem, changed: Any, clean: Any) -> bool:
    """Return whether the worst entry is one of those that the planted error changed."""
    if check.worst is None or check.worst.kind != "wrong":
        return False
    arguments = [problem.arguments.label(k) for k in range(problem.arguments.size)]
    results = [problem.results.label(k) for k in range(problem.results.size)]
    i, o = arguments.index(check.worst.argument), results.index(check.worst.result)
    # Both Jacobians are autodiff's, so 1e-9 is far above what rounding can change.
    return bool(changed[i, o] > max(1e-9 * abs(clean[i, o]), 1e-12))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--progress", type=int, default=100)
    given = parser.parse_args()
    started = time.perf_counter()
    alarms, missed, unnamed = [], [], []
    found: Counter[str] = Counter()
    planted_kinds: Counter[str] = Counter()
    redrawn = entries = coarse = 0
    for seed in range(given.first, given.first + given.count):
        sample = draw(seed)
        subject = sample.subject()
        check = check_gradients(subject, steps=sample.steps, seed=sample.seed)
        entries, coarse = entries + check.entries, coarse + check.coarse
        if not check.ok or check.kinks:
            alarms.append(f"seed {seed}: {sample.name}: {check}")
            print("false alarm:", alarms[-1][:600], flush=True)
        problem = problem_of(subject, sample)
        clean = problem.jacobian()
        fault, planted, changed, drawn = plant(sample, subject, clean)
        redrawn += drawn - 1
        planted_kinds[fault] += 1
        wrong = check_gradients(planted, steps=sample.steps, seed=sample.seed)
        if wrong.ok:
            missed.append(f"{fault} in {sample.name}: change {changed.max():.3g}, {wrong}")
            print("missed:", missed[-1][:600], flush=True)
        elif not names_it(wrong, problem, changed, clean):
            unnamed.append(f"{fault} in {sample.name}: {wrong}")
            print("misnamed:", unnamed[-1][:600], flush=True)
        found[fault] += not wrong.ok
        done = seed - given.first + 1
        if done % given.progress == 0:
            keras.backend.clear_session()
            gc.collect()
            print(
                f"{done}: {len(alarms)} false alarms, {sum(found.values())} found, "
                f"{len(unnamed)} misnamed, {time.perf_counter() - started:.0f} s",
                flush=True,
            )
    print(f"correct cells: {given.count}, derivatives: {entries} ({coarse} coarse)")
    print(f"false alarms: {len(alarms)}")
    for fault in FAULTS:
        print(f"planted: {fault:32} {planted_kinds[fault]:4}   found: {found[fault]:4}")
    print(f"planted in all: {sum(planted_kinds.values())}, found: {sum(found.values())}, ")
    print(f"worst entry is one that the error changed: {sum(found.values()) - len(unnamed)}")
    print(f"errors drawn anew because they changed nothing visible: {redrawn}")
    print(f"seconds: {time.perf_counter() - started:.0f}")
    assert not alarms, f"{len(alarms)} false alarms"
    assert not missed, f"{len(missed)} planted errors missed"
    assert not unnamed, f"{len(unnamed)} planted errors not named"
    return 0


if __name__ == "__main__":
    sys.exit(main())
