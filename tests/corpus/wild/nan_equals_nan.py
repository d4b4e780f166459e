"""FALSE ALARM / CONFUSING: NaN in both runs counts as a difference.

Kind: comparisons where both sides are NaN. A cell that gives NaN for an input outside its domain fails
`same-call-after-call`, `graph-equals-eager`, `batch-permuted`, `inference-repeats` and six more, with
"output = nan, expected nan: they differ by nan". One law (finiteness, if at all) is broken, not thirteen.
Some laws of the bench do compare with equal_nan; these do not.

(gru_bench 0.1.0 shows the list only from Python, `check_cell(Root, {"units": 4})`, or one `--law` at a time: the
command itself crashes, see inf_limit_crash.py.)

Should: only `finite-...` and `gradients-finite` speak of it.
    gru-bench check nan_equals_nan:Root --set units=4
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wild")
class Root(keras.layers.Layer):
    """tanh(x W + h U) sqrt(last input): for inputs whose last column is never negative."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        super().build(shape)

    def call(self, inputs, states):
        h = ops.tanh(ops.matmul(inputs, self.w) + ops.matmul(states[0], self.u))
        h = h * ops.sqrt(inputs[:, -1:] + 1e-3)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
