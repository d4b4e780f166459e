"""Makes a failing case smaller while its law still fails in the same way."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from gru_bench.errors import FAULTS
from gru_bench.laws.broken import Broken
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Law
from gru_bench.subjects.protocol import NotOffered

#: Attempts and seconds that one failure may take.
ATTEMPTS, SECONDS = 80, 2.0


def shrink(law: Law, case: Case, error: BaseException) -> tuple[Case, BaseException]:
    """Return the smallest failing case found, and what it raises.

    Fewer steps, then fewer rows, then zeros for whole arrays, then rounder numbers.
    """
    until = time.perf_counter() + SECONDS
    attempts = ATTEMPTS
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(case, law):
            if attempts <= 0 or time.perf_counter() > until:
                return case, error
            attempts -= 1
            found = _fails(law, smaller, error)
            if found is not None:
                case, error, progress = smaller, found, True
                break
    return case, error


def _fails(law: Law, case: Case, error: BaseException) -> BaseException | None:
    """Return what the law raises for a case if it is the same kind of failure."""
    try:
        law.check(case)
    except NotOffered:
        return None
    except FAULTS as found:  # a user's cell can fail in any way
        same = type(found) is type(error)
        if isinstance(found, Broken) and isinstance(error, Broken):
            same = found.facts.get("what") == error.facts.get("what")
        return found if same else None
    return None


def _smaller(case: Case, law: Law) -> Iterator[Case]:
    """Yield cases that are simpler in one way, the greatest steps first."""
    for steps in sorted(n for n in law.wants.steps if n < case.steps):
        yield case.at(xs=case.xs[:steps])
    for batch in sorted(n for n in law.wants.batch if n < case.batch):
        yield case.at(xs=case.xs[:, :batch], states=[s[:batch] for s in case.states])
    if case.xs.any():
        yield case.at(xs=np.zeros_like(case.xs))
    free = not any(case.target.domain)
    for k, state in enumerate(case.states):
        if free and state.any():
            zero = np.zeros_like(state)
            yield case.at(states=[*case.states[:k], zero, *case.states[k + 1 :]])
    for name, value in case.weights.items():
        if value.any():
            yield case.with_weights({**case.weights, name: np.zeros_like(value)})
    for grain in (1.0, 1 / 4):
        rounded = case.with_weights(
            {n: _rounded(w, grain) for n, w in case.weights.items()},
            xs=_rounded(case.xs, grain),
            states=[_rounded(s, grain) if free else s for s in case.states],
        )
        if not _same(rounded, case):
            yield rounded


def _rounded(array: Array, grain: float) -> Array:
    return np.asarray(np.round(array / grain) * grain + 0.0)  # + 0.0 makes 0 of -0


def _same(a: Case, b: Case) -> bool:
    pairs = [(a.xs, b.xs), *zip(a.states, b.states, strict=True)]
    pairs += list(zip(a.weights.values(), b.weights.values(), strict=True))
    return all(np.array_equal(x, y) for x, y in pairs)
