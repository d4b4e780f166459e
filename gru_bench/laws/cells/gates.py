"""Family "gates": what a gate that is wide open or shut does, and how far the state can go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound

if TYPE_CHECKING:
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Subject

FAMILY = "gates"

#: Activations that are exactly zero or one there.
SATURATING = ("sigmoid", "hard_sigmoid", "hard_sigmoid 0.2")

#: Activations that never exceed one.
BOUNDED = ("tanh", "sigmoid", "hard_sigmoid", "softsign", "hard_tanh", "sin")

#: Roundings of an update written h + z (n - h) or n + z (h - n), where z is 0 or 1: of the
#: difference and of the sum, each on both sides of a comparison.
ROUNDINGS = 4


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


@law(
    "gate-shut-keeps",
    FAMILY,
    "An update gate that is shut (an LSTM's open forget and shut input gate) copies the state.",
    needs=("gates",),
    caught=("https://github.com/NX-AI/xlstm/issues/98",),
    wants=Wants(steps=(1,)),
)
def shut_keeps(case: Case) -> None:
    """Shut the gate."""
    _check_kept(case)


@law(
    "gate-shut-keeps-in-training",
    FAMILY,
    "In training too, an update gate that is shut copies the state.",
    needs=("gates", "random"),
    caught=("https://github.com/keras-team/keras/pull/20656",),
    wants=Wants(steps=(1,), batch=(3,), training=True),
)
def shut_keeps_training(case: Case) -> None:
    """Shut the gate."""
    _check_kept(case)


def _check_kept(case: Case) -> None:
    cell = case.saturated(case.gates(shut=False))
    _, open_states = case.step(cell, case.xs[0], case.states)
    cell = case.saturated(case.gates(shut=True))
    _, states = case.step(cell, case.xs[0], case.states)
    new, old, other = (case.part(s, -1) for s in (states, case.states, open_states))
    limit = case.setting("cell_clip")
    if limit is not None:
        old = np.clip(old, -limit, limit)
    if case.setting("zoneout"):
        share = Bound(4 * case.epsilon * np.abs(old), f"4 ε ({case.dtype}), two products")
        case.agree(new, old, share, "the state that is kept")
    else:
        case.agree(new, old, _interpolation(case, old, other), "the state that is kept")


def _interpolation(case: Case, *states: Array) -> Bound:
    """Return what rounding makes of an update between states of which one is taken whole."""
    size = np.add.reduce([np.abs(state) for state in states])
    why = f"{ROUNDINGS} ε ({case.dtype}) of both states: an update may be written h + z (n - h)"
    return Bound(ROUNDINGS * case.epsilon * size, why)


@law(
    "gate-open-replaces",
    FAMILY,
    "A gate that is open replaces the state: without recurrent weights nothing of it is left.",
    needs=("gates",),
    wants=Wants(steps=(1,)),
    caught=(
        "https://github.com/lucidrains/minGRU-pytorch/issues/21",
        "https://github.com/mindspore-ai/mindspore/issues/149",
    ),
)
def open_replaces(case: Case) -> None:
    """Open the gate, take the recurrent weights away, and start from two states."""
    _forgets(case, case.saturated(case.gates(shut=False), without=("U_", "p_", "α_U")))


@law(
    "gate-reset-forgets",
    FAMILY,
    "A reset gate that is shut, the update gate open, leaves nothing of the state.",
    needs=("gates",),
    caught=("https://github.com/zhiyongc/GRU-D/issues/2",),
    wants=Wants(steps=(1,)),
)
def reset_forgets(case: Case) -> None:
    """Shut the reset gate."""
    if "r" not in case.claims("gates"):
        raise NotApplicable("the equations have no reset gate")
    _forgets(case, case.saturated({"r": 0.0, **case.gates(shut=False)}))


def _forgets(case: Case, cell: Subject) -> None:
    if case.setting("zoneout"):
        raise NotApplicable("zoneout keeps a share of the state")
    others = [case.rng.normal(size=state.shape) for state in case.states]
    _, new = case.step(cell, case.xs[0], case.states)
    _, other = case.step(cell, case.xs[0], others)
    got, wanted, *old = (case.part(s, -1) for s in (new, other, case.states, others))
    bound = _interpolation(case, *old, got, wanted)
    case.agree(got, wanted, bound, "the state from another state")


def _check_bounds(case: Case) -> None:
    cell = case.cell()
    largest = max(1.0, *(float(np.abs(state).max(initial=0)) for state in case.states))
    slack = 1 + 64 * case.steps * case.epsilon
    states: Sequence[Array] = case.states
    for step, x in enumerate(case.xs):
        _, states = case.step(cell, x, states)
        # An LSTM's hidden state is bounded by one, its cell state grows by one a step at most.
        bounds = [largest, largest + step + 1] if case.claims("states") == 2 else [largest]
        for k, bound in enumerate(bounds):
            state = case.part(states, k)
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
    needs=("gates", "bounded"),
    caught=(
        "https://github.com/tflearn/tflearn/pull/200",
        "https://github.com/Lasagne/Lasagne/issues/448",
    ),
    wants=Wants(steps=(4,), scales=(1.0, 4.0)),
)
def state_bounded(case: Case) -> None:
    """Run and look."""
    _check_bounds(case)


@law(
    "gate-state-bounded-in-training",
    FAMILY,
    "In training too the state stays within its bounds.",
    needs=("gates", "bounded", "random"),
    caught=("https://github.com/keras-team/keras/pull/20656",),
    wants=Wants(steps=(4,), scales=(1.0, 4.0), batch=(3,), training=True),
)
def state_bounded_training(case: Case) -> None:
    """Run and look."""
    _check_bounds(case)


@law(
    "gate-permuted-units",
    FAMILY,
    "Permuting the hidden units permutes the states: no unit has a place of its own.",
    needs=("published equations",),
    wants=Wants(steps=(1, 2)),
    share=0.5,
)
def permuted_units(case: Case) -> None:
    """Permute columns of all weights and rows of the recurrent ones."""
    bound = case.rounding()
    outputs, final = case.run(case.cell(), case.xs, case.states)
    if len(case.states) != case.claims("states"):
        raise NotApplicable("one tensor holds several states")
    if outputs.ndim != 3:
        wanted = case.steps, case.batch, case.states[0].shape[-1]
        case.fail(f"the outputs of a run have shape {outputs.shape}, expected {wanted}")
    order = case.rng.permutation(case.states[0].shape[-1])
    cell = case.permuted(order)
    moved, last = case.run(cell, case.xs, [s[:, order] for s in case.states])
    case.agree(moved, outputs[:, :, order], bound, "outputs of permuted units")
    for k, (got, state) in enumerate(zip(last, final, strict=True)):
        case.agree(got, state[:, order], bound, f"state {k} of permuted units")
