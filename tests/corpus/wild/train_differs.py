"""A cell that computes something else in training without drawing anything.

Kind: deterministic difference between training and inference. The phased LSTM paper leaks 0.001 in
training and 0 at test; spiking cells use their rate in training; binarised cells are soft in training.
gru-bench takes any difference between training and inference for randomness.

Should: `Leaky` passes (laws of masks not applicable: nothing is drawn).
    gru-bench check train_differs:Leaky --set units=4
"""

import keras
from keras import ops


class _Base(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        for name in ("gate", "cand"):
            setattr(
                self, name, self.add_weight(shape=(shape[-1] + self.units, self.units), name=name)
            )
        super().build(shape)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wild")
class Leaky(_Base):
    """A gate that in training never shuts quite: z + 0.05 (1 - z)."""

    def call(self, inputs, states, training=False):
        (h,) = states
        both = ops.concatenate([inputs, h], axis=-1)
        z = ops.sigmoid(ops.matmul(both, self.gate))
        if training:
            z = z + 0.05 * (1 - z)
        h = h + z * (ops.tanh(ops.matmul(both, self.cand)) - h)
        return h, [h]
