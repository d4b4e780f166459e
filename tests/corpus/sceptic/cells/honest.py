"""Controls: honest cells, which must stay PROVED, and honest ones that only look like cheats."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import GAIN, LEVELS, READ_OUT, Levels, Register

honest = Register("honest", control=True, harmless=True)

honest()(Levels)


# A vector cannot be lifted as a matrix yet: it may stay OPEN.
@honest(extra=(1.0, 0.0, 0.0, 1.0), control=False)
class Reshaped(Levels):
    """A weight of four entries is reshaped to the matrix that it means."""

    def more(self) -> None:
        self.M = self.add_weight(name="M", shape=(4,))

    def levels(self, x: Any, h: Any) -> Any:
        return super().levels(tf.matmul(x, tf.reshape(self.M, (2, 2))), h)


@honest()
class Stacked(Levels):
    """One product of [x, h] with [[W], [U]]."""

    def levels(self, x: Any, h: Any) -> Any:
        kernel = tf.concat([self.W, self.U], axis=0)
        return tf.sigmoid(tf.matmul(tf.concat([x, h], axis=1), kernel) + self.b)


@honest()
class Ops(Levels):
    """Written in Keras's own operations."""

    def call(self, x: Any, states: Any) -> Any:
        ops = keras.ops
        p = ops.sigmoid(ops.matmul(x, self.W) + ops.matmul(states[0], self.U) + self.b)
        return p, [p[:, 1:2]]


@honest()
class TwoStates(Levels):
    """It keeps the carry twice and reads the mean of both."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = [1, 1]

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, 0.5 * (states[0] + states[1]))
        return p, [p[:, 1:2], p[:, 1:2]]


@honest(weights=READ_OUT)
class AllFrozen(Levels):
    """Its weights are not trained: constants that every instance has."""

    def build(self, shape: Any) -> None:
        del shape

        def frozen(name: str, values: Any) -> Any:
            constant = keras.initializers.Constant(np.array(values))
            return self.add_weight(
                name=name, shape=np.shape(values), initializer=constant, trainable=False
            )

        self.W = frozen("W", [[GAIN] * 3] * 2)
        self.U = frozen("U", [[GAIN] * 3])
        self.b = frozen("b", LEVELS[9:])
        self.built = True


@honest()
class Layered(keras.layers.Layer):
    """Two dense layers within make the sums."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size, self.output_size = 1, 3

    def build(self, shape: Any) -> None:
        self.read = keras.layers.Dense(3, use_bias=False, name="read")
        self.keep = keras.layers.Dense(3, name="keep")
        self.read.build((None, 2))
        self.keep.build((None, 1))
        super().build(shape)

    def call(self, x: Any, states: Any) -> Any:
        p = keras.ops.sigmoid(self.read(x) + self.keep(states[0]))
        return p, [p[:, 1:2]]


@honest()
class Held(Levels):
    """The carry is an interpolation (1 - z) c + z c."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        z, c = p[:, 0:1], p[:, 1:2]
        return p, [(1.0 - z) * c + z * c]


@honest(extra=(1e20, 1e-20))
class LargeWeights(Levels):
    """(p w) v with w = 1e20 and v = 1e-20: no compiler knows the weights."""

    def more(self) -> None:
        self.w = self.add_weight(name="w", shape=())
        self.v = self.add_weight(name="v", shape=())

    def written(self, p: Any) -> Any:
        return (p * self.w) * self.v


@honest(arguments={"shift": 0.25})
class Shifted(Levels):
    """A number among its arguments is a literal of the step."""

    def __init__(self, shift: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shift = shift

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shift": self.shift}

    def written(self, p: Any) -> Any:
        return (p - self.shift) + self.shift


@honest()
class StartsElsewhere(Levels):
    """Its state is 1 less the carry, so that it starts at 1."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.ones((batch_size, 1), self.compute_dtype)]

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, 1.0 - states[0])
        return p, [1.0 - p[:, 1:2]]


#: u = 2 (a - b) + order, order in {-1, 0, 1}; the levels say whether u exceeds -1/2, 1/2.
_COMPARED = (
    *(2 * GAIN, 2 * GAIN, -2 * GAIN, -2 * GAIN),
    *(GAIN, GAIN),
    *(-0.5 * GAIN, -1.5 * GAIN),
    *(2.0, -2.0, 0.0, -2.0, 0.0, 2.0),
    *(-1.0, 1.0, -1.0),
)


@honest(weights=_COMPARED, task="comparison")
class Compares(keras.layers.Layer):
    """Three scores: which of two numbers is larger; its state is 0, 1 or 2."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size, self.output_size = 1, 2

    def build(self, shape: Any) -> None:
        self.W = self.add_weight(name="W", shape=(2, 2))
        self.U = self.add_weight(name="U", shape=(1, 2))
        self.b = self.add_weight(name="b", shape=(2,))
        super().build(shape)

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.ones((batch_size, 1), self.compute_dtype)]

    def call(self, x: Any, states: Any) -> Any:
        p = tf.sigmoid(tf.matmul(x, self.W) + tf.matmul(states[0], self.U) + self.b)
        return p, [p[:, 0:1] + p[:, 1:2]]
