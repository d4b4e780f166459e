"""A cell as a user would write one: a minimal gated unit (Zhou et al., arXiv 1603.09420)."""

import keras
from keras import ops


class MinimalGatedCell(keras.layers.Layer):
    """f = σ(x W_f + h U_f + b_f); h_t = (1 - f) ∘ h + f ∘ tanh(x W_h + (f ∘ h) U_h + b_h)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, shape):
        for gate in "fh":
            setattr(self, f"W_{gate}", self.add_weight(shape=(shape[-1], self.units)))
            setattr(self, f"U_{gate}", self.add_weight(shape=(self.units, self.units)))
            setattr(self, f"b_{gate}", self.add_weight(shape=(self.units,)))

    def call(self, inputs, states):
        (h,) = states
        f = ops.sigmoid(inputs @ self.W_f + h @ self.U_f + self.b_f)
        h_tilde = ops.tanh(inputs @ self.W_h + (f * h) @ self.U_h + self.b_h)
        h = (1 - f) * h + f * h_tilde
        return h, [h]
