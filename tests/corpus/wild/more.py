"""Further cells of the same kinds: right ones first, wrong ones in the end."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops


class Simple(keras.layers.Layer):
    """tanh(x W + h U + b)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        self.b = self.add_weight(shape=(self.units,), name="b")
        super().build(shape)

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def sums(self, x, h):
        return ops.matmul(x, self.w) + ops.matmul(h, self.u) + self.b

    def call(self, inputs, states):
        h = ops.tanh(self.sums(inputs, states[0]))
        return h, [h]


class NoKwargs(Simple):
    """Takes no dtype, and cannot be made from its configuration."""

    def __init__(self, units):
        super().__init__(units)


class OwnConfig(NoKwargs):
    """Takes no dtype, and says only what it takes."""

    def get_config(self):
        return {"units": self.units}


class While(Simple):
    def call(self, inputs, states):
        sums, h = self.sums(inputs, states[0]), states[0]
        _, h = tf.while_loop(
            lambda k, h: k < 2,
            lambda k, h: (k + 1, tf.tanh(sums + 0.5 * tf.matmul(h, self.u))),
            (tf.constant(0), h),
        )
        return h, [h]


class Mapped(Simple):
    def call(self, inputs, states):
        h = tf.map_fn(lambda row: tf.tanh(row) * tf.nn.softmax(row), self.sums(inputs, states[0]))
        return h, [h]


class Conditional(Simple):
    def call(self, inputs, states):
        sums = self.sums(inputs, states[0])
        h = tf.cond(tf.reduce_sum(self.b) > 0, lambda: tf.tanh(sums), lambda: tf.sigmoid(sums))
        return h, [h]


class OwnGradient(Simple):
    def call(self, inputs, states):
        @tf.custom_gradient
        def tanh(a):
            y = tf.tanh(a)
            return y, lambda dy: dy * (1 - y * y)

        h = tanh(self.sums(inputs, states[0]))
        return h, [h]


class Orthogonal(Simple):
    """Of the recurrent weights only the orthogonal factor is used; TensorFlow has none in halves."""

    def call(self, inputs, states):
        q, _ = tf.linalg.qr(self.u + 2 * tf.eye(self.units, dtype=self.u.dtype))
        h = tf.tanh(tf.matmul(inputs, self.w) + tf.matmul(states[0], q) + self.b)
        return h, [h]


class Frozen(Simple):
    def build(self, shape):
        super().build(shape)
        for variable in (self.w, self.u, self.b):
            variable.trainable = False


class NoWeights(Simple):
    def build(self, shape):
        self.built = True

    def call(self, inputs, states):
        h = 0.5 * states[0] + ops.mean(inputs, -1, keepdims=True)
        return h, [h]


class Normalised(Simple):
    """The second state is a positive sum of weights."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, units]

    def get_initial_state(self, batch_size=None):
        zero = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [zero, zero + 1]

    def call(self, inputs, states):
        c, n = states
        weight = ops.exp(ops.tanh(self.sums(inputs, c / n)))
        n = 0.9 * n + weight
        c = 0.9 * c + weight * ops.tanh(ops.matmul(inputs, self.w))
        return c / n, [c, n]


class SharedMask(Simple):
    """One mask for all rows of a batch."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.generator = keras.random.SeedGenerator(3)

    def call(self, inputs, states, training=False):
        sums = self.sums(inputs, states[0])
        if training:
            kept = keras.random.uniform((1, self.units), seed=self.generator) > 0.3
            sums = sums * ops.cast(kept, sums.dtype) / 0.7
        h = ops.tanh(sums)
        return h, [h]


class Statistics(Simple):
    """Normalises over the batch in training."""

    def build(self, shape):
        super().build(shape)
        self.norm = keras.layers.BatchNormalization(dtype=self.dtype_policy)
        self.norm.build((None, self.units))

    def call(self, inputs, states, training=False):
        h = ops.tanh(self.norm(self.sums(inputs, states[0]), training=training))
        return h, [h]


class LearnedStart(Simple):
    def build(self, shape):
        super().build(shape)
        self.h0 = self.add_weight(shape=(self.units,), name="h0")

    def get_initial_state(self, batch_size=None):
        zero = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [zero + ops.tanh(ops.convert_to_tensor(self.h0))]


class Noisy(Simple):
    """A learned size of noise that is there in training only."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.generator = keras.random.SeedGenerator(1)

    def build(self, shape):
        super().build(shape)
        self.size = self.add_weight(shape=(self.units,), name="size")

    def call(self, inputs, states, training=False):
        sums = self.sums(inputs, states[0])
        if training:
            noise = keras.random.normal(ops.shape(sums), dtype=sums.dtype, seed=self.generator)
            sums = sums + self.size * noise
        h = ops.tanh(sums)
        return h, [h]


class Masked(Simple):
    """Some units hear no other, by a constant mask."""

    def call(self, inputs, states):
        mask = np.ones((self.units, self.units))
        mask[:, 1], mask[2] = 0, 0
        u = self.u * ops.convert_to_tensor(mask, dtype=self.u.dtype)
        h = ops.tanh(ops.matmul(inputs, self.w) + ops.matmul(states[0], u) + self.b)
        return h, [h]


class Triangular(Simple):
    def call(self, inputs, states):
        u = ops.tril(self.u, -1)
        h = ops.tanh(ops.matmul(inputs, self.w) + ops.matmul(states[0], u) + self.b)
        return h, [h]


class Gated(Simple):
    """A gated recurrent unit whose weights have names of their own."""

    wrong = ""

    def build(self, shape):
        n = self.units
        self.W = self.add_weight(shape=(shape[-1], 3 * n), name="W")
        self.U = self.add_weight(shape=(n, 3 * n), name="U")
        self.b = self.add_weight(shape=(3 * n,), name="b")
        self.built = True

    def call(self, inputs, states):
        (h,), n = states, self.units
        sums = ops.matmul(inputs, self.W) + (0 if self.wrong == "bias" else self.b)
        z = ops.sigmoid(sums[:, :n] + ops.matmul(h, self.U[:, :n]))
        r = ops.sigmoid(sums[:, n : 2 * n] + ops.matmul(h, self.U[:, n : 2 * n]))
        r = ops.ones_like(r) if self.wrong == "reset" else r
        u = self.U[:, :n] if self.wrong == "copied" else self.U[:, 2 * n :]
        new = ops.tanh(sums[:, 2 * n :] + ops.matmul(r * h, u))
        h = z * h + (1 - z) * new
        return h, [h]


class Window(Simple):
    """Remembers its last two inputs and nothing else: what came before is gone."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [(2, units), units]

    def get_initial_state(self, batch_size=None):
        zero = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [ops.stack([zero, zero], axis=1), zero]

    def call(self, inputs, states):
        kept, mean = states
        new = ops.matmul(inputs, self.w)
        kept = ops.concatenate([kept[:, 1:], new[:, None]], axis=1)
        mean = 0.75 * mean + 0.25 * ops.matmul(new, self.u)
        h = ops.tanh(ops.sum(kept, axis=1) + self.b - mean)
        return h, [kept, mean]


class ResetNotApplied(Gated):
    wrong = "reset"


class BiasNotAdded(Gated):
    wrong = "bias"


class MatrixUsedTwice(Gated):
    wrong = "copied"


class OnlyOwnState(keras.layers.SimpleRNNCell):
    """Each unit hears itself alone, through the sum of a row."""

    def call(self, sequence, states, training=False):
        recurrent = ops.sum(self.recurrent_kernel, 0) * states[0]
        h = self.activation(ops.matmul(sequence, self.kernel) + recurrent + self.bias)
        return h, [h]


class LookUp(Simple):
    """Its inputs are whole numbers below ten."""

    def build(self, shape):
        self.table = self.add_weight(shape=(10, self.units), name="table")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        self.built = True

    def call(self, inputs, states):
        looked_up = ops.take(self.table, ops.cast(inputs[:, 0], "int32"), axis=0)
        h = ops.tanh(looked_up + ops.matmul(states[0], self.u))
        return h, [h]


class Root(Simple):
    """Its inputs are not negative."""

    def call(self, inputs, states):
        h = ops.tanh(self.sums(ops.sqrt(inputs + 1e-3), states[0]))
        return h, [h]
