"""A PyTorch module that is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.gradients.check import check_gradients
from gru_bench.laws.case import Array, Case
from gru_bench.laws.stand_in import stand_in
from gru_bench.laws.target import Target
from gru_bench.laws.torch.case import TorchCase
from gru_bench.laws.torch.prelude import prelude
from gru_bench.laws.torch.stand_in import TorchCase as TorchStandIn
from gru_bench.laws.torch.tape import Tape
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.protocol import NotOffered
from gru_bench.subjects.torch.loop import TorchLoop
from gru_bench.subjects.torch.maker import TorchMaker
from gru_bench.subjects.torch.narrowed import narrowed, watched
from gru_bench.subjects.torch.runtime import to_numpy, torch
from gru_bench.subjects.torch.subject import TorchSubject

#: What it is asked to compute in: NumPy has no bfloat16, and autocast is for whole models.
DTYPES = ("float64", "float32", "float16")

#: Arguments that say how much is dropped of what.
RATES = ("dropout", "recurrent_dropout", "dropout_rate", "drop_rate", "p_dropout", "drop_prob")


class TorchTarget(Target):
    """See `Target`.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a module, or an instance,
            which is copied.
        arguments: for the class or the function.
        input_size: F, for a module that works with one input size only; None to find it out.
        equations: the name of the equations that the cell claims, or a function; None for a guess.
        inputs: that the cell takes; None for any.

    Raises:
        UsageError: it cannot be imported or made, or is no module that computes one step.
    """

    started = "PyTorch"
    case_type = TorchCase
    silent = MappingProxyType(
        {"half-precision": "on CPUs PyTorch has not all operations in half precision"}
    )

    def __init__(
        self,
        cell: Any,
        arguments: Mapping[str, Any] | None = None,
        input_size: int | None = None,
        equations: Any = None,
        inputs: Inputs | None = None,
    ) -> None:
        self.maker = TorchMaker(cell, arguments)
        self.name, self.arguments = self.maker.name, self.maker.arguments
        self._loops: dict[Any, TorchLoop] = {}
        super().__init__(input_size, equations, inputs)
        if self.no_step is None:
            self.notes.append(f"the module is {self.probe.convention}")

    def _sizes(self) -> tuple[int, ...]:
        return self.maker.sizes()

    def _make_subject(self, features: int, dtype: str, training: bool) -> TorchSubject:
        if dtype not in DTYPES:
            raise UsageError(f"a module is not asked for {dtype}")
        return self.maker.subject(dtype, features, training)

    def _refuse_unbuilt(self) -> None:
        """Raise what a first step raised: nothing says that it is a cell at all."""
        if self.no_step is not None:
            raise self.no_step

    def fresh(self, features: int, dtype: str | None = None) -> TorchSubject:
        """Return a subject of a new module that has never been called."""
        like: TorchSubject = self.subject(features, dtype)
        return like.with_cell(self.maker.make(dtype or self.dtype, features))

    def loop(self, features: int, way: str, training: bool = False) -> TorchLoop:
        """Return the module in a loop over its steps, made once and shared by all laws.

        Raises:
            NotOffered: the loop is to be unrolled.
        """
        if way != "looped":
            raise NotOffered("a module is run in one way only")
        key = features, training
        if key not in self._loops:
            like: TorchSubject = self.subject(features, None, training)
            self._loops[key] = TorchLoop(like.with_cell(self.maker.make(self.dtype, features)))
        return self._loops[key]

    def tape(self, subject: TorchSubject) -> Tape:
        """Return the gradients of gradients of a subject of this target."""
        return Tape(subject)

    def check_gradients(self, subject: TorchSubject, **options: Any) -> Any:
        """Return what comparing autograd's derivatives with numeric ones gives."""
        return check_gradients(subject, **options)

    def imprecision(self, subject: TorchSubject, batch: int) -> str:
        """Return what in a float64 step is computed in less; empty for nothing."""
        return narrowed(watched(subject, batch))

    def rates(self) -> dict[str, float]:
        """Return the dropout rates above zero, by the arguments that set them."""
        found = {n: self.arguments.get(n, getattr(self.probe.own, n, None)) for n in RATES}
        rates = {n: rate for n, rate in found.items() if isinstance(rate, float) and rate}
        return {name: float(rate) for name, rate in rates.items()}

    def another(self, case: Case, **changes: Any) -> TorchSubject:
        """Return a new module with a case's weights."""
        made = self.maker.make(case.dtype, case.features, **changes)
        like: TorchSubject = self.subject(case.features, case.dtype)
        subject = like.with_cell(made)
        subject.assign_values(case.weights.values())
        return subject

    def takes(self, dtype: str, **arguments: Any) -> bool:
        """Return whether the constructor takes these arguments beside those given."""
        try:
            self.maker.make(dtype, self.features[0], **arguments)
        except UsageError:
            return False
        return True

    def variant(self, case: Case, **arguments: Any) -> TorchSubject | None:
        """Return a subject of the module made with other arguments, None where it takes none such.

        Args:
            case: draws the weights.
            **arguments: for the constructor.
        """
        try:
            made = self.maker.make(case.dtype, case.features, **arguments)
            like: TorchSubject = self.subject(case.features, case.dtype)
            subject = like.with_cell(made)
        except UsageError:
            return None
        rng = case.rng
        subject.put({name: rng.normal(size=tuple(t.shape)) for name, t in subject.every().items()})
        return subject

    def every_weight(self, subject: TorchSubject) -> list[Array]:
        """Return all parameters and buffers of real numbers, in order; float64."""
        return [np.asarray(to_numpy(t), np.float64) for t in subject.every().values()]

    def give_every(self, subject: TorchSubject, values: Iterable[Array]) -> None:
        """Assign what `every_weight` returns."""
        subject.put(dict(zip(subject.every(), values, strict=True)))

    def keeps_masks(self, cell: TorchSubject) -> bool:
        """Return False: masks are drawn in each call."""
        del cell
        return False

    def called(
        self, cell: TorchSubject, x: Array, states: Sequence[Array], training: bool
    ) -> tuple[Array, list[Array]]:
        """Return the output and the states of one call of what `another` gives."""
        cell.own.train(training)
        try:
            with torch.no_grad():
                given = cell.tensor(x), cell.state_tensors(states)
                output, new = cell.convention.step(cell.own, *given)
        finally:
            cell.own.train(cell.training)
        return to_numpy(output), [to_numpy(state) for state in new]

    def forget_masks(self, cell: Any) -> None:
        """Do nothing: it keeps none."""

    def reseed(self, number: int) -> None:
        """Begin anew what training steps draw.

        Args:
            number: the seed.
        """
        torch.manual_seed(number)

    def stand_in(self, script: str) -> str:
        """Return the source of what a check is given in a script in place of a case."""
        return stand_in(script, *[TorchStandIn] * ("TorchCase" in script))

    def prelude(self, case: Case, script: str) -> str:
        """Return the imports and the functions that a script calls."""
        convention = self.subject(case.features, case.dtype).convention
        return prelude(self.maker, convention, case, script)


#: What `make_target` makes.
TARGET = TorchTarget
