"""A Keras cell as functions of tensors: the step, the run, the initial state, and what it keeps."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.masks import forget_masks
from gru_bench.subjects.keras.runtime import keras, tf


class Tensors:
    """What `KerasSubject` stands on: nothing here is NumPy."""

    cell: Any
    dtype: str
    input_size: int
    training: bool
    output_dtype: Any
    output_shape: tuple[int, ...]
    #: Dtypes of states that are whole numbers, such as counters; None for the others.
    whole: tuple[Any, ...]
    #: Which inputs the cell takes; None for any. Others are folded in where they come.
    accepts: Inputs | None = None
    _nested: Any
    _takes_training: bool

    @property
    def weights(self) -> list[Any]:
        """The trainable weights as tensors, in the cell's order."""
        return [tf.convert_to_tensor(v.value) for v in self.cell.trainable_variables]

    @property
    def frozen(self) -> list[Any]:
        """The other values the cell keeps (random generators among them) as tensors."""
        return [tf.convert_to_tensor(v.value) for v in self.cell.non_trainable_variables]

    def nest(self, states: Sequence[Any]) -> Any:
        """Return flat states in the structure, and in the dtypes, that the cell keeps them in."""
        given = [
            state if kind is None else tf.cast(tf.round(state), kind)
            for state, kind in zip(states, self.whole, strict=True)
        ]
        return keras.tree.pack_sequence_as(self._nested, given)

    def _outside(self, flat: Sequence[Any]) -> list[Any]:
        """Return states as everybody outside the cell knows them: whole numbers as real ones."""
        pairs = zip(flat, self.whole, strict=False)
        return [state if kind is None else tf.cast(state, self.dtype) for state, kind in pairs]

    def _flat(self, states: Any) -> list[Any]:
        """Return the states that the cell returned, flat, as everybody outside knows them."""
        flat = keras.tree.flatten(states)
        return self._outside(flat) if any(self.whole) and len(flat) == len(self.whole) else flat

    def _initial_tensors(self, batch: int) -> Any:
        return building.initial_states(self.cell, batch)

    def initial_tensors(self, weights: Sequence[Any], frozen: Sequence[Any], batch: Any) -> Any:
        """Return the states before the first step, flat, as tensors.

        Args:
            weights: in the cell's order; an initial state can be one of them.
            frozen: likewise.
            batch: B, an integer or a tensor of one.
        """
        variables = [*self.cell.trainable_variables, *self.cell.non_trainable_variables]
        pairs = zip(variables, [*weights, *frozen], strict=True)
        with keras.StatelessScope(state_mapping=list(pairs)):
            return self._flat(self._initial_tensors(batch))

    def step_tensors(
        self,
        weights: Sequence[Any],
        frozen: Sequence[Any],
        x: Any,
        states: Sequence[Any],
        told: Mapping[str, Any] | None = None,
    ) -> tuple[Any, list[Any], list[Any]]:
        """Return output, states and frozen values of one step, tensors in and out.

        Args:
            weights: in the cell's order.
            frozen: likewise.
            x: `(B, F)`.
            states: flat.
            told: further arguments of the cell's `call`; by default whether it trains, where it
                asks for that.
        """
        nested = self.nest(states)
        x = self._fitted(x)
        if told is None:
            if self.training and not self._takes_training:
                return self._step_in_context(weights, frozen, x, nested)
            told = {"training": self.training} if self._takes_training else {}
        (output, states), frozen = self.cell.stateless_call(
            list(weights), list(frozen), x, nested, **told
        )
        return output, self._flat(states), list(frozen)

    def _fitted(self, x: Any) -> Any:
        """Return inputs that the cell takes."""
        if self.accepts is None:
            return x
        low, high = (tf.cast(end, x.dtype) for end in (self.accepts.low, self.accepts.high))
        width = high - low
        x = low + width - tf.abs(tf.math.floormod(tf.abs(x - low), 2 * width) - width)
        return tf.round(x) if self.accepts.whole else x

    def _step_in_context(
        self, weights: Sequence[Any], frozen: Sequence[Any], x: Any, nested: Any
    ) -> tuple[Any, list[Any], list[Any]]:
        """Return the same of a cell that is not told that it trains, but has layers that are.

        Keras tells them in `__call__`, as in its loop; `stateless_call` goes round that.
        """
        kept = self.cell.non_trainable_variables
        pairs = [
            *zip(self.cell.trainable_variables, weights, strict=True),
            *zip(kept, frozen, strict=True),
        ]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            output, states = self.cell(x, nested, training=self.training)
            after = [scope.get_current_value(variable) for variable in kept]
        return output, self._flat(states), after

    def run_tensors(
        self, weights: Sequence[Any], xs: Sequence[Any], states: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return the outputs of all steps and the final states, tensors in and out."""
        frozen, outputs = self.frozen, []
        for x in xs:
            output, states, frozen = self.step_tensors(weights, frozen, x, states)
            outputs.append(output)
        return outputs, list(states)

    def _trace_loop(self, weights: Any, frozen: Any, xs: Any, states: Any) -> Any:
        """Return outputs and final states, with a loop in the graph."""
        steps = tf.shape(xs)[0]
        outputs = tf.TensorArray(self.output_dtype, steps, element_shape=(None, *self.output_shape))

        def body(t: Any, outputs: Any, frozen: Any, states: Any) -> Any:
            output, states, frozen = self.step_tensors(weights, frozen, xs[t], states)
            return t + 1, outputs.write(t, output), frozen, states

        start = (tf.constant(0), outputs, frozen, states)
        _, outputs, _, final = tf.while_loop(lambda t, *_: t < steps, body, start)
        return [outputs.stack(), *final]

    def forget_masks(self) -> None:
        """Let the next step draw the dropout masks that the cell keeps."""
        forget_masks(self.cell)

    @cached_property
    def draws_by_kernels(self) -> bool:
        """Whether a step draws numbers whose seed TensorFlow keeps, not the cell.

        Only then is TensorFlow's seed set: that empties its cache of kernels, so that each
        compiled function is prepared anew.
        """
        x = tf.zeros((1, self.input_size), self.dtype)
        states = self._flat(self._initial_tensors(1))
        step = tf.function(self.step_tensors, autograph=False)
        graph = step.get_concrete_function(self.weights, self.frozen, x, states).graph
        defined = graph.as_graph_def()
        nodes = [*defined.node, *(n for f in defined.library.function for n in f.node_def)]
        return any("seed2" in node.attr for node in nodes)

    def draw(self, seed: int | None) -> None:
        """Let what is random be drawn anew at the next call.

        Args:
            seed: of all generators that the cell keeps, and of TensorFlow's own; None goes on
                where they are.
        """
        if seed is not None and self.draws_by_kernels:
            tf.random.set_seed(seed)
        self.forget_masks()
        if seed is None:
            return
        for layer in self.cell._flatten_layers():
            for generator in layer._seed_generators:
                generator.state.assign([seed, 0])


def whole_dtype(state: Any) -> Any:
    """Return the dtype of a state of whole numbers, None for any other."""
    dtype = tf.as_dtype(state.dtype)
    return dtype if dtype.is_integer else None


def takes_training(cell: Any) -> bool:
    """Return whether the cell's `call` asks whether it trains."""
    try:
        return "training" in inspect.signature(cell.call).parameters
    except (AttributeError, TypeError, ValueError):
        return False
