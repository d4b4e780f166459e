"""States that have a domain: what a cell reaches by itself, and no other numbers, makes sense.

A counter is a whole number, a normaliser is positive, probabilities add up to one. What a cell does
with other states is nobody's business; so it is asked from states that it has reached.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gru_bench.subjects.protocol import Array, Subject

#: Runs from the initial state that are looked at, their rows and their steps.
RUNS, ROWS, STEPS = 3, 4, 6

#: Steps at most after which a state is taken.
FAR = 5


def domains(subject: Subject) -> list[str]:
    """Return what is true of each state that a cell reaches, and of few other numbers.

    Args:
        subject: the cell; its weights are as they were afterwards.

    Returns:
        A few words for each state, empty where it may be any number.
    """
    kept = list(subject.parameters.values())
    rng, seen = np.random.default_rng(0), []
    try:
        for _ in range(RUNS):
            subject.assign_values(ordinary_weights(subject, rng).values())
            states: Sequence[Array] = subject.initial_state(ROWS)
            for _ in range(STEPS):
                _, states = subject.fast_step(rng.normal(size=(ROWS, subject.input_size)), states)
                seen.append(states)
    finally:
        subject.assign_values(kept)
    whole = getattr(subject, "whole", [None] * len(subject.state_shapes))
    if any(len(states) != len(whole) for states in seen):
        return [""] * len(whole)
    return [
        "whole numbers" if kind is not None else _domain([states[k] for states in seen])
        for k, kind in enumerate(whole)
    ]


def _domain(arrays: Sequence[Array]) -> str:
    if len({array.shape for array in arrays}) > 1:
        return ""
    values = np.stack(arrays).astype(np.float64)
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        return ""
    if np.array_equal(values, np.round(values)):
        return "whole numbers"
    if values.min() <= 0:
        return ""
    sums = values.sum(axis=-1)
    if values.shape[-1] > 1 and np.ptp(sums) <= 1e-5 * np.abs(sums).max():
        return "shares of one sum"
    return "positive"


def ordinary_weights(subject: Subject, rng: np.random.Generator) -> dict[str, Array]:
    """Return weights of ordinary size that the cell's constraints allow."""
    drawn = {
        name: np.asarray(rng.normal(size=shape) / np.sqrt(shape[0] if shape else 1))
        for name, shape in subject.parameter_shapes.items()
    }
    return subject.allowed(drawn)


def unread(subject: Subject) -> list[int]:
    """Return the states that nothing depends on: they are published, and never read.

    Args:
        subject: the cell; its weights are as they were afterwards.
    """
    kept = list(subject.parameters.values())
    rng, left = np.random.default_rng(1), set(range(len(subject.state_shapes)))
    try:
        for _ in range(2 * RUNS):
            subject.assign_values(ordinary_weights(subject, rng).values())
            xs = rng.normal(size=(STEPS, ROWS, subject.input_size))
            states = reached(subject, rng, ROWS)
            plain = _results(subject, xs, states)
            for k in sorted(left):
                moved = [s + (1.0 if n == k else 0.0) for n, s in enumerate(states)]
                if not all(map(np.array_equal, plain, _results(subject, xs, moved))):
                    left.discard(k)
    finally:
        subject.assign_values(kept)
    return sorted(left)


def _results(subject: Subject, xs: Array, states: Sequence[Array]) -> list[Array]:
    outputs, finals = subject.fast_run(xs, states)
    return [outputs, *finals]


def reached(subject: Subject, rng: np.random.Generator, batch: int) -> list[Array]:
    """Return states after a few steps from the initial one, as numbers that float16 holds.

    Args:
        subject: the cell, with its weights.
        rng: draws the inputs, and after how many steps.
        batch: B.
    """
    states: Sequence[Array] = subject.initial_state(batch)
    for x in rng.normal(size=(int(rng.integers(1, FAR + 1)), batch, subject.input_size)):
        _, states = subject.fast_step(x, states)
    return [np.asarray(np.asarray(s, np.float16), np.float64) for s in states]
