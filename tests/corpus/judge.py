"""The judge of lifting: is the program of a written cell what the cell computes?

A cell is evaluated by its own framework, in double precision, at many points: several weights,
small and large inputs and states, batches of 1, 2, 3 and 5 rows. Its program must compute the
same, up to rounding, and must run wherever programs run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, in_one_line
from gru_bench.program.program import Floats, Program
from tests.corpus.evaluators import Misfit, NotEnclosed, run_everywhere
from tests.corpus.points import DRAWS, Answer, Point, answer, answers_by_row, points
from tests.corpus.roundoff import Roundoff
from tests.corpus.spec import Spec

Array = NDArray[Any]

#: Outcomes: the first two are as they should be; the last is of a cell that does not run itself.
REFUSED, RIGHT = "refused", "right"
WRONG, RAW_ERROR = "WRONG", "RAW ERROR"
NOT_RUNNABLE, NOT_ENCLOSED = "NOT RUNNABLE", "NOT ENCLOSED"
DISCARDED = "discarded"
FAULTS = (WRONG, RAW_ERROR, NOT_RUNNABLE, NOT_ENCLOSED)

#: One evaluation's error bound stands for the cell's own evaluation too, and for what the cell
#: computes with a few operations more than the program has.
SHARE = 4

#: A refusal names one of these.
_NAMED = re.compile(
    r"operation [A-Za-z]\w*|weight|state|output|input|literal|constant|value|matri|batch|rows?\b"
)


class Reader(Protocol):
    """A framework whose cells are lifted."""

    def make(self, spec: Spec) -> Any:
        """Return a cell with `assign(weights by name)` and `step(x, states)`."""

    def trainable(self, cell: Any) -> list[str]:
        """Return the names of the trainable weights in the program's order."""

    def initial(self, cell: Any, batch: int) -> list[Array]:
        """Return the states before the first step."""

    def lift(self, cell: Any) -> Program:
        """Return the program."""


@dataclass(frozen=True)
class Judgement:
    """What came of lifting one cell.

    Args:
        outcome: one of those above.
        reason: in one line; empty where it is right.
        mixes: whether the rows of a batch depend on each other or on how many there are.
    """

    outcome: str
    reason: str = ""
    mixes: bool = False


def judge(spec: Spec, reader: Reader) -> Judgement:
    """Return what comes of lifting the cell of a specification."""
    given = points(spec)
    try:
        cell = reader.make(spec)
        answers = [_answered(cell, point) for point in given]
    except Exception as error:  # a cell that does not run is none, whatever it raises
        return Judgement(DISCARDED, in_one_line(error))
    kept = [(p, a) for p, a in zip(given, answers, strict=True) if a.is_finite]
    if len(kept) < len(given) / 2 or not all(a.is_finite for a in answers[:DRAWS]):
        return Judgement(DISCARDED, "its numbers are not finite")
    rows = answers_by_row(spec, given, answers)
    if rows is None:
        return Judgement(DISCARDED, "its output or its states have no rows")
    cell.assign(given[0].weights)
    outcome, reason = _lifted(reader, cell, kept)
    return Judgement(outcome, reason, rows.mix)


def _answered(cell: Any, point: Point) -> Answer:
    cell.assign(point.weights)
    return answer(*cell.step(point.x, point.states))


def _lifted(
    reader: Reader, cell: Any, kept: Sequence[tuple[Point, Answer]]
) -> tuple[str, str]:
    """Return the outcome of lifting a cell that runs, and why."""
    try:
        program = reader.lift(cell)
    except UsageError as error:
        named = _NAMED.search(str(error)) and "\n" not in str(error)
        return (REFUSED, str(error)) if named else (RAW_ERROR, f"names nothing: {error}")
    except Exception as error:
        return RAW_ERROR, in_one_line(error)
    order = reader.trainable(cell)
    return _tried(program, order, kept, lambda batch: reader.initial(cell, batch))


def _tried(
    program: Program,
    order: Sequence[str],
    kept: Sequence[tuple[Point, Answer]],
    initial: Callable[[int], list[Array]],
) -> tuple[str, str]:
    try:
        for point, answered in kept:
            weights = [point.weights[name] for name in order]
            difference = compare(program, weights, point, answered)
            if difference:
                return WRONG, difference
    except Exception as error:
        return NOT_RUNNABLE, f"in double precision: {in_one_line(error)}"
    for batch in (1, 3):
        for k, (ours, theirs) in enumerate(zip(program.initial_state, initial(batch), strict=True)):
            if not np.array_equal(np.broadcast_to(ours, theirs.shape), theirs):
                return WRONG, f"state {k} begins otherwise"
    try:
        run_everywhere(program, order, *kept[0])
    except Misfit as error:
        return NOT_RUNNABLE, str(error)
    except NotEnclosed as error:
        return NOT_ENCLOSED, str(error)
    return RIGHT, ""


def compare(
    program: Program, weights: Sequence[Array], point: Point, answered: Answer
) -> str | None:
    """Return where a program differs from a cell at one point by more than rounding, if it does.

    Args:
        program: to be evaluated.
        weights: in its order.
        point: where.
        answered: what the cell computed there.
    """
    made = program.evaluate(Floats(), point.x, list(point.states), weights)
    algebra = Roundoff()
    states = [algebra.exact(s) for s in point.states]
    bounds = program.evaluate(algebra, algebra.exact(point.x), states, weights)
    names = ["output", *(f"state {k}" for k in range(len(point.states)))]
    rows = len(point.x)
    for name, ours, bound, theirs in zip(
        names, _flat(made), _flat(bounds), answered.values, strict=True
    ):
        expected = rows_of(theirs, rows)
        if ours.shape[-1:] != expected.shape[-1:] and ours.size > 1:
            return f"{name} has shape {ours.shape}, the cell's {theirs.shape}"
        excess = np.abs(ours - expected) - SHARE * bound.error
        worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), excess.shape)
        if not excess[worst] <= 0:
            got, want = np.broadcast_to(ours, expected.shape)[worst], expected[worst]
            place = ", ".join(str(int(k)) for k in worst)
            return f"{name}[{place}] of {rows} rows is {got:.12g}, the cell's {want:.12g}"
    return None


def _flat(made: tuple[Any, list[Any]]) -> list[Any]:
    output, states = made
    return [output, *states]


def rows_of(value: Array, rows: int) -> Array:
    """Return a cell's value as `(B, n)`, where all rows may share one."""
    if value.ndim >= 2 and value.shape[0] == rows:
        return value.reshape(rows, -1)
    return np.broadcast_to(value.reshape(1, -1), (rows, value.size))
