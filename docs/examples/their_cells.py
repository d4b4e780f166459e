import keras
from keras import ops


class Theirs(keras.layers.Layer):
    """A GRU in which something is forgotten."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.W = self.add_weight(name="W", shape=(shape[-1] + self.units, 3 * self.units))
        self.b = self.add_weight(name="b", shape=(3 * self.units,))
        super().build(shape)

    def call(self, x, states):
        h, n = states[0], self.units
        a = ops.concatenate([x, h], axis=-1) @ self.W[:, : 2 * n] + self.b[: 2 * n]
        _r, u = ops.split(ops.sigmoid(a), 2, axis=-1)
        c = ops.tanh(ops.concatenate([x, h], axis=-1) @ self.W[:, 2 * n :] + self.b[2 * n :])
        h = u * h + (1 - u) * c
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
