"""Other Keras cells of the kind that is checked, what they draw, and the masks that they keep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gru_bench.equations.reading import numbers_of
from gru_bench.errors import UsageError
from gru_bench.laws.case import Array, Case
from gru_bench.laws.keras.made import Made
from gru_bench.laws.target import BATCH
from gru_bench.subjects.keras.masks import RESETS, forget_masks
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject

#: Arguments that say how much is dropped of what.
RATES = ("dropout", "recurrent_dropout")


class Chance(Made):
    """Part of `KerasTarget`."""

    def rates(self) -> dict[str, float]:
        """Return the cell's dropout rates above zero, by the arguments that set them."""
        found = {name: getattr(self.probe.cell, name, 0.0) for name in RATES}
        rates = {name: rate for name, rate in found.items() if isinstance(rate, float) and rate}
        return {name: float(rate) for name, rate in rates.items()}

    def takes(self, dtype: str, **arguments: Any) -> bool:
        """Return whether the constructor takes these arguments beside those given."""
        try:
            self.make(dtype, **arguments)
        except UsageError:
            return False
        return True

    def another(self, case: Case, **changes: Any) -> KerasSubject:
        """Return a subject of a new cell, with a case's weights."""
        cell = self.cell_of(self.make(case.dtype, **changes))
        self.build_with_zeros(cell, (None, case.features))
        for variable, value in zip(cell.trainable_variables, case.weights.values(), strict=True):
            variable.assign(value)
        self.settle(cell, case.features)
        return self.subject(case.features, case.dtype).with_cell(cell)

    def variant(self, case: Case, **arguments: Any) -> KerasSubject | None:
        """Return a subject of the cell made with other arguments, None where it takes none such.

        Args:
            case: draws the weights.
            **arguments: for the constructor.
        """
        cell = self.subject(case.features, case.dtype).cell
        # Keras swallows no argument that it does not know.
        if not all(hasattr(cell, name) or name in cell.get_config() for name in arguments):
            return None
        try:
            made = KerasSubject(self.cell_of(self.make(case.dtype, **arguments)), case.features)
        except UsageError:
            return None
        rng = case.rng
        for variable in made.cell.weights:
            variable.assign(rng.normal(size=variable.shape))
        return made

    def every_weight(self, subject: KerasSubject) -> list[Array]:
        """Return the weights of a subject in its order, those too that do not learn; float64."""
        return [np.asarray(v.value, np.float64) for v in numbers_of(subject.cell)]

    def give_every(self, subject: KerasSubject, values: Iterable[Array]) -> None:
        """Assign what `every_weight` returns."""
        for variable, value in zip(numbers_of(subject.cell), values, strict=True):
            variable.assign(value)

    def called(
        self, cell: Any, x: Array, states: Sequence[Array], training: bool
    ) -> tuple[Array, list[Array]]:
        """Return the output and the states of one call of a Keras cell, or of its subject."""
        cell = _raw(cell)
        tensors = [tf.constant(array, cell.compute_dtype) for array in (x, *states)]
        nested = self.nest(tensors[1:])
        # Keras keeps it from a cell that does not take it, and tells the layers within.
        output, new = cell(tensors[0], nested, training=training)
        return np.asarray(output), [np.asarray(array) for array in keras.tree.flatten(new)]

    def forget_masks(self, cell: Any) -> None:
        """Let the next call of a Keras cell, or of its subject, draw the masks that it keeps."""
        forget_masks(_raw(cell))

    def keeps_masks(self, cell: KerasSubject) -> bool:
        """Return whether a cell keeps masks from step to step."""
        return any(hasattr(cell.cell, name) for name in RESETS)

    def reseed(self, number: int) -> None:
        """Begin anew what training steps draw from TensorFlow's own generators, where they do.

        Args:
            number: the seed.
        """
        if self.subject(self.features[0], training=True).draws_by_kernels:
            tf.random.set_seed(number)

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


def _raw(cell: Any) -> Any:
    return cell.cell if isinstance(cell, KerasSubject) else cell
