"""Cells that learn through step functions: the gradient that they give these is no derivative.

Right: laws about derivatives do not apply, all others are tried. `Honest` has a gradient of its own
for what is no step function, right; `WrongByHand` a wrong one, which must be found.
"""

import keras
import tensorflow as tf
from keras import ops


class _Two(keras.layers.Layer):
    """Two matrices and a state; `fire` says what is made of their sum."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, input_shape):
        self.w_in = self.add_weight(shape=(input_shape[-1], self.units), name="w_in")
        self.w_rec = self.add_weight(shape=(self.units, self.units), name="w_rec")
        self.built = True

    def call(self, x, states):
        (h,) = states
        out = self.fire(x @ self.w_in + h @ self.w_rec)
        return out, [out]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@tf.custom_gradient
def _spike(v):
    def grad(dy):
        return dy / tf.square(1 + 10 * tf.abs(v))

    return tf.cast(v > 0, v.dtype), grad


class Spiking(keras.layers.Layer):
    """Leaky neurons that fire beyond a threshold and are reset by it; a fast sigmoid's gradient."""

    def __init__(self, units, beta=0.9, threshold=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.beta, self.threshold = units, beta, threshold
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
        self.v = self.add_weight(shape=(self.units, self.units), name="v")
        self.built = True

    def call(self, x, states):
        mem, spikes = states
        mem = self.beta * mem + x @ self.w + spikes @ self.v - self.threshold * spikes
        spikes = _spike(mem - self.threshold)
        return spikes, [mem, spikes]

    def get_config(self):
        own = {"units": self.units, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **own}


class StraightThrough(_Two):
    """Rounds to eighths; gradients pass as if it did not."""

    def fire(self, v):
        v = ops.tanh(v)
        return v + ops.stop_gradient(ops.round(8 * v) / 8 - v)


@tf.custom_gradient
def _sign(v):
    def grad(dy):
        return tf.where(tf.abs(v) <= 1, dy, tf.zeros_like(dy))

    return tf.sign(v), grad


class Binary(_Two):
    """Outputs are -1 or 1; a hard tanh's gradient."""

    def fire(self, v):
        return _sign(v)


@tf.custom_gradient
def _relu(v):
    def grad(dy):
        return dy * tf.cast(v > 0, v.dtype)

    return v * tf.cast(v > 0, v.dtype), grad


class Honest(_Two):
    """A rectifier, by what is no step function of its argument, with its own gradient."""

    def fire(self, v):
        return ops.tanh(_relu(v))


@tf.custom_gradient
def _leaky(v):
    def grad(dy):
        return dy * tf.cast(v > 0, v.dtype)

    return tf.where(v > 0, v, 0.1 * v), grad


class WrongByHand(_Two):
    """Wrong: the leak has no part in the gradient."""

    def fire(self, v):
        return ops.tanh(_leaky(v))
