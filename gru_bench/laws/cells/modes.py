"""Family "modes": eager, graph, XLA, unrolled and looped runs are one function."""

from __future__ import annotations

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law

FAMILY = "modes"

#: Runs in which masks are drawn anew, to see whether a trace has frozen them.
DRAWS = 16

STEP = Wants(batch=(3,), steps=(1,), narrow=True)
RUN = Wants(batch=(3,), steps=(3,), narrow=True)


def _agree(
    case: Case, got: tuple[Array, list[Array]], expected: tuple[Array, list[Array]], what: str
) -> None:
    case.agree(got[0], expected[0], case.rounding, f"outputs {what}")
    for k, (a, b) in enumerate(zip(got[1], expected[1], strict=True)):
        case.agree(a, b, case.rounding, f"final state {k} {what}")


def _check_step(case: Case, mode: str) -> None:
    cell = case.cell()
    case.note(mode=mode)
    eager = case.step(cell, case.xs[0], case.states, "eager")
    made = case.step(cell, case.xs[0], case.states, mode)
    _agree(case, made, eager, f"in mode {mode}")


@law(
    "graph-equals-eager",
    FAMILY,
    "A traced step equals an eager one.",
    caught=("https://github.com/tensorflow/tensorflow/issues/44980",),
    wants=STEP,
)
def graph(case: Case) -> None:
    """Trace the step."""
    _check_step(case, "graph")


@law(
    "xla-equals-eager",
    FAMILY,
    "A step compiled by XLA equals an eager one.",
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
    wants=STEP,
)
def xla(case: Case) -> None:
    """Compile the step."""
    _check_step(case, "xla")


def _check_loops(case: Case, ways: tuple[tuple[str, str], ...], base: str = "looped") -> None:
    """Compare runs with an eager run, looped or unrolled, after the same seed."""
    case.note(base=base)
    eager = case.run_in_loop(case.xs, case.states, base, "eager", 7)
    for way, mode in ways:
        case.note(way=way, mode=mode)
        made = case.run_in_loop(case.xs, case.states, way, mode, 7)
        _agree(case, made, eager, f"{way} in mode {mode}")


@law(
    "unrolled-equals-looped",
    FAMILY,
    "Unrolled and looped runs agree, eagerly and traced.",
    wants=RUN,
    share=0.5,
    caught=(
        "https://github.com/apache/mxnet/issues/16037",
        "https://github.com/tensorflow/tensorflow/issues/125391",
    ),
)
def loops(case: Case) -> None:
    """Run in each way."""
    _check_loops(case, (("looped", "graph"), ("unrolled", "graph"), ("unrolled", "eager")))


@law(
    "xla-run-equals-eager",
    FAMILY,
    "A looped run compiled by XLA equals the eager one.",
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
    wants=RUN,
    share=0.34,
)
def xla_loop(case: Case) -> None:
    """Compile the run."""
    _check_loops(case, (("looped", "xla"),))


TRAINING = Wants(batch=(3,), steps=(3,), narrow=True, training=True, scales=(1.0,))


@law(
    "training-modes-agree",
    FAMILY,
    "In training, eager and traced, looped and unrolled runs agree after the same seed.",
    needs=("random",),
    caught=("https://github.com/tensorflow/tensorflow/issues/33991",),
    wants=TRAINING,
    share=0.5,
)
def training(case: Case) -> None:
    """Draw the same masks in each way."""
    if case.is_functional(case.cell()):
        _check_loops(case, (("looped", "graph"), ("unrolled", "graph"), ("unrolled", "eager")))
        return
    # Keras's loop calls the cell once more than there are steps, to see what it gives; so a cell
    # that draws at each call draws other numbers looped than unrolled.
    _check_loops(case, (("looped", "graph"),))
    _check_loops(case, (("unrolled", "graph"),), base="unrolled")


@law(
    "training-step-in-graph-and-xla",
    FAMILY,
    "In training with the masks held, eager, traced and compiled steps agree.",
    needs=("random",),
    wants=Wants(batch=(3,), steps=(1,), narrow=True, training=True),
    share=0.5,
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/2789",
        "https://github.com/harvard-edge/cs249r_book/pull/1869",
        "https://github.com/tensorflow/tensorflow/issues/33297",
    ),
)
def held(case: Case) -> None:
    """Hold the masks; XLA draws other numbers from a seed than TensorFlow does."""
    if not case.is_functional(case.cell()):
        raise NotApplicable("the cell draws at each call: XLA draws other numbers from the seed")
    _check_step(case, "graph")
    _check_step(case, "xla")


@law(
    "traced-masks-are-drawn-anew",
    FAMILY,
    "A traced training run draws its masks at each call, as an eager one does.",
    needs=("random",),
    wants=TRAINING,
    most=2,
    caught=("https://github.com/tensorflow/tensorflow/issues/33297",),
)
def not_frozen(case: Case) -> None:
    """Call one trace often."""

    def changes(mode: str, runs: int) -> int:
        made = [case.run_in_loop(case.xs, case.states, mode=mode)[0] for _ in range(runs)]
        first, *others = made
        return sum(not np.array_equal(first, other) for other in others)

    if not changes("graph", DRAWS) and changes("eager", DRAWS) >= 0.75 * (DRAWS - 1):
        case.fail(f"{DRAWS} calls of one trace gave the same masks, eager calls did not")
