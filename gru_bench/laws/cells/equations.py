"""Family "equations": the cell computes the published equations that it claims, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Array
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound, run_error
from gru_bench.trace.tolerance import epsilon as unit

if TYPE_CHECKING:
    from gru_bench.equations import Claim
    from gru_bench.laws.keras.target import KerasCase as Case
    from gru_bench.laws.keras.target import KerasTarget as Target
    from gru_bench.subjects.keras.subject import KerasSubject

FAMILY = "equations"

#: Equations may take another way to the same result: what one run is granted counts twice.
SIDES = 2

SCRIPT = """
from gru_bench.equations import find_claim

cell = make("float64")
for variable, value in zip(cell.weights, frozen):
    variable.assign(value)
claim = find_claim(cell, equations, xs.shape[-1])
assert not claim.fails, claim.fails
theirs = list(states)
for x in xs:
    output, states = call(cell, x, states, False)
    wanted, theirs = claim.step(cell, x, theirs)
    for got, right in zip([output, *states], [wanted, *theirs]):
        compare(got, right, limit)
"""

ARGUMENT_SCRIPT = """
from gru_bench.equations import find_claim

cell = type(cell).from_config({**cell.get_config(), **arguments, "dtype": "float64"})
cell.build((None, xs.shape[-1]))
for variable, value in zip(cell.weights, frozen):
    variable.assign(value)
claim = find_claim(make("float64"), equations, xs.shape[-1])
output, new = call(cell, xs[0], states, False)
wanted, theirs = claim.step(cell, xs[0], states)
for got, right in zip([output, *new], [wanted, *theirs]):
    compare(got, right, limit)
"""


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


def claim_of(case: Case) -> Claim:
    """Return the claim of the case's cell."""
    claim = case.target.claim
    if claim is None:
        raise NotApplicable("no equations are claimed")
    return claim


def compare(case: Case, claim: Claim, subject: KerasSubject, steps: int) -> None:
    """Compare the steps of a cell with those of its equations.

    Raises:
        Broken: they differ, or were found to be no reading of the cell at all.

    Args:
        case: inputs and states.
        claim: the equations.
        subject: the cell, its weights assigned.
        steps: how many.
    """
    named = claim.weights(subject.cell)
    case.note(
        equations=case.target.equations if isinstance(case.target.equations, str) else None,
        frozen=[np.asarray(v.value) for v in subject.cell.weights],
    )
    if claim.fails:
        case.fail(claim.fails, what="what the cell computes")
    function = claim.function(subject.cell)

    def results(arguments: list[Array]) -> Array:
        weights = dict(zip(named, arguments[: len(named)], strict=True))
        states: Any = arguments[len(named) + 1 :]
        kept = []
        for x in arguments[len(named)][:steps]:
            output, states = function(weights, x, states)
            kept += [output, *states]
        return np.concatenate([np.ravel(array) for array in kept])

    arguments = [*named.values(), case.xs, *case.states]
    bound = _bound(case, results, arguments, steps, claim.precision)
    states = case.states
    theirs: Sequence[Array] = case.states
    for step, x in enumerate(case.xs[:steps]):
        output, states = subject.fast_step(x, states)
        wanted, theirs = function(named, x, theirs)
        told = f"step {step + 1} against {claim.name}{', a guess' * claim.guessed}"
        limit = partial(_with_trace, case, bound, step)
        for k, (got, right) in enumerate(zip([output, *states], [wanted, *theirs], strict=True)):
            if bound.worst(got, right) is not None:
                case.agree(got, right, limit, f"{told}: {f'state {k - 1}' if k else 'the output'}")


def _with_trace(case: Case, bound: Bound, step: int) -> Bound:
    """Return a bound with what is large within a step and cancels, of which results say nothing."""
    more = case.at(xs=case.xs[: step + 1]).rounding()
    return bound + Bound(SIDES * np.asarray(more.limit), f"{SIDES} x {more.why}")


def _bound(
    case: Case, results: Any, arguments: list[Array], steps: int, precision: str | None
) -> Bound:
    operations = 4 * steps * (case.features + sum(s.shape[-1] for s in case.states) + 16)
    coarse = precision is not None and np.finfo(precision).eps > unit(case.dtype)
    return run_error(results, arguments, operations, precision if coarse else case.dtype)


@law(
    "equations-one-step",
    FAMILY,
    "One step gives the output and the states of the equations that the cell claims.",
    script=SCRIPT,
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
    compare(case, claim_of(case), case.subject(training=False), 1)


@law(
    "equations-several-steps",
    FAMILY,
    "Several steps, each from the states of the last, give what the equations give.",
    script=SCRIPT,
    needs=("equations", "equations that hold"),
    caught=("https://github.com/microsoft/onnxruntime/pull/27239",),
    wants=Wants(steps=(4,), scales=(1.0, 0.25)),
    share=0.5,
)
def several_steps(case: Case) -> None:
    """Compare a run."""
    compare(case, claim_of(case), case.subject(training=False), case.steps)


def variant(case: Case, **arguments: Any) -> KerasSubject | None:
    """Return the cell made with other arguments and random weights, None where it takes them not.

    Args:
        case: draws the weights.
        **arguments: for the constructor.
    """
    target = case.target
    features = case.features
    if any(not _has(case, name) for name in arguments):
        return None
    try:
        subject = target.adapt(target.cell_of(target.make(case.dtype, **arguments)), features)
    except UsageError:
        return None
    cell = subject.cell
    rng = case.rng
    for variable in cell.weights:
        variable.assign(rng.normal(size=variable.shape))
    case.note(arguments=dict(arguments))
    return subject


def _has(case: Case, name: str) -> bool:
    """Return whether the cell has such an argument; Keras swallows none that it does not know."""
    cell = case.subject(training=False).cell
    return hasattr(cell, name) or name in cell.get_config()


def _try(case: Case, choices: list[dict[str, Any]]) -> None:
    """Compare one step for each choice of arguments that the cell takes."""
    claim, tried = claim_of(case), 0
    for arguments in choices:
        subject = variant(case, **arguments)
        if subject is not None:
            compare(case, claim, subject, 1)
            tried += 1
    if not tried:
        names = sorted({name for arguments in choices for name in arguments})
        raise NotApplicable(f"the cell has no argument {' or '.join(names)}")


ONCE = {"needs": ("published equations",), "wants": Wants(steps=(1,), scales=(1.0,)), "most": 3}


@law(
    "equations-activations",
    FAMILY,
    "Another activation, of the candidate or of the gates, changes what the equations say.",
    script=ARGUMENT_SCRIPT,
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
    script=ARGUMENT_SCRIPT,
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
    script=ARGUMENT_SCRIPT,
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
    script=ARGUMENT_SCRIPT,
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
    script=ARGUMENT_SCRIPT,
    caught=(
        "https://github.com/VeriSilicon/TIM-VX/pull/589",
        "https://github.com/tensorflow/tensorflow/issues/21929",
    ),
    **ONCE,
)
def epsilon(case: Case) -> None:
    """Try two."""
    _try(case, [{"epsilon": 0.5}, {"epsilon": 1e-3}])
