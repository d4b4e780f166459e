import keras
from keras import ops


class MyCell(keras.layers.SimpleRNNCell):
    def call(self, x, states, training=False):
        return super().call(x - ops.mean(x, axis=0), states, training=training)


@keras.saving.register_keras_serializable(package="my_cells")
class MyGRU(keras.layers.Layer):
    """A GRU written by hand."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape):
        for gate in "zrh":
            for name, rows in (("W", input_shape[-1]), ("U", self.units)):
                weight = self.add_weight(name=f"{name}_{gate}", shape=(rows, self.units))
                setattr(self, f"{name}_{gate}", weight)
        super().build(input_shape)

    def call(self, x, states):
        (h,) = states
        z = ops.sigmoid(x @ self.W_z + h @ self.U_z)
        r = ops.sigmoid(x @ self.W_r + h @ self.U_r)
        h_tilde = ops.tanh(x @ self.W_h + (r * h) @ self.U_h)
        h = (1 - z) * h + z * h_tilde
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
