"""Lifting on cells that a machine writes, and on small cells that have one thing to refuse."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest

from gru_bench.errors import UsageError
from gru_bench.learning.intervals import Interval, Intervals
from gru_bench.lifting import lift
from gru_bench.program.enclosure import Enclosures
from gru_bench.program.program import Program
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.tensorflow import moves, operations, reader
from tests.corpus import keras_ways, reference
from tests.corpus.faults import FAULTS as WRONG_PROGRAMS
from tests.corpus.judge import (
    DISCARDED,
    FAULTS,
    NOT_ENCLOSED,
    NOT_RUNNABLE,
    RAW_ERROR,
    REFUSED,
    RIGHT,
    WRONG,
    Judgement,
    answer_of,
    examined,
    judge,
)
from tests.corpus.keras_cell import KerasReader, source
from tests.corpus.points import Answer, Point, points
from tests.corpus.shrinking import shrunk
from tests.corpus.spec import B, Spec, Step, Weight, show
from tests.corpus.written import write

READER = KerasReader()

#: Seeds of the fixed sample, and of the cells that planted mistakes are looked for in.
SAMPLE, SOUGHT = range(150), range(1000, 3000)


# --- The machine ---------------------------------------------------------------------------------


def test_a_seed_is_a_cell() -> None:
    assert write(3) == write(3)
    assert len({show(write(seed)) for seed in range(30)}) > 25


@pytest.mark.parametrize("seeds", [range(k, k + 10) for k in range(500, 540, 10)])
def test_a_written_cell_computes_in_tensorflow_what_it_says(seeds: range) -> None:
    for seed in seeds:
        spec = write(seed)
        rng = np.random.default_rng(seed)
        weights = {name: rng.normal(size=s) for name, s in spec.weight_shapes.items()}
        x, states = (
            rng.normal(size=(7, spec.features)),
            [rng.normal(size=(7, n)) for n in spec.states],
        )
        cell = READER.make(spec)
        cell.assign(weights)
        output, new = cell.step(x, states)
        expected, after = reference.evaluate(spec, weights, x, states)
        for got, want in zip((output, *new), (expected, *after), strict=True):
            np.testing.assert_allclose(got, want, 1e-6, 1e-6, err_msg=source(spec))


def test_written_cells_have_everything_in_them() -> None:
    specs = [write(seed) for seed in range(1500)]
    used = {step.op for spec in specs for step in spec.steps}
    assert used >= reference.OPERATIONS.keys() | {"layer"}
    assert {layer.kind for spec in specs for layer in spec.layers} == set(reference.LAYERS)
    assert {len(w.shape) for spec in specs for w in spec.weights} == {0, 1, 2, 3}
    assert any(spec.frozen for spec in specs)
    assert {len(spec.states) for spec in specs} == {1, 2, 3}
    assert any(spec.output in ("x", "h0") for spec in specs)


# --- Lifting -------------------------------------------------------------------------------------


@cache
def judged(seed: int) -> Judgement:
    return judge(write(seed), READER)


@pytest.mark.parametrize("seeds", [SAMPLE[k : k + 10] for k in range(0, len(SAMPLE), 10)])
def test_no_written_cell_is_lifted_wrongly(seeds: range) -> None:
    for seed in seeds:
        found = judged(seed)
        assert found.outcome not in FAULTS, f"{found.reason}\n{source(write(seed))}"


def test_many_written_cells_are_lifted_and_few_are_none() -> None:
    found = [judged(seed).outcome for seed in SAMPLE[:50]]
    assert found.count(RIGHT) > len(found) / 4
    assert found.count(DISCARDED) < len(found) / 10


def cell(*steps: Step, output: str = "x", weights: Sequence[Weight] = ()) -> Spec:
    """Return a cell of two inputs and two states of two entries, the last value the first state."""
    last = steps[-1].results[0]
    return Spec(0, 2, (2, 2), (0.0, 0.0), tuple(weights), (), steps, output, (last, "h1"))


def one(op: str, *arguments: Any, **attributes: Any) -> Step:
    return Step(("v",), op, arguments or ("h0",), attributes)


#: What a refusal must name, and the cell that it is of.
REFUSALS: dict[str, Spec] = {
    "operation Softmax": cell(one("softmax")),
    "operation Mean": cell(one("norm")),
    "operation Abs": cell(one("abs")),
    "operation Sign": cell(one("sign")),
    "operation Pow": cell(one("cube")),
    "operation Softplus": cell(one("softplus")),
    "operation Cast": cell(one("cast")),
    "operation Cumsum": cell(one("cumsum", axis=1)),
    "operation RealDiv": cell(one("div", "h0", "h1")),
    "operation Maximum": cell(one("maximum", "h0", "h1")),
    "operation SelectV2": cell(one("where", "h0", "h1", mask=(1, 0))),
    "operation Sum": cell(
        Step(("s",), "sum", ("h0",), {"axis": 1, "keep": True}), one("mul", "s", "h1")
    ),
    "operation MatrixBandPart": cell(
        Step(("s",), "lower", ("W",)), one("matmul", "h0", "s"), weights=[Weight("W", (2, 2))]
    ),
    "neither vector nor matrix": cell(one("neg"), weights=[Weight("W", (2, 2, 2))]),
    "MatMul of two values": cell(
        Step(("s",), "matmul", ("h0", "h1"), {"tb": True}), one("matmul", "s", "h0")
    ),
    r"changes with the batch": cell(one("reverse", axes=(0,))),
    r"size of its batch": cell(Step(("s",), "count", (), {"value": B}), one("mul", "h0", "s")),
    r"output of shape \(\)|output of shape \(2,\)|result .*shape \(2,\)|no vector": cell(
        one("neg"), output="W", weights=[Weight("W", (2,))]
    ),
}


@pytest.mark.parametrize("named", REFUSALS)
def test_what_cannot_be_lifted_is_named(named: str) -> None:
    found = judge(REFUSALS[named], READER)
    assert found.outcome == REFUSED, found
    assert re.search(named, found.reason)


# --- The judge: planted mistakes -----------------------------------------------------------------

#: Operations of cells that are never lifted.
_STRANGE = keras_ways.STRANGE.keys() | keras_ways.BATCHED.keys()

#: Cells in which a planted mistake must be noticed.
WITHIN = 25


def cells_with(*ops: str) -> Iterator[int]:
    """Return seeds of cells that have these operations and none that is never lifted."""
    seeds = (s for s in SOUGHT if (used := _used(s)) >= set(ops) and not used & _STRANGE)
    return islice(seeds, WITHIN)


@cache
def _used(seed: int) -> set[str]:
    return {step.op for step in write(seed).steps}


def _has_two_alike(spec: Spec) -> bool:
    """Return whether a weight is a matrix of a product, and another one has its shape."""
    shapes = {w.name: w.shape for w in spec.weights}
    used = {step.arguments[1] for step in spec.steps if step.op == "matmul" and not step.attributes}
    return any([*shapes.values()].count(shapes.get(name)) > 1 for name in used)  # type: ignore[arg-type]


@cache
def lifted(seed: int) -> tuple[Any, Program, list[tuple[Point, Answer]]] | None:
    """Return a written cell, its program and what the cell computes, if it is lifted."""
    if judge(write(seed), READER).outcome != RIGHT:
        return None
    made = READER.make(write(seed))
    answers = [(point, answer_of(made, point)) for point in points(write(seed))]
    made.assign(answers[0][0].weights)
    return made, READER.lift(made), answers


class ColumnForARow(keras.layers.Layer):
    """`keras.ops.add` takes the column h for a row where there are as many rows as columns."""

    def __init__(self, columns: int) -> None:
        super().__init__(dtype="float64")
        self.columns, self.state_size, self.output_size = columns, 1, columns

    def build(self, _shape: Any) -> None:
        self.W = self.add_weight(name="W", shape=(1, 3 * self.columns))

    def call(self, _x: Any, states: Any) -> Any:
        h = states[0]
        first, *_ = keras.ops.split(keras.ops.dot(h, self.W), 3, axis=-1)
        return keras.ops.add(first, h), [h]


@pytest.mark.parametrize("columns", [2, 5])
def test_sizes_within_a_step_are_tried_as_sizes_of_the_batch(columns: int) -> None:
    # No weight, input or state has this size: only what the product is split into.
    subject = KerasSubject(ColumnForARow(columns), 4)
    with pytest.raises(UsageError, match=rf"changes with the batch \({columns} rows\)"):
        lift(subject)


def test_right_programs_are_found_right() -> None:
    for made, program, answers in filter(None, map(lifted, cells_with())):
        assert examined(program, READER, made, answers) == (RIGHT, "")


#: What a cell has in which a mistake can be made.
OPS = {
    "operands of a difference exchanged": ("sub",),
    "sum for difference": ("sub",),
    "sum for product": ("mul",),
    "sigmoid for tanh": ("tanh",),
    "tanh for sigmoid": ("sigmoid",),
    "tanh for relu": ("relu",),
    "relu for sign change": ("neg",),
    "ends of a combination exchanged": ("mul", "sub", "sigmoid"),
    "gate and end exchanged": ("mul", "sub", "sigmoid"),
    "slice one place early": ("slice",),
    "pieces joined from behind": ("concat",),
    "literal off by 1e-9": ("literal",),
    "literal matrix transposed": ("literal", "matmul"),
}


@pytest.mark.parametrize("mistake", WRONG_PROGRAMS)
def test_a_wrong_program_is_noticed(mistake: str) -> None:
    seeds = cells_with(*OPS.get(mistake, ()))
    if mistake == "another weight":
        seeds = (seed for seed in SOUGHT if _has_two_alike(write(seed)))
    for made, program, answers in filter(None, map(lifted, seeds)):
        wrong = WRONG_PROGRAMS[mistake](program)
        if wrong and examined(wrong, READER, made, answers)[0] == WRONG:
            return
    raise AssertionError(f"unnoticed in {WITHIN} cells")


def noticed(outcome: str, *ops: str) -> bool:
    """Return whether the machine comes to an outcome within so many cells that have operations."""
    return any(judge(write(seed), READER).outcome == outcome for seed in cells_with(*ops))


def _unmoved(_attributes: Any, _lead: int, x: Any, perm: Any) -> list[Any]:
    return [x.reshape([x.shape[int(k)] for k in perm])]


def _by_columns(_attributes: Any, _lead: int, x: Any, shape: Any) -> list[Any]:
    return [x.reshape([int(n) for n in shape], order="F")]


def _forwards(attributes: Any, lead: int, x: Any, begin: Any, end: Any, strides: Any) -> list[Any]:
    (right,) = operations.MOVES["StridedSlice"](attributes, lead, x, begin, end, strides)
    return [np.flip(right) if np.any(np.asarray(strides) < 0) else right]


def _joined(attributes: Any, lead: int, *xs: Any) -> list[Any]:
    return operations.MOVES["ConcatV2"](attributes, lead, *xs[-2::-1], xs[-1])


def _stacked(attributes: Any, lead: int, *xs: Any) -> list[Any]:
    return operations.MOVES["Pack"](attributes, lead, *(xs[::-1] if xs[0].ndim else xs))


def _unstacked(attributes: Any, lead: int, x: Any) -> list[Any]:
    return operations.MOVES["Unpack"](attributes, lead, x)[::-1]


def _split(attributes: Any, _lead: int, axis: Any, x: Any) -> list[Any]:
    return np.split(np.flip(x, int(axis)), attributes["num_split"], int(axis))


def _tiled(_attributes: Any, _lead: int, x: Any, reps: Any) -> list[Any]:
    return [np.tile(np.flip(x), [int(n) for n in reps])]


def _gathered(_attributes: Any, _lead: int, x: Any, index: Any, axis: Any) -> list[Any]:
    return [np.take(x, np.sort(index), int(axis))]


def _kept(_attributes: Any, _lead: int, x: Any, _axes: Any) -> list[Any]:
    return [x]


def _rolled(_attributes: Any, _lead: int, x: Any, shift: Any, axes: Any) -> list[Any]:
    return [np.roll(x, -np.atleast_1d(shift), np.atleast_1d(axes).tolist())]


#: Rules of lifting that are wrong, though all shapes are right, and what a cell has they are for.
WRONG_MOVES: dict[str, tuple[str, Callable[..., list[Any]]]] = {
    "Transpose": ("transpose", _unmoved),
    "Reshape": ("reshape", _by_columns),
    "StridedSlice": ("slice", _forwards),
    "ConcatV2": ("concat", _joined),
    "Pack": ("stack", _stacked),
    "Unpack": ("unstack", _unstacked),
    "Split": ("split", _split),
    "Tile": ("tile", _tiled),
    "GatherV2": ("gather", _gathered),
    "ReverseV2": ("reverse", _kept),
    "Roll": ("roll", _rolled),
}


@pytest.mark.parametrize("kind", WRONG_MOVES)
def test_a_wrong_move_is_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, wrong = WRONG_MOVES[kind]
    monkeypatch.setitem(moves.MOVES, kind, wrong)
    assert noticed(WRONG, op)


@pytest.mark.parametrize(("kind", "name"), [("Sub", "add"), ("Tanh", "sigmoid"), ("AddV2", "sub")])
def test_a_wrong_operation_is_noticed(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reader.ELEMENTARY, kind, name)
    assert noticed(WRONG, {"Sub": "sub", "Tanh": "tanh", "AddV2": "add"}[kind])


def test_a_wrong_combination_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("gru_bench.lifting.lift")
    right = module.recognise_lerp

    def exchanged(program: Program) -> Program:
        return WRONG_PROGRAMS["ends of a combination exchanged"](right(program)) or program

    monkeypatch.setattr(module, "recognise_lerp", exchanged)
    assert noticed(WRONG, "mul", "sub", "sigmoid")


@pytest.mark.parametrize(
    ("algebra", "name", "wrong"),
    [
        (Intervals, "neg", lambda _, a: Interval(-a.low, -a.high)),
        (Intervals, "sub", lambda _, a, b: Interval(a.low - b.low, a.high - b.high)),
        (Enclosures, "neg", lambda _, a: replace(a, center=-a.center)),
        (Enclosures, "relu", lambda _, a: a),
    ],
)
def test_a_wrong_range_is_noticed(
    algebra: type[Any], name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(algebra, name, wrong)
    assert noticed(NOT_ENCLOSED, name)


class Stubborn(KerasReader):
    """Lifts nothing, and raises what it is given, or gives another program."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def lift(self, cell: Any) -> Program:
        if self.error:
            raise self.error
        program = super().lift(cell)
        scalar = 1 + len(program.state_sizes) + len(program.weight_shapes) + len(program.literals)
        assert not program.operations
        return replace(program, literals=(*program.literals, np.float64(1)), output=scalar)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (KeyError("v"), RAW_ERROR),
        (UsageError("it does not work"), RAW_ERROR),
        (UsageError("operation Exp cannot be\nlifted"), RAW_ERROR),
        (UsageError("operation Exp cannot be lifted"), REFUSED),
    ],
)
def test_what_lifting_raises_is_judged(error: Exception, outcome: str) -> None:
    assert judge(cell(one("neg")), Stubborn(error)).outcome == outcome


def test_a_program_that_the_checker_does_not_read_is_not_runnable() -> None:
    ones = Step(("v",), "full", (), {"value": 1.0, "shape": (B, 1)})
    spec = Spec(0, 2, (2,), (0.0,), (), (), (ones,), "v", ("h0",))
    assert judge(spec, READER).outcome == RIGHT
    found = judge(spec, Stubborn())
    assert found.outcome == NOT_RUNNABLE, found
    assert "shape []" in found.reason


def test_a_cell_is_made_smaller_as_long_as_something_holds() -> None:
    spec = next(s for s in map(write, range(1000)) if {"tanh", "relu"} <= {t.op for t in s.steps})
    smaller = shrunk(spec, lambda other: "tanh" in {step.op for step in other.steps})
    assert [step.op for step in smaller.steps].count("tanh") == 1
    assert len(smaller.steps) < len(spec.steps)
