"""FALSE ALARM: activations that are differentiable once, not twice.

Kind: numeric derivatives where the second derivative jumps. x / (1 + |x|) and elu have a first derivative
everywhere, but at 0 the central difference errs by h, not h^2, and the estimated error is too small.
All-zero inputs from a zero state put every unit exactly there.

By hand both one-sided derivatives tend to autodiff's value as h shrinks (error h / 2).

Should: `gradient-...` laws pass, as for tanh (softsign has no second derivative in TensorFlow, so a failure
of `second-derivatives` is right there). Observed, exit 1, on Keras's own cells:
    gru-bench check keras.layers:SimpleRNNCell --set units=4 --set activation=elu --seed 1 --law gradient-of-one-step
        # 1.0 by autodiff, 0.999998813 numerically, tolerance 8.5e-08
    gru-bench check keras.layers:SimpleRNNCell --set units=4 --set activation=softsign --seed 1 --law gradient-of-one-step
        # 1.0 by autodiff, 0.999995253 numerically, tolerance 3.39e-07
    gru-bench check keras.layers:GRUCell --set units=4 --set activation=relu --set use_bias=false --law gradient-by-inputs-and-states
        # 0.00169379443 by autodiff, 0.00169379338 numerically, tolerance 2.94e-10
    gru-bench check keras.layers:LSTMCell --set units=4 --set activation=relu --set use_bias=false --law gradient-by-inputs-and-states
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Square(keras.layers.Layer):
    """tanh(v |v|), v = x W + h U: smooth once."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        self.b = self.add_weight(shape=(self.units,), name="b")
        super().build(shape)

    def call(self, inputs, states):
        v = ops.matmul(inputs, self.w) + ops.matmul(states[0], self.u) + self.b
        h = ops.tanh(v * ops.abs(v) + 0.5 * v)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wild")
class Gated(Square):
    """A gate between tanh and softsign (passes at seed 0)."""

    def build(self, shape):
        for name in "abg":
            setattr(
                self, "w" + name, self.add_weight(shape=(shape[-1], self.units), name="w" + name)
            )
            setattr(
                self, "u" + name, self.add_weight(shape=(self.units, self.units), name="u" + name)
            )
            setattr(self, "b" + name, self.add_weight(shape=(self.units,), name="b" + name))
        keras.layers.Layer.build(self, shape)

    def call(self, inputs, states):
        pre = {
            n: ops.matmul(inputs, getattr(self, "w" + n))
            + ops.matmul(states[0], getattr(self, "u" + n))
            + getattr(self, "b" + n)
            for n in "abg"
        }
        g = ops.sigmoid(pre["g"])
        h = g * ops.tanh(pre["a"]) + (1 - g) * ops.softsign(pre["b"])
        return h, [h]
