"""Cells that keep a gate in an extra state, for inspection, and never read it.

Kind: states that are outputs only (bistable cells publish [h, z, r] as states to look at them).
Should: pass, or say in one line that state 1 is never read. No gradient by an initial state that is not
read is no defect: `gradient-reaches-back` and the like.
    gru-bench check written_only_state:Bistable --set units=4
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Bistable(keras.layers.Layer):
    """h' = z h + (1 - z) tanh(x K + r h); z and r are published as states 1 and 2."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.output_size = units
        self.state_size = [units, units, units]

    def build(self, shape):
        for name in ("kz", "kr", "kh"):
            setattr(self, name, self.add_weight(shape=(shape[-1], self.units), name=name))
        for name in ("mz", "mr"):
            setattr(self, name, self.add_weight(shape=(self.units,), initializer="ones", name=name))
        super().build(shape)

    def call(self, inputs, states):
        h = states[0]
        z = ops.sigmoid(ops.matmul(inputs, self.kz) + h * self.mz)
        r = 1 + ops.tanh(ops.matmul(inputs, self.kr) + h * self.mr)
        h = z * h + (1 - z) * ops.tanh(ops.matmul(inputs, self.kh) + r * h)
        return h, [h, z, r]

    def get_initial_state(self, batch_size=None):
        zero = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [zero, zero, zero]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
