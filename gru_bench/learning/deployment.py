"""Deployments: the ways in which a network's step is run, for trying all of them.

The network is made anew, as loading a saved file makes it, and run through the bench's own
compiled programs and through Keras's model, which knows nothing of the bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.learning.adder import Adder, parts_of, trained_variables
from gru_bench.learning.network import Network
from gru_bench.learning.reloading import check_reloaded, reload, stores_itself
from gru_bench.lifting import lift
from gru_bench.lifting.expression import Table
from gru_bench.lifting.lift import same
from gru_bench.subjects.keras.purity import check_pure
from gru_bench.subjects.keras.reach import sizes_named
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.trace.tensorflow.step import Trace

Array = NDArray[Any]

#: From symbols `(B,)` and states `(B, N)` to scores `(B, S)` and states `(B, N)`.
Step = Callable[[Array, Array], tuple[Array, Array]]

#: Rows of a batch: all, or these, counted around.
Rows = slice | Array

#: Rows of the programs that are compiled for many rows; and of eager steps, one of each.
ROWS = 128

#: Sizes of a batch that eager steps are tried with.
_SIZES = (1, 1, 2, 3, 4, 5, 8, 16, 32, 64)


class Deployment:
    """A network made anew, and all ways to run it; what is compiled serves all its weights.

    Args:
        network: of the adders that are to be run.

    Raises:
        LiftingError: its cell cannot be lifted.
        UsageError: its step is not a function of weights, input and states, by what can be seen.
    """

    def __init__(self, network: Network) -> None:
        self.network = network.again()
        self.subject = self.network.subject()
        self.program = lift(self.subject)
        self._all_sizes = (*_SIZES, *sizes_named(self.network.cell))
        try:
            self._check_function()
        except UsageError:
            raise
        except FAULTS as error:  # a user's cell can fail in any way
            raise UsageError(
                f"the step fails when it is run again: {in_one_line(error)!r}"
            ) from error
        self._compiled = tf.function(self._step, jit_compile=True, autograph=False)
        self._compiled_alone = tf.function(self._step_alone, jit_compile=True, autograph=False)
        self._theta: Any = None
        #: Keras's own model, and what Keras makes of it when it loads it from a file.
        self._models: list[Any] = []
        self._runner: Adder | None = None
        self._sizes: tuple[int, ...] = self._all_sizes

    def _check_function(self) -> None:
        """Refuse a step that is no function of weights, input and states, by what can be seen."""
        self._check_told()
        self._check_start()
        check_pure(self.network.cell, self._one_step)
        check_pure(self.network.cell, self.network.again, "making of the cell")

    def use(self, adder: Adder) -> None:
        """Take over the weights of an adder of this network.

        Raises:
            Rejected: Keras, loading the saved network, makes another one of it.
        """
        self._theta = tf.constant(adder.theta)
        self.threshold = adder.threshold
        again = Adder(self.network, adder.theta, adder.threshold)
        if not self._models or stores_itself(self.network.cell):
            loaded = reload(again)
            if loaded is not None:
                check_reloaded(loaded, again, self.program)
            self._models = [m for m in (again.to_model(), loaded) if m is not None]
        weights = self.network.unpack(self._theta)
        for model in self._models:
            for variable, value in zip(trained_variables(model), weights, strict=True):
                variable.assign(value)
        if self._runner is None or self._runner.threshold != adder.threshold:
            self._runner = again
        self._runner.theta = again.theta

    def steps(self) -> Iterator[tuple[str, Step, Sequence[Rows]]]:
        """Return every way to run a step: its name, how, and which rows it is to be run on.

        What depends on the size of a batch in eager execution is tried with many sizes for the
        first weights, and with a few for others: the code that runs is the same.
        """
        sizes, self._sizes = self._sizes, _SIZES[:1]
        yield "compiled by XLA, many rows at once", self._run_compiled, [slice(None)]
        yield "compiled by XLA, one row alone", self._run_compiled_alone, [slice(None)]
        yield "Keras's cell compiled by XLA", self._run_compiled_plainly, [slice(None)]
        yield "in a graph, many rows at once", self._run_graph, [slice(None)]
        yield "in a graph, one row alone", self._run_graph_alone, [slice(None)]
        own, *loaded = (partial(self._run_eagerly, model) for model in self._models)
        yield "eagerly, many rows at once", own, [slice(None)]
        begins = np.cumsum([0, *sizes])
        few = [np.arange(b, b + n) for b, n in zip(begins, sizes, strict=False)]
        yield "eagerly, few rows at once", own, few
        for step in loaded:
            yield "eagerly, as Keras loads it", step, [slice(None)]

    def writers(self) -> Iterator[tuple[str, Callable[[Array], Array], int]]:
        """Return every way to write whole words: its name, from symbols to digits, and rows.

        Symbols and digits are `(B, T)`.
        """
        own, *loaded = (partial(self._predict, model) for model in self._models)
        yield "Keras's own predict, eight rows at once", own, 8
        yield "Keras's own predict, one row alone", own, 1
        for write in loaded:
            yield "Keras's own predict of the network that it loads, one row alone", write, 1
        assert self._runner is not None
        yield "the adder itself, one row alone", self._runner.run, 1

    def _predict(self, model: Any, symbols: Array) -> Array:
        features = self.network.task.features[symbols].astype(np.float32)
        scores = tf.constant(np.asarray(model.predict_on_batch(features)))
        return np.asarray(self.network.decide(scores, self.threshold))

    def _one_step(self) -> None:
        """Call the cell as Keras does, and trace it."""
        states = self.network.initial_state(2)
        x = tf.zeros((2, self.subject.input_size), self.network.compute_dtype)
        self.network.cell(x, states)
        tf.function(lambda: self.network.cell(x, states), autograph=False).get_concrete_function()

    def _check_told(self) -> None:
        """Refuse a cell that computes something else where it is not told whether it trains."""
        if not self.network.takes_training:
            return
        table = Table(self.subject.dtype)
        own = Trace(self.subject).expressions(table, 1, 0)
        for told in ({}, {"training": None}):
            if not same(own, Trace(self.subject, told).expressions(table, 1, 0)):
                raise UsageError(
                    "the step computes something else where it is not told whether it trains"
                )

    def _check_start(self) -> None:
        """Refuse an initial state that differs from batch to batch."""
        for rows in self._all_sizes:
            states = keras.tree.flatten(self.network.initial_state(rows))
            for state, row in zip(states, self.program.initial_state, strict=True):
                if not np.array_equal(np.asarray(state), np.broadcast_to(row, (rows, row.size))):
                    raise UsageError(f"the initial state for {rows} rows is not that of one row")

    def _step(self, theta: Any, symbols: Any, states: Any) -> Any:
        network = self.network
        weights = network.unpack(theta)
        x = network.encode(symbols)
        scores, new = network.step(weights, network.frozen(0), x, self._nest(states))
        return scores, tf.concat(keras.tree.flatten(new), axis=1)

    def _nest(self, states: Any) -> Any:
        return self.subject.nest(tf.split(states, list(self.program.state_sizes), axis=1))

    @property
    def _told(self) -> dict[str, Any]:
        """What Keras's `predict` tells the cell."""
        return {"training": False} if self.network.takes_training else {}

    def _plain_step(self, x: Any, states: Any, told: dict[str, Any], model: Any = None) -> Any:
        """Run the cell and the read-out of a Keras model, its own where none is given."""
        cell, read_out = parts_of(self._models[0] if model is None else model)
        output, new = cell(x, self._nest(states), **told)
        return read_out(output), tf.concat(keras.tree.flatten(new), axis=1)

    def _plain_graph(self, step: Any) -> Any:
        sizes = self.subject.input_size, sum(self.program.state_sizes)
        signature = [tf.TensorSpec((None, size), self.subject.dtype) for size in sizes]
        return tf.function(step, input_signature=signature, autograph=False)

    @cached_property
    def _compiled_plainly(self) -> Any:
        def step(_theta: Any, symbols: Any, states: Any) -> Any:
            return self._plain_step(self.network.encode(symbols), states, {})

        return tf.function(step, jit_compile=True, autograph=False)

    @cached_property
    def _graph(self) -> Any:
        return self._plain_graph(lambda x, states: self._plain_step(x, states, self._told))

    @cached_property
    def _graph_alone(self) -> Any:
        def step(x: Any, states: Any) -> Any:
            return _one_by_one(
                lambda k: self._plain_step(x[k : k + 1], states[k : k + 1], self._told),
                tf.shape(x)[0],
            )

        return self._plain_graph(step)

    def _run_compiled(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        return self._in_blocks(self._compiled, symbols, states)

    def _run_compiled_alone(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        return self._in_blocks(self._compiled_alone, symbols, states)

    def _run_compiled_plainly(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        return self._in_blocks(self._compiled_plainly, symbols, states)

    def _in_blocks(self, compiled: Any, symbols: Array, states: Array) -> tuple[Array, Array]:
        """Run a program that is compiled for so many rows; those that are missing are repeated."""
        count = len(symbols)
        padded = -(-count // ROWS) * ROWS
        symbols, states = np.resize(symbols, padded), np.resize(states, (padded, states.shape[1]))
        parts = []
        for k in range(0, padded, ROWS):
            x, h = tf.constant(symbols[k : k + ROWS], tf.int32), tf.constant(states[k : k + ROWS])
            parts.append([np.asarray(part) for part in compiled(self._theta, x, h)])
        scores, new = (np.concatenate(part)[:count] for part in zip(*parts, strict=True))
        return scores, new

    def _step_alone(self, theta: Any, symbols: Any, states: Any) -> Any:
        """Run every row by itself, as a word that is read alone is."""
        return _one_by_one(lambda k: self._step(theta, symbols[k : k + 1], states[k : k + 1]), ROWS)

    def _run_graph(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        scores, new = self._graph(self._features(symbols), tf.constant(states))
        return np.asarray(scores), np.asarray(new)

    def _run_graph_alone(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        scores, new = self._graph_alone(self._features(symbols), tf.constant(states))
        return np.asarray(scores), np.asarray(new)

    def _run_eagerly(self, model: Any, symbols: Array, states: Array) -> tuple[Array, Array]:
        scores, new = self._plain_step(self._features(symbols), tf.constant(states), {}, model)
        return np.asarray(scores), np.asarray(new)

    def _features(self, symbols: Array) -> Any:
        return tf.constant(self.network.task.features[symbols], self.network.compute_dtype)


def _one_by_one(step: Callable[[Any], tuple[Any, Any]], count: Any) -> tuple[Any, Any]:
    """Return what a step from row k gives for all k, one after the other in a loop."""
    probe = [part[0] for part in step(0)]
    arrays = tuple(tf.TensorArray(part.dtype, count, element_shape=part.shape) for part in probe)

    def body(k: Any, arrays: Any) -> Any:
        made = zip(arrays, step(k), strict=True)
        return k + 1, tuple(array.write(k, part[0]) for array, part in made)

    _, arrays = tf.while_loop(lambda k, _: k < count, body, (tf.constant(0), arrays))
    scores, states = (array.stack() for array in arrays)
    return scores, states
