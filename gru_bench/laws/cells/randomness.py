"""Family "randomness": nothing at inference, the same from a seed, the right mean over masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law
from gru_bench.trace.tolerance import Bound

FAMILY = "randomness"

#: Rows of a batch in which at least one mask differs, however small the rate.
ROWS = 64

#: Rows over which masks are averaged.
SAMPLES = 4096

#: Calls among which some masks differ.
CALLS = 6

EXACT = Bound(0.0, "exact: the same computation twice")


def call(case: Case, cell: Any, x: Array, states: list[Array], training: bool) -> list[Array]:
    """Return the output and the states of one call of a cell, masks drawn anew."""
    case.forget_masks(cell)
    return stepped(case, cell, x, states, training)


def stepped(case: Case, cell: Any, x: Array, states: list[Array], training: bool) -> list[Array]:
    """Return the output and the states of one call of a cell with the masks it keeps."""
    output, new = case.called(cell, x, states, training)
    return [output, *new]


@law(
    "inference-repeats",
    FAMILY,
    "At inference nothing is drawn: masks forgotten or not, the same call gives the same result.",
    caught=("https://github.com/facebookresearch/DME/issues/3",),
    share=0.3,
)
def inference_repeats(case: Case) -> None:
    """Call a few times."""
    cell = case.another()
    x, states = case.drawn(ROWS)
    first = call(case, cell, x, states, False)
    for _ in range(3):
        again = call(case, cell, x, states, False)
        for k, (got, expected) in enumerate(zip(again, first, strict=True)):
            case.agree(got, expected, EXACT, f"result {k} of another call at inference")


def equal(one: list[Array], other: list[Array]) -> bool:
    """Return whether two results are the same, NaN for NaN."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


@law(
    "masks-differ-between-calls",
    FAMILY,
    "Masks are drawn anew: not all training calls give the same.",
    needs=("random",),
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/33991",
        "https://github.com/tensorflow/tensorflow/issues/2789",
        "https://github.com/abr/keras-lmu/pull/29",
    ),
    share=0.3,
)
def masks_differ(case: Case) -> None:
    """Call some times, each source of randomness by itself where there are several."""
    every = case.rates()
    x, states = case.drawn(ROWS)
    for name in every or [""]:
        others = {other: 0.0 for other in every if other != name}
        cell = case.another(**others)
        made = [call(case, cell, x, states, True) for _ in range(CALLS)]
        quiet = call(case, cell, x, states, False)
        if all(equal(one, made[0]) for one in made) and not equal(made[0], quiet):
            case.fail(
                f"{CALLS} training calls drew the same masks{name and ' by ' + name}", what=name
            )


@law(
    "seed-repeats",
    FAMILY,
    "Two cells made with the same seed draw the same in training.",
    needs=("random",),
    caught=("https://github.com/harvard-edge/cs249r_book/pull/1869",),
    share=0.3,
)
def seed_repeats(case: Case) -> None:
    """Make the cell twice."""
    x, states = case.drawn(ROWS)
    if not case.takes(seed=5):
        raise NotApplicable("the cell takes no seed")
    cells = [case.another(seed=5) for _ in range(2)]
    for turn in range(3):
        first, again = (call(case, cell, x, states, True) for cell in cells)
        for k, (got, expected) in enumerate(zip(again, first, strict=True)):
            case.agree(got, expected, EXACT, f"result {k} of training call {turn + 1}")


@law(
    "output-is-state-in-training",
    FAMILY,
    "Where the output is a state at inference, it is that state in training.",
    needs=("random", "state"),
    caught=(
        "https://github.com/rwth-i6/returnn/issues/1313",
        "https://github.com/apache/mxnet/issues/18669",
    ),
    share=0.3,
)
def output_is_state(case: Case) -> None:
    """Compare output and first state."""
    cell = case.another()
    x, states = case.drawn(ROWS)
    quiet = call(case, cell, x, states, False)
    promised = case.claims("states") is not None
    if not promised and not equal([quiet[0]], [quiet[1]]):
        raise NotApplicable("the output is no state")
    output, *new = call(case, cell, x, states, True)
    state = case.part(new, 0) if promised else new[0]
    case.agree(output, state, EXACT, "the output in training, as the first state")


@law(
    "mean-over-masks",
    FAMILY,
    "The mean over masks is the value at inference, wherever the cell is as good as linear.",
    needs=("random", "state"),
    caught=("https://github.com/Cohere-Labs-Community/Targeted-Dropout/issues/14",),
    wants=Wants(scales=(1.0,)),
    most=2,
)
def mean_over_masks(case: Case) -> None:
    """Average over many rows that are the same, with weights so small that gates hardly move."""
    cell, rng = case.another(), case.rng
    case.assign(cell, [rng.normal(size=w.shape) / 128 for w in case.weights.values()])
    x, states = case.drawn(1)
    quiet = [array[0] for array in call(case, cell, x, states, False)]
    _check_linear(case, cell, x, states)
    rows = [np.repeat(array, SAMPLES, axis=0) for array in (x, *states)]
    made = call(case, cell, rows[0], rows[1:], True)
    if all(np.array_equal(array, np.repeat(array[:1], SAMPLES, axis=0)) for array in made):
        raise NotApplicable("all rows of a batch share a mask")
    for k, (noisy, expected) in enumerate(zip(made, quiet, strict=True)):
        spread = noisy.std(axis=0).astype(np.float64)
        size = float(np.abs(expected).max(initial=0))
        bound = Bound(
            6 * spread / np.sqrt(SAMPLES) + 1e-3 * spread + 64 * case.epsilon * size,
            f"6 standard errors of {SAMPLES} masks, and what is not linear",
        )
        case.agree(noisy.mean(axis=0), expected, bound, f"the mean of result {k}")


def _check_linear(case: Case, cell: Any, x: Array, states: list[Array]) -> None:
    """Refuse a cell that is far from linear even with small weights."""
    at = []
    for factor in (0.0, 1.0, 2.0):
        moved = [factor * state for state in states]
        at.append(call(case, cell, factor * x, moved, False)[1])
    first, second = at[1] - at[0], at[2] - at[1]
    if not np.allclose(first, second, rtol=0.02, atol=1e-2 * float(np.abs(first).max())):
        raise NotApplicable("the cell is not linear even where its weights are small")
