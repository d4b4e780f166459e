"""A specification as a Keras cell."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench import lifting
from gru_bench.program.program import Program
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject
from tests.corpus import keras_ways
from tests.corpus.reference import resolved
from tests.corpus.spec import Layer, Spec, show

Array = NDArray[Any]

_LAYERS = {
    "simple": keras.layers.SimpleRNNCell,
    "gru": lambda n, **kwargs: keras.layers.GRUCell(n, reset_after=False, **kwargs),
    "gru-after": keras.layers.GRUCell,
    "lstm": keras.layers.LSTMCell,
}


class WrittenCell(keras.layers.Layer):
    """The cell that a specification describes, in double precision.

    Args:
        spec: what it computes.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__(dtype=keras_ways.DTYPE, name="written")
        self.spec = spec
        self.state_size = list(spec.states)
        #: How each operation was spelled, by its first result, once it has been called.
        self.spellings: dict[str, str] = {}
        for layer in spec.layers:
            setattr(self, layer.name, _layer(layer))

    def build(self, _shape: Any) -> None:
        for w in self.spec.weights:
            made = self.add_weight(
                name=w.name, shape=w.shape, trainable=w.trainable, initializer="ones"
            )
            setattr(self, w.name, made)
        for layer in self.spec.layers:
            getattr(self, layer.name).build((None, layer.features))
        super().build(_shape)

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        sizes = zip(self.spec.states, self.spec.initial, strict=True)
        return [tf.fill((batch_size, n), tf.constant(t, keras_ways.DTYPE)) for n, t in sizes]

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        values = {"x": inputs, **{f"h{k}": h for k, h in enumerate(states)}}
        values |= {w.name: getattr(self, w.name) for w in self.spec.weights}
        for step in self.spec.steps:
            arguments = [values[a] if isinstance(a, str) else a for a in step.arguments]
            made = self._apply(step, arguments, inputs)
            values.update(zip(step.results, made, strict=True))
        return values[self.spec.output], [values[name] for name in self.spec.new_states]

    def _apply(self, step: Any, arguments: list[Any], inputs: Any) -> Sequence[Any]:
        asks = keras_ways.mentions(step.attributes)
        rows = keras_ways.rows_asked(self.spec.seed, step.way, inputs) if asks else None
        attributes = {key: resolved(value, rows) for key, value in step.attributes.items()}
        if step.op == "layer":
            return _called(getattr(self, attributes["layer"]), arguments)
        way = keras_ways.spelled(step, arguments, attributes)
        self.spellings[step.results[0]] = way.name
        made = way.call(*arguments, **attributes)
        return made if len(step.results) > 1 or isinstance(made, (list, tuple)) else [made]

    def variables_by_name(self) -> dict[str, Any]:
        """Return the variables of the specification's weights, by their names there."""
        found = {w.name: getattr(self, w.name) for w in self.spec.weights}
        for layer in self.spec.layers:
            made = getattr(self, layer.name)
            found |= {f"{layer.name}.{name}": getattr(made, name) for name in layer.weights}
        return found

    def assign(self, weights: Mapping[str, Array]) -> None:
        """Set weights by name."""
        variables = self.variables_by_name()
        for name, value in weights.items():
            variables[name].value.assign(value, read_value=False)

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return the output and the new states as TensorFlow computes them, operation by operation.

        Args:
            x: `(B, features)`.
            states: `(B, n)` each.
        """
        given = [tf.convert_to_tensor(s) for s in states]
        output, new = self.call(tf.convert_to_tensor(x), given)
        return _numbers(output), [_numbers(s) for s in new]


def _numbers(value: Any) -> Array:
    return np.asarray(tf.convert_to_tensor(value))


def _layer(layer: Layer) -> Any:
    common = {
        "use_bias": layer.use_bias,
        "trainable": layer.trainable,
        "dtype": keras_ways.DTYPE,
        "name": layer.name,
    }
    if layer.kind == "dense":
        return keras.layers.Dense(layer.units, activation=layer.activation, **common)
    return _LAYERS[layer.kind](layer.units, **common)


def _called(layer: Any, arguments: list[Any]) -> list[Any]:
    """Return what a layer makes, of a cell the new states."""
    x, *states = arguments
    if not states:
        return [layer(x)]
    return list(layer(x, states)[1])


def make(spec: Spec) -> WrittenCell:
    """Return the cell of a specification, built."""
    cell = WrittenCell(spec)
    cell.build((None, spec.features))
    return cell


def source(spec: Spec) -> str:
    """Return a specification as text, its operations spelled as the cell spells them."""
    cell, rows = make(spec), 2
    zeros = [np.zeros((rows, n)) for n in (spec.features, *spec.states)]
    with contextlib.suppress(Exception):  # it is shown as far as it runs
        cell.step(zeros[0], zeros[1:])
    return show(spec, lambda step: cell.spellings.get(step.results[0], step.op))


class KerasReader:
    """What the judge asks of a framework: a cell of a specification, and its program."""

    name = "TensorFlow"

    def make(self, spec: Spec) -> WrittenCell:
        """Return the cell."""
        return make(spec)

    def trainable(self, cell: WrittenCell) -> list[str]:
        """Return the names of the trainable weights in the program's order."""
        names = {id(v): name for name, v in cell.variables_by_name().items()}
        return [names[id(v)] for v in cell.trainable_variables]

    def initial(self, cell: WrittenCell, batch: int) -> list[Array]:
        """Return the states before the first step."""
        return [_numbers(state) for state in cell.get_initial_state(batch)]

    def lift(self, cell: WrittenCell) -> Program:
        """Return the program that is read off the cell's step."""
        return lifting.lift(KerasSubject(cell, cell.spec.features))
