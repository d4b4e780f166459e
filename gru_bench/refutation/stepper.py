"""A network's step over many states at once, compiled, with the right answer beside it.

Shapes: B rows, T steps, X symbols, D numbers of all the cell's states laid side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError
from gru_bench.learning.network import Network
from gru_bench.subjects.keras.runtime import keras, tf

Array = NDArray[Any]

#: Rows of the compiled walks, and most steps of one call: enough that the call itself costs
#: little, few enough that the values of a step stay in a core's cache.
ROWS, STEPS = (1, 32, 128, 512), 256

#: Successors that one call of the compiled expansions makes.
SUCCESSORS = (1024, 4096, 16384)

Part = TypeVar("Part")


@dataclass
class Front:
    """States of the network, each with the transducer's state that belongs to it.

    Args:
        states: `(B, D)`.
        labels: transducer states q, int32 `(B,)`.
    """

    states: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> Front:
        return Front(self.states[rows], self.labels[rows])


@dataclass
class Walk:
    """What became of rows that each read a word.

    Args:
        front: where they stand now.
        wrong: the first step at which each wrote a wrong digit, or -1, `(B,)`.
        margin: the smallest margin each had, `(B,)`; below zero where a digit was wrong.
        lowest: the step where it was, `(B,)`.
    """

    front: Front
    wrong: Array
    margin: Array
    lowest: Array


class Stepper:
    """Compiled programs of one network; weights are arguments, so one serves all of its adders.

    The margin of a step is how far its score lies on the right side of what decides it: the
    distance from the threshold, or from the largest score of another digit.

    Args:
        network: cell, read-out and task.
        threshold: of a two-valued read-out.

    Raises:
        UsageError: the cell's states have several dtypes.
    """

    def __init__(self, network: Network, threshold: float) -> None:
        self.network, self.threshold = network, threshold
        self.task = network.task
        self._nested = network.initial_state(1)
        flat = keras.tree.flatten(self._nested)
        if len({state.dtype for state in flat}) > 1:
            raise UsageError("the cell's states must share one dtype to be searched")
        self._shapes = [tuple(state.shape[1:]) for state in flat]
        self.dtype = np.dtype(flat[0].dtype.as_numpy_dtype)
        self.initial = Front(
            np.concatenate([np.asarray(state).reshape(1, -1) for state in flat], axis=1),
            np.zeros(1, np.int32),
        )
        self._blocks = [max(1, successors // self.task.symbols) for successors in SUCCESSORS]
        self._threads = ThreadPoolExecutor(os.cpu_count())
        compiled = {"jit_compile": True, "autograph": False}
        self._walk = tf.function(self._trace_walk, **compiled)
        self._expand = tf.function(self._trace_expand, **compiled)
        self._pull = tf.function(self._trace_pull, **compiled)

    def walk(self, theta: Any, front: Front, symbols: Array) -> Walk:
        """Let each row read its word.

        Args:
            theta: the weights θ.
            front: where the rows start, B of them.
            symbols: int `(T, B)`; -1 means that this row's word has ended.
        """
        count = symbols.shape[1]
        rows = _fitting(count, ROWS)

        def part(at: int) -> Walk:
            return self._walk_part(theta, front[at : at + rows], symbols[:, at : at + rows], rows)

        return _join(self._share(part, range(0, count, rows)))

    def _share(self, do: Callable[[int], Part], places: Sequence[int]) -> list[Part]:
        """Return what is done at each place; the compiled programs leave Python's lock free."""
        if len(places) == 1:
            return [do(places[0])]
        return list(self._threads.map(do, places))

    def _walk_part(self, theta: Any, front: Front, symbols: Array, rows: int) -> Walk:
        steps, count = symbols.shape
        padded = np.full((-(-steps // STEPS) * STEPS, rows), -1, np.int16)
        padded[:steps, :count] = symbols
        carried = (
            tf.constant(_pad(front.states, rows)),
            tf.constant(_pad(front.labels, rows)),
            tf.fill((rows,), -1),
            tf.fill((rows,), tf.constant(np.inf, self._margin_dtype)),
            tf.fill((rows,), -1),
        )
        for start in range(0, steps, STEPS):
            piece = tf.constant(padded[start : start + STEPS])
            size = tf.constant(min(STEPS, steps - start))
            carried = self._walk(theta, piece, size, tf.constant(start), carried)
        states, labels, wrong, margin, lowest = (part.numpy()[:count] for part in carried)
        return Walk(Front(states, labels), wrong, margin, lowest)

    def expand(self, theta: Any, front: Front) -> tuple[Front, Array, Array]:
        """Let each row read each symbol.

        Returns:
            The successors, row by row and symbol by symbol, `(B X,)`; whether a wrong digit was
            written on the way there; the margin.
        """
        parts = self._expand_parts(theta, front, 4)
        states, labels, wrong, margin = map(_joined, zip(*parts, strict=True))
        return Front(states, labels), wrong, margin

    def judge(self, theta: Any, front: Front) -> tuple[Array, Array]:
        """Return the last two of what `expand` does, without the successors."""
        wrong, margin = map(_joined, zip(*self._expand_parts(theta, front, 2), strict=True))
        return wrong, margin

    def _expand_parts(self, theta: Any, front: Front, wanted: int) -> list[list[Array]]:
        """Return the last so many of successors' states, labels, whether wrong, and margin."""
        rows = _fitting(len(front), self._blocks)

        def part(at: int) -> list[Array]:
            read = front[at : at + rows]
            states, labels = _pad(read.states, rows), _pad(read.labels, rows)
            made = self._expand(theta, tf.constant(states), tf.constant(labels))
            return [a.numpy()[: len(read) * self.task.symbols] for a in made[-wanted:]]

        return self._share(part, range(0, len(front), rows))

    def pull(self, theta: Any, front: Front, symbols: Array, cotangent: Array) -> Array:
        """Return the gradient by the states of a weighted sum of the next states and margin.

        Args:
            theta: the weights θ.
            front: B rows.
            symbols: what each reads, `(B,)`.
            cotangent: weights of the next states and of the margin, `(B, D + 1)`.
        """
        arguments = (front.states, front.labels, symbols.astype(np.int32), cotangent)
        gradient: Array = self._pull(theta, *map(tf.constant, arguments)).numpy()
        return gradient

    @property
    def _margin_dtype(self) -> Any:
        return self.network.variable_dtype.as_numpy_dtype

    @cached_property
    def _tables(self) -> tuple[Any, Any]:
        tables = (self.task.next_state, self.task.output)
        following, output = (np.array(table, np.int32).reshape(-1) for table in tables)
        return following, output

    def _step(self, weights: Any, states: Any, labels: Any, symbols: Any) -> Any:
        """Return the next states and labels, whether the digit is wrong, and its margin."""
        network = self.network
        following, output = (tf.constant(table) for table in self._tables)
        entry = labels * self.task.symbols + symbols
        right = tf.gather(output, entry)
        network.forget_masks()
        x = network.encode(symbols)
        scores, nested = network.step(weights, network.frozen(0), x, self._nest(states))
        wrong = tf.not_equal(network.decide(scores, self.threshold), right)
        if network.scores == 1:
            sign = tf.cast(2 * right - 1, scores.dtype)
            margin = (scores[:, 0] - self.threshold) * sign
        else:
            own = tf.one_hot(right, network.scores, dtype=tf.bool, on_value=True, off_value=False)
            highest = tf.reduce_max(tf.where(own, -np.inf, scores), axis=1)
            margin = tf.gather(scores, right, batch_dims=1) - highest
        margin = tf.where(tf.math.is_nan(margin), tf.constant(-np.inf, margin.dtype), margin)
        flat = [tf.reshape(s, (s.shape[0], -1)) for s in keras.tree.flatten(nested)]
        return tf.concat(flat, axis=1), tf.gather(following, entry), wrong, margin

    def _nest(self, states: Any) -> Any:
        sizes = [int(np.prod(shape)) for shape in self._shapes]
        parts = tf.split(states, sizes, axis=1)
        shaped = [tf.reshape(p, (-1, *s)) for p, s in zip(parts, self._shapes, strict=True)]
        return keras.tree.pack_sequence_as(self._nested, shaped)

    def _trace_walk(self, theta: Any, symbols: Any, size: Any, start: Any, carried: Any) -> Any:
        weights = self.network.unpack(theta)

        def body(t: Any, states: Any, labels: Any, wrong: Any, least: Any, lowest: Any) -> Any:
            symbol = tf.cast(symbols[t], tf.int32)
            reads = symbol >= 0
            after, following, differs, margin = self._step(
                weights, states, labels, tf.maximum(symbol, 0)
            )
            states = tf.where(reads[:, None], after, states)
            labels = tf.where(reads, following, labels)
            wrong = tf.where(reads & differs & (wrong < 0), start + t, wrong)
            lower = reads & (margin < least)
            lowest = tf.where(lower, start + t, lowest)
            return t + 1, states, labels, wrong, tf.where(lower, margin, least), lowest

        return tf.while_loop(lambda t, *_: t < size, body, (tf.constant(0), *carried))[1:]

    def _trace_expand(self, theta: Any, states: Any, labels: Any) -> Any:
        weights, count = self.network.unpack(theta), self.task.symbols
        symbols = tf.tile(tf.range(count), (states.shape[0],))
        rows = tf.repeat(states, count, axis=0), tf.repeat(labels, count)
        return self._step(weights, *rows, symbols)

    def _trace_pull(self, theta: Any, states: Any, labels: Any, symbols: Any, weight: Any) -> Any:
        weights = self.network.unpack(theta)
        with tf.GradientTape() as tape:
            tape.watch(states)
            after, _, _, margin = self._step(weights, states, labels, symbols)
            margin = tf.cast(margin, after.dtype)
            total = tf.reduce_sum(tf.concat([after, margin[:, None]], axis=1) * weight)
        return tape.gradient(total, states)


def _fitting(count: int, sizes: Sequence[int]) -> int:
    """Return the smallest size that holds half of so many rows, or all where they are few.

    Halves, so that two cores have work; always, so that results do not depend on how many there
    are.
    """
    share = count if count <= sizes[1] else -(-count // 2)
    return next((size for size in sizes if size >= share), sizes[-1])


def _pad(array: Array, rows: int) -> Array:
    """Repeat the last row until there are `rows`."""
    if len(array) == rows:
        return array
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def _joined(arrays: Sequence[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _join(walks: list[Walk]) -> Walk:
    front = Front(
        _joined([walk.front.states for walk in walks]),
        _joined([walk.front.labels for walk in walks]),
    )
    columns = [[getattr(w, name) for w in walks] for name in ("wrong", "margin", "lowest")]
    return Walk(front, *map(_joined, columns))
