"""Family "learning": every entry of every weight does something, and units hear each other."""

from __future__ import annotations

from itertools import groupby, islice

import numpy as np
from numpy.typing import NDArray

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.cells.moving import moves
from gru_bench.laws.cells.time import TRIES, attempts
from gru_bench.laws.law import Wants, law

FAMILY = "learning"

Mask = NDArray[np.bool_]

#: Points at which autodiff is asked.
POINTS = 20


@law(
    "every-entry-matters",
    FAMILY,
    "No row, column or entry of a bias is without any effect: weights that are made are used.",
    needs=("weights",),
    caught=(
        "https://github.com/zhiyongc/GRU-D/issues/2",
        "https://github.com/ddbourgin/numpy-ml/issues/42",
    ),
    wants=Wants(batch=(3,), steps=(3,), scales=(1.0,), zero_state=False, kinds=("ordinary",)),
    most=2,
)
def every_entry(case: Case) -> None:
    """Ask autodiff at several points, then move what has no gradient at any."""
    dead = {name: np.ones(w.shape, bool) for name, w in case.weights.items()}
    for attempt in islice(attempts(case), POINTS):
        for name, gradient in zip(dead, _gradients(attempt), strict=True):
            dead[name] &= gradient == 0
        if not any(part.any() for part in dead.values()):
            return
    structured = case.structured
    dead = {name: whole_slices(part & ~structured[name]) for name, part in dead.items()}
    dead = {name: part for name, part in dead.items() if part.any()}
    still = {name: part for name, part in dead.items() if not moves(case, {name: part})}
    if still:
        told = ", ".join(f"{name}{_places(part)}" for name, part in still.items())
        case.fail(f"nothing depends on {told}, at {POINTS} points", what="effect")


def _gradients(case: Case) -> list[Array]:
    """Return the gradients of a random combination of all results by the weights."""
    cell, rng = case.cell(), case.rng
    outputs = rng.normal(size=(case.steps, case.batch, *case.output_shape(cell)))
    finals = [rng.normal(size=s.shape) for s in case.states]
    by_weight, _, _ = case.gradient(cell, case.xs, case.states, outputs, finals)
    return list(by_weight.values())


def whole_slices(dead: Mask) -> Mask:
    """Return the entries of which a whole row, column or the like is dead.

    Single entries of a matrix are left alone: a correct cell may well take the diagonal away, or
    all that is above it.

    Args:
        dead: for each entry of a weight.
    """
    if dead.ndim < 2:
        return dead
    found = np.zeros_like(dead)
    for axis in range(dead.ndim):
        others = tuple(k for k in range(dead.ndim) if k != axis)
        found |= dead.all(axis=others, keepdims=True)
    return found


def _places(part: Mask) -> str:
    """Return the smallest box around dead entries as Python would write it."""
    if part.all() or not part.ndim:
        return ""
    spans = []
    for axis in range(part.ndim):
        others = tuple(k for k in range(part.ndim) if k != axis)
        indices = np.nonzero(part.any(axis=others))[0].tolist()
        spans.append(":" if len(indices) == part.shape[axis] else _spans(indices))
    return f"[{', '.join(spans)}]"


def _spans(indices: list[int]) -> str:
    runs = []
    for _, group in groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0]):
        run = [index for _, index in group]
        runs.append(str(run[0]) if len(run) == 1 else f"{run[0]}:{run[-1] + 1}")
    return " and ".join(runs)


@law(
    "units-hear-each-other",
    FAMILY,
    "Where the equations have a recurrent product, each unit depends on the states of others.",
    needs=("state", "recurrent product"),
    caught=("https://github.com/microsoft/ADBench/pull/3",),
    wants=Wants(batch=(1,), steps=(1,), scales=(1.0,), zero_state=False, kinds=("ordinary",)),
    most=1,
)
def units_hear(case: Case) -> None:
    """Ask autodiff for each unit in a row of its own."""
    units = case.states[0].shape[-1]
    if units < 2 or any(state.shape != (case.batch, units) for state in case.states):
        raise NotApplicable("there is one unit, or the states have other shapes")
    deaf = np.ones((units, units), bool) & ~np.eye(units, dtype=bool)
    for attempt in attempts(case):
        deaf &= ~_influence(attempt, units)
        silent = np.nonzero(deaf.sum(axis=1) == units - 1)[0]
        if not len(silent):
            return
    case.fail(f"unit {silent[0]} depends on no other unit, in {TRIES} tries", what="recurrence")


def _influence(case: Case, units: int) -> Mask:
    """Return which unit's old state (columns) moves which unit's new one (rows)."""
    cell = case.cell()
    xs = np.repeat(case.xs[:1], units, axis=1)
    states = [np.repeat(state, units, axis=0) for state in case.states]
    none = np.zeros((1, units, *case.output_shape(cell)))
    _, _, by_state = case.gradient(cell, xs, states, none, [np.eye(units) for _ in states])
    return np.asarray(np.any([gradient != 0 for gradient in by_state], axis=0))
