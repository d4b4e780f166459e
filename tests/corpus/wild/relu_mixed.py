"""FALSE ALARM: several ReLUs with their kinks at one point, mixed with both signs.

Kind: autodiff at an exact kink. The slope that autodiff takes at a kink (0 for ReLU) need not lie
between the left and the right derivative once two or more ReLUs kink at the same point and are mixed
with opposite signs (relu(a) - relu(-a) = a has slope 1 on both sides, autodiff says 0). All-zero inputs
from a zero state are such a point for every cell without a bias before its ReLU.

Should: pass (it is Keras-correct; the derivative is right at every point but a set of measure zero).
    gru-bench check relu_mixed:ReluMixed --set units=4
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class ReluMixed(keras.layers.Layer):
    """h' = tanh(relu(x A) B + h C)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.inner = self.add_weight(shape=(shape[-1], self.units), name="inner")
        self.mix = self.add_weight(shape=(self.units, self.units), name="mix")
        self.back = self.add_weight(shape=(self.units, self.units), name="back")
        super().build(shape)

    def call(self, inputs, states):
        (h,) = states
        hidden = ops.relu(ops.matmul(inputs, self.inner))
        h = ops.tanh(ops.matmul(hidden, self.mix) + ops.matmul(h, self.back))
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
