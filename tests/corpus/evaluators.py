"""Everything that evaluates programs, tried on one: each must run, and enclose what is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from gru_bench.checker import section
from gru_bench.checker.program import Evaluator
from gru_bench.checker.program import Program as Checked
from gru_bench.checker.region import Region
from gru_bench.checker.rejection import Rejected
from gru_bench.errors import in_one_line
from gru_bench.learning.intervals import Interval, Intervals
from gru_bench.program.enclosure import Enclosure, Enclosures
from gru_bench.program.program import Program
from gru_bench.program.rounding import measured_rounding
from gru_bench.subjects.keras.runtime import tf
from tests.corpus.points import Answer, Point

Array = NDArray[Any]

#: Lower and upper ends of the output and of each new state, `(n,)`.
Ends = list[tuple[Array, Array]]

#: Bits that the checker computes with here, and the errors of activations that it is told.
_PRECISION, _ERROR = 128, 2.0**-20

#: Half-width of the boxes of states; where in them the true states lie, in turn, as shares of it.
_RADIUS = 0.25
_PLACES = (0.5, -0.9375, 0.9375, -0.5, 0.0)

#: Relative: what rounding to nearest may take from an end. Faults are far larger.
_SLACK = 1e-9


class MisfitError(Exception):
    """An evaluator does not take the program."""


class NotEnclosedError(Exception):
    """An evaluator returns a range that the cell leaves."""


@dataclass(frozen=True)
class _Case:
    """One row of inputs `(F,)`, its states and the middle of a box around them, `(N,)` each."""

    program: Program
    weights: Sequence[Array]
    x: Array
    state: Array
    center: Array

    @property
    def place(self) -> Array:
        """Where in the box the states lie, in [-1, 1]."""
        return (self.state - self.center) / _RADIUS

    def split(self, values: Array) -> list[Array]:
        """Return each state's part of all states together."""
        return np.split(values, np.cumsum(self.program.state_sizes)[:-1], axis=-1)


def run_everywhere(program: Program, order: Sequence[str], point: Point, answer: Answer) -> None:
    """Let every evaluator run a program over a box of states around those of one row.

    Args:
        program: of a cell.
        order: the names of the weights in the program's order.
        point: of one row.
        answer: what the cell computed there.

    Raises:
        MisfitError: one cannot.
        NotEnclosedError: one says what is not so.
    """
    weights = [point.weights[name] for name in order]
    state = np.concatenate([s[0] for s in point.states])
    center = np.float64(np.float32(state - _RADIUS * np.resize(_PLACES, len(state))))
    case = _Case(program, weights, point.x[0], state, center)
    for name, run in _EVALUATORS.items():
        with _told(name):
            ends = run(case)
        if ends is None:
            continue
        for k, ((low, high), value) in enumerate(zip(ends, answer.values, strict=True)):
            _compare(f"{name}: result {k}", low, high, value.reshape(-1))


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever it raises, it does not run the program
        raise MisfitError(f"{name}: {in_one_line(error)}") from error


def _compare(what: str, low: Array, high: Array, value: Array) -> None:
    if low.shape != value.shape or high.shape != value.shape:
        raise MisfitError(f"{what} has shape {low.shape}, the cell's {value.shape}")
    reach = _SLACK * (1 + np.abs(low) + np.abs(high) + np.abs(value))
    if not np.all((low - reach <= value) & (value <= high + reach)):
        raise NotEnclosedError(f"{what} is {value}, not in [{low}, {high}]")


def _enclosed(case: _Case) -> Ends:
    """The finder's enclosures, over a point and over a box: what both leave."""
    algebra = Enclosures(measured_rounding())
    c = np.stack([case.state, case.center])
    r = np.stack([np.zeros_like(case.center), np.full_like(case.center, _RADIUS)])
    zero = np.zeros_like(c)
    whole = Enclosure(c, r[..., None] * np.eye(c.shape[1]), zero, c - r, c + r, zero)
    ends = np.cumsum([0, *case.program.state_sizes])
    states = [algebra.slice(whole, a, b) for a, b in pairwise(ends)]
    with np.errstate(over="ignore", invalid="ignore"):
        x = algebra.rows(np.stack([case.x, case.x]))
        made, new = case.program.evaluate(algebra, x, states, case.weights)
    return [_left(value, case.place) for value in (made, *new)]


def _left(value: Enclosure, place: Array) -> tuple[Array, Array]:
    """Return what the ranges and the affine forms, at the true states, leave of a value."""
    affine = value.gens @ place if value.gens.shape[-1] == len(place) else 0.0
    middle = value.center + affine
    low = np.maximum(value.low, middle - value.slack).max(axis=0)
    return low, np.minimum(value.high, middle + value.slack).min(axis=0)


def _trained(case: _Case) -> Ends:
    """The differentiable intervals, in two rows."""

    def twice(row: Array) -> Any:
        return tf.constant(np.stack([row, row]))

    boxes = [Interval(twice(c - _RADIUS), twice(c + _RADIUS)) for c in case.split(case.center)]
    x, weights = twice(case.x), [tf.constant(w) for w in case.weights]
    made, new = case.program.evaluate(Intervals("float64"), Interval(x, x), boxes, weights)
    ends = [(np.asarray(v.low), np.asarray(v.high)) for v in (made, *new)]
    return [(np.atleast_2d(low)[0], np.atleast_2d(high)[0]) for low, high in ends]


def _checked(case: _Case) -> Ends | None:
    """The checker: a certificate's program, its form looked at, and balls over the box.

    It says nothing of programs that float32, or a compiler that multiplies constants first, may
    take out of the range of its numbers.
    """
    try:
        program = _certified(case)
        with ctx.workprec(_PRECISION):
            evaluator = Evaluator(program, tanh=arb(_ERROR), sigmoid=arb(_ERROR))
            radius = (_RADIUS,) * len(case.center)
            states = Region(0, tuple(case.center.tolist()), radius).states()
            x = evaluator.read(case.x.tolist())
            output, new = evaluator.step(x, evaluator.start(states))
            flat = [(float(v.form.lo), float(v.form.hi)) for v in (*output, *new)]
    except Rejected:
        return None
    shapes = program.shapes()
    cuts = np.cumsum([shapes[k][0] for k in (program.output, *program.new_states)])[:-1]
    return [(part[:, 0], part[:, 1]) for part in np.split(np.array(flat), cuts)]


def _certified(case: _Case) -> Checked:
    """Return a program as the checker reads it from a certificate."""
    program = case.program
    named = [{"name": f"w{k}", **_tensor(w)} for k, w in enumerate(case.weights)]
    content = {
        "states": list(program.state_sizes),
        "initial_state": [_tensor(state)["values"] for state in program.initial_state],
        "literals": [_tensor(literal) for literal in program.literals],
        "operations": [
            {"op": o.name, "inputs": list(o.inputs), **o.attributes} for o in program.operations
        ],
        "output": program.output,
        "new_states": list(program.new_states),
    }
    task = SimpleNamespace(features=(tuple(case.x.tolist()),))
    found, _ = section.program(content, task, section.tensors(named, "weights", named=True))  # type: ignore[arg-type]
    return found


def _tensor(array: Any) -> dict[str, Any]:
    values = [float(t).hex() for t in np.asarray(array).reshape(-1)]
    return {"shape": list(np.shape(array)), "values": values}


_EVALUATORS: dict[str, Callable[[_Case], Ends | None]] = {
    "checker": _checked,
    "enclosures": _enclosed,
    "intervals": _trained,
}
