"""Cells that move the entries of weights and values; read in another order they would be adders.

Each move M -> b comes twice. Once its entries are such that b is right: that is harmless. Once
they are such that a reader who overlooks the move, and takes entries where they stand, finds an
adder: that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tests.corpus.sceptic.bench import tf
from tests.corpus.sceptic.cells.base import GAIN, LEVELS, READ_OUT, Levels, Register, turned

cheat = Register("shape")

_BIAS = np.array(LEVELS[9:])

#: A bias with which a level is lost.
_OTHER = np.array([0.0, 0.0, 0.0])


class _Moved(Levels):
    """The bias is read from a weight M by a move."""

    shape: ClassVar[tuple[int, ...]]
    move: ClassVar[Callable[[Any], Any]]

    def more(self) -> None:
        self.M = self.add_weight(name="M", shape=self.shape)

    def levels(self, x: Any, h: Any) -> Any:
        bias = type(self).move(self.M.value)
        return tf.sigmoid(tf.matmul(x, self.W) + tf.matmul(h, self.U) + bias)


def _numbered(shape: tuple[int, ...]) -> Any:
    return tf.reshape(tf.range(float(np.prod(shape))), shape)


def _weights(entries: Any) -> tuple[float, ...]:
    return (*[GAIN] * 9, 0.0, 0.0, 0.0, *np.ravel(entries).tolist(), *READ_OUT)


def _moved(name: str, shape: tuple[int, ...], trick: str, move: Any, naive: Any) -> type[Any]:
    """Make a class and its two cases.

    Args:
        name: of the class.
        shape: of M.
        trick: docstring of the class.
        move: from M to b.
        naive: numbers of the entries that one takes for b who overlooks the move.
    """
    cell = type(name, (_Moved,), {"shape": shape, "move": staticmethod(move), "__doc__": trick})
    cell.__module__ = __name__
    right = np.zeros(int(np.prod(shape)))
    places = np.ravel(move(_numbered(shape))).astype(int)
    right[places] = np.broadcast_to(_BIAS, move(_numbered(shape)).shape).ravel()
    cheat(f"{name}-right", weights=_weights(right), harmless=True)(cell)
    wrong = np.zeros(int(np.prod(shape)))
    wrong[list(naive)] = _BIAS
    cheat(f"{name}-wrong", weights=_weights(wrong))(cell)
    return cell


def _diagonal(M: Any) -> Any:
    return tf.linalg.diag_part(M)


Reshaped = _moved(
    "Reshaped",
    (4, 2),
    "The first column of a weight that is reshaped",
    lambda M: tf.reshape(M, (2, 4))[0:1, 0:3],
    (0, 2, 4),
)
Column = _moved("Column", (3, 2), "A column of a weight", lambda M: M[:, 1], (0, 1, 2))
TransposedWeight = _moved(
    "TransposedWeight",
    (3, 3),
    "A row of a transposed weight",
    lambda M: tf.transpose(M)[0],
    (0, 1, 2),
)
ReversedWeight = _moved(
    "ReversedWeight", (3,), "A weight, backwards", lambda M: tf.reverse(M, [0]), (0, 1, 2)
)
Strided = _moved("Strided", (6,), "Every second entry of a weight", lambda M: M[::2], (0, 1, 2))
Backwards = _moved(
    "Backwards", (4,), "A weight from its end to its start", lambda M: M[:0:-1], (1, 2, 3)
)
Rolled = _moved("Rolled", (3,), "A weight, rolled", lambda M: tf.roll(M, 1, 0), (0, 1, 2))
Gathered = _moved(
    "Gathered",
    (3,),
    "Entries gathered in another order",
    lambda M: tf.gather(M, [1, 2, 0]),
    (0, 1, 2),
)
Joined = _moved(
    "Joined", (3,), "A weight cut and joined", lambda M: tf.concat([M[1:], M[:1]], 0), (0, 1, 2)
)
Unstacked = _moved(
    "Unstacked",
    (3, 2),
    "Rows unstacked and stacked along the other axis",
    lambda M: tf.reshape(tf.stack(tf.unstack(M), axis=1), (-1,))[:3],
    (0, 1, 2),
)
Split = _moved(
    "Split", (2, 3), "Parts of a split in another order", lambda M: tf.split(M, 2)[1], (0, 1, 2)
)
RankThree = _moved("RankThree", (2, 1, 3), "A weight of rank 3", lambda M: M[1, :, :], (0, 1, 2))
ManyAxes = _moved(
    "ManyAxes",
    (2, 3, 2),
    "A weight of rank 3, its axes exchanged",
    lambda M: tf.transpose(M, (2, 0, 1))[1, 0],
    (0, 1, 2),
)
Diagonal = _moved("Diagonal", (3, 3), "The diagonal of a weight", _diagonal, (0, 1, 2))
Tiled = _moved(
    "Tiled",
    (3,),
    "Three entries from the middle of a tiling",
    lambda M: tf.tile(M, [2])[1:4],
    (0, 1, 2),
)
Masked = _moved(
    "Masked",
    (5,),
    "Entries that a mask selects",
    lambda M: tf.boolean_mask(M, [True, False, True, False, True]),
    (0, 1, 2),
)
Scattered = _moved(
    "Scattered",
    (3,),
    "Entries scattered to other places",
    lambda M: tf.scatter_nd([[2], [0], [1]], M, [3]),
    (0, 1, 2),
)
Turned = _moved(
    "Turned",
    (2, 2, 3),
    "A weight of rank 3 by way of a reshape to rows of four",
    lambda M: tf.reshape(M, (3, 4))[1, :3],
    (3, 4, 5),
)
NewAxes = _moved(
    "NewAxes",
    (3, 3),
    "Axes added and taken away, a row by way of columns",
    lambda M: tf.squeeze(M[:, tf.newaxis, 1:2], [1, 2]),
    (3, 4, 5),
)


@cheat(
    "TransposedProduct-right",
    weights=(*[GAIN] * 6, *[GAIN] * 3, *LEVELS[9:], 1, 0, 0, 1, *READ_OUT),
    harmless=True,
)
@cheat("TransposedProduct-wrong", weights=(*[GAIN] * 9, *LEVELS[9:], 0, 1, 0, 1, *READ_OUT))
class TransposedProduct(Levels):
    """A product with a transposed weight."""

    def more(self) -> None:
        self.M = self.add_weight(name="M", shape=(2, 2))

    def levels(self, x: Any, h: Any) -> Any:
        return super().levels(tf.matmul(x, self.M, transpose_b=True), h)


@cheat(weights=(*LEVELS, 0, 1, 0, 0, 0, 0, 0, 0, *READ_OUT))
class RowsOfWeight(Levels):
    """Adds a weight of two rows, as if they were rows of a batch, and keeps the last one."""

    def more(self) -> None:
        self.K = self.add_weight(name="K", shape=(2, 4))

    def written(self, p: Any) -> Any:
        wide = p[:1] + tf.reshape(self.K, (4, 2))[1:3, :1]
        return turned(p, tf.reduce_max(wide - p[:1]) + 1.0 - self.K[0, 1])


@cheat(extra=(1.0, 1.0, -1.0, 1.0, 1.0, 1.0))
class Broadcast(Levels):
    """A scale of shape (2, 3) makes two rows of one; the second one is kept for every row."""

    def more(self) -> None:
        self.s = self.add_weight(name="s", shape=(2, 3))

    def written(self, p: Any) -> Any:
        both = p[:, None, :] * self.s[None]
        return both[:, 0]


@cheat()
class Outer(Levels):
    """A row and a column give a matrix, of which the diagonal or the first row could be meant."""

    def written(self, p: Any) -> Any:
        square = p[:, :, None] + (1.0 - 2.0 * p)[:, None, :]
        return tf.transpose(square, (0, 2, 1))[:, 0] * 0.0 + tf.linalg.diag_part(square)


@cheat()
class Flattened(Levels):
    """Two states change places at each step, where only their order tells them apart."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = [1, 1]

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return p, [states[1], p[:, 1:2]]


@cheat(harmless=True)
class StateOfTwo(Levels):
    """One state of two entries, the carry twice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = 2

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0][:, 1:])
        return p, [tf.concat([p[:, 1:2], p[:, 1:2]], axis=1)]


@cheat()
class StateExchanged(Levels):
    """One state of two entries that change places, so that the carry comes a step late."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = 2

    def call(self, x: Any, states: Any) -> Any:
        h = states[0]
        p = self.levels(x, h[:, 1:])
        return p, [tf.concat([p[:, 1:2], h[:, :1]], axis=1)]


@cheat(harmless=True)
class MatrixState(Levels):
    """A state of shape (1, 1) a row."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1, 1))]

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0][:, :, 0])
        return p, [p[:, 1:2, None]]


@cheat()
class GrowingState(Levels):
    """Its new state has another size than the one that it was given."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0][:, :1])
        return p, [p[:, 1:]]


@cheat()
class MoreStates(Levels):
    """It returns one state more than it takes."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return p, [p[:, 1:2], p[:, :1]]


@cheat(harmless=True)
class BareState(Levels):
    """It returns its only state as it is, in no list."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return p, p[:, 1:2]
