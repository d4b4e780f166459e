"""Family "numerics": finite, and as precise as the dtype allows."""

from __future__ import annotations

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound, epsilon, run_error

FAMILY = "numerics"

#: Inputs that real data reach and a careless exponential does not survive: exp overflows at 89
#: in float32 and at 710 in float64.
FAR = 300.0

#: Lines along which a result is followed, and how far apart the points on a line are.
LINES, STRIDE = 3, 2.0**-18

FINITE = """
outputs, final = run(cell, factor * xs, [state_factor * s for s in states])
assert np.isfinite(outputs).all() and all(np.isfinite(s).all() for s in final), (outputs, final)
"""


def _check_finite(case: Case, factor: float, state_factor: float) -> None:
    if any(case.target.domain):
        state_factor = 1.0  # no other states than those that it reaches are asked about
    case.note(factor=factor, state_factor=state_factor)
    outputs, final = case.subject().fast_run(
        case.fit(factor * case.xs), [state_factor * s for s in case.states]
    )
    parts = [("outputs", outputs), *((f"final state {k}", s) for k, s in enumerate(final))]
    for what, array in parts:
        if not np.isfinite(array).all():
            place = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
            case.fail(f"{what}{place} is {array[tuple(place)]}", what=what, index=place)


@law(
    "finite-at-large-inputs",
    FAMILY,
    "Outputs and states are finite for inputs of some hundreds, in float32 and in float64.",
    script=FINITE,
    caught=(
        "https://github.com/ARM-software/ComputeLibrary/issues/779",
        "https://github.com/muditbhargava66/PyxLSTM/issues/15",
    ),
    wants=Wants(steps=(2,), scales=(1.0, 4.0), narrow=True),
)
def large(case: Case) -> None:
    """Scale the inputs."""
    for dtype in dict.fromkeys((case.target.dtype, "float32")):
        case.dtype = dtype
        _check_finite(case, FAR, 1.0)


@law(
    "finite-far-beyond",
    FAMILY,
    "Outputs and states are finite for inputs and states up to numbers whose square the dtype "
    "can hold.",
    script=FINITE,
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
    script="""
wide, final = run(make("float64"), xs, states)
narrow, last = run(make("float32"), xs, states)
compare(narrow, wide, limit)
""",
    needs=("float64",),
    caught=(
        "https://github.com/ARM-software/ComputeLibrary/issues/779",
        "https://github.com/microsoft/onnxruntime/pull/27239",
    ),
)
def narrow(case: Case) -> None:
    """Run in both."""
    bounds = case.bounds("float32")
    wide, final = case.subject("float64").fast_run(case.xs, case.states)
    outputs, last = case.subject("float32").fast_run(case.xs, case.states)
    case.agree(outputs, wide, bounds.outputs, "outputs in float32")
    for k, (a, b) in enumerate(zip(last, final, strict=True)):
        case.agree(a, b, bounds.finals[k], f"final state {k} in float32")


@law(
    "float64-is-precise",
    FAMILY,
    "Nothing is computed in less than float64 inside a float64 cell, and no constant is rounded.",
    script="""
function = tf.function(lambda x, flat: call_tensors(x, flat), autograph=False)


def call_tensors(x, flat):
    nested = nest(cell, flat)
    output, new = cell(x, nested)
    return output, keras.tree.flatten(new)


graph = function.get_concrete_function(
    tf.constant(xs[0], "float64"), tensors(cell, states)
).graph
for operation in graph.get_operations():
    for tensor in operation.outputs:
        narrow = tensor.dtype.is_floating and tensor.dtype != tf.float64
        assert not narrow or operation.type == "Const", f"{operation.name} gives {tensor.dtype}"
    if operation.type == "Const" and operation.outputs[0].dtype.is_floating:
        value = tf.make_ndarray(operation.get_attr("value"))
        rounded = value.size == 1 and float(np.float32(value)) == float(value)
        short = rounded and float(str(np.float32(value))) == float(value)
        assert short or not rounded, f"{operation.name} is {float(value)!r}, rounded to float32"
""",
    needs=("float64",),
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
    wants=Wants(steps=(1,), narrow=True),
    most=1,
)
def precise(case: Case) -> None:
    """Look at every operation of a traced step."""
    found = case.target.imprecision(case.subject("float64"), case.batch)
    if found:
        case.fail(f"the traced step has {found}")


@law(
    "rounding-is-small",
    FAMILY,
    "In float64 the result follows its inputs smoothly, not in the steps of a narrower dtype.",
    script="""
points = [run(cell, xs + k * 2.0**-18 * direction, states)[0] for k in range(5)]
compare(np.diff(points, 4, axis=0)[0], np.zeros_like(points[0]), limit)
""",
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
    if case.target.inputs is not None:
        raise NotApplicable("inputs have a domain, which short lines would leave")
    rng, subject = case.rng, case.subject("float64")
    direction = rng.choice([-1.0, 1.0], case.xs.shape)
    starts = [case.xs + 1e-2 * rng.normal(size=case.xs.shape) for _ in range(LINES)]
    found = []
    for start in starts:
        points = [start + k * STRIDE * direction for k in range(5)]
        results = [subject.fast_run(point, case.states)[0] for point in points]
        found.append(np.diff(results, 4, axis=0)[0])
    if not np.isfinite(found).all():
        raise NotApplicable("a result is not finite, of which another law speaks")
    smoothest = int(np.argmin([np.abs(differences).max() for differences in found]))
    case.xs = starts[smoothest]
    case.note(direction=direction)
    step = Bound(epsilon("float32") * 2.0**-8, "1/256 ε of float32")
    nothing = np.zeros_like(found[smoothest])
    case.agree(
        found[smoothest],
        nothing,
        lambda: step + _of_fourth_difference(case),
        "the fourth difference along a short line",
    )


def _of_fourth_difference(case: Case) -> Bound:
    """Return what float64 leaves of a fourth difference of zero.

    The running error of the trace would grant a cast to float32 what it rounds.
    """
    subject = case.subject("float64")

    def results(arguments: list[Array]) -> Array:
        return subject.fast_run(arguments[0], arguments[1:])[0].ravel()

    operations = 4 * (case.features + sum(s.shape[-1] for s in case.states) + 16)
    own = run_error(results, [case.xs, *case.states], operations, "float64")
    return Bound(16 * np.asarray(own.limit), f"the fourth difference of {own.why}")
