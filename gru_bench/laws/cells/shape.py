"""Family "shape and dtype": what comes out has the promised shapes and dtypes."""

from __future__ import annotations

import numpy as np

from gru_bench.errors import UsageError, in_one_line
from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law
from gru_bench.laws.telling.failure import missing_kernel

FAMILY = "shape and dtype"

#: Dtype policies and the dtype in which each computes.
POLICIES = {
    "float32": "float32",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "mixed_float16": "float16",
    "mixed_bfloat16": "bfloat16",
}


def _check_shapes(case: Case, output: Array, states: list[Array], batch: int) -> None:
    subject = case.subject()
    promised = subject.promised_output or subject.output_shape
    if output.shape != (batch, *promised):
        case.fail(f"the output has shape {output.shape}, promised {(batch, *promised)}")
    if len(states) != len(subject.state_shapes):
        case.fail(f"{len(states)} states come out, {len(subject.state_shapes)} went in")
    sizes = subject.promised_states or subject.state_shapes
    for k, (state, size) in enumerate(zip(states, sizes, strict=True)):
        if state.shape != (batch, *size):
            case.fail(f"new state {k} has shape {state.shape}, promised {(batch, *size)}")


SHAPES = """
output_size = getattr(cell, "output_size", {output})
for x in xs:
    output, new = call(cell, x, states)
    assert output.shape == (x.shape[0], output_size), output.shape
    assert len(new) == len(states), len(new)
    sizes = keras.tree.flatten(cell.state_size)
    assert [s.shape for s in new] == [(x.shape[0], n) for n in sizes], [s.shape for s in new]
    states = new
"""


@law(
    "one-step-runs",
    FAMILY,
    "The cell can be built and can run one step.",
    script="""
for x in xs[:1]:
    call(cell, x, states)
""",
    wants=Wants(steps=(1,)),
    basic=True,
    most=1,
    caught=(
        "https://github.com/pytorch/pytorch/pull/78945",
        "https://github.com/scienceai/neocortex/issues/1",
    ),
)
def runs(case: Case) -> None:
    """Run it; whatever it raises breaks the law."""
    case.subject().call(case.xs[0], case.states)


@law(
    "shapes-promised",
    FAMILY,
    "Output and states have the shapes that output_size and state_size promise, step after step.",
    script=SHAPES.format(output="states[0].shape[1]"),
    caught=(
        "https://github.com/salesforce/pytorch-qrnn/issues/11",
        "https://github.com/keras-team/keras/issues/11615",
    ),
)
def shapes(case: Case) -> None:
    """Look at each step of a run."""
    subject, states = case.subject(), case.states
    for x in case.xs:
        output, states = subject.call(x, states)
        _check_shapes(case, output, states, case.batch)


@law(
    "empty-batch",
    FAMILY,
    "A batch without rows gives an output and states without rows.",
    script="""
output, new = call(cell, xs[0][:0], [s[:0] for s in states])
assert output.shape[0] == 0, output.shape
assert all(s.shape[0] == 0 for s in new), [s.shape for s in new]
""",
    caught=("https://github.com/pytorch/pytorch/issues/12013",),
    wants=Wants(steps=(1,)),
    most=2,
)
def empty(case: Case) -> None:
    """Give no rows; Keras itself does not allow that everywhere (LSTMCell has no empty batch)."""
    try:
        output, states = case.subject().call(case.xs[0][:0], [s[:0] for s in case.states])
    except Exception as error:  # a user's cell can fail in any way
        raise NotApplicable(f"an empty batch is refused: {in_one_line(error)[:120]}") from error
    for what, array in (("the output", output), *((f"state {k}", s) for k, s in enumerate(states))):
        if array.shape[:1] != (0,):
            case.fail(f"{what} of a batch without rows has shape {array.shape}")


@law(
    "initial-state",
    FAMILY,
    "The initial state has the promised shapes for any number of rows, and the compute dtype.",
    script="""
policy = keras.dtype_policies.get(policy)
cell = make(policy.name)
given = keras.tree.flatten(cell.get_initial_state(batch_size=rows))
sizes = keras.tree.flatten(cell.state_size)
assert [tuple(s.shape) for s in given] == [(rows, n) for n in sizes], [s.shape for s in given]
assert all(s.dtype == policy.compute_dtype for s in given), [s.dtype for s in given]
""",
    wants=Wants(steps=(1,), narrow=True),
    most=2,
    caught=(
        "https://github.com/apache/mxnet/issues/12650",
        "https://github.com/tensorflow/tensorflow/issues/32369",
    ),
)
def initial(case: Case) -> None:
    """Ask for it in each policy."""
    policies = {**POLICIES, **({"float64": "float64"} if case.dtype == "float64" else {})}
    for policy, dtype in policies.items():
        case.note(policy=policy, rows=case.batch)
        try:
            subject = case.target.subject(case.features, policy)
        except UsageError:
            continue  # that it cannot run in this policy is said by two other laws
        for rows in (1, case.batch):
            case.note(policy=policy, rows=rows)
            _check_initial(case, subject.initial_state(rows), rows, dtype)


def _check_initial(case: Case, states: list[Array], rows: int, dtype: str) -> None:
    sizes = case.subject().promised_states or [s.shape[1:] for s in states]
    for k, (state, size) in enumerate(zip(states, sizes, strict=True)):
        if state.shape != (rows, *size):
            case.fail(f"initial state {k} has shape {state.shape}, promised {(rows, *size)}")
        if state.dtype.name != dtype and state.dtype.kind not in "iub":  # a counter stays one
            case.fail(f"initial state {k} has dtype {state.dtype}, the cell computes in {dtype}")


DTYPES = """
cell = make(policy)
output, new = call(cell, xs[0], states)
wanted = keras.dtype_policies.get(policy).compute_dtype
found = [a.dtype.name for a in (output, *new)]
assert found == [wanted] * len(found), f"{found}, the cell computes in {wanted}"
"""


@law(
    "float64-all-through",
    FAMILY,
    "A float64 cell keeps weights, output and states in float64.",
    script=DTYPES
    + """
kept = [v.dtype for v in cell.trainable_variables]
assert set(kept) <= {"float64"}, kept
""",
    needs=("float64",),
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
    most=3,
)
def float64(case: Case) -> None:
    """Look at the dtypes of everything."""
    case.note(policy="float64")
    subject = case.subject("float64")
    for name, value in subject.parameters.items():
        if value.dtype != np.float64:
            case.fail(f"weight {name} has dtype {value.dtype} in a float64 cell")
    _check_dtypes(case, "float64", "float64")


@law(
    "float64-supported",
    FAMILY,
    "The cell can be made, built and run with the dtype policy float64.",
    script="""
cell = make("float64")
call(cell, xs[0], states)
assert cell.compute_dtype == "float64", f"the cell computes in {cell.compute_dtype}"
""",
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
    wants=Wants(steps=(1,), narrow=True),
    most=1,
)
def supported(case: Case) -> None:
    """The target has tried it."""
    if case.target.no_float64 is not None:
        case.fail(case.target.no_float64)


def _check_dtypes(case: Case, policy: str, dtype: str) -> None:
    subject = case.subject(policy)
    output, states = subject.call(case.xs[0], case.states)
    for what, array in (("the output", output), *((f"state {k}", s) for k, s in enumerate(states))):
        if array.dtype.name != dtype and array.dtype.kind not in "iub":  # a counter stays one
            case.fail(f"{what} has dtype {array.dtype}, the cell computes in {dtype}")


@law(
    "half-precision",
    FAMILY,
    "The cell runs in float16, bfloat16 and mixed precision, and gives the compute dtype.",
    script=DTYPES,
    needs=("one dtype",),
    caught=("https://github.com/tensorflow/tensorflow/issues/37364",),
    wants=Wants(steps=(1,), scales=(1.0, 0.25), narrow=True),
    most=4,
)
def half(case: Case) -> None:
    """Run a step in each policy."""
    missing = None
    for policy, dtype in POLICIES.items():
        case.note(policy=policy)
        try:
            _check_dtypes(case, policy, dtype)
        except UsageError as error:
            missing = missing_kernel(error)
            if missing is None:
                raise
    if missing is not None:
        raise NotApplicable(missing)
