"""Whether what a cell returns has the form that it must have for a law to be asked at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gru_bench.errors import FAULTS
from gru_bench.laws.telling.failure import reason_of

if TYPE_CHECKING:
    from gru_bench.laws.case import Case
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Array, Subject

#: Rows of a batch for which a cell is asked where there is no case.
ROWS = 3


def malformed(target: Target, case: Case | None) -> str | None:
    """Return what is wrong with what a cell returns, None where its form is as it should be.

    Asked where the bench stumbles over a result: only then can the cell still be why.

    Args:
        target: the cell.
        case: in which that happened; None where it had not been drawn.
    """
    try:
        if case is None:
            subject = target.probe
            xs = np.zeros((1, ROWS, subject.input_size))
            states = [np.zeros((ROWS, *shape)) for shape in subject.state_shapes]
        else:
            subject, xs, states = case.subject(), case.xs, case.states
        return _weights(target, subject) or _results(subject, xs, states)
    except FAULTS as error:  # a user's cell can fail in any way
        return reason_of(error)


def _weights(target: Target, subject: Subject) -> str | None:
    built = target.built_shapes(subject.input_size)
    called = list(subject.parameter_shapes.values())
    if built != called:
        return f"the cell has {len(built)} weights when it is built, {len(called)} after a call"
    return None


def _results(subject: Subject, xs: Array, states: list[Array]) -> str | None:
    rows = xs.shape[1]
    promised = subject.promised_output or subject.output_shape
    wanted = [promised, *(subject.promised_states or subject.state_shapes)]
    for step, x in enumerate(xs, 1):
        output, states = subject.step(x, states)
        given = {"the output": output, **{f"state {k}": s for k, s in enumerate(states)}}
        if len(given) != len(wanted):
            return f"step {step} returns {len(states)} states, there are {len(wanted) - 1}"
        for (name, array), shape in zip(given.items(), wanted, strict=True):
            if array.shape != (rows, *shape):
                return (
                    f"{name} after step {step} has shape {array.shape}, expected {(rows, *shape)}"
                )
    return None
