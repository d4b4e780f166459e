"""FALSE ALARM: `recurrent_initializer` of a cell whose recurrent weights are a vector.

Kind: a law that puts an argument of its own choice (recurrent_initializer="orthogonal") into the
constructor. An independently recurrent cell has a vector there, for which no orthogonal initialiser exists.
Should: `initialiser-orthogonal` does not apply; exit 0.
    gru-bench check vector_recurrence:Independent --set units=4
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Independent(keras.layers.Layer):
    """h' = relu(x W + u * h + b), each unit with a weight of its own."""

    def __init__(self, units, recurrent_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.u = self.add_weight(
            shape=(self.units,), name="recurrent_kernel", initializer=self.recurrent_initializer
        )
        self.b = self.add_weight(shape=(self.units,), name="bias", initializer="zeros")
        super().build(shape)

    def call(self, inputs, states):
        h = ops.relu(ops.matmul(inputs, self.w) + self.u * states[0] + self.b)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        kept = keras.initializers.serialize(self.recurrent_initializer)
        return {**super().get_config(), "units": self.units, "recurrent_initializer": kept}
