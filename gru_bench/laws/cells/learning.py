"""Family "learning": gradients exist, reach everything, and are finite."""

from __future__ import annotations

import numpy as np

from gru_bench.laws.case import Array, Case
from gru_bench.laws.cells.moving import moves
from gru_bench.laws.cells.time import TRIES, attempts
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound

FAMILY = "learning"


@law(
    "every-weight-learns",
    FAMILY,
    "Every trainable weight has a gradient that is not None and not always zero.",
    needs=("weights",),
    caught=(
        "https://github.com/zhiyongc/GRU-D/issues/2",
        "https://github.com/ddbourgin/numpy-ml/issues/42",
    ),
    wants=Wants(batch=(3,), steps=(3,), scales=(1.0,), narrow=True, zero_state=False),
    most=1,
)
def learns(case: Case) -> None:
    """Ask at several points."""
    still = set(case.weights)
    for attempt in attempts(case):
        by_weight, _, _ = _pull_back(attempt)
        named = zip(case.weights, by_weight.values(), strict=True)
        still -= {name for name, gradient in named if np.any(gradient)}
        if not still:
            return
    # Some make the initial state, and some matter in training only.
    every = {name: np.ones(case.weights[name].shape, bool) for name in still}
    still = {
        name
        for name, part in every.items()
        if moves(case, {name: part}, within=True) or not moves(case, {name: part})
    }
    if still:
        told = ", ".join(sorted(still))
        case.fail(f"the gradient by {told} is None or always zero, at {TRIES} points")


def _pull_back(case: Case) -> tuple[dict[str, Array], Array, list[Array]]:
    """Return the gradients of a random combination of all outputs and final states."""
    cell, rng = case.cell(), case.rng
    outputs = rng.normal(size=(case.steps, case.batch, *case.output_shape(cell)))
    finals = [rng.normal(size=s.shape) for s in case.states]
    return case.gradient(cell, case.xs, case.states, outputs, finals)


@law(
    "gradient-asked-twice",
    FAMILY,
    "The gradient is the same when a tape is asked for it twice.",
    caught=("https://github.com/pytorch/pytorch/issues/1532",),
    wants=Wants(steps=(1, 2), narrow=True),
    share=0.5,
)
def twice(case: Case) -> None:
    """Ask a persistent tape twice, after two forward passes."""
    once, again = case.gradient_twice(case.cell(), case.xs, case.states)
    names = [*case.weights, *(f"input {t}" for t in range(case.steps))]
    names += [f"state {k}" for k in range(len(case.states))]
    for name, a, b in zip(names, once, again, strict=True):
        if not np.array_equal(a, b, equal_nan=True):
            case.agree(b, a, Bound(0.0, "the same computation"), f"the second gradient by {name}")


@law(
    "gradient-reaches-back",
    FAMILY,
    "The last output has a gradient by the first input and by each initial state.",
    needs=("state",),
    caught=("https://github.com/FluxML/Flux.jl/issues/1209",),
    wants=Wants(batch=(3,), steps=(3,), scales=(1.0,), narrow=True, zero_state=False),
    most=1,
)
def reaches(case: Case) -> None:
    """Ask at several points."""
    still = {"the first input", *(f"initial state {k}" for k in range(len(case.states)))}
    for attempt in attempts(case):
        cell = attempt.cell()
        last = np.zeros((attempt.steps, attempt.batch, *attempt.output_shape(cell)))
        last[-1] = attempt.rng.normal(size=last[-1].shape)
        nothing = [np.zeros(s.shape) for s in attempt.states]
        _, by_x, by_state = attempt.gradient(cell, attempt.xs, attempt.states, last, nothing)
        found = {f"initial state {k}": g for k, g in enumerate(by_state)}
        found["the first input"] = by_x[0]
        still -= {name for name in still if np.any(found[name])}
        if not still:
            return
    if len(case.unread) < len(case.states):
        still -= {f"initial state {k}" for k in case.unread}
    # Whole numbers have no derivatives.
    still -= {f"initial state {k}" for k, what in enumerate(case.domain) if "whole" in what}
    if case.takes_whole:
        still -= {"the first input"}
    if still:
        told = ", ".join(sorted(still))
        case.fail(f"the last output has no gradient by {told}, at {TRIES} points")


@law(
    "gradients-finite",
    FAMILY,
    "Gradients are finite where inputs are large, all zero, or constant.",
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/2540",
        "https://github.com/ARM-software/ComputeLibrary/issues/779",
        "https://github.com/muditbhargava66/PyxLSTM/issues/15",
    ),
    wants=Wants(batch=(3,), steps=(2,), scales=(1.0,), dtype="float32", narrow=True),
    share=0.34,
)
def finite(case: Case) -> None:
    """Ask with these inputs and states, in float32, at drawn weights and at the nearest to zero."""
    cell, rng = case.cell(), case.rng
    output = case.batch, *case.output_shape(cell)
    shapes = [output] * case.steps + [s.shape for s in case.states]
    cotangents = [rng.normal(size=shape) for shape in shapes]
    zeros = case.with_weights({name: np.zeros_like(w) for name, w in case.weights.items()}).weights
    names = [*case.weights, *["the inputs"] * case.steps]
    names += [f"state {k}" for k in range(len(case.states))]
    for xs in map(case.fit, (300 * case.xs, np.zeros_like(case.xs), np.full_like(case.xs, 1.0))):
        for weights in (case.weights, zeros):
            arguments = [*weights.values(), xs, *case.states]
            sizes = [a.size for a in (*weights.values(), *xs, *case.states)]
            found = case.gradient_at(cell, arguments, cotangents)
            for name, gradient in zip(names, np.split(found, np.cumsum(sizes)[:-1]), strict=True):
                if not np.isfinite(gradient).all():
                    odd = gradient[~np.isfinite(gradient)][0]
                    case.fail(f"the gradient by {name} is not finite: {odd}", what=name)
