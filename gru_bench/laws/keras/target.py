"""A Keras cell, or a layer around one, that is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from gru_bench.errors import FAULTS, UsageError
from gru_bench.gradients.check import SurrogateError, check_gradients
from gru_bench.laws.case import Array, Case
from gru_bench.laws.keras import inputs as sizes_of
from gru_bench.laws.keras.case import KerasCase
from gru_bench.laws.keras.chance import Chance
from gru_bench.laws.keras.prelude import prelude
from gru_bench.laws.keras.stand_in import KerasCase as KerasStandIn
from gru_bench.laws.keras.structure import left_out
from gru_bench.laws.keras.tape import Tape
from gru_bench.laws.stand_in import stand_in
from gru_bench.laws.target import Target
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.loop import Loop
from gru_bench.subjects.keras.maker import Maker
from gru_bench.subjects.keras.runtime import keras, whole_tracebacks
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.subjects.protocol import NotOffered
from gru_bench.trace.response import RunBound
from gru_bench.trace.tensorflow.rounding import bound_run, imprecision


class KerasTarget(Chance):
    """See `Target`.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance,
            which is made again from its configuration.
        arguments: for the class or the function.
        input_size: F, for a cell that works with one input size only; None for several.
        equations: the name of the equations that the cell claims, or a function; None for a guess.
        inputs: that the cell takes; None for any.

    Raises:
        UsageError: it cannot be imported or made, or is not a cell.
    """

    started = "TensorFlow"
    case_type = KerasCase

    def __init__(
        self,
        cell: Any,
        arguments: Mapping[str, Any] | None = None,
        input_size: int | None = None,
        equations: Any = None,
        inputs: Inputs | None = None,
    ) -> None:
        self._loops: dict[Any, Loop] = {}
        self._tapes: dict[int, Tape] = {}
        self._fixed: dict[int, list[Array]] = {}
        self._no_build: UsageError | None = None
        with whole_tracebacks():
            Maker.__init__(self, cell, arguments)
            Target.__init__(self, input_size, equations, inputs)

    def _units(self) -> int:
        cell = self.make_cell("float32")
        sizes = [n for n in keras.tree.flatten(cell.state_size) if isinstance(n, int)]
        return max([1, *sizes])

    def _sizes(self) -> tuple[int, ...]:
        units = self._units()
        return (3 if units > 3 else units + 2), units + 1

    def _refuse_unbuilt(self) -> None:
        try:
            self._built("float32", self.features[0])
        except UsageError as error:
            self.no_step = self._no_build = error  # other sizes may do

    @cached_property
    def loose(self) -> str:
        """Which layers within do not have the dtype that the cell is given; empty for none."""
        try:
            cell = self.make_cell("float64")
            cell.build((None, self.features[0]))
        except FAULTS:  # a user's cell can fail in any way; a law says how
            return ""
        names = building.of_other_dtype(cell)
        if not names:
            return ""
        told = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        return f"layers within ({told}) are made without its dtype: give them self.dtype_policy"

    def _try_sizes(self) -> None:
        """Find out which sizes of inputs the cell takes where the usual ones fail."""
        usual = self.features
        if self.no_step is None and self._takes(usual[1]):
            return

        def make() -> Any:
            return self.make_cell("float32")

        sizes = sizes_of.working(make, self._units())
        if not sizes:
            sizes_of.refuse_others(make, self.name)
            if self._no_build is not None:
                raise self._no_build
            return
        found = sizes_of.chosen(sizes, usual)
        if found:
            self._use_sizes(found, ", ".join(map(str, sizes)))
        elif self._no_build is not None:
            raise self._no_build

    def _use_sizes(self, found: tuple[int, ...], listed: str) -> None:
        """Choose from these sizes, unless the cell's own equations hold for every size."""
        usual, dtype, why = self.features, self.dtype, (self.no_step, self.no_float64)
        self.features, self.no_float64 = found, None
        self.dtype = self._widest()
        claim, _ = self._search_claim()
        if claim is None or claim.equations is None or why[0] is None:
            self._no_build = None
            self.notes.append(f"inputs of size {listed} work and others do not, found by trying")
            return
        self.features, self.dtype, self.no_float64 = usual, dtype, why[1]
        told = f"{why[0]} (of the sizes tried {listed} works: --inputs {found[0]})"
        self.no_step = UsageError(told)

    def _takes(self, size: int) -> bool:
        try:
            self.subject(size)
        except UsageError:
            return False
        return True

    def check_gradients(self, subject: KerasSubject, **options: Any) -> Any:
        """Return what comparing TensorFlow's derivatives with numeric ones gives.

        Raises:
            NotOffered: they differ, as the cell's own gradient of a step function does.
        """
        try:
            return check_gradients(subject, **options)
        except SurrogateError as error:
            raise NotOffered(str(error)) from None

    def bound(
        self,
        subject: KerasSubject,
        weights: Sequence[Array],
        xs: Array,
        states: Sequence[Array],
        dtype: Any,
    ) -> RunBound:
        """Return how far two correct runs may lie apart; see `bound_run`."""
        return bound_run(subject, weights, xs, states, dtype)

    def imprecision(self, subject: KerasSubject, batch: int) -> str:
        """Return what in a float64 step is computed or kept in less; see `imprecision`."""
        return imprecision(subject, batch)

    def built_shapes(self, features: int) -> list[tuple[int, ...]]:
        """Return the shapes of the weights of a cell that has been built, and not called."""
        variables = self.make_cell(self.dtype, features).trainable_variables
        return [tuple(variable.shape) for variable in variables]

    def stand_in(self, script: str) -> str:
        """Return the source of what a check is given in a script in place of a case."""
        return stand_in(script, *[KerasStandIn] * ("KerasCase" in script))

    def prelude(self, case: Case, script: str) -> str:
        """Return the imports and the functions that a script calls."""
        return prelude(self, case, script, bool(self.fixed(case.features)), self.is_late)

    def constants(self, case: Case) -> dict[str, Any]:
        """Return the weights that do not learn, where there are any."""
        fixed = self.fixed(case.features)
        return {"fixed": fixed} if fixed else {}

    def watching(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which Keras and TensorFlow leave their frames in what is raised."""
        return whole_tracebacks()

    def structured(self, features: int) -> dict[str, Array]:
        """Return which entries of each weight the cell masks, or may choose not to read."""
        return left_out(self.subject(features))

    def loop(self, features: int, way: str, training: bool = False) -> Loop:
        """Return the cell in Keras's loop, made once and shared by all laws.

        Args:
            features: F.
            way: "looped" or "unrolled".
            training: whether masks are drawn, anew in each run.
        """
        key = (features, way, training)
        if key not in self._loops:
            cell = self._with_zeros(self.dtype, features)
            like = self.subject(features, None, training)
            self._loops[key] = Loop(like.with_cell(cell), way)
        return self._loops[key]

    def tape(self, subject: KerasSubject) -> Tape:
        """Return the gradients of gradients of a subject of this target."""
        if id(subject) not in self._tapes:
            self._tapes[id(subject)] = Tape(subject)
        return self._tapes[id(subject)]


#: What `make_target` makes.
TARGET = KerasTarget
