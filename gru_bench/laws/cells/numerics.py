"""Family "numerics": finite, and as precise as the dtype allows."""

from __future__ import annotations

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Case
from gru_bench.laws.law import Wants, law

FAMILY = "numerics"

#: Inputs that real data reach and a careless exponential does not survive: exp overflows at 89
#: in float32 and at 710 in float64.
FAR = 300.0

#: Lines along which a result is followed, and how far apart the points on a line are.
LINES, STRIDE = 3, 2.0**-18


def _check_finite(case: Case, factor: float, state_factor: float) -> None:
    if any(case.domain):
        state_factor = 1.0  # no other states than those that it reaches are asked about
    case.note(factor=factor, state_factor=state_factor)
    states = [state_factor * s for s in case.states]
    outputs, final = case.run(case.cell(), case.fit(factor * case.xs), states)
    parts = [("outputs", outputs), *((f"final state {k}", s) for k, s in enumerate(final))]
    for what, array in parts:
        if not np.isfinite(array).all():
            place = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
            case.fail(f"{what}{place} is {array[tuple(place)]}", what=what, index=place)


@law(
    "finite-at-large-inputs",
    FAMILY,
    "Outputs and states are finite for inputs of some hundreds, in float32 and in float64.",
    caught=(
        "https://github.com/ARM-software/ComputeLibrary/issues/779",
        "https://github.com/muditbhargava66/PyxLSTM/issues/15",
    ),
    wants=Wants(steps=(2,), scales=(1.0, 4.0), narrow=True),
)
def large(case: Case) -> None:
    """Scale the inputs."""
    for dtype in dict.fromkeys((case.widest, "float32")):
        case.dtype = dtype
        _check_finite(case, FAR, 1.0)


@law(
    "finite-far-beyond",
    FAMILY,
    "Outputs and states are finite for inputs and states up to numbers whose square the dtype "
    "can hold.",
    caught=("https://github.com/ARM-software/ComputeLibrary/issues/779",),
    wants=Wants(steps=(1,), scales=(1.0,), dtype="float32", narrow=True),
)
def beyond(case: Case) -> None:
    """Scale inputs and states by the root of the largest number, less what products add."""
    root = float(np.sqrt(np.finfo(np.float32).max)) / 2**12
    for factor, state_factor in ((root, 1.0), (1.0, root), (root, root)):
        _check_finite(case, factor, state_factor)


@law(
    "float32-agrees-with-float64",
    FAMILY,
    "In float32 a run gives what it gives in float64, within the running error of its operations.",
    needs=("float64",),
    caught=("https://github.com/ARM-software/ComputeLibrary/issues/779",),
)
def narrow(case: Case) -> None:
    """Run in both."""
    of_outputs, of_finals = case.each_rounding("float32")
    wide, final = case.run(case.cell("float64"), case.xs, case.states)
    outputs, last = case.run(case.cell("float32"), case.xs, case.states)
    case.agree(outputs, wide, of_outputs, "outputs in float32")
    for k, (a, b) in enumerate(zip(last, final, strict=True)):
        case.agree(a, b, of_finals[k], f"final state {k} in float32")


@law(
    "float64-is-precise",
    FAMILY,
    "Nothing is computed in less than float64 inside a float64 cell, and no constant is rounded.",
    needs=("float64",),
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
    wants=Wants(steps=(1,), narrow=True),
    most=1,
)
def precise(case: Case) -> None:
    """Look at every operation of a traced step."""
    found = case.imprecision(case.cell("float64"))
    if found:
        case.fail(f"the traced step has {found}")


@law(
    "rounding-is-small",
    FAMILY,
    "In float64 the result follows its inputs smoothly, not in the steps of a narrower dtype.",
    needs=("float64",),
    caught=("https://github.com/uxlfoundation/oneDNN/issues/976",),
    wants=Wants(steps=(1,), scales=(1.0, 0.25), zero_state=False, kinds=("ordinary",)),
    share=0.5,
)
def smooth(case: Case) -> None:
    """Take fourth differences along a few short lines.

    Of a smooth function they are of the order of the stride to the fourth power, which is lost in
    float64. What is rounded to float32 on the way is rounded at each point anew, since points lie
    64 of its numbers apart, so they are of the order of its epsilon on every line; where a kink or
    a step lies on one line, it does not on the others.
    """
    if not case.takes_any:
        raise NotApplicable("inputs have a domain, which short lines would leave")
    rng, cell = case.rng, case.cell("float64")
    direction = rng.choice([-1.0, 1.0], case.xs.shape)
    starts = [case.xs + 1e-2 * rng.normal(size=case.xs.shape) for _ in range(LINES)]
    found = []
    for start in starts:
        points = [start + k * STRIDE * direction for k in range(5)]
        results = [case.run(cell, point, case.states)[0] for point in points]
        found.append(np.diff(results, 4, axis=0)[0])
    if not np.isfinite(found).all():
        raise NotApplicable("a result is not finite, of which another law speaks")
    smoothest = int(np.argmin([np.abs(differences).max() for differences in found]))
    nothing, what = np.zeros_like(found[smoothest]), "the fourth difference along a short line"
    case.agree(found[smoothest], nothing, case.at(xs=starts[smoothest]).smoothness, what)
