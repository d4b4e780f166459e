"""Family "equations": the cell computes the published equations that it claims, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound

if TYPE_CHECKING:
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Subject

FAMILY = "equations"

#: Equations may take another way to the same result: what one run is granted counts twice.
SIDES = 2


@capability("equations")
def _equations(target: Target) -> str | None:
    if target.claim is None:
        return "no equations are claimed, and the cell computes none that are published"
    return None


@capability("equations that hold")
def _hold(target: Target) -> str | None:
    if target.claim is not None and target.claim.fails:
        return "the cell computes other equations: see equations-one-step"
    return None


@capability("published equations")
def _published(target: Target) -> str | None:
    if target.claim is None or target.claim.equations is None:
        return "no published equations of gates are claimed"
    return None


def compare(case: Case, cell: Subject, steps: int) -> None:
    """Compare the steps of a cell with those of its equations.

    Raises:
        Broken: they differ, or were found to be no reading of the cell at all.

    Args:
        case: inputs and states.
        cell: its weights assigned.
        steps: how many.
    """
    fails = case.claim_fails()
    if fails and case.still(seen=case.step(cell, case.xs[0], case.states)[0]):
        case.fail(fails, what="what the cell computes")
    wanted, bound = case.claimed(cell, steps)
    states: Sequence[Array] = case.states
    for step, right in enumerate(wanted):
        output, states = case.step(cell, case.xs[step], states)
        told = f"step {step + 1} against {case.claim_name}"
        more = partial(within, case, step)
        case.agree_granting(output, right[0], bound, more, f"{told}: the output")
        for k, (got, state) in enumerate(zip(states, right[1:], strict=True)):
            case.agree_granting(got, state, bound, more, f"{told}: state {k}")


def within(case: Case, step: int) -> Any:
    """Return what is large within a step and cancels, of which results say nothing."""
    found = case.at(xs=case.xs[: step + 1]).rounding()
    return Bound(SIDES * np.asarray(found.limit), f"{SIDES} x {found.why}")


@law(
    "equations-one-step",
    FAMILY,
    "One step gives the output and the states of the equations that the cell claims.",
    needs=("equations",),
    caught=(
        "https://github.com/pytorch/pytorch/issues/8153",
        "https://github.com/zhiyongc/GRU-D/issues/2",
        "https://github.com/apple/coremltools/issues/1124",
        "https://github.com/ddbourgin/numpy-ml/issues/42",
    ),
    wants=Wants(steps=(1,), scales=(1.0, 0.25, 4.0, 16.0)),
)
def one_step(case: Case) -> None:
    """Compare one step."""
    compare(case, case.cell(), 1)


@law(
    "equations-several-steps",
    FAMILY,
    "Several steps, each from the states of the last, give what the equations give.",
    needs=("equations", "equations that hold"),
    caught=("https://github.com/microsoft/onnxruntime/pull/27239",),
    wants=Wants(steps=(4,), scales=(1.0, 0.25)),
    share=0.5,
)
def several_steps(case: Case) -> None:
    """Compare a run."""
    compare(case, case.cell(), case.steps)


def _try(case: Case, choices: list[dict[str, Any]]) -> None:
    """Compare one step for each choice of arguments that the cell takes."""
    tried = 0
    for arguments in choices:
        cell = case.variant(**arguments)
        if cell is not None:
            compare(case, cell, 1)
            tried += 1
    if not tried:
        names = sorted({name for arguments in choices for name in arguments})
        raise NotApplicable(f"the cell has no argument {' or '.join(names)}")


ONCE: dict[str, Any] = {
    "needs": ("published equations",),
    "wants": Wants(steps=(1,), scales=(1.0,)),
    "most": 3,
}


@law(
    "equations-activations",
    FAMILY,
    "Another activation, of the candidate or of the gates, changes what the equations say.",
    caught=("https://github.com/Nixtla/neuralforecast/issues/796",),
    **ONCE,
)
def activations(case: Case) -> None:
    """Try a few activations."""
    _try(case, [{"activation": "softsign"}, {"recurrent_activation": "hard_sigmoid"}])


@law(
    "equations-biases",
    FAMILY,
    "Without biases the cell computes the equations without them, with biases with them.",
    caught=("https://github.com/tensorflow/addons/pull/210",),
    **ONCE,
)
def biases(case: Case) -> None:
    """Try with and without."""
    _try(case, [{"use_bias": False}, {"use_bias": True}])


@law(
    "equations-forget-bias",
    FAMILY,
    "The forget bias is added once to the argument of the forget gate.",
    **ONCE,
    caught=(
        "https://github.com/Lasagne/Lasagne/issues/448",
        "https://github.com/glample/tagger/issues/25",
        "https://github.com/microsoft/onnxruntime/pull/27239",
    ),
)
def forget_bias(case: Case) -> None:
    """Try two forget biases."""
    _try(case, [{"forget_bias": 1.0}, {"forget_bias": -2.5}])


@law(
    "equations-clip",
    FAMILY,
    "A clipped cell state is clipped where and as far as the equations say.",
    caught=("https://github.com/microsoft/onnxruntime/pull/27239",),
    **ONCE,
)
def clip(case: Case) -> None:
    """Try two limits."""
    _try(case, [{"cell_clip": 0.25}, {"cell_clip": 2.0}, {"clip": 0.25}, {"clip": 2.0}])


@law(
    "equations-epsilon",
    FAMILY,
    "The epsilon of a normalisation is the one that was asked for.",
    caught=(
        "https://github.com/VeriSilicon/TIM-VX/pull/589",
        "https://github.com/tensorflow/tensorflow/issues/21929",
    ),
    **ONCE,
)
def epsilon(case: Case) -> None:
    """Try two."""
    _try(case, [{"epsilon": 0.5}, {"epsilon": 1e-3}])
