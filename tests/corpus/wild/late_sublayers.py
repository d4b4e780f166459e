"""CONFUSING: sub-layers that are made in build and built by the first call.

Kind: the bench's own errors told as the cell's. A public closed-form cell makes Dense layers in build; their
weights appear with the first call. `weights-made-in-build` says so, rightly; but some twenty more laws say
"the cell raises ValueError: zip() argument 2 is longer than argument 1", from gru_bench/laws/repetition.py and
others. Should: one law fails, the others that cannot be tried say "not applicable: a call makes weights".
    gru-bench check late_sublayers:Closed --set units=4
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Closed(keras.layers.Layer):
    """(1 - t) tanh(F) + t tanh(G), t = sigmoid(T), from one dense backbone."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        make = lambda n, a: keras.layers.Dense(n, activation=a, dtype=self.dtype_policy)
        self.backbone = make(6, "silu")
        self.f, self.g, self.t = (
            make(self.units, "tanh"),
            make(self.units, "tanh"),
            make(self.units, "sigmoid"),
        )
        super().build(shape)

    def call(self, inputs, states):
        x = self.backbone(ops.concatenate([inputs, states[0]], axis=-1))
        t = self.t(x)
        h = (1 - t) * self.f(x) + t * self.g(x)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
