"""Whether entries of weights change what a cell computes when they are moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gru_bench.laws.case import Array, Case
from gru_bench.laws.cells.time import attempts

#: Tries in which weights are moved.
CONFIRMED = 8


def moves(case: Case, parts: Mapping[str, NDArray[np.bool_]], within: bool = False) -> bool:
    """Return whether moving entries of weights changes any result.

    Args:
        case: its sizes count.
        parts: which entries move, by the names of weights.
        within: whether only runs at inference from given states count, and neither the initial
            state nor training.
    """
    for attempt in islice(attempts(case), CONFIRMED):
        moved = dict(attempt.weights)
        for name, part in parts.items():
            by = np.where(part, attempt.rng.normal(size=part.shape), 0.0)
            moved[name] = moved[name] + by
        other = attempt.with_weights(moved)
        for training in (False,) if within else (False, True):
            results = [list(_results(one, training, within)) for one in (attempt, other)]
            if not all(map(np.array_equal, *results)):
                return True
    return False


def _results(case: Case, training: bool, within: bool) -> Iterator[Array]:
    cell = case.cell(training=training)
    starts = [case.states] if within else [case.states, case.initial(cell, case.batch)]
    for states in starts:
        outputs, finals = case.run(cell, case.xs, states)
        yield outputs
        yield from finals
