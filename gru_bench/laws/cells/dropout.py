"""Family "randomness": dropout drops, by each of its rates, and keeps its masks over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Case
from gru_bench.laws.cells.randomness import CALLS, EXACT, ROWS, call, equal, stepped
from gru_bench.laws.law import law
from gru_bench.trace.tolerance import Bound

if TYPE_CHECKING:
    from gru_bench.laws.target import Target


FAMILY = "randomness"


@capability("drops")
def _drops(target: Target) -> str | None:
    return None if target.rates() else "the cell has no dropout rate above zero"


@law(
    "inference-without-dropout",
    FAMILY,
    "At inference a cell with dropout computes what the same cell without it computes.",
    needs=("drops",),
    share=0.3,
    caught=("https://github.com/facebookresearch/DME/issues/3",),
)
def inference_without_dropout(case: Case) -> None:
    """Compare with the same cell made without."""
    without = dict.fromkeys(case.rates(), 0.0)
    x, states = case.drawn(ROWS)
    got = call(case, case.another(), x, states, False)
    expected = call(case, case.another(**without), x, states, False)
    scale = max(1.0, float(np.abs(np.concatenate([a.ravel() for a in expected])).max()))
    # Keras computes gates one by one where a mask could differ between them.
    count = 32 * (case.features + states[0].shape[-1])
    size = max(1.0, *(float(np.abs(w).max()) for w in case.weights.values()))
    bound = Bound(count * case.epsilon * scale * size * 8, f"{count} ε ({case.dtype}) on products")
    for k, (one, other) in enumerate(zip(got, expected, strict=True)):
        case.agree(one, other, bound, f"result {k} at inference with dropout")


@law(
    "dropout-drops",
    FAMILY,
    "A cell with a dropout rate drops something in training, by each of its rates.",
    needs=("drops",),
    caught=("https://github.com/snorkel-team/snorkel/pull/910",),
    share=0.3,
)
def dropout_drops(case: Case) -> None:
    """Leave each rate alone in turn."""
    every = case.rates()
    x, states = case.drawn(ROWS)
    for name in every:
        others = {other: 0.0 for other in every if other != name}
        cell = case.another(**others)
        quiet = call(case, cell, x, states, False)
        noisy = [call(case, cell, x, states, True) for _ in range(CALLS)]
        if all(equal(one, quiet) for one in noisy):
            case.fail(f"with {name}={every[name]} training gives what inference gives", what=name)


@law(
    "masks-hold-over-steps",
    FAMILY,
    "A cell that keeps its masks draws them once for all steps of a run.",
    needs=("random",),
    caught=("https://github.com/tensorflow/tensorflow/issues/38922",),
    share=0.3,
)
def masks_hold(case: Case) -> None:
    """Take the same step several times without forgetting the masks."""
    cell = case.another()
    if not case.keeps_masks(cell):
        raise NotApplicable("the cell keeps no masks")
    x, states = case.drawn(ROWS)
    every = case.rates()
    if every:
        still = case.another(**dict.fromkeys(every, 0.0))
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
    needs=("drops",),
    share=0.3,
    caught=("https://github.com/snorkel-team/snorkel/pull/910",),
)
def reaches_every_gate(case: Case) -> None:
    """Drop all but one in a million, and change what was dropped."""
    every = case.rates()
    x, states = case.drawn(2)
    for name in every:
        rate = {name: 1 - 2.0**-20, **{other: 0.0 for other in every if other != name}}
        cell = case.another(**rate)
        if name == "recurrent_dropout" and not case.opened(cell):
            continue
        moved = (x + 1, states) if name == "dropout" else (x, [state + 1 for state in states])
        first = call(case, cell, x, states, True)
        again = call(case, cell, *moved, True)
        what = "input" if name == "dropout" else "state"
        case.agree(again[0], first[0], EXACT, f"the output for another {what}, all of it dropped")
