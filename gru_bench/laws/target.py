"""What is checked, and the subjects made of it, which all laws share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations import Claim, search_claim
from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.gradients import check_gradients
from gru_bench.laws.chance import same_chance
from gru_bench.laws.tape import Tape
from gru_bench.subjects.keras.loop import Loop
from gru_bench.subjects.keras.maker import Maker
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.rounding import bound_run, imprecision

Array = NDArray[Any]

#: The batch for which the masks of a training subject are drawn, and to which it is bound.
BATCH = 3


class Target(Maker):
    """A cell, or a layer around one, and the subjects made of it.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance,
            which is made again from its configuration.
        arguments: for the class or the function.
        input_size: F, for a cell that works with one input size only; None for several.
        equations: the name of the equations that the cell claims, or a function; None for a guess.

    Raises:
        UsageError: it cannot be imported or made, or is not a cell.
    """

    keras, tf = keras, tf
    bound = staticmethod(bound_run)
    imprecision = staticmethod(imprecision)
    check_gradients = staticmethod(check_gradients)

    def __init__(
        self,
        cell: Any,
        arguments: Mapping[str, Any] | None = None,
        input_size: int | None = None,
        equations: Any = None,
    ) -> None:
        super().__init__(cell, arguments)
        self.equations = equations
        #: What the report says beside the outcomes, such as a guess of the equations.
        self.notes: list[str] = []
        self._subjects: dict[Any, KerasSubject] = {}
        self._loops: dict[Any, Loop] = {}
        self._tapes: dict[int, Tape] = {}
        self._given: dict[int, Mapping[str, Array]] = {}
        self._fixed: dict[int, list[Array]] = {}
        #: Why it has not a capability, or None, as far as `capability.py` was asked.
        self.lacks: dict[str, str | None] = {}
        self.no_float64: str | None = None
        #: What was raised where the cell cannot run one step.
        self.no_step: UsageError | None = None
        units = self._units()
        #: Input sizes to choose from: fewer than units, more than units; never as many.
        self.features = (
            (input_size,) if input_size else ((3 if units > 3 else units + 2), units + 1)
        )
        self.dtype = self._widest()
        if equations is not None and self.no_step is None:
            self.claim  # noqa: B018  an unknown name is bad input, not a broken law

    def _units(self) -> int:
        cell = self.make_cell("float32")
        sizes = [n for n in keras.tree.flatten(cell.state_size) if isinstance(n, int)]
        return max([1, *sizes])

    def _widest(self) -> str:
        """Return the widest dtype in which a step runs, and keep why another does not."""
        for dtype in ("float64", "float32"):
            try:
                made = self.subject(self.features[0], dtype).dtype
            except UsageError as error:
                self.no_step = error
                if dtype == "float64":
                    self.no_float64 = str(error)
            else:
                self.no_step = None
                if dtype in (made, "float32"):
                    return made
                # Laws would hold it to a precision that it has not.
                self.no_float64 = f"asked for float64, the cell computes in {made}"
        self._built("float32", self.features[0])  # what cannot be built is bad input
        return "float32"

    def subject(
        self, features: int, dtype: str | None = None, training: bool = False
    ) -> KerasSubject:
        """Return the subject for these sizes; made once and shared by all laws.

        Raises:
            UsageError: the cell cannot be built or run so.
        """
        key = (features, dtype or self.dtype, training)
        if key not in self._subjects:
            # Whichever law asks first, the masks of a training subject are the same.
            with same_chance(0):
                cell = self._built(key[1], features)
                batch = BATCH if training else 1
                self._subjects[key] = KerasSubject(cell, features, training, batch)
        return self._subjects[key]

    def adapt(self, cell: Any, features: int) -> KerasSubject:
        """Return a subject for a cell of one's own making.

        Raises:
            UsageError: it cannot be built or run.
        """
        return KerasSubject(cell, features)

    @cached_property
    def claim(self) -> Claim | None:
        """The equations that the cell claims, computes or is called by; None for none.

        Raises:
            UsageError: the name is unknown, or a function or a file cannot be read.
        """
        claim, notes = search_claim(self.probe.cell, self.equations, self.features[0])
        if claim is not None:
            told = f"equations: {claim.describe()}"
            if claim.reading is not None:
                told += f"; {'; '.join(claim.reading.reading.layout())}"
            if claim.guessed:
                told += "; where the cell claims nothing, ask for equations none"
            self.notes.append(told)
        self.notes += notes
        return claim

    def forget_masks(self, cell: Any) -> None:
        """Let the next call of a Keras cell draw the masks that it keeps."""
        for layer in cell._flatten_layers():
            for name in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
                getattr(layer, name, lambda: None)()

    def nest(self, states: list[Any]) -> Any:
        """Return a flat list of states in the shape in which the cell takes them."""
        return keras.tree.pack_sequence_as(self.probe.nested, states)

    def forget(self, subject: KerasSubject) -> None:
        """Have weights assigned anew to a subject whose weights someone has changed."""
        self._given.pop(id(subject), None)

    def reseed(self, number: int) -> None:
        """Begin anew what training steps draw from TensorFlow's own generators, where they do.

        Args:
            number: the seed.
        """
        if self.subject(self.features[0], training=True).draws_by_kernels:
            tf.random.set_seed(number)

    def _built(self, dtype: str, features: int) -> Any:
        """Return a built cell, with weights of zero where only its initialisers fail.

        TensorFlow has no QR decomposition in bfloat16, so an orthogonal initialiser has none.
        """
        try:
            cell = self.make_cell(dtype, features)
            self.settle(cell, features)
            return cell
        except UsageError:
            raise
        except FAULTS as error:  # a user's cell can fail in any way
            try:
                cell = self._with_zeros(dtype, features)
            except FAULTS:
                raise UsageError(
                    f"cell {self.name!r} cannot be built: {in_one_line(error)}"
                ) from error
            note = f"in {dtype} its initialisers fail, zeros were used: {in_one_line(error)[:160]}"
            if note not in self.notes:
                self.notes.append(note)
            return cell

    def _with_zeros(self, dtype: str, features: int) -> Any:
        """Return a built cell whose weights are zero, which saves drawing them."""
        cell = self.make_cell(dtype)
        self.build_with_zeros(cell, (None, features))
        self.settle(cell, features)
        return cell

    def build_with_zeros(self, layer: Any, shape: tuple[int | None, ...]) -> None:
        """Build a cell or a layer whose weights will be assigned: drawing them takes longer.

        Args:
            layer: not built.
            shape: of its input.
        """
        for one in layer._flatten_layers():
            one.add_weight = _with_zeros(one.add_weight)
        layer.build(shape)

    def fresh(self, features: int, dtype: str | None = None) -> KerasSubject:
        """Return a subject of a new cell that has never been called; its weights are zero."""
        like = self.subject(features, dtype)
        return like.with_cell(self._with_zeros(dtype or self.dtype, features))

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

    def give(self, subject: KerasSubject, weights: Mapping[str, Array]) -> None:
        """Assign weights where the subject does not have them already."""
        if self._given.get(id(subject)) is not weights:
            # In order: a weight's full name can hold a number that counts instances.
            subject.assign_values(weights.values())
            self.settle(subject.cell, subject.input_size)
            self._given[id(subject)] = weights

    def settle(self, cell: Any, features: int) -> None:
        """Give a built cell the frozen weights of the first one of its size: laws draw none.

        They are rounded to the eight bits that every dtype holds.

        Args:
            cell: a Keras cell.
            features: F.
        """
        # What a call has made is none of these, and a law of its own.
        for variable, value in zip(frozen(cell), self.fixed(features, cell), strict=False):
            variable.assign(value)

    def fixed(self, features: int, cell: Any = None) -> list[Array]:
        """Return the values of frozen weights, those of a cell where it is the first of its size.

        Args:
            features: F.
            cell: built; without one there are no values for a size of which there was none.
        """
        if features not in self._fixed:
            if cell is None:
                return []
            values = [tf.cast(variable.value, "bfloat16") for variable in frozen(cell)]
            self._fixed[features] = [np.asarray(value, np.float64) for value in values]
        return self._fixed[features]

    @property
    def probe(self) -> KerasSubject:
        """A subject to ask for shapes and names."""
        return self.subject(self.features[0])

    @cached_property
    def not_random(self) -> str | None:
        """Why training draws nothing, None where it does."""
        rng = np.random.default_rng(0)
        drawn, plain = (self.subject(self.features[0], training=t) for t in (True, False))
        x = rng.normal(size=(BATCH, self.features[0]))
        states = [rng.normal(size=(BATCH, *shape)) for shape in plain.state_shapes]
        self.give(plain, drawn.parameters)

        def rows(subject: KerasSubject, x: Array) -> Array:
            output, new = subject.step(x, states)
            return np.concatenate([a.reshape(BATCH, -1) for a in (output, *new)], axis=1)

        trained = rows(drawn, x)
        if np.array_equal(trained, rows(plain, x), equal_nan=True):
            return "training gives what inference gives: nothing is random"
        if not np.array_equal(trained, rows(drawn, x), equal_nan=True):
            return None
        others = rows(drawn, np.concatenate([x[:1], x[1:] + 1]))
        if np.array_equal(trained[0], others[0], equal_nan=True):
            return None
        return "in training a row depends on the others: by the batch's statistics, not by chance"


def frozen(cell: Any) -> list[Any]:
    """Return the variables of a built cell that do not learn, without those of generators."""
    return [v for v in cell.non_trainable_variables if "float" in str(v.dtype)]


def _with_zeros(add_weight: Any) -> Any:
    """Return `add_weight` with another initialiser."""

    def add(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(("shape", "initializer"), args, strict=False)), **kwargs}
        return add_weight(*args[2:], **{**given, "initializer": "zeros"})

    return add
