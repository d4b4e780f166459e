"""How far two correct runs of the same case may lie apart, by the trace of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.response import RunBound, measured
from gru_bench.trace.tensorflow.ball import Ball, RunningError, exact
from gru_bench.trace.tensorflow.narrowed import narrowed
from gru_bench.trace.tensorflow.replay import Replay
from gru_bench.trace.tensorflow.traced import traced_step
from gru_bench.trace.tolerance import Bound, epsilon
from gru_bench.trace.unsupported import UnsupportedOperationError

Array = NDArray[Any]

#: Two runs lie apart by twice what one may be off. Compilers rewrite sums and products into
#: other ones that are equal on paper; twice that is granted for what they do.
SIDES = 4.0


def bound_run(
    subject: KerasSubject, weights: Sequence[Array], xs: Array, states: Sequence[Array], dtype: Any
) -> RunBound:
    """Return how far two correct runs may lie apart.

    Args:
        subject: the cell with these weights, in the widest dtype that it supports.
        weights: in the cell's order.
        xs: `(T, B, F)`.
        states: before the first step.
        dtype: in which the less precise of both runs is computed.
    """
    traced = traced_step(subject, xs.shape[1])
    if traced.replay is not None:
        try:
            return _running(traced.replay, traced.frozen, weights, xs, states, dtype)
        except UnsupportedOperationError:
            pass
    return measured(subject, weights, xs, states, dtype)


def _running(
    replay: Replay,
    frozen: Sequence[Any],
    weights: Sequence[Array],
    xs: Array,
    states: Sequence[Array],
    dtype: Any,
) -> RunBound:
    unit = epsilon(dtype) / 2
    error = RunningError(replay, dtype)
    fixed = [exact(w) for w in weights]
    kept: list[Any] = [np.asarray(f) for f in frozen]
    balls: list[Any] = [exact(s) for s in states]
    outputs = []
    for x in xs:
        output, *rest = error(fixed, kept, [exact(x)], balls)
        balls, kept = rest[: len(states)], rest[len(states) :]
        outputs.append(output)
    why = f"{SIDES:g} x running error of the traced step in {np.dtype(dtype)}, u = {unit:.3g}"

    def bound(radii: Any) -> Bound:
        return Bound(SIDES * np.nan_to_num(radii, nan=np.inf, posinf=np.inf), why)

    radii = np.stack([ball.radius for ball in map(_ball, outputs)])
    return RunBound(bound(radii), [bound(ball.radius) for ball in map(_ball, balls)])


def _ball(value: Any) -> Ball:
    return value if isinstance(value, Ball) else exact(value)


def imprecision(subject: KerasSubject, batch: int) -> str:
    """Return what in a float64 step is computed or kept in less than float64; empty for nothing.

    Args:
        subject: in float64.
        batch: B.
    """
    return narrowed(traced_step(subject, batch).concrete.graph)
