"""A Keras cell, or a layer around one, that is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.equations import Claim, search_claim
from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.gradients import check_gradients
from gru_bench.laws.case import Array, Case
from gru_bench.laws.keras import inputs as sizes_of
from gru_bench.laws.keras.prelude import prelude
from gru_bench.laws.keras.structure import left_out
from gru_bench.laws.keras.tape import Tape
from gru_bench.laws.target import BATCH, Target
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.loop import Loop
from gru_bench.subjects.keras.maker import Maker
from gru_bench.subjects.keras.masks import forget_masks
from gru_bench.subjects.keras.runtime import keras, tf, whole_tracebacks
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.response import RunBound
from gru_bench.trace.tensorflow.rounding import bound_run, imprecision

#: Arguments that say how much is dropped of what.
RATES = ("dropout", "recurrent_dropout")


@dataclass
class KerasCase(Case):
    """See `Case`."""

    target: KerasTarget

    if TYPE_CHECKING:

        def subject(self, dtype: str | None = None, training: bool | None = None) -> KerasSubject:
            """Return the cell with this case's weights."""

        def fresh(self, dtype: str | None = None) -> KerasSubject:
            """Return a new cell with this case's weights that has never been called."""

        def loop(self, way: str) -> Loop:
            """Return the cell with this case's weights in Keras's loop."""

    @property
    def keras(self) -> Any:
        """Keras."""
        return keras

    @property
    def tf(self) -> Any:
        """TensorFlow."""
        return tf


class KerasTarget(Maker, Target):
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

    def _make_subject(self, features: int, dtype: str, training: bool) -> KerasSubject:
        cell = self._built(dtype, features)
        made = KerasSubject(cell, features, training, BATCH if training else 1)
        made.accepts = self.inputs
        return made

    def subject(
        self, features: int, dtype: str | None = None, training: bool = False
    ) -> KerasSubject:
        """Return the subject for these sizes; made once and shared by all laws.

        Raises:
            UsageError: the cell cannot be built or run so.
        """
        found: KerasSubject = super().subject(features, dtype, training)
        return found

    def adapt(self, cell: Any, features: int) -> KerasSubject:
        """Return a subject for a cell of one's own making.

        Raises:
            UsageError: it cannot be built or run.
        """
        return KerasSubject(cell, features)

    def _search_claim(self) -> tuple[Claim | None, list[str]]:
        return search_claim(self.probe.cell, self.equations, self.features[0])

    def check_gradients(self, subject: KerasSubject, **options: Any) -> Any:
        """Return what comparing TensorFlow's derivatives with numeric ones gives."""
        return check_gradients(subject, **options)

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

    def rates(self) -> dict[str, float]:
        """Return the cell's dropout rates above zero, by the arguments that set them."""
        found = {name: getattr(self.probe.cell, name, 0.0) for name in RATES}
        rates = {name: rate for name, rate in found.items() if isinstance(rate, float) and rate}
        return {name: float(rate) for name, rate in rates.items()}

    def another(self, case: Case, **changes: Any) -> Any:
        """Return a new, built Keras cell with a case's weights."""
        cell = self.cell_of(self.make(case.dtype, **changes))
        self.build_with_zeros(cell, (None, case.features))
        for variable, value in zip(cell.trainable_variables, case.weights.values(), strict=True):
            variable.assign(value)
        self.settle(cell, case.features)
        return cell

    def called(
        self, cell: Any, x: Array, states: Sequence[Array], training: bool
    ) -> tuple[Array, list[Array]]:
        """Return the output and the states of one call of a Keras cell."""
        tensors = [tf.constant(array, cell.compute_dtype) for array in (x, *states)]
        nested = self.nest(tensors[1:])
        # Keras keeps it from a cell that does not take it, and tells the layers within.
        output, new = cell(tensors[0], nested, training=training)
        return np.asarray(output), [np.asarray(array) for array in keras.tree.flatten(new)]

    def prelude(self, case: Case, script: str) -> str | None:
        """Return the imports and the functions that a script calls."""
        return prelude(self, case, script, bool(self.fixed(case.features)))

    def constants(self, case: Case) -> dict[str, Any]:
        """Return the weights that do not learn, where there are any."""
        fixed = self.fixed(case.features)
        return {"fixed": fixed} if fixed else {}

    def watching(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which Keras and TensorFlow leave their frames in what is raised."""
        return whole_tracebacks()

    def forget_masks(self, cell: Any) -> None:
        """Let the next call of a Keras cell draw the masks that it keeps."""
        forget_masks(cell)

    def nest(self, states: list[Any]) -> Any:
        """Return a flat list of states in the shape in which the cell takes them."""
        return self.probe.nest(states)

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
        self.finish(layer, int(shape[-1] or 0))

    def structured(self, features: int) -> dict[str, Array]:
        """Return which entries of each weight the cell masks, or may choose not to read."""
        return left_out(self.subject(features))

    @cached_property
    def is_late(self) -> bool:
        """Whether `build` leaves layers within unbuilt, so that the first call makes weights."""
        cell = self.make_cell(self.dtype)
        cell.build((None, self.features[0]))
        return building.is_late(cell)

    @cached_property
    def is_flat(self) -> bool:
        """Whether the states are one tensor, or a list of tensors."""
        nested = self.probe.nested
        parts = nested if isinstance(nested, (list, tuple)) else [nested]
        return not any(isinstance(part, (list, tuple, dict)) for part in parts)

    @cached_property
    def starts_at_random(self) -> bool:
        """Whether the initial state is drawn anew each time."""
        first, second = (self.probe.initial_state(BATCH) for _ in range(2))
        return not all(map(np.array_equal, first, second))

    def alike(self, layers: Sequence[Any]) -> None:
        """Let layers draw the same, where a cell draws outside of training.

        Args:
            layers: models, layers or cells.
        """
        if self.starts_at_random:
            keras.utils.set_random_seed(7)
            for layer in layers:
                for one in layer._flatten_layers():
                    for generator in one._seed_generators:
                        generator.state.assign([7, 0])

    def finish(self, layer: Any, features: int) -> None:
        """Let layers within what was built be built too, where only a call does that.

        Args:
            layer: a cell or a layer around one.
            features: F.
        """
        layers = [layer]
        if isinstance(layer, keras.layers.Bidirectional):
            layers = [layer.forward_layer, layer.backward_layer]
        for one in layers:
            building.finish(getattr(one, "cell", one), features)

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

    def _settle_subject(self, subject: KerasSubject) -> None:
        self.settle(subject.cell, subject.input_size)

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


def frozen(cell: Any) -> list[Any]:
    """Return the variables of a built cell that do not learn, without those of generators."""
    return [v for v in cell.non_trainable_variables if "float" in str(v.dtype)]


def _with_zeros(add_weight: Any) -> Any:
    """Return `add_weight` with another initialiser."""

    def add(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(("shape", "initializer"), args, strict=False)), **kwargs}
        return add_weight(*args[2:], **{**given, "initializer": "zeros"})

    return add


#: What `make_target` makes.
TARGET = KerasTarget
