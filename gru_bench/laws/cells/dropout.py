"""Family "randomness": dropout drops, by each of its rates, and keeps its masks over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Case
from gru_bench.laws.cells.randomness import (
    CALLS,
    EXACT,
    FORGET,
    ROWS,
    call,
    drawn,
    equal,
    fresh,
    rates,
    stepped,
)
from gru_bench.laws.law import law
from gru_bench.trace.tolerance import Bound, epsilon

if TYPE_CHECKING:
    from gru_bench.laws.target import Target


FAMILY = "randomness"


@capability("drops")
def _drops(target: Target) -> str | None:
    return None if rates(target) else "the cell has no dropout rate above zero"


@law(
    "inference-without-dropout",
    FAMILY,
    "At inference a cell with dropout computes what the same cell without it computes.",
    script="""
plain = type(cell).from_config({**cell.get_config(), **without, "dtype": dtype})
plain.build((None, xs.shape[-1]))
plain.set_weights(cell.get_weights())
compare(call(cell, x, start, False)[0], call(plain, x, start, False)[0], limit)
""",
    needs=("drops",),
    share=0.3,
    caught=("https://github.com/facebookresearch/DME/issues/3",),
)
def inference_without_dropout(case: Case) -> None:
    """Compare with the same cell made without."""
    without = dict.fromkeys(rates(case.target), 0.0)
    case.note(without=without)
    x, states = drawn(case, ROWS)
    got = call(case, fresh(case), x, states, False)
    expected = call(case, fresh(case, **without), x, states, False)
    scale = max(1.0, float(np.abs(np.concatenate([a.ravel() for a in expected])).max()))
    # Keras computes gates one by one where a mask could differ between them.
    count = 32 * (case.features + states[0].shape[-1])
    size = max(1.0, *(float(np.abs(w).max()) for w in case.weights.values()))
    bound = Bound(
        count * epsilon(case.dtype) * scale * size * 8, f"{count} ε ({case.dtype}) on products"
    )
    for k, (one, other) in enumerate(zip(got, expected, strict=True)):
        case.agree(one, other, bound, f"result {k} at inference with dropout")


@law(
    "dropout-drops",
    FAMILY,
    "A cell with a dropout rate drops something in training, by each of its rates.",
    script=FORGET
    + """
quiet = call(cell, x, start, False)
drawn = []
for _ in range(6):
    forget(cell)
    drawn.append(call(cell, x, start, True))
assert any((d[0] != quiet[0]).any() for d in drawn), "training equals inference"
""",
    needs=("drops",),
    caught=("https://github.com/snorkel-team/snorkel/pull/910",),
    share=0.3,
)
def dropout_drops(case: Case) -> None:
    """Leave each rate alone in turn."""
    every = rates(case.target)
    x, states = drawn(case, ROWS)
    for name in every:
        others = {other: 0.0 for other in every if other != name}
        cell = fresh(case, **others)
        quiet = call(case, cell, x, states, False)
        noisy = [call(case, cell, x, states, True) for _ in range(CALLS)]
        if all(equal(one, quiet) for one in noisy):
            case.fail(f"with {name}={every[name]} training gives what inference gives", what=name)


@law(
    "masks-hold-over-steps",
    FAMILY,
    "A cell that keeps its masks draws them once for all steps of a run.",
    script=FORGET
    + """
forget(cell)
first = call(cell, x, start, True)
for _ in range(3):
    compare(call(cell, x, start, True)[0], first[0], limit)
""",
    needs=("random",),
    caught=("https://github.com/tensorflow/tensorflow/issues/38922",),
    share=0.3,
)
def masks_hold(case: Case) -> None:
    """Take the same step several times without forgetting the masks."""
    cell = fresh(case)
    if not hasattr(cell, "reset_dropout_mask") and not hasattr(
        cell, "reset_recurrent_dropout_mask"
    ):
        raise NotApplicable("the cell keeps no masks")
    x, states = drawn(case, ROWS)
    every = rates(case.target)
    if every:
        still = fresh(case, **dict.fromkeys(every, 0.0))
        quiet = call(case, still, x, states, False)
        if not all(equal(call(case, still, x, states, True), quiet) for _ in range(2)):
            raise NotApplicable("the cell draws something besides dropout masks")
    else:
        raise NotApplicable("the cell has no dropout masks to keep")
    first = call(case, cell, x, states, True)
    for _ in range(3):
        again = stepped(case, cell, x, states, True)
        for k, (got, expected) in enumerate(zip(again, first, strict=True)):
            case.agree(got, expected, EXACT, f"result {k} of another step with the same masks")


@law(
    "dropout-reaches-every-gate",
    FAMILY,
    "Where everything is dropped nothing of it is left, in no gate: of the input, and of the state "
    "where the update gate is open.",
    script="""
wide = type(cell).from_config({**cell.get_config(), **rate, "dtype": dtype})
wide.build((None, xs.shape[-1]))
wide.set_weights(frozen)
others = [x + 1, start] if name == "dropout" else [x, [s + 1 for s in start]]
first = call(wide, x, start, True)
for kind in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
    getattr(wide, kind, lambda: None)()
compare(call(wide, *others, True)[0], first[0], limit)
""",
    needs=("drops",),
    share=0.3,
    caught=("https://github.com/snorkel-team/snorkel/pull/910",),
)
def reaches_every_gate(case: Case) -> None:
    """Drop all but one in a million, and change what was dropped."""
    every = rates(case.target)
    x, states = drawn(case, 2)
    for name in every:
        rate = {name: 1 - 2.0**-20, **{other: 0.0 for other in every if other != name}}
        cell = fresh(case, **rate)
        if name == "recurrent_dropout" and not _opened(case, cell):
            continue
        case.note(rate=rate, name=name, frozen=cell.get_weights())
        moved = (x + 1, states) if name == "dropout" else (x, [state + 1 for state in states])
        first = call(case, cell, x, states, True)
        again = call(case, cell, *moved, True)
        what = "input" if name == "dropout" else "state"
        case.agree(again[0], first[0], EXACT, f"the output for another {what}, all of it dropped")


def _opened(case: Case, cell: Any) -> bool:
    """Open the update gate by its bias; return whether that leaves nothing that is not dropped."""
    claim = case.target.claim
    if claim is None or claim.equations is None:
        return False
    if claim.equations.name == "simple-rnn":
        return True
    named = claim.weights(cell)
    weights = claim.read(named)
    for gate, value in claim.gates(shut=False).items():
        if f"b_{gate}" not in weights or any(name.startswith("p_") for name in weights):
            return False
        weights[f"b_{gate}"][...] = 2.0**14 if value else -(2.0**14)
    kept = [variable for variable in cell.weights if "float" in str(variable.dtype)]
    for variable, array in zip(kept, named.values(), strict=True):
        variable.assign(array)
    return True
