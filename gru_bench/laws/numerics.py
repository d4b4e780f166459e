"""Family "numerics": finite, and as precise as the dtype allows."""

from __future__ import annotations

import numpy as np

from gru_bench.laws.case import Case
from gru_bench.laws.law import Wants, law
from gru_bench.tolerance import Bound, epsilon

FAMILY = "numerics"

#: Inputs that real data reach and a careless exponential does not survive: exp overflows at 89
#: in float32 and at 710 in float64.
FAR = 300.0

FINITE = """
outputs, final = run(cell, factor * xs, [state_factor * s for s in states])
assert np.isfinite(outputs).all() and all(np.isfinite(s).all() for s in final), (outputs, final)
"""


def _check_finite(case: Case, factor: float, state_factor: float) -> None:
    case.note(factor=factor, state_factor=state_factor)
    outputs, final = case.subject().fast_run(
        factor * case.xs, [state_factor * s for s in case.states]
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
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
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
    nested = keras.tree.pack_sequence_as(cell.get_initial_state(batch_size=x.shape[0]), flat)
    output, new = cell(x, nested)
    return output, keras.tree.flatten(new)


graph = function.get_concrete_function(
    tf.constant(xs[0], "float64"), [tf.constant(s, "float64") for s in states]
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
    "In float64 a small change of an input changes the result in proportion, not by jumps.",
    script="""
outputs, _ = run(cell, xs, states)
moved, _ = run(cell, xs + 2.0**-40 * direction, states)
further, _ = run(cell, xs + 2.0**-39 * direction, states)
compare(further - moved, moved - outputs, limit)
""",
    needs=("float64",),
    wants=Wants(steps=(1,), scales=(1.0, 0.25), zero_state=False, kinds=("ordinary",)),
    share=0.5,
)
def smooth(case: Case) -> None:
    """Move the inputs by less than float32 sees: a cast moves the result by jumps."""
    direction = case.rng.choice([-1.0, 1.0], case.xs.shape)
    case.xs = case.xs + 1e-3 * case.rng.normal(size=case.xs.shape)
    case.note(direction=direction)
    subject, steps = case.subject("float64"), (0.0, 2.0**-40, 2.0**-39)
    results = [subject.fast_run(case.xs + h * direction, case.states)[0] for h in steps]
    # The second difference of a smooth function is of the order of the square of the step; one
    # that jumps in float32 changes by an epsilon of float32, 2^17 steps, or not at all.
    jump = Bound(epsilon("float32") * 2.0**-8, "less than float32 sees")
    case.agree(
        results[2] - results[1],
        results[1] - results[0],
        lambda: jump + case.bounds("float64").outputs,
        "the second change",
    )
