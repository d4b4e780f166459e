"""Lifting a subject: read, compared with its trace, and put into its shortest form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gru_bench.lifting.builder import Builder
from gru_bench.lifting.error import LiftingError
from gru_bench.lifting.expression import Ids, Table, expressions
from gru_bench.lifting.lerp import prune, recognise_lerp
from gru_bench.lifting.tracing import Trace, initial_state, trace
from gru_bench.program.program import Program
from gru_bench.subjects.protocol import Subject

#: Sizes of a batch, and rows in it, for which the trace is read beside the program.
_ROWS = ((1, 0), (2, 0), (2, 1), (3, 1))


def lift(subject: Subject) -> Program:
    """Return the program of a subject's step.

    Args:
        subject: a cell whose states are vectors.

    Raises:
        LiftingError: the step has an operation that is not elementary, named in the message, or
            is not a function of weights, input and states, one row at a time.
    """
    if any(len(shape) != 1 for shape in subject.state_shapes):
        raise LiftingError(f"states of shape {subject.state_shapes} are not vectors")
    if len(subject.output_shape) != 1:
        raise LiftingError(f"an output of shape {subject.output_shape} is no vector")
    traced = trace(subject)
    program = _read(subject, traced)
    _compare(program, traced)
    return prune(recognise_lerp(replace(program, initial_state=tuple(initial_state(subject)))))


def _read(subject: Any, traced: Trace) -> Program:
    """Return what the trace computes of one row."""
    sizes = [shape[0] for shape in subject.state_shapes]
    shapes = [tuple(w.shape) for w in subject.weights]
    builder = Builder(subject.input_size, sizes, shapes, subject.dtype)
    states = [ids[None] for ids in builder.states]
    output, new = traced.read(builder, builder.weights, builder.x[None], states)
    return builder.program(output, new)


def _compare(program: Program, traced: Trace) -> None:
    """Refuse a program that is not, entry by entry, what the step computes of each row.

    The trace for any number of rows is read for a few. Code that looks at static shapes may take
    the batch for another size that is as large, as sums that broadcast by static shapes do: so the
    step is also traced at each size that occurs in it.
    """
    table = Table(traced.subject.dtype)
    own = expressions(program, table)
    for rows, row in _ROWS:
        _check_row(own, traced.expressions(table, rows, row), rows)
    for rows in sorted({1, *traced.sizes()} - {0}):
        sized = trace(traced.subject, rows=rows)
        for row in {0, rows - 1}:
            _check_row(own, sized.expressions(table, rows, row), rows)


def _check_row(own: Sequence[Ids], found: Sequence[Ids], rows: int) -> None:
    if not same(own, found):
        raise LiftingError(
            "the program read off one row is not what the step computes"
            if rows == 1
            else f"what the step computes of a row changes with the batch ({rows} rows)"
        )


def same(one: Sequence[Ids], other: Sequence[Ids]) -> bool:
    """Return whether all results are the same expressions."""
    return len(one) == len(other) and all(map(np.array_equal, one, other))
