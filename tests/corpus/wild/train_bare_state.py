"""CRASH: `gru-bench train` on a cell that returns its new state bare.

Kind: the state's structure. `return h, h` is what TensorFlow's own example of a cell does, tfa.rnn.ESNCell and
Comfi-FastGRNN do, and keras.layers.RNN and `gru-bench check` accept it (check: exit 0). `train` ends in a
Python traceback of tf.while_loop: "The two structures don't have the same nested structure".

Should: train it (flatten the states as check does), or refuse in one line (exit 2).
    gru-bench check train_bare_state:Bare --set units=8 --profile quick     # exit 0
    gru-bench train --cell train_bare_state:Bare --set units=8 --iterations 3   # traceback
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Bare(keras.layers.Layer):
    """A simple RNN step."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        super().build(shape)

    def call(self, inputs, states):
        h = ops.tanh(ops.matmul(inputs, self.w) + ops.matmul(states[0], self.u))
        return h, h

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
