"""Keras cells of the kind that is checked, built and given weights as laws need them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.laws.case import Array
from gru_bench.laws.target import BATCH, Target
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.maker import Maker
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject


class Made(Maker, Target):
    """Part of `KerasTarget`."""

    #: Values of frozen weights, by input size.
    _fixed: dict[int, list[Array]]

    def subject(
        self, features: int, dtype: str | None = None, training: bool = False
    ) -> KerasSubject:
        """Return the subject for these sizes; made once and shared by all laws.

        Raises:
            UsageError: the cell cannot be built or run so.
        """
        found: KerasSubject = super().subject(features, dtype, training)
        return found

    def _make_subject(self, features: int, dtype: str, training: bool) -> KerasSubject:
        cell = self._built(dtype, features)
        made = KerasSubject(cell, features, training, BATCH if training else 1)
        made.accepts = self.inputs
        return made

    @property
    def probe(self) -> KerasSubject:
        """A subject to ask for shapes and names."""
        return self.subject(self.features[0])

    def fresh(self, features: int, dtype: str | None = None) -> KerasSubject:
        """Return a subject of a new cell that has never been called; its weights are zero."""
        like = self.subject(features, dtype)
        return like.with_cell(self._with_zeros(dtype or self.dtype, features))

    def nest(self, states: list[Any]) -> Any:
        """Return a flat list of states in the shape in which the cell takes them."""
        return self.probe.nest(states)

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


def frozen(cell: Any) -> list[Any]:
    """Return the variables of a built cell that do not learn, without those of generators."""
    return [v for v in cell.non_trainable_variables if "float" in str(v.dtype)]


def _with_zeros(add_weight: Any) -> Any:
    """Return `add_weight` with another initialiser."""

    def add(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(("shape", "initializer"), args, strict=False)), **kwargs}
        return add_weight(*args[2:], **{**given, "initializer": "zeros"})

    return add
