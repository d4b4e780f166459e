"""What the check of a law about Keras is given in a script: `Case`, and what is Keras's own.

Nothing here is run by the bench: scripts hold the source of this class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_bench.laws.stand_in import Case


class KerasCase(Case):
    """What a law about a Keras cell is tried on; cells, layers and models are Keras's own."""

    @property
    def keras(self) -> Any:
        """Keras."""
        return self.given["keras"]

    @property
    def tf(self) -> Any:
        """TensorFlow."""
        return self.given["tf"]

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer that was given, not a cell."""
        return bool(self.given["is_layer"])

    @property
    def arguments(self) -> list[str]:
        """The names of the arguments that were given."""
        return list(self.given["arguments"])

    @property
    def is_flat(self) -> bool:
        """Whether the states are one tensor, or a list of tensors."""
        nested = self.given["initial_states"](self.given["cell"], 1)
        parts = nested if isinstance(nested, (list, tuple)) else [nested]
        return not any(isinstance(part, (list, tuple, dict)) for part in parts)

    @property
    def is_late(self) -> bool:
        """Whether a call makes weights that `build` does not."""
        cell = self.cell_of(self.made())
        cell.build((None, self.features))
        return any(not layer.built for layer in cell._flatten_layers())

    @property
    def starts_at_random(self) -> bool:
        """Whether the initial state is drawn anew each time."""
        return not all(map(np.array_equal, self.own_states(), self.own_states()))

    def own_states(self) -> list[Any]:
        """Return the states that the cell begins with."""
        return list(self.given["first_states"](self.given["cell"], self.batch))

    def nest(self, states: list[Any]) -> Any:
        """Return flat states in the shape in which the cell takes them."""
        return self.given["nest"](self.given["cell"], states)

    def made(self, dtype: Any = None, **changes: Any) -> Any:
        """Return what is checked, made anew and not built."""
        return self.given["made"](dtype or self.dtype, **changes)

    def cell_of(self, made: Any) -> Any:
        """Return the cell in what was made."""
        return self.given["cell_of"](made)

    def built(self, **changes: Any) -> Any:
        """Return a new, built cell with the weights."""
        return self.given["make"](self.dtype, **changes)

    def finish(self, layer: Any) -> None:
        """Let layers within what was built be built too, where only a call does that."""
        for one in (getattr(layer, "forward_layer", layer), getattr(layer, "backward_layer", None)):
            if one is not None:
                self.given["finish"](getattr(one, "cell", one), self.features)

    def remark(self) -> None:
        """Say nothing: what has no effect fails no law."""

    def no_config(self) -> str:
        """Return why it cannot be made from its configuration."""
        try:
            self.again(self.made())
        except Exception as error:  # a cell can refuse in any way
            return f"it cannot be made from its configuration: {error}"
        return ""

    def again(self, made: Any) -> Any:
        """Return a cell or layer made from another's configuration."""
        return type(made).from_config(made.get_config())

    def around(self, made: Any) -> Any:
        """Return a layer around what was made."""
        return made if self.is_layer else self.keras.layers.RNN(made, dtype=self.dtype)

    def loaded(self, path: str) -> Any:
        """Return a saved model."""
        made = self.made()
        own = {type(one).__name__: type(one) for one in (made, self.cell_of(made))}
        return self.keras.models.load_model(path, custom_objects=own)

    def alike(self, layers: Sequence[Any]) -> None:
        """Let layers draw the same, where a cell draws outside of training."""
        if self.starts_at_random:
            self.keras.utils.set_random_seed(7)
            for one in (part for layer in layers for part in layer._flatten_layers()):
                for generator in one._seed_generators:
                    generator.state.assign([7, 0])

    def layer_as(self, policy: str, **options: Any) -> Any:
        """Return what is checked as a layer, not built."""
        return self.given["layer_as"](policy, **options)

    def layer(self, **options: Any) -> Any:
        """Return what is checked as a layer with the weights."""
        return self.given["make_layer"](**options)

    def pair(self) -> Any:
        """Return what is checked in both directions, not built."""
        return self.given["make_pair"]()

    def biases(self, cell: Any) -> dict[str, Any]:
        """Return the bias of each gate."""
        flat = np.concatenate([np.ravel(v.value) for v in cell.weights if "float" in v.dtype])
        return {gate: flat[places] for gate, places in self.given["biases"].items()}
