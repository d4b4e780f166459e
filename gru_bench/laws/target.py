"""What is checked, and the subjects made of it, which all laws share."""

from __future__ import annotations

import contextlib
import importlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations import Claim, search_claim
from gru_bench.errors import FAULTS, NotSupportedError, UsageError
from gru_bench.laws.chance import same_chance
from gru_bench.laws.others import Others
from gru_bench.laws.stand_in import stand_in
from gru_bench.subjects.domain import domains, reached, unread
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.loading import framework_of_made, load
from gru_bench.subjects.protocol import Loop, Subject, Tape
from gru_bench.trace.response import RunBound, measured

Array = NDArray[Any]

#: The batch for which the masks of a training subject are drawn, and to which it is bound.
BATCH = 3


class Target(Others):
    """A cell, or a layer around one, and the subjects made of it.

    Args:
        input_size: F, for a cell that works with one input size only; None for several.
        equations: the name of the equations that the cell claims, or a function; None for a guess.
        inputs: that the cell takes; None for any.

    Raises:
        UsageError: it cannot be made, or is not a cell.
    """

    #: What the process had to start to run it.
    started: ClassVar[str]
    #: What its cases are: `Case`, or a kind of it.
    case_type: ClassVar[type[Any]]
    #: Why laws say nothing of cells of this framework, by law: what nobody has promised.
    silent: Mapping[str, str] = MappingProxyType({})
    #: Whether a layer around a cell was given.
    is_layer: bool = False
    name: str
    arguments: dict[str, Any]

    def __init__(
        self, input_size: int | None, equations: Any, inputs: Inputs | None = None
    ) -> None:
        self.equations, self.inputs = equations, inputs
        #: What the report says beside the outcomes, such as a guess of the equations.
        self.notes: list[str] = [] if inputs is None else [f"inputs: {inputs}"]
        self._subjects: dict[Any, Any] = {}
        self._given: dict[int, Mapping[str, Array]] = {}
        #: Why it has not a capability, or None, as far as `capability.py` was asked.
        self.lacks: dict[str, str | None] = {}
        self.no_float64: str | None = None
        #: What was raised where the cell cannot run one step.
        self.no_step: UsageError | None = None
        #: Input sizes to choose from: fewer than units, more than units; never as many.
        self.features = (input_size,) if input_size else self._sizes()
        self.dtype = self._widest()
        if input_size is None:
            self._try_sizes()
        if equations is not None and self.no_step is None:
            self.claim  # noqa: B018  an unknown name is bad input, not a broken law

    @abstractmethod
    def _sizes(self) -> tuple[int, ...]:
        """Return input sizes to choose from."""

    def _try_sizes(self) -> None:
        """Choose other input sizes where the cell does not work with the usual ones."""

    def _widest(self) -> str:
        """Return the widest dtype in which a step runs, and keep why another does not."""
        for dtype in ("float64", "float32"):
            try:
                made = self.subject(self.features[0], dtype).computes_in
            except NotSupportedError:
                raise
            except UsageError as error:
                self.no_step = error
                if dtype == "float64":
                    self.no_float64 = self._with_what_is_loose(str(error))
            else:
                self.no_step = None
                if dtype in (made, "float32"):
                    return str(made)
                # Laws would hold it to a precision that it has not.
                told = f"asked for float64, the cell computes in {made}"
                self.no_float64 = self._with_what_is_loose(told)
        self._refuse_unbuilt()
        return "float32"

    def _with_what_is_loose(self, told: str) -> str:
        return f"{told}; {self.loose}" if self.loose else told

    @property
    def loose(self) -> str:
        """What within the cell has not the dtype that the cell is given; empty for nothing."""
        return ""

    def _refuse_unbuilt(self) -> None:
        """Raise `UsageError` where a cell that runs no step cannot even be built."""

    def subject(self, features: int, dtype: str | None = None, training: bool = False) -> Any:
        """Return the `Subject` for these sizes; made once and shared by all laws.

        Raises:
            UsageError: the cell cannot be built or run so.
        """
        key = (features, dtype or self.dtype, training)
        if key not in self._subjects:
            # Whichever law asks first, the masks of a training subject are the same.
            with same_chance(0):
                self._subjects[key] = self._make_subject(*key)
        return self._subjects[key]

    def is_shared(self, subject: Any) -> bool:
        """Return whether a subject is one that all laws share."""
        return any(subject is one for one in self._subjects.values())

    @abstractmethod
    def _make_subject(self, features: int, dtype: str, training: bool) -> Subject:
        """Return a new subject."""

    @abstractmethod
    def fresh(self, features: int, dtype: str | None = None) -> Subject:
        """Return a subject of a new cell that has never been called."""

    @abstractmethod
    def loop(self, features: int, way: str, training: bool = False) -> Loop:
        """Return the cell in the loop of its framework, made once and shared by all laws.

        Args:
            features: F.
            way: "looped" or "unrolled".
            training: whether masks are drawn, anew in each run.
        """

    @abstractmethod
    def tape(self, subject: Any) -> Tape:
        """Return the gradients of gradients of a subject of this target."""

    @abstractmethod
    def check_gradients(self, subject: Any, **options: Any) -> Any:
        """Return what comparing the framework's derivatives with numeric ones gives."""

    def bound(
        self,
        subject: Any,
        weights: Sequence[Array],
        xs: Array,
        states: Sequence[Array],
        dtype: Any,
    ) -> RunBound:
        """Return how far two correct runs may lie apart.

        Args:
            subject: the cell with these weights, in the widest dtype that it supports.
            weights: in the cell's order.
            xs: `(T, B, F)`.
            states: before the first step.
            dtype: in which the less precise of both runs is computed.
        """
        return measured(subject, weights, xs, states, dtype)

    @abstractmethod
    def imprecision(self, subject: Any, batch: int) -> str:
        """Return what in a float64 step is computed or kept in less; empty for nothing."""

    def built_shapes(self, features: int) -> list[tuple[int, ...]]:
        """Return the shapes of the weights of a cell that has been built, and not called."""
        return list(self.fresh(features).parameter_shapes.values())

    def stand_in(self, script: str) -> str:
        """Return the source of what a check is given in a script in place of a case."""
        return stand_in(script)

    @abstractmethod
    def prelude(self, case: Any, script: str) -> str:
        """Return what a law's script needs before it.

        Args:
            case: that failed.
            script: of the law.
        """

    def constants(self, case: Any) -> dict[str, Any]:
        """Return what the script of a case knows beside the case itself, by name."""
        del case
        return {}

    def watching(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which a framework leaves its own frames in what is raised."""
        return contextlib.nullcontext()

    @cached_property
    def claim(self) -> Claim | None:
        """The equations that the cell claims, computes or is called by; None for none.

        Raises:
            UsageError: the name is unknown, or a function or a file cannot be read.
        """
        claim, notes = self._search_claim()
        if claim is not None:
            told = f"equations: {claim.describe()}"
            if claim.reading is not None:
                told += f"; {'; '.join(claim.reading.reading.layout())}"
            if claim.guessed:
                told += "; where the cell claims nothing, ask for equations none"
            self.notes.append(told)
        self.notes += notes
        return claim

    def _search_claim(self) -> tuple[Claim | None, list[str]]:
        """Return the claim, and what else there is to say of what the cell computes."""
        return search_claim(self.probe, self.equations)

    def forget(self, subject: Any) -> None:
        """Have weights assigned anew to a subject whose weights someone has changed."""
        self._given.pop(id(subject), None)

    def give(self, subject: Any, weights: Mapping[str, Array]) -> None:
        """Assign weights where the subject does not have them already."""
        if self._given.get(id(subject)) is not weights:
            # In order: a weight's full name can hold a number that counts instances.
            subject.assign_values(weights.values())
            self._settle_subject(subject)
            self._given[id(subject)] = weights

    def _settle_subject(self, subject: Any) -> None:
        """Give a subject what it keeps beside the weights that learn."""

    def reseed(self, number: int) -> None:
        """Begin anew what training steps draw from the framework's own generators.

        Args:
            number: the seed.
        """

    @property
    def probe(self) -> Any:
        """A subject to ask for shapes and names."""
        return self.subject(self.features[0])

    @cached_property
    def domain(self) -> list[str]:
        """What is true of each state that the cell reaches by itself, empty for nothing."""
        subject = self.probe
        try:
            found = domains(subject)
        except FAULTS:  # a user's cell can fail in any way; laws will say how
            found = [""] * len(subject.state_shapes)
        self.forget(subject)
        told = [f"state {k}: {what}" for k, what in enumerate(found) if what]
        if told:
            self.notes.append(
                f"runs start from states that the cell reaches by itself ({', '.join(told)})"
            )
        return found

    @cached_property
    def unread(self) -> list[int]:
        """Which states nothing depends on."""
        subject = self.probe
        try:
            found = unread(subject)
        except FAULTS:  # likewise
            found = []
        self.forget(subject)
        if 0 < len(found) < len(subject.state_shapes):
            listed = ", ".join(map(str, found))
            self.notes.append(f"never read, only published: state {listed}")
        return found

    def structured(self, features: int) -> dict[str, Array]:
        """Return which entries of each weight the cell masks, or may choose not to read."""
        shapes = self.subject(features).parameter_shapes
        return {name: np.zeros(shape, bool) for name, shape in shapes.items()}

    def fit(self, x: Array) -> Array:
        """Return inputs that the cell takes: these, or others in place of what it does not."""
        return x if self.inputs is None else self.inputs.fit(x)

    def states(
        self,
        subject: Any,
        rng: np.random.Generator,
        batch: int,
        draw: Callable[[tuple[int, ...]], Array],
    ) -> list[Array]:
        """Return states to start from: drawn, or reached where a state has a domain.

        Args:
            subject: the cell, with the weights of the run.
            rng: of a reached state.
            batch: B.
            draw: draws a state of a shape that begins with B.
        """
        if any(self.domain):
            return reached(subject, rng, batch)
        return [draw((batch, *shape)) for shape in subject.state_shapes]

    def _draws(self, x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> bool:
        """Return whether two training calls differ, of one cell or of two."""
        made: list[list[Array]] = []
        for seed in (1, 2):
            with same_chance(seed):
                subject: Any = self._make_subject(self.features[0], self.dtype, True)
                subject.assign_values(weights.values())
                self._settle_subject(subject)
                for _ in range(2):
                    self.forget_masks(subject)
                    output, new = subject.call(x, states)
                    made.append([output, *new])
        first, *others = made
        return not all(
            np.array_equal(a, b, equal_nan=True)
            for other in others
            for a, b in zip(first, other, strict=True)
        )

    @cached_property
    def not_random(self) -> str | None:
        """Why training draws nothing, None where it does."""
        rng = np.random.default_rng(0)
        drawn, plain = (self.subject(self.features[0], training=t) for t in (True, False))
        x = self.fit(rng.normal(size=(BATCH, self.features[0])))
        states = self.states(plain, rng, BATCH, lambda shape: rng.normal(size=shape))
        weights = drawn.parameters
        self.give(plain, weights)

        def rows(subject: Any, x: Array) -> Array:
            output, new = subject.step(x, states)
            return np.concatenate([a.reshape(BATCH, -1) for a in (output, *new)], axis=1)

        trained = rows(drawn, x)
        if np.array_equal(trained, rows(plain, x), equal_nan=True):
            return "training gives what inference gives: nothing is random"
        repeats = np.array_equal(trained, rows(drawn, x), equal_nan=True)
        others = rows(drawn, np.concatenate([x[:1], self.fit(x[1:] + 1)]))
        if repeats and not np.array_equal(trained[0], others[0], equal_nan=True):
            return (
                "in training a row depends on the others: by the batch's statistics, not by chance"
            )
        if not self.rates() and not self._draws(x, states, weights):
            return "training computes something else, the same each time: nothing is random"
        return None


def make_target(
    cell: Any,
    arguments: Mapping[str, Any] | None = None,
    input_size: int | None = None,
    equations: Any = None,
    inputs: Inputs | None = None,
) -> Target:
    """Return what is checked, by the adapter of its framework.

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
    found = load(cell, functions=True) if isinstance(cell, str) else cell
    framework = framework_of_made(found, arguments or {})
    module = importlib.import_module(f"gru_bench.laws.{framework}.target")
    made: Target = module.TARGET(cell, arguments, input_size, equations, inputs)
    return made
