"""CONFUSING / broken reproduction: the printed "plain Keras" script needs `get_initial_state`.

Kind: reproduction scripts that crash. Keras's cell protocol does not ask for `get_initial_state` (RNN
then uses zeros), and gru-bench checks such a cell; but the script it prints calls
`cell.get_initial_state` and dies with AttributeError instead of showing the failure.

`Mixing` is wrong on purpose (rows of a batch are mixed), so that a law fails and prints its script.
Should: the pasted script repeats the failure.
    gru-bench check script_no_initial:Mixing --set units=3 --law batch-row-alone > o
    # paste the script that it prints: AttributeError: 'Mixing' object has no attribute 'get_initial_state'
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Mixing(keras.layers.Layer):
    """Subtracts the batch's mean from the state, so rows depend on each other."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        super().build(shape)

    def call(self, inputs, states):
        h = states[0] - ops.mean(states[0], axis=0, keepdims=True)
        h = ops.tanh(ops.matmul(inputs, self.w) + h)
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
