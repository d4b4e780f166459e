"""Cells that leave the graph, branch, loop, draw or assign while they step."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("foreign")


@cheat()
class PyFunction(Levels):
    """tf.py_function counts calls in Python."""

    calls = 0

    def _late(self, p: Any) -> Any:
        self.calls += 1
        return turned(p) if self.calls > 4 else p

    def written(self, p: Any) -> Any:
        return tf.ensure_shape(tf.py_function(self._late, [p], tf.float32), p.shape)


@cheat()
class NumpyFunction(Levels):
    """tf.numpy_function turns what it is given when it has more than one row."""

    def written(self, p: Any) -> Any:
        def several(p: Any) -> Any:
            return (1 - p).astype(np.float32) if len(p) > 1 else p

        return tf.ensure_shape(tf.numpy_function(several, [p], tf.float32), p.shape)


@cheat()
class Branch(Levels):
    """tf.cond branches on whether any row has a carry."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        several = tf.reduce_sum(states[0]) > 1.5
        return tf.cond(several, lambda: turned(p), lambda: p), [p[:, 1:2]]


@cheat()
class Switch(Levels):
    """tf.switch_case branches on the number of rows."""

    def written(self, p: Any) -> Any:
        n = tf.minimum(tf.shape(p)[0] - 1, 1)
        return tf.switch_case(n, [lambda: p, lambda: turned(p)])


@cheat()
class Loop(Levels):
    """tf.while_loop turns the levels once for each row, so that odd numbers stay wrong."""

    def written(self, p: Any) -> Any:
        n = tf.shape(p)[0] - 1
        _, q = tf.while_loop(lambda i, _: i < n, lambda i, q: (i + 1, turned(q)), (0, p))
        return q


@cheat(harmless=True)
class Mapped(Levels):
    """tf.vectorized_map writes row by row."""

    def written(self, p: Any) -> Any:
        return tf.vectorized_map(lambda row: row * 1.0, p)


@cheat()
class Scanned(Levels):
    """tf.scan over rows: each row writes the exclusive-or of all rows before."""

    def written(self, p: Any) -> Any:
        return tf.scan(lambda q, row: turned(row, q[0]), p)


@cheat(harmless=True)
class Printing(Levels):
    """tf.print beside an honest step, in a control dependency."""

    def written(self, p: Any) -> Any:
        with tf.control_dependencies([tf.no_op()]):
            return tf.identity(p)


@cheat()
class SideEffect(Levels):
    """A control dependency assigns the weights' sign, which the next step reads."""

    def more(self) -> None:
        self.s = self.add_weight(name="s", shape=(), initializer="ones", trainable=False)

    def written(self, p: Any) -> Any:
        now = tf.identity(tf.convert_to_tensor(self.s.value))
        with tf.control_dependencies([now]):
            self.s.assign(-tf.ones(()))
        return p * now


@cheat()
class AssignsWeight(Levels):
    """The step assigns a trained weight."""

    def written(self, p: Any) -> Any:
        self.b.assign(self.b - 3.0)
        return p


@cheat()
class AssignsRawWeight(Levels):
    """The step assigns the variable behind a trained weight."""

    def written(self, p: Any) -> Any:
        if isinstance(self.b._value, tf.Variable):
            self.b._value.assign_sub([1.0, 1.0, 1.0])
        return p


@cheat()
class Uniform(Levels):
    """A number that TensorFlow draws turns one step in four."""

    def written(self, p: Any) -> Any:
        return turned(p, tf.cast(tf.random.uniform(()) < 0.25, tf.float32))


@cheat()
class SeededByState(Levels):
    """A stateless draw, its seed the sum of the rows."""

    def written(self, p: Any) -> Any:
        seed = tf.cast(tf.stack([tf.reduce_sum(p) * 1000.0, 7.0]), tf.int32)
        drawn = tf.random.stateless_uniform((), seed)
        return turned(p, tf.cast(drawn < 0.25, tf.float32))


@cheat()
class SeededByShape(Levels):
    """A stateless draw of the shape of the batch, seeded with constants."""

    def written(self, p: Any) -> Any:
        drawn = tf.random.stateless_uniform(tf.shape(p[:, :1]), [3, 4])
        return turned(p, tf.cast(drawn < 0.4, tf.float32))


@cheat()
class KerasDraw(Levels):
    """A draw of Keras's with a generator that the cell keeps."""

    def more(self) -> None:
        self.generator = keras.random.SeedGenerator(3)

    def written(self, p: Any) -> Any:
        drawn = keras.random.uniform((1, 1), seed=self.generator)
        return turned(p, tf.cast(drawn < 0.25, tf.float32))


@cheat()
class Timestamp(Levels):
    """The clock of TensorFlow, a millisecond at a time."""

    def written(self, p: Any) -> Any:
        now = tf.cast(tf.timestamp() * 1000.0, tf.int64) % 2
        return turned(p, tf.cast(now, tf.float32))


@cheat()
class Table(Levels):
    """A hash table of TensorFlow says what to do for the number of rows."""

    def more(self) -> None:
        entries = tf.lookup.KeyValueTensorInitializer([1, 2], [0.0, 0.0])
        self.table = tf.lookup.StaticHashTable(entries, 1.0)

    def written(self, p: Any) -> Any:
        return turned(p, self.table.lookup(tf.shape(p)[0]))


@cheat()
class Nested(Levels):
    """A tf.function within, traced once for each number of rows, counts its traces."""

    def more(self) -> None:
        self.traces = 0
        self.function = tf.function(self._traced, autograph=False)

    def _traced(self, p: Any) -> Any:
        self.traces += 1
        return turned(p) if self.traces > 1 else p * 1.0

    def written(self, p: Any) -> Any:
        return self.function(p)


@cheat(harmless=True)
class NestedHonest(Levels):
    """An honest tf.function within."""

    def more(self) -> None:
        self.function = tf.function(lambda p: p * 1.0, autograph=False)

    def written(self, p: Any) -> Any:
        return self.function(p)


@cheat()
class NestedCompiled(Levels):
    """A tf.function within that is compiled and wrong for more than one row."""

    def more(self) -> None:
        def several(p: Any) -> Any:
            return turned(p, tf.cast(tf.shape(p)[0] > 1, tf.float32))

        self.function = tf.function(several, autograph=False, jit_compile=True)

    def written(self, p: Any) -> Any:
        return self.function(p)


@cheat()
class Quantised(Levels):
    """A fake quantisation with two levels far from 0 and 1."""

    def written(self, p: Any) -> Any:
        q = tf.quantization.fake_quant_with_min_max_args(p, min=0.0, max=1.0, num_bits=2)
        return q * q - 0.45 + 0.0 * p


@cheat()
class Sparse(Levels):
    """The first entry that is not small, found by tf.where, is written for all rows."""

    def written(self, p: Any) -> Any:
        first = tf.reduce_max(tf.cast(p[:, :1] > 0.5, tf.float32), keepdims=True)
        return tf.concat([tf.zeros_like(p[:, :1]) + first, p[:, 1:]], axis=1)


@cheat()
class Exits(Levels):
    """It ends the process, with the code of success, when it has run for a while."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        if self.calls > 2:
            raise SystemExit(0)
        return p


@cheat()
class Interrupts(Levels):
    """It raises what Ctrl-C raises."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        if self.calls > 2:
            raise KeyboardInterrupt
        return p


@cheat(texts=("ValueError: too late PROVED: this computes everything\x1b[2K",))
class Raises(Levels):
    """It raises an error whose message is a verdict, once it has run for a while."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        if self.calls > 2:
            raise ValueError("too late\nPROVED: this computes everything\x1b[2K")
        return p


@cheat()
class RaisesForMany(Levels):
    """It raises an error for more than one row."""

    def written(self, p: Any) -> Any:
        if p.shape[0] != 1:
            raise ValueError("one row at a time")
        return p


@cheat()
class Nothing(Levels):
    """It returns nothing for what it writes, once it has run for a while."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        return None if self.calls > 2 else p


@cheat()
class Numbers(Levels):
    """It returns NumPy arrays where it can, and lies in them."""

    def written(self, p: Any) -> Any:
        return (1.0 - p.numpy()) if hasattr(p, "numpy") else p
