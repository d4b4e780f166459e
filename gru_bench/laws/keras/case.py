"""One case of a law about a Keras cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.keras.idle import remark
from gru_bench.subjects.keras.runtime import keras, tf

if TYPE_CHECKING:
    from gru_bench.laws.keras.chance import Chance
    from gru_bench.subjects.keras.loop import Loop
    from gru_bench.subjects.keras.subject import KerasSubject


@dataclass
class KerasCase(Case):
    """See `Case`; cells, layers and models are Keras's own here."""

    target: Chance

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

    @property
    def arguments(self) -> list[str]:
        """The names of the arguments that were given."""
        names = list(self.target.arguments)
        self.note(arguments=names)
        return names

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer that was given, not a cell."""
        return self.target.is_layer

    @property
    def is_flat(self) -> bool:
        """Whether the states are one tensor, or a list of tensors."""
        return self.target.is_flat

    @property
    def is_late(self) -> bool:
        """Whether `build` leaves layers within unbuilt, so that the first call makes weights."""
        return self.target.is_late

    @property
    def starts_at_random(self) -> bool:
        """Whether the initial state is drawn anew each time."""
        return self.target.starts_at_random

    def own_states(self) -> list[Array]:
        """Return the states that the cell begins with."""
        return self.subject(training=False).initial_state(self.batch)

    def nest(self, states: list[Any]) -> Any:
        """Return flat states in the shape in which the cell takes them."""
        return self.target.nest(states)

    def made(self, dtype: str | None = None, **changes: Any) -> Any:
        """Return what is checked, made anew and not built: a cell, or a layer around one.

        Args:
            dtype: a Keras dtype policy; the case's where None.
            **changes: constructor arguments beside those given.
        """
        return self.target.make(dtype or self.dtype, **changes)

    def cell_of(self, made: Any) -> Any:
        """Return the cell in what `made` returned."""
        return self.target.cell_of(made)

    def built(self, **changes: Any) -> Any:
        """Return a new, built cell with the case's weights."""
        return self.another(**changes).cell  # type: ignore[attr-defined]

    def finish(self, layer: Any) -> None:
        """Let layers within what was built be built too, where only a call does that."""
        self.target.finish(layer, self.features)

    def remark(self) -> None:
        """Note arguments of which no effect is seen: beside the outcomes, never a failure."""
        remark(self.target)

    def no_config(self) -> str:
        """Return why it cannot be made from its configuration, empty where it can."""
        return self.target.no_config or ""

    def again(self, made: Any) -> Any:
        """Return a cell or layer made from another's configuration, whatever that raises."""
        return self.target.again(made, self.dtype)

    def around(self, made: Any) -> Any:
        """Return a layer around what `made` returned, itself where it is one."""
        return made if self.is_layer else self.target.around(made, dtype=self.dtype)

    def loaded(self, path: str) -> Any:
        """Return a saved model."""
        made = self.made()
        own = {type(one).__name__: type(one) for one in (made, self.cell_of(made))}
        with self.target.policy(self.dtype):
            return keras.models.load_model(path, custom_objects=own)

    def alike(self, layers: Sequence[Any]) -> None:
        """Let layers draw the same, where a cell draws outside of training."""
        self.target.alike(layers)

    def layer_as(self, policy: str, **options: Any) -> Any:
        """Return what is checked as a layer, not built.

        Args:
            policy: a Keras dtype policy.
            **options: of a Keras RNN layer.
        """
        return self.target.layer(policy, **options)

    def layer(self, **options: Any) -> Any:
        """Return what is checked as a layer, built, with the case's weights.

        Args:
            **options: of a Keras RNN layer.

        Raises:
            NotApplicable: it takes none such.
        """
        target = self.target
        try:
            made = target.layer(self.dtype, **options)
        except UsageError as error:
            raise NotApplicable(f"the layer takes no {', '.join(options)}: {error}") from error
        target.build_with_zeros(made, (self.batch, self.steps, self.features))
        cell = target.cell_of(made) if target.is_layer else made.cell
        for variable, value in zip(cell.trainable_variables, self.weights.values(), strict=True):
            variable.assign(value)
        target.settle(cell, self.features)
        return made

    def pair(self) -> Any:
        """Return what is checked in both directions, not built.

        Raises:
            NotApplicable: it goes in one only.
        """
        try:
            return self.target.pair(self.dtype)
        except UsageError as error:
            raise NotApplicable(str(error)) from error

    def biases(self, cell: Any) -> dict[str, Array]:
        """Return the bias of each gate of the equations; a script is told where they lie.

        Args:
            cell: built.
        """
        claim = self.target.claim
        assert claim is not None
        assert claim.equations is not None
        gates, named = claim.equations.gates, claim.weights(cell)
        biases = claim.read(named)
        found = {gate: np.array(biases[f"b_{gate}"]) for gate in gates}
        # Numbered through, they say which entry of which weight each one is.
        count = 0
        for array in named.values():
            array[...] = np.arange(count, count + array.size).reshape(array.shape)
            count += array.size
        numbers = claim.read(named)
        self.note(biases={gate: numbers[f"b_{gate}"].astype(int).tolist() for gate in gates})
        return found
