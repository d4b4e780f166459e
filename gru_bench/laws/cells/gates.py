"""Family "gates": what a gate that is wide open or shut does, and how far the state can go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Array
from gru_bench.laws.cells.equations import claim_of
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound, epsilon

if TYPE_CHECKING:
    from gru_bench.laws.keras.target import KerasCase as Case
    from gru_bench.laws.keras.target import KerasTarget as Target
    from gru_bench.subjects.keras.subject import KerasSubject

FAMILY = "gates"

#: A gate's argument at which a sigmoid is exactly zero or one in every dtype.
FAR = 2.0**14

#: Activations that are exactly zero or one there.
SATURATING = ("sigmoid", "hard_sigmoid", "hard_sigmoid 0.2")

#: Activations that never exceed one.
BOUNDED = ("tanh", "sigmoid", "hard_sigmoid", "softsign", "hard_tanh", "sin")

ASSIGN = """
for variable, value in zip(cell.weights, frozen):
    variable.assign(value)
"""

EXACT = Bound(0.0, "exact: a gate that is 0 or 1 rounds nothing")


@capability("gates")
def _gates(target: Target) -> str | None:
    claim = target.claim
    if claim is None or claim.equations is None:
        return "no published equations are claimed"
    if not claim.equations.gated:
        return "the equations have no gates"
    used = activation(target, "recurrent_activation")
    if used not in SATURATING and "recurrent_activation" in target.arguments:
        return f"the gates' activation {used} was asked for, and is no gate"
    return None


@capability("bounded")
def _bounded(target: Target) -> str | None:
    used = activation(target, "activation")
    linear = target.claim is not None and target.claim.equations is not None
    if linear and target.claim.equations.linear:  # type: ignore[union-attr]
        used = activation(target, "activation", "linear")
    return None if used in BOUNDED else f"the activation {used} is not bounded by one"


def activation(target: Target, name: str, default: str = "") -> str:
    """Return the name of an activation of the cell."""
    reading = None if target.claim is None else target.claim.reading
    if reading is not None:
        made = reading.reading.hypothesis
        return made.sigma if name.startswith("recurrent") else made.phi
    used = getattr(target.probe.cell, name, None)
    usual = default or ("sigmoid" if name.startswith("recurrent") else "tanh")
    return usual if used is None else str(getattr(used, "__name__", used))


def saturated(case: Case, gates: Mapping[str, float], training: bool = False) -> KerasSubject:
    """Return the cell with the biases of some gates so large that the gates are 0 or 1.

    Args:
        case: the other weights.
        gates: what each gate shall be, by its letter.
        training: as for a case.
    """
    claim = claim_of(case)
    subject = case.subject(training=training)
    named = claim.weights(subject.cell)
    missing = claim.drive(named, gates, FAR)
    if missing:
        raise NotApplicable(f"the gate {missing} has no bias to drive it with")
    give(case, subject, named)
    return subject


def give(case: Case, subject: KerasSubject, named: dict[str, Array]) -> None:
    """Assign weights to a shared subject, and make its next user assign its own."""
    case.target.forget(subject)
    kept = [v for v in subject.cell.weights if "float" in str(v.dtype)]
    for variable, value in zip(kept, named.values(), strict=True):
        variable.assign(value)
    case.note(frozen=[np.asarray(v.value) for v in subject.cell.weights])


KEPT = (
    ASSIGN
    + """
_, new = call(cell, xs[0], states)
which, first, last = place
compare(new[which][:, first:last], kept, limit)
"""
)


@law(
    "gate-shut-keeps",
    FAMILY,
    "An update gate that is shut (an LSTM's open forget and shut input gate) copies the state.",
    script=KEPT,
    needs=("gates",),
    caught=("https://github.com/NX-AI/xlstm/issues/98",),
    wants=Wants(steps=(1,)),
)
def shut_keeps(case: Case) -> None:
    """Shut the gate."""
    subject = saturated(case, claim_of(case).gates(shut=True))
    _, new = subject.fast_step(case.xs[0], case.states)
    _same_state(case, new)


@law(
    "gate-shut-keeps-in-training",
    FAMILY,
    "In training too, an update gate that is shut copies the state.",
    script=KEPT,
    needs=("gates", "random"),
    caught=("https://github.com/keras-team/keras/pull/20656",),
    wants=Wants(steps=(1,), batch=(3,), training=True),
)
def shut_keeps_training(case: Case) -> None:
    """Shut the gate."""
    subject = saturated(case, claim_of(case).gates(shut=True), training=True)
    _, new = subject.fast_step(case.xs[0], case.states)
    _same_state(case, new)


def part(case: Case, states: Sequence[Array], state: int) -> Array:
    """Return a state of the equations, where the cell has it.

    Args:
        case: whose claim says where that is; it is noted for the script.
        states: the cell's.
        state: in the paper's order.
    """
    which, first, last = place = claim_of(case).place(state)
    case.note(place=place)
    return states[which][:, first:last]


def _same_state(case: Case, states: Sequence[Array]) -> None:
    new, old = part(case, states, -1), part(case, case.states, -1)
    cell = case.target.probe.cell
    limit = getattr(cell, "cell_clip", None)
    if limit is not None:
        old = np.clip(old, -limit, limit)
    case.note(kept=old)
    if getattr(cell, "zoneout", None):
        share = Bound(4 * epsilon(case.dtype) * np.abs(old), f"4 ε ({case.dtype}), two products")
        case.agree(new, old, share, "the state that is kept")
    else:
        case.agree(new, old, EXACT, "the state that is kept")


FORGOTTEN = (
    ASSIGN
    + """
_, new = call(cell, xs[0], states)
_, other = call(cell, xs[0], others)
which, first, last = place
compare(new[which][:, first:last], other[which][:, first:last], limit)
"""
)


@law(
    "gate-open-replaces",
    FAMILY,
    "A gate that is open replaces the state: without recurrent weights nothing of it is left.",
    script=FORGOTTEN,
    needs=("gates",),
    wants=Wants(steps=(1,)),
    caught=(
        "https://github.com/lucidrains/minGRU-pytorch/issues/21",
        "https://github.com/mindspore-ai/mindspore/issues/149",
    ),
)
def open_replaces(case: Case) -> None:
    """Open the gate, take the recurrent weights away, and start from two states."""
    subject = saturated(case, claim_of(case).gates(shut=False))
    claim = claim_of(case)
    named = claim.weights(subject.cell)
    for name, array in claim.views(named):
        if name.startswith(("U_", "p_", "α_U")):
            array[...] = 0
    give(case, subject, named)
    _forgets(case, subject)


@law(
    "gate-reset-forgets",
    FAMILY,
    "A reset gate that is shut, the update gate open, leaves nothing of the state.",
    script=FORGOTTEN,
    needs=("gates",),
    caught=("https://github.com/zhiyongc/GRU-D/issues/2",),
    wants=Wants(steps=(1,)),
)
def reset_forgets(case: Case) -> None:
    """Shut the reset gate."""
    claim = claim_of(case)
    assert claim.equations is not None
    if "r" not in claim.equations.gates:
        raise NotApplicable("the equations have no reset gate")
    _forgets(case, saturated(case, {"r": 0.0, **claim_of(case).gates(shut=False)}))


def _forgets(case: Case, subject: KerasSubject) -> None:
    if getattr(subject.cell, "zoneout", None):
        raise NotApplicable("zoneout keeps a share of the state")
    others = [case.rng.normal(size=state.shape) for state in case.states]
    case.note(others=others)
    _, new = subject.fast_step(case.xs[0], case.states)
    _, other = subject.fast_step(case.xs[0], others)
    got, wanted = part(case, new, -1), part(case, other, -1)
    case.agree(got, wanted, EXACT, "the state from another state")


BOUNDS = """
outputs, new = run(cell, xs[:taken], states)
which, first, last = place
found = new[which][:, first:last]
assert (abs(found) <= bound * (1 + 1e-3)).all(), (found, bound)
"""


def _check_bounds(case: Case, subject: KerasSubject) -> None:
    claim = claim_of(case)
    assert claim.equations is not None
    largest = max(1.0, *(float(np.abs(state).max(initial=0)) for state in case.states))
    slack = 1 + 64 * case.steps * epsilon(case.dtype)
    states = case.states
    for step, x in enumerate(case.xs):
        _, states = subject.fast_step(x, states)
        # An LSTM's hidden state is bounded by one, its cell state grows by one a step at most.
        bounds = [largest, largest + step + 1] if claim.equations.states == 2 else [largest]
        for k, bound in enumerate(bounds):
            state = part(case, states, k)
            case.note(bound=bound, taken=step + 1)
            if not (np.abs(state) <= bound * slack).all():
                worst = float(state.ravel()[np.argmax(np.abs(state))])
                case.fail(
                    f"state {k} is {worst!r} after {step + 1} steps; the equations bound it by "
                    f"{bound!r}",
                    what="a state out of bounds",
                )


@law(
    "gate-state-bounded",
    FAMILY,
    "The state stays within the bounds that gates between 0 and 1 give it.",
    script=BOUNDS,
    needs=("gates", "bounded"),
    caught=(
        "https://github.com/tflearn/tflearn/pull/200",
        "https://github.com/Lasagne/Lasagne/issues/448",
    ),
    wants=Wants(steps=(4,), scales=(1.0, 4.0)),
)
def state_bounded(case: Case) -> None:
    """Run and look."""
    _check_bounds(case, case.subject())


@law(
    "gate-state-bounded-in-training",
    FAMILY,
    "In training too the state stays within its bounds.",
    script=BOUNDS,
    needs=("gates", "bounded", "random"),
    caught=("https://github.com/keras-team/keras/pull/20656",),
    wants=Wants(steps=(4,), scales=(1.0, 4.0), batch=(3,), training=True),
)
def state_bounded_training(case: Case) -> None:
    """Run and look."""
    _check_bounds(case, case.subject())


@law(
    "gate-permuted-units",
    FAMILY,
    "Permuting the hidden units permutes the states: no unit has a place of its own.",
    script="""
outputs, final = run(cell, xs, states)
for variable, value in zip(cell.weights, frozen):
    variable.assign(value)
permuted, last = run(cell, xs, [s[:, order] for s in states])
compare(permuted, outputs[:, :, order], limit)
""",
    needs=("published equations",),
    wants=Wants(steps=(1, 2)),
    share=0.5,
)
def permuted_units(case: Case) -> None:
    """Permute columns of all weights and rows of the recurrent ones."""
    subject, bound = case.subject(), case.rounding()
    outputs, final = case.subject().fast_run(case.xs, case.states)
    claim = claim_of(case)
    named = claim.weights(subject.cell)
    if len(case.states) != claim.equations.states:  # type: ignore[union-attr]
        raise NotApplicable("one tensor holds several states")
    order = case.rng.permutation(case.states[0].shape[-1])
    for name, array in claim.views(named):
        moved = array[..., order]
        array[...] = moved[order] if name.startswith("U_") else moved
    give(case, subject, named)
    case.note(order=order)
    moved, last = subject.fast_run(case.xs, [s[:, order] for s in case.states])
    case.agree(moved, outputs[:, :, order], bound, "outputs of permuted units")
    for k, (got, state) in enumerate(zip(last, final, strict=True)):
        case.agree(got, state[:, order], bound, f"state {k} of permuted units")
