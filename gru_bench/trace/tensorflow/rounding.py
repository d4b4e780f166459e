"""How far two correct runs of the same case may lie apart, by the trace of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.ball import Ball, RunningError, exact
from gru_bench.trace.response import RunBound, measured
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

    A constant counts where it is a number of float32 whose shortest decimal in float32 is another
    number in float64: 0.1 written in float32 and widened is 0.10000000149011612.

    Args:
        subject: in float64.
        batch: B.
    """
    for operation in traced_step(subject, batch).concrete.graph.get_operations():
        if operation.type != "Const":
            narrow = [t.dtype for t in operation.outputs if t.dtype.is_floating]
            narrow = [d for d in narrow if d != tf.float64]
            if narrow:
                return f"an operation {operation.type} in {narrow[0].name}"
        elif _is_used(operation):
            for value in tf.make_ndarray(operation.get_attr("value")).ravel()[:1024].tolist():
                if _was_float32(value):
                    return f"a constant {value!r}, which was rounded to float32"
    return ""


def _is_used(constant: Any) -> bool:
    """Return whether a constant is in float64, or is cast to it from less."""
    (made,) = constant.outputs
    if made.dtype == tf.float64:
        return bool(made.shape.num_elements() == 1)  # arrays hold what was drawn, in whatever dtype
    casts = [o for o in made.consumers() if o.type == "Cast"]
    return bool(made.dtype.is_floating) and any(o.outputs[0].dtype == tf.float64 for o in casts)


def _was_float32(value: float) -> bool:
    if not np.isfinite(value) or abs(value) > np.finfo(np.float32).max:
        return False
    rounded = np.float32(value)
    return float(rounded) == value and float(str(rounded)) != value
