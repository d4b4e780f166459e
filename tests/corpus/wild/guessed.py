"""Cells that have the weights of a simple RNN, a GRU or an LSTM and are none.

Kind: equations guessed from the names of the weights. kernel, recurrent_kernel and bias are everybody's
names. Should: a guess that does not fit at all (never within any tolerance, at several seeds) is no claim;
exit 0. Seen on: a leaky echo state cell, an antisymmetric RNN.
    gru-bench check guessed:Antisymmetric --set units=4
    gru-bench check guessed:LeakyReservoir --set units=4
"""

import keras
from keras import ops


class _Base(keras.layers.Layer):
    gates = 1

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        n = self.gates * self.units
        self.kernel = self.add_weight(shape=(shape[-1], n), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, n), name="recurrent_kernel")
        self.bias = self.add_weight(shape=(n,), name="bias", initializer="zeros")
        super().build(shape)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wild")
class Antisymmetric(_Base):
    """h + step tanh(x W + h (U - U^T - damping I) + b)."""

    def call(self, inputs, states):
        (h,) = states
        u = self.recurrent_kernel
        u = u - ops.transpose(u) - 0.1 * ops.eye(self.units, dtype=u.dtype)
        h = h + 0.2 * ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(h, u) + self.bias)
        return h, [h]


@keras.saving.register_keras_serializable("wild")
class LeakyReservoir(_Base):
    """(1 - a) h + a tanh(x W + h U + b) with weights that do not learn."""

    def build(self, shape):
        super().build(shape)
        for weight in (self.kernel, self.recurrent_kernel, self.bias):
            weight.trainable = False

    def call(self, inputs, states):
        (h,) = states
        new = ops.tanh(
            ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        )
        h = 0.7 * h + 0.3 * new
        return h, [h]
