"""How far two correct runs of a cell may lie apart, from how it responds: for any cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.subjects.protocol import Subject
from gru_bench.trace.tolerance import Bound, run_error

Array = NDArray[Any]


@dataclass(frozen=True)
class RunBound:
    """Bounds of all that a run gives.

    Args:
        outputs: `(T, B, O)`.
        finals: one for each state, `(B, ...)`.
    """

    outputs: Bound
    finals: list[Bound]

    @property
    def largest(self) -> Bound:
        """One number for everything."""
        parts = [self.outputs, *self.finals]
        return Bound(max(float(np.max(b.limit, initial=0)) for b in parts), self.outputs.why)


def measured(
    subject: Subject, weights: Sequence[Array], xs: Array, states: Sequence[Array], dtype: Any
) -> RunBound:
    """Return the bound from the measured response, for steps that cannot be traced.

    Args:
        subject: the cell with these weights, in the widest dtype that it supports.
        weights: in the cell's order.
        xs: `(T, B, F)`.
        states: before the first step.
        dtype: in which the less precise of both runs is computed.
    """
    count = len(weights)

    def results(arguments: list[Array]) -> Array:
        subject.assign_values(arguments[:count])
        outputs, final = subject.fast_run(arguments[count], arguments[count + 1 :])
        return np.concatenate([np.asarray(a, np.float64).ravel() for a in (outputs, *final)])

    sizes = sum(int(np.prod(shape)) for shape in subject.state_shapes)
    operations = 4 * (subject.input_size + sizes + 16) * len(xs)
    try:
        bound = run_error(results, [*weights, xs, *states], operations, dtype)
    finally:
        subject.assign_values(weights)
    return RunBound(bound, [bound for _ in states])
