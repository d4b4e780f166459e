"""FALSE ALARM: a step function at exactly its jump.

Kind: numeric derivatives across a jump. modReLU, sign(x) relu(|x| + small + b), jumps at x = 0 (that is the
published activation of unitary cells); a hard switch jumps at its threshold. From all-zero inputs or states
the point checked is exactly the jump: "0.5 by autodiff, 79.8 numerically" is 1/h, no derivative.

Should: be left out like a kink (the difference quotient grows as h shrinks), exit 0.
    gru-bench check jump:ModReLU --set units=4
    gru-bench gradcheck jump:ModReLU --set units=4
"""

import keras
from keras import ops


class _Base(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u", initializer="orthogonal")
        self.b = self.add_weight(shape=(self.units,), name="b", initializer="zeros")
        super().build(shape)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wild")
class ModReLU(_Base):
    """sign(v) relu(|v| + b), v = x W + h U."""

    def call(self, inputs, states):
        v = ops.matmul(inputs, self.w) + ops.matmul(states[0], self.u)
        h = ops.sign(v) * ops.relu(ops.abs(v) + self.b)
        return h, [h]
