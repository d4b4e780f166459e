"""Family "shape and dtype": what comes out has the promised shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.cells.missing import missing_kernel
from gru_bench.laws.law import Wants, law

FAMILY = "shape and dtype"

#: Dtype policies and the dtype in which each computes.
POLICIES = {
    "float32": "float32",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "mixed_float16": "float16",
    "mixed_bfloat16": "bfloat16",
}


def _check_shapes(case: Case, cell: Any, output: Array, states: list[Array], rows: int) -> None:
    promised, sizes = case.promised(cell)
    if output.shape != (rows, *promised):
        case.fail(f"the output has shape {output.shape}, promised {(rows, *promised)}")
    if len(states) != len(case.states):
        case.fail(f"{len(states)} states come out, {len(case.states)} went in")
    for k, (state, size) in enumerate(zip(states, sizes, strict=True)):
        if state.shape != (rows, *size):
            case.fail(f"new state {k} has shape {state.shape}, promised {(rows, *size)}")


@law(
    "one-step-runs",
    FAMILY,
    "The cell can be built and can run one step.",
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
    case.call(case.cell(), case.xs[0], case.states)


@law(
    "shapes-promised",
    FAMILY,
    "Output and states have the shapes that output_size and state_size promise, step after step.",
    caught=(
        "https://github.com/salesforce/pytorch-qrnn/issues/11",
        "https://github.com/keras-team/keras/issues/11615",
    ),
)
def shapes(case: Case) -> None:
    """Look at each step of a run."""
    cell, states = case.cell(), case.states
    for x in case.xs:
        output, states = case.call(cell, x, states)
        _check_shapes(case, cell, output, states, case.batch)


@law(
    "empty-batch",
    FAMILY,
    "A batch without rows gives an output and states without rows.",
    caught=("https://github.com/pytorch/pytorch/issues/12013",),
    wants=Wants(steps=(1,)),
    most=2,
)
def empty(case: Case) -> None:
    """Give no rows; Keras itself does not allow that everywhere (LSTMCell has no empty batch)."""
    try:
        output, states = case.call(case.cell(), case.xs[0][:0], [s[:0] for s in case.states])
    except Exception as error:  # a user's cell can fail in any way
        raise NotApplicable(f"an empty batch is refused: {case.in_one_line(error)}") from error
    for what, array in (("the output", output), *((f"state {k}", s) for k, s in enumerate(states))):
        if array.shape[:1] != (0,):
            case.fail(f"{what} of a batch without rows has shape {array.shape}")


@law(
    "initial-state",
    FAMILY,
    "The initial state has the promised shapes for any number of rows, and the compute dtype.",
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
            cell = case.cell(policy)
        except Exception:  # that it cannot run in this policy is said by two other laws
            continue
        for rows in (1, case.batch):
            case.note(policy=policy, rows=rows)
            _check_initial(case, case.initial(cell, rows), rows, dtype)


def _check_initial(case: Case, states: list[Array], rows: int, dtype: str) -> None:
    _, sizes = case.promised(case.cell())
    for k, (state, size) in enumerate(zip(states, sizes, strict=True)):
        if state.shape != (rows, *size):
            case.fail(f"initial state {k} has shape {state.shape}, promised {(rows, *size)}")
        if state.dtype.name != dtype and state.dtype.kind not in "iub":  # a counter stays one
            case.fail(f"initial state {k} has dtype {state.dtype}, the cell computes in {dtype}")


@law(
    "float64-all-through",
    FAMILY,
    "A float64 cell keeps weights, output and states in float64.",
    needs=("float64",),
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
    most=3,
)
def float64(case: Case) -> None:
    """Look at the dtypes of everything."""
    case.note(policy="float64")
    cell = case.cell("float64")
    for name, value in case.parameters(cell).items():
        if value.dtype != np.float64:
            case.fail(f"weight {name} has dtype {value.dtype} in a float64 cell")
    _check_dtypes(case, cell, "float64")


@law(
    "float64-supported",
    FAMILY,
    "The cell can be made, built and run with the dtype policy float64.",
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
    wants=Wants(steps=(1,), narrow=True),
    most=1,
)
def supported(case: Case) -> None:
    """Run a step."""
    try:
        output, _ = case.call(case.cell("float64"), case.xs[0], case.states)
    except Exception as error:  # a user's cell can fail in any way
        if not case.loose:
            raise
        case.fail(f"{case.in_one_line(error)}; {case.loose}")
    if output.dtype.name != "float64" and output.dtype.kind not in "iub":
        why = f"; {case.loose}" if case.loose else ""
        case.fail(f"asked for float64, the cell computes in {output.dtype.name}{why}")


def _check_dtypes(case: Case, cell: Any, dtype: str) -> None:
    output, states = case.call(cell, case.xs[0], case.states)
    for what, array in (("the output", output), *((f"state {k}", s) for k, s in enumerate(states))):
        if array.dtype.name != dtype and array.dtype.kind not in "iub":  # a counter stays one
            case.fail(f"{what} has dtype {array.dtype}, the cell computes in {dtype}")


@law(
    "half-precision",
    FAMILY,
    "The cell runs in float16, bfloat16 and mixed precision, and gives the compute dtype.",
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
            _check_dtypes(case, case.cell(policy), dtype)
        except Exception as error:  # a user's cell can fail in any way
            missing = missing_kernel(error)
            if missing is None:
                raise
    if missing is not None:
        raise NotApplicable(missing)
