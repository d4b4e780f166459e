"""CRASH of the bench: a step that collects in a tf.TensorArray (or loops with tf.while_loop).

Kind: values that are no NumPy arrays in the trace (dtype variant). 15 laws end in "the cell raises
InvalidArgumentError: Cannot convert a Tensor of dtype variant to a NumPy array", whose last lines are
gru_bench/gradients/replay.py. The cell is fine eagerly, traced, in XLA and in keras.layers.RNN.
Seen on: tkan 0.4.3. Should: pass, or "not applicable" with the operation's name; a fault of the bench's
own replay must never be told as the cell's.
    gru-bench check tensor_array:Collecting --set units=4
    gru-bench gradcheck tensor_array:Collecting --set units=4
"""

import keras
import tensorflow as tf


class _Base(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(2, self.units, self.units), name="u")
        super().build(shape)

    def get_initial_state(self, batch_size=None):
        return [tf.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wild")
class Collecting(_Base):
    """Two heads, collected in a TensorArray and averaged."""

    def call(self, inputs, states):
        heads = tf.TensorArray(self.compute_dtype, size=2)
        for k in range(2):
            heads = heads.write(
                k, tf.tanh(tf.matmul(inputs, self.w) + tf.matmul(states[0], self.u[k]))
            )
        h = tf.reduce_mean(heads.stack(), axis=0)
        return h, [h]
