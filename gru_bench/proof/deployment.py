"""Deployments: the ways in which a network's step is run, for trying all of them.

The network is made anew, as loading a saved file makes it, and run through the bench's own
compiled programs and through Keras's model, which knows nothing of the bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.adder import Adder
from gru_bench.errors import UsageError
from gru_bench.lifting import lift
from gru_bench.lifting.expression import Table
from gru_bench.lifting.lift import same
from gru_bench.lifting.trace import Trace
from gru_bench.network import Network
from gru_bench.proof.purity import check_pure
from gru_bench.runtime import keras, tf
from gru_bench.subject import KerasSubject

Array = NDArray[Any]

#: From symbols `(B,)` and states `(B, N)` to scores `(B, S)` and states `(B, N)`.
Step = Callable[[Array, Array], tuple[Array, Array]]

#: Rows of the programs that are compiled for many rows; and of eager steps, one of each.
ROWS = 128

#: Sizes of a batch that eager steps are tried with, and how often one row is.
_SIZES, _ALONE = (2, 3, 5, 8, 64), 4


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
        self.subject = KerasSubject(self.network.cell, self.network.task.features.shape[1])
        self.program = lift(self.subject)
        self._check_told()
        self._check_start()
        check_pure(self.network.cell, self._one_step)
        self._compiled = tf.function(self._step, jit_compile=True, autograph=False)
        self._theta: Any = None

    def use(self, adder: Adder) -> None:
        """Take over the weights of an adder of this network."""
        self._theta = tf.constant(adder.theta)
        self.threshold = adder.threshold
        cell, read_out = self._layers
        variables = [*cell.trainable_variables, *read_out.trainable_variables]
        for variable, value in zip(variables, self.network.unpack(self._theta), strict=True):
            variable.assign(value)

    def steps(self) -> Iterator[tuple[str, Step, Callable[[int], list[Any]]]]:
        """Return every way to run a step: its name, how, and which of so many rows at once."""
        yield "compiled by XLA, many rows at once", self._run_compiled, _blocks(ROWS)
        yield "compiled by XLA, one row", self._run_compiled, _blocks(1)
        yield "in a graph, many rows at once", self._run_graph, _blocks(10**6)
        yield "in a graph, one row", self._run_graph, _blocks(1)
        yield "eagerly, many rows at once", self._run_eagerly, _blocks(10**6)
        yield "eagerly, few rows at once", self._run_eagerly, _few

    def write(self, symbols: Array) -> Array:
        """Return the digits `(B, T)` that Keras's own `predict` writes for symbols `(B, T)`."""
        features = self.network.task.features[symbols].astype(np.float32)
        scores = tf.constant(np.asarray(self._model.predict_on_batch(features)))
        return np.asarray(self.network.decide(scores, self.threshold))

    @cached_property
    def _model(self) -> Any:
        return Adder(self.network, np.zeros(self.network.size), 0.0).to_model()

    @cached_property
    def _layers(self) -> tuple[Any, Any]:
        return self._model.get_layer("rnn").cell, self._model.get_layer("read_out")

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
        for told in ({}, {"training": None}):
            table = Table(self.subject.dtype)
            trace = Trace(self.subject, told)
            own = trace.expressions(table, 1, 0)
            if not same(own, Trace(self.subject).expressions(table, 1, 0)):
                raise UsageError(
                    "the step computes something else where it is not told whether it trains"
                )

    def _check_start(self) -> None:
        """Refuse an initial state that differs from batch to batch."""
        for rows in (1, *_SIZES):
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

    def _plain_step(self, x: Any, states: Any, told: dict[str, Any]) -> Any:
        """Run the cell and the read-out of Keras's model."""
        cell, read_out = self._layers
        output, new = cell(x, self._nest(states), **told)
        return read_out(output), tf.concat(keras.tree.flatten(new), axis=1)

    @cached_property
    def _graph(self) -> Any:
        told = {"training": False} if self.network.takes_training else {}
        sizes = self.subject.input_size, sum(self.program.state_sizes)
        signature = [tf.TensorSpec((None, size), self.subject.dtype) for size in sizes]
        return tf.function(
            lambda x, states: self._plain_step(x, states, told),
            input_signature=signature,
            autograph=False,
        )

    def _run_compiled(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        count = len(symbols)
        rows = 1 if count == 1 else ROWS
        padded = np.resize(symbols, rows), np.resize(states, (rows, states.shape[1]))
        x, h = tf.constant(padded[0], tf.int32), tf.constant(padded[1])
        scores, new = self._compiled(self._theta, x, h)
        return np.asarray(scores)[:count], np.asarray(new)[:count]

    def _run_graph(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        scores, new = self._graph(self._features(symbols), tf.constant(states))
        return np.asarray(scores), np.asarray(new)

    def _run_eagerly(self, symbols: Array, states: Array) -> tuple[Array, Array]:
        scores, new = self._plain_step(self._features(symbols), tf.constant(states), {})
        return np.asarray(scores), np.asarray(new)

    def _features(self, symbols: Array) -> Any:
        return tf.constant(self.network.task.features[symbols], self.network.compute_dtype)


def _blocks(size: int) -> Callable[[int], list[Any]]:
    """Return a function that divides so many rows into blocks."""
    return lambda count: [slice(k, k + size) for k in range(0, count, size)]


def _few(count: int) -> list[Any]:
    """Return a few blocks, of all sizes that eager steps are tried with."""
    sizes = [*[1] * _ALONE, *_SIZES]
    begins = np.cumsum([0, *sizes[:-1]])
    return [np.arange(b, b + n) % count for b, n in zip(begins, sizes, strict=True)]
