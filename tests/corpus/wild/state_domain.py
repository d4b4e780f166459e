"""Cells whose states have a domain: probabilities, positive normalisers, counters.

Kind: states with a domain. Every state such a cell ever makes is a distribution, or positive, or a whole
number; gru-bench starts it from normal numbers.

Should: pass; what a reachable state never is should not be held against the cell.
    gru-bench check state_domain:Forward --set units=4
    gru-bench check state_domain:Clockwork --set units=4
    gru-bench check state_domain:Averaging --set units=4
"""

import keras
from keras import ops


class _Base(keras.layers.Layer):
    count = 1

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.output_size = units
        self.state_size = [units] * self.count

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, n), dtype=self.compute_dtype) for n in self.state_size]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wild")
class Forward(_Base):
    """The forward algorithm of a hidden Markov model: the state is a distribution."""

    def build(self, shape):
        self.trans = self.add_weight(shape=(self.units, self.units), name="trans")
        self.emit = self.add_weight(shape=(shape[-1], self.units), name="emit")
        super().build(shape)

    def call(self, inputs, states):
        (p,) = states
        p = ops.matmul(p, ops.softmax(self.trans, axis=-1))
        p = p * ops.softmax(ops.matmul(inputs, self.emit), axis=-1)
        p = p / ops.sum(p, axis=-1, keepdims=True)
        return p, [p]

    def get_initial_state(self, batch_size=None):
        return [ops.full((batch_size, self.units), 1 / self.units, dtype=self.compute_dtype)]


@keras.saving.register_keras_serializable("wild")
class Clockwork(_Base):
    """Unit k moves every 2^(k mod 3) steps; the second state counts the steps."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, 1]
        self.periods = [2.0 ** (k % 3) for k in range(units)]

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        super().build(shape)

    def call(self, inputs, states):
        h, t = states
        new = ops.tanh(ops.matmul(inputs, self.w) + ops.matmul(h, self.u))
        due = ops.equal(ops.mod(t, ops.convert_to_tensor(self.periods, t.dtype)), 0)
        h = ops.where(due, new, h)
        return h, [h, t + 1]


@keras.saving.register_keras_serializable("wild")
class Averaging(_Base):
    """The running mean of tanh(x W + h U) over all steps so far; the second state counts them."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, 1]

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        super().build(shape)

    def call(self, inputs, states):
        h, t = states
        new = ops.tanh(ops.matmul(inputs, self.w) + ops.matmul(h, self.u))
        h = h + (new - h) / (t + 1)
        return h, [h, t + 1]
