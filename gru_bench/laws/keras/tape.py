"""What laws ask of TensorFlow's tapes beyond one gradient, NumPy in and NumPy out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.subjects.protocol import Array, Arrays, NotOffered
from gru_bench.trace.tensorflow.traced import traced_step


class Tape:
    """Gradients of gradients, and gradients asked for twice.

    Args:
        subject: the cell.
    """

    def __init__(self, subject: KerasSubject) -> None:
        self._subject = subject
        # Asked at many points of the same shapes: traced once.
        self._first = tf.function(self._trace_first, autograph=False)
        self._second = tf.function(self._trace_second, autograph=False)

    def epsilon(self, batch: int) -> float:
        """Return the machine epsilon of the least precise dtype in which a step computes."""
        return traced_step(self._subject, batch).epsilon

    def vjp_twice(self, xs: Array, states: Arrays) -> tuple[list[Array], list[Array]]:
        """Return the gradients of the sum of all results, asked for twice of one tape.

        The forward pass is made twice before, so that what it keeps has been overwritten.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
        """
        sources = self._sources([*map(np.asarray, self._subject.weights), xs, *states])
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(sources)
            made = self._results(sources, len(xs))
        zero = tf.UnconnectedGradients.ZERO
        once = tape.gradient(made, sources, unconnected_gradients=zero)
        self._results(sources, len(xs))
        again = tape.gradient(made, sources, unconnected_gradients=zero)
        return [np.asarray(tf.convert_to_tensor(g)) for g in once], [
            np.asarray(tf.convert_to_tensor(g)) for g in again
        ]

    def first_gradient(self, arguments: Arrays, cotangents: Arrays) -> Array:
        """Return the gradient of Σ cotangent ∘ result, flat.

        Args:
            arguments: weights in the cell's order, xs `(T, B, F)` and the first states.
            cotangents: one for the output of each step, then one for each final state.
        """
        steps = len(arguments[len(self._subject.weights)])
        given = self._sources(arguments), list(map(self._tensor, cotangents)), steps
        return _flat(self._first(*given))

    def second_product(self, arguments: Arrays, cotangents: Arrays, directions: Arrays) -> Array:
        """Return the derivative of `first_gradient` along directions, by a tape through a tape.

        Args:
            arguments: as `first_gradient` takes them.
            cotangents: likewise.
            directions: shaped like `arguments`.

        Raises:
            NotOffered: the gradient stands in for that of a step function.
        """
        if step := traced_step(self._subject, 1).surrogate:
            raise NotOffered(f"a step function ({step}) has a gradient of the cell's own")
        steps = len(arguments[len(self._subject.weights)])
        given = self._sources(arguments), list(map(self._tensor, cotangents)), steps
        return _flat(self._second(*given, self._sources(directions)))

    def _trace_first(self, sources: list[Any], cotangents: list[Any], steps: int) -> list[Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            made = self._results(sources, steps)
        return _dense(tape.gradient(made, sources, cotangents, unconnected_gradients="zero"))

    def _trace_second(
        self, sources: list[Any], cotangents: list[Any], steps: int, along: list[Any]
    ) -> list[Any]:
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(sources)
            found = self._trace_first(sources, cotangents, steps)
            product = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(found, along, strict=True)])
        return _dense(outer.gradient(product, sources, unconnected_gradients="zero"))

    def _sources(self, arguments: Arrays) -> list[Any]:
        """Return weights, the inputs of each step, and states, as tensors."""
        count = len(self._subject.weights)
        weights = [
            tf.convert_to_tensor(np.asarray(a), w.dtype)
            for a, w in zip(arguments[:count], self._subject.weights, strict=True)
        ]
        values = [*arguments[count], *arguments[count + 1 :]]
        return [*weights, *map(self._tensor, values)]

    def _tensor(self, value: Array) -> Any:
        return tf.convert_to_tensor(np.asarray(value, self._subject.dtype))

    def _results(self, sources: list[Any], steps: int) -> list[Any]:
        count = len(self._subject.weights)
        xs, states = sources[count : count + steps], sources[count + steps :]
        outputs, final = self._subject.run_tensors(sources[:count], xs, states)
        return [*outputs, *final]


def _dense(tensors: Sequence[Any]) -> list[Any]:
    return [tf.convert_to_tensor(tensor) for tensor in tensors]


def _flat(tensors: Sequence[Any]) -> Array:
    return np.concatenate([np.asarray(t).ravel() for t in tensors])
