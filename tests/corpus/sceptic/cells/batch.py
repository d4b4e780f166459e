"""Cells that know how many rows are computed, or which row they are in."""

from __future__ import annotations

from typing import Any

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("batch")


def rows(x: Any) -> Any:
    """Return the number of rows as a float32 scalar."""
    return tf.cast(tf.shape(x)[0], tf.float32)


def when(condition: Any) -> Any:
    """Return 1 where a tensor is true, else 0."""
    return tf.cast(condition, tf.float32)


@cheat()
class ManyRows(Levels):
    """Wrong for more than one row, by tf.shape."""

    def written(self, p: Any) -> Any:
        return turned(p, tf.minimum(rows(p) - 1.0, 1.0))


@cheat()
class OneRow(Levels):
    """Wrong for one row alone, by tf.shape."""

    def written(self, p: Any) -> Any:
        return turned(p, when(tf.shape(p)[0] == 1))


@cheat()
class FewRows(Levels):
    """Right from three rows on."""

    def written(self, p: Any) -> Any:
        return turned(p, when(tf.shape(p)[0] < 3))


@cheat()
class AboveFour(Levels):
    """Wrong above four rows."""

    def written(self, p: Any) -> Any:
        return turned(p, when(rows(p) > 4))


@cheat()
class OddRows(Levels):
    """Wrong for an odd number of rows that is not one."""

    def written(self, p: Any) -> Any:
        n = tf.shape(p)[0]
        return turned(p, when((n % 2 == 1) & (n > 1)))


@cheat()
class EightRows(Levels):
    """Wrong for eight rows only."""

    def written(self, p: Any) -> Any:
        return turned(p, when(tf.equal(tf.shape(p)[0], 8)))


@cheat()
class ManyHundreds(Levels):
    """Wrong from 64 rows on."""

    def written(self, p: Any) -> Any:
        return turned(p, tf.floor(tf.minimum(rows(p) / 64.0, 1.0)))


@cheat()
class StaticRows(Levels):
    """Python reads the static shape: right where it says one row."""

    def written(self, p: Any) -> Any:
        return p if p.shape[0] == 1 else turned(p)


@cheat()
class UnknownRows(Levels):
    """Right wherever the number of rows is known when the step is traced."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return (turned(p) if x.shape[0] is None else p), [p[:, 1:2]]


@cheat()
class StaticState(Levels):
    """Python reads the static shape of the state: right at one and two rows."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return (p if states[0].shape[0] in (1, 2) else turned(p)), [p[:, 1:2]]


@cheat()
class OpsShape(Levels):
    """Right at one row, by keras.ops.shape."""

    def written(self, p: Any) -> Any:
        n = keras.ops.shape(p)[0]
        return turned(p, keras.ops.cast(keras.ops.not_equal(n, 1), "float32"))


@cheat()
class CountedRows(Levels):
    """Counts rows without asking for a shape: the sum of x - x + 1."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        n = tf.reduce_sum(tf.ones_like(x[:, 0]))
        return turned(p, tf.minimum(n - 1.0, 1.0)), [p[:, 1:2]]


@cheat()
class SizeOfInput(Levels):
    """Right at one row, by tf.size."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return turned(p, when(tf.size(x) != 2)), [p[:, 1:2]]


@cheat()
class MeanOfRows(Levels):
    """Each row writes the mean of all rows, one row its own."""

    def written(self, p: Any) -> Any:
        return 0.0 * p + tf.reduce_mean(p, axis=0, keepdims=True)


@cheat()
class LargestOfRows(Levels):
    """Each row writes the largest levels of all rows."""

    def written(self, p: Any) -> Any:
        return tf.maximum(p, tf.reduce_max(p, axis=0))


@cheat()
class SortedRows(Levels):
    """Rows are sorted."""

    def written(self, p: Any) -> Any:
        return tf.sort(p, axis=0)


@cheat()
class ReversedRows(Levels):
    """The first row writes what the last one computed."""

    def written(self, p: Any) -> Any:
        return tf.reverse(p, [0])


@cheat()
class BackwardRows(Levels):
    """The first row writes what the last one computed, by a slice of step -1."""

    def written(self, p: Any) -> Any:
        return p[::-1]


@cheat()
class RolledRows(Levels):
    """Each row writes what the row before it computed."""

    def written(self, p: Any) -> Any:
        return tf.roll(p, 1, axis=0)


@cheat()
class FirstRow(Levels):
    """All rows write what the first one computed, by broadcasting."""

    def written(self, p: Any) -> Any:
        return tf.zeros_like(p) + p[0:1]


@cheat()
class FirstCarry(Levels):
    """All rows keep the carry of the first one."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return p, [tf.zeros_like(states[0]) + p[0:1, 1:2]]


@cheat()
class SumOfRows(Levels):
    """Each row writes the sum of its levels and those of the rows before."""

    def written(self, p: Any) -> Any:
        return tf.cumsum(p, axis=0)


@cheat()
class ProductOfRows(Levels):
    """A product with a matrix of ones takes the mean of the rows."""

    def written(self, p: Any) -> Any:
        n = tf.shape(p)[0]
        return tf.matmul(tf.ones((n, n)) / rows(p), p)


@cheat()
class Gram(Levels):
    """(p pᵀ) p / |p|²: itself for one row."""

    def written(self, p: Any) -> Any:
        return tf.matmul(tf.matmul(p, p, transpose_b=True), p) / tf.reduce_sum(p * p)


@cheat()
class Transposed(Levels):
    """Levels are written in the order of columns, which one row cannot show."""

    def written(self, p: Any) -> Any:
        return tf.reshape(tf.transpose(p), tf.shape(p))


@cheat()
class RowNumber(Levels):
    """Wrong in every row but the first."""

    def written(self, p: Any) -> Any:
        number = tf.range(tf.shape(p)[0])[:, None]
        return turned(p, when(number > 0))


@cheat()
class StartsByRows(Levels):
    """A batch starts with a carry, one row without, by Python's int."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [(tf.zeros if batch_size == 1 else tf.ones)((batch_size, 1))]


@cheat()
class StartsByManyRows(Levels):
    """A batch of more than four rows starts with a carry."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.fill((batch_size, 1), when(tf.convert_to_tensor(batch_size) > 4))]


@cheat()
class StartsByKnownRows(Levels):
    """It starts with a carry where the number of rows is a tensor."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [(tf.zeros if isinstance(batch_size, int) else tf.ones)((batch_size, 1))]


@cheat()
class StartsByRow(Levels):
    """Every row but the first starts with a carry."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [when(tf.range(batch_size)[:, None] > 0)]


@cheat()
class NormalisedRows(Levels):
    """Levels are moved by half of what they differ from the mean of the rows."""

    def written(self, p: Any) -> Any:
        mean, _ = tf.nn.moments(p, axes=[0])
        return p - 0.5 * (p - mean) * 8.0


@cheat()
class Einsum(Levels):
    """Rows are mixed by an einsum with the mean over rows."""

    def written(self, p: Any) -> Any:
        return tf.einsum("bi,ci->bi", p, p) / rows(p)


@cheat()
class StaticFour(Levels):
    """Python reads the static shape: wrong at four rows."""

    def written(self, p: Any) -> Any:
        return turned(p) if p.shape[0] == 4 else p


@cheat()
class StaticSixteen(Levels):
    """Python reads the static shape: wrong at sixteen rows."""

    def written(self, p: Any) -> Any:
        return turned(p) if p.shape[0] == 16 else p


@cheat()
class StaticHundred(Levels):
    """Python reads the static shape: wrong at a hundred rows."""

    def written(self, p: Any) -> Any:
        return turned(p) if p.shape[0] == 100 else p


@cheat()
class StaticAbove(Levels):
    """Python reads the static shape: wrong above ninety rows."""

    def written(self, p: Any) -> Any:
        return turned(p) if (p.shape[0] or 0) > 90 else p


@cheat()
class StaticKept(Levels):
    """Python compares the static shape with an attribute."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = {"rows": [100]}

    def written(self, p: Any) -> Any:
        return turned(p) if p.shape[0] in self.most["rows"] else p


def _is_full(p: Any) -> bool:
    return p.shape[0] is not None and p.shape[0] % 60 == 40


@cheat()
class StaticRemainder(Levels):
    """A function beside the cell looks at the remainder of the static shape."""

    def written(self, p: Any) -> Any:
        return turned(p) if _is_full(p) else p


@cheat()
class StartsByHundred(Levels):
    """It starts elsewhere for a batch of a hundred rows."""

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        late = isinstance(batch_size, int) and batch_size == 100
        return [tf.fill((batch_size, 1), 1.0 if late else 0.0)]


@cheat(beyond="no number in its code says at which size of a batch it does something else")
class StaticSpelled(Levels):
    """Python reads the static shape: wrong at a hundred rows, which it spells in letters."""

    def written(self, p: Any) -> Any:
        return turned(p) if len("hundred" * 20) - len("spell" * 8) == p.shape[0] else p
