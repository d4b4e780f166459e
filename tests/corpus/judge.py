"""The judge of lifting: is the program of a written cell what the cell computes?

A cell is evaluated by its own framework, in double precision, at many points: several weights,
small and large inputs and states, batches of 1, 2, 3 and 5 rows. Its program must compute the
same, up to rounding, and must run wherever programs run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, in_one_line
from gru_bench.program.program import Floats, Program
from tests.corpus.evaluators import MisfitError, NotEnclosedError, run_everywhere
from tests.corpus.points import FEWEST, Answer, Point, mixes, points
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
        answers = [answer_of(cell, point) for point in given[:FEWEST]]
    except Exception as error:  # a cell that does not run is none, whatever it raises
        return Judgement(DISCARDED, in_one_line(error))
    mix = mixes(spec, answers)
    if mix is None or not all(a.is_finite for a in answers):
        return Judgement(DISCARDED, "its results have no rows, or are not finite")
    cell.assign(given[0].weights)
    try:
        program = reader.lift(cell)
    except UsageError as error:
        return _refused(str(error), mix)
    except Exception as error:
        return Judgement(RAW_ERROR, in_one_line(error), mix)
    try:
        answers += [answer_of(cell, point) for point in given[FEWEST:]]
    except Exception as error:  # at some number of rows
        return Judgement(DISCARDED, in_one_line(error))
    outcome, reason = examined(program, reader, cell, list(zip(given, answers, strict=True)))
    return Judgement(outcome, reason, mixes(spec, answers) is not False)


def examined(
    program: Program, reader: Reader, cell: Any, tried: Sequence[tuple[Point, Answer]]
) -> tuple[str, str]:
    """Return the outcome for a cell that was lifted, and why."""
    order = reader.trainable(cell)
    try:
        difference = _difference(program, order, tried) or _beginning(program, reader, cell)
        if difference:
            return WRONG, difference
        run_everywhere(program, order, *tried[1])
    except (MisfitError, NotEnclosedError) as error:
        misfit = isinstance(error, MisfitError)
        return NOT_RUNNABLE if misfit else NOT_ENCLOSED, str(error)
    except Exception as error:  # a program that was lifted runs, whatever stops it
        return NOT_RUNNABLE, in_one_line(error)
    return RIGHT, ""


def _difference(
    program: Program, order: Sequence[str], tried: Sequence[tuple[Point, Answer]]
) -> str | None:
    """Return where a program differs from a cell, at the first point at which it does."""
    for point, answer in tried:
        if answer.is_finite:
            weights = [point.weights[name] for name in order]
            found = compare(program, weights, point, answer)
            if found:
                return found
    return None


def _beginning(program: Program, reader: Reader, cell: Any) -> str | None:
    """Return which state of the program does not begin as the cell's does."""
    for batch in (1, 3):
        states = zip(program.initial_state, reader.initial(cell, batch), strict=True)
        for k, (ours, theirs) in enumerate(states):
            if not np.array_equal(np.broadcast_to(ours, theirs.shape), theirs):
                return f"state {k} begins with {ours}, the cell's with {theirs}"
    return None


def answer_of(cell: Any, point: Point) -> Answer:
    """Return what a cell computes at a point."""
    cell.assign(point.weights)
    output, states = cell.step(point.x, point.states)
    return Answer((output, *states))


def _refused(reason: str, mix: bool) -> Judgement:
    if _NAMED.search(reason) and "\n" not in reason:
        return Judgement(REFUSED, reason, mix)
    return Judgement(RAW_ERROR, f"a refusal that names nothing: {reason!r}", mix)


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
        excess = np.nan_to_num(np.abs(ours - expected) - SHARE * bound.error, nan=np.inf)
        worst = np.unravel_index(np.argmax(excess), excess.shape)
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
