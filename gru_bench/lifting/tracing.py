"""The step of a cell as its framework traces it, by the reader of that framework."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from gru_bench.lifting.error import LiftingError
from gru_bench.lifting.expression import Ids, Table


class Trace(Protocol):
    """One traced step, which can be read for any number of rows."""

    subject: Any

    def sizes(self) -> set[int]:
        """Return the length of every axis of every tensor in the step, where it is known."""

    def read(self, scribe: Any, weights: Sequence[Ids], x: Ids, states: Sequence[Ids]) -> Any:
        """Return the ids of the output `(B, O)` and of the new states `(B, n)`."""

    def expressions(self, table: Table, rows: int, row: int) -> list[Ids]:
        """Return the ids of one row's output `(O,)` and new states; other rows are foreign."""


def trace(subject: Any, told: dict[str, Any] | None = None, rows: int | None = None) -> Trace:
    """Return the traced step of a cell.

    Args:
        subject: the cell.
        told: what its `call` is told beside inputs and states, such as `training`; by default
            what the subject tells it.
        rows: of the batch, if the trace is to know it.

    Raises:
        LiftingError: it cannot be traced.
    """
    made: Trace = _reader(subject).Trace(subject, told, rows)
    return made


def initial_state(subject: Any) -> list[NDArray[Any]]:
    """Return the states before the first step, `(n,)` each, if they are the same for every row.

    Args:
        subject: the cell.

    Raises:
        LiftingError: they depend on the batch or on weights, or cannot be read.
    """
    found: list[NDArray[Any]] = _reader(subject).initial_state(subject)
    return found


def _reader(subject: Any) -> Any:
    if subject.tracer is None:
        raise LiftingError(f"nothing traces the steps of cell {subject.name!r}")
    return importlib.import_module(f"gru_bench.trace.{subject.tracer}.step")
