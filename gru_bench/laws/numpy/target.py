"""A cell written in NumPy that is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.laws.case import Array, Case
from gru_bench.laws.numpy.prelude import prelude
from gru_bench.laws.target import Target
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.numpy.loop import NumpyLoop
from gru_bench.subjects.numpy.maker import NumpyMaker
from gru_bench.subjects.numpy.subject import NumpySubject
from gru_bench.subjects.protocol import NotOffered, Tape

#: What it is asked to compute in.
DTYPES = ("float64", "float32")


class NumpyTarget(Target):
    """See `Target`.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance,
            which is copied.
        arguments: for the class or the function.
        input_size: F, for a cell that works with one input size only; None to find it out.
        equations: the name of the equations that the cell claims, or a function; None for a guess.
        inputs: that the cell takes; None for any.

    Raises:
        UsageError: it cannot be imported or made, or is not a cell.
    """

    started = "the process"
    case_type = Case

    def __init__(
        self,
        cell: Any,
        arguments: Mapping[str, Any] | None = None,
        input_size: int | None = None,
        equations: Any = None,
        inputs: Inputs | None = None,
    ) -> None:
        self.maker = NumpyMaker(cell, arguments)
        self.name, self.arguments = self.maker.name, self.maker.arguments
        self.silent = {"half-precision": "a cell written in NumPy need not run in half precision"}
        if not self.maker.takes_dtype:
            self.silent["float64-supported"] = "the cell's constructor takes no dtype"
        self._loops: dict[int, NumpyLoop] = {}
        super().__init__(input_size, equations, inputs)

    def _sizes(self) -> tuple[int, ...]:
        return self.maker.sizes()

    def _make_subject(self, features: int, dtype: str, training: bool) -> NumpySubject:
        del training  # it has no such mode
        if dtype not in DTYPES:
            raise UsageError(f"a cell written in NumPy is not asked for {dtype}")
        return self.maker.subject(dtype, features)

    def fresh(self, features: int, dtype: str | None = None) -> NumpySubject:
        """Return a subject of a new cell that has never been called."""
        like: NumpySubject = self.subject(features, dtype)
        return like.with_cell(self.maker.make(dtype or self.dtype, features))

    def loop(self, features: int, way: str, training: bool = False) -> NumpyLoop:
        """Return the cell in a loop over its steps, made once and shared by all laws.

        Raises:
            NotOffered: the loop is to be unrolled.
        """
        del training
        if way != "looped":
            raise NotOffered("a cell written in NumPy is run in one way only")
        if features not in self._loops:
            self._loops[features] = NumpyLoop(self.fresh(features))
        return self._loops[features]

    def tape(self, subject: Any) -> Tape:
        """Raise `NotOffered`: its derivatives are numeric."""
        del subject
        raise NotOffered("a cell written in NumPy gives no gradients of its own")

    def check_gradients(self, subject: Any, **options: Any) -> Any:
        """Raise `NotOffered`: there is nothing to compare numeric derivatives with."""
        del subject, options
        raise NotOffered("a cell written in NumPy gives no gradients of its own")

    def imprecision(self, subject: Any, batch: int) -> str:
        """Raise `NotOffered`: nothing inside the cell is seen."""
        del subject, batch
        raise NotOffered("the steps inside of a cell written in NumPy are not traced")

    def rates(self) -> dict[str, float]:
        """Return nothing: it has no training mode, so nothing drops out."""
        return {}

    def another(self, case: Case, **changes: Any) -> NumpySubject:
        """Return a new cell with a case's weights.

        Raises:
            NotOffered: other arguments are asked for.
        """
        if changes:
            raise NotOffered("a cell written in NumPy has no such arguments")
        made = self.fresh(case.features, case.dtype)
        made.assign_values(case.weights.values())
        return made

    def takes(self, dtype: str, **arguments: Any) -> bool:
        """Return False: it is made in one way only."""
        del dtype, arguments
        return False

    def variant(self, case: Case, **arguments: Any) -> None:
        """Return None, likewise."""
        del case, arguments

    def every_weight(self, subject: NumpySubject) -> list[Array]:
        """Return the weights: all of them learn."""
        return [np.array(value, np.float64) for value in subject.parameters.values()]

    def give_every(self, subject: NumpySubject, values: Iterable[Array]) -> None:
        """Assign weights."""
        subject.assign_values(values)

    def keeps_masks(self, cell: NumpySubject) -> bool:
        """Return False: it has none."""
        del cell
        return False

    def called(
        self, cell: NumpySubject, x: Array, states: Sequence[Array], training: bool
    ) -> tuple[Array, list[Array]]:
        """Return the output and the states of one call of what `another` gives."""
        del training
        return cell.call(x, states)

    def forget_masks(self, cell: Any) -> None:
        """Do nothing: it keeps none."""

    @property
    def not_random(self) -> str | None:
        """Why training draws nothing: it has no such mode."""
        return "a cell written in NumPy has no training mode"

    def prelude(self, case: Case, script: str) -> str:
        """Return the imports and the functions that a script calls."""
        return prelude(self.maker, case, script)


#: What `make_target` makes.
TARGET = NumpyTarget
