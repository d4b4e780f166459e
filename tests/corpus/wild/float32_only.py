"""FALSE ALARM: numeric derivatives of a cell that runs in float32 only, near a kink or a jump.

Kind: error estimates in float32. Where float64 is refused (initial states of a fixed dtype, as many public
cells have), differences are taken in float32 with steps so long that they cross a jump nearby, and the estimated
error is a little too small: "0.0027941 by autodiff, 0.0029538 numerically, tolerance 0.000148", on a public
phased LSTM. In float64 the derivative is 0.00279409, as autodiff says.

Should: the gradient laws pass (the cell fails float64-supported and half-precision, rightly).
    gru-bench check float32_only:Phased --set units=4
    gru-bench check float32_only:Phased64 --set units=4       # the same in float64: passes?
"""

import keras
import tensorflow as tf
from keras import ops


def register(kind):
    return keras.saving.register_keras_serializable("wild")(kind)


@register
class Phased(keras.layers.Layer):
    """An LSTM behind a time gate with a learned period, phase and share of it that is open."""

    fixed = "float32"

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.output_size = units
        self.state_size = [units, units]

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 4 * self.units), name="w")
        self.u = self.add_weight(shape=(self.units, 4 * self.units), name="u")
        for name in ("period", "share", "start"):
            setattr(self, name, self.add_weight(shape=(1,), name=name, initializer="zeros"))
        super().build(shape)

    def call(self, inputs, states):
        c, h = states
        period, share, start = (ops.softplus(v) for v in (self.period, self.share, self.start))
        phase = ops.mod(1.0 - start, period) / period
        rising, falling = 2 * phase / share, 2 - 2 * phase / share
        open_ = ops.where(
            phase < share / 2, rising, ops.where(phase < share, falling, 0.001 * phase)
        )
        z = tf.matmul(inputs, self.w) + tf.matmul(h, self.u)
        g, i, f, o = ops.split(z, 4, axis=-1)
        new_c = ops.sigmoid(f + 1) * c + ops.sigmoid(i) * ops.tanh(g)
        new_h = ops.sigmoid(o) * ops.tanh(new_c)
        c, h = open_ * new_c + (1 - open_) * c, open_ * new_h + (1 - open_) * h
        return h, [c, h]

    def get_initial_state(self, batch_size=None):
        dtype = self.fixed or self.compute_dtype
        return [tf.zeros((batch_size, self.units), dtype)] * 2

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class Phased64(Phased):
    fixed = None
