"""Cells that misbehave, for the tests of what checks them; named on the command line."""

import os
import signal
from pathlib import Path

import keras
from keras import ops


class MixesRows(keras.layers.GRUCell):
    """Adds a little of each row to the next."""

    def call(self, inputs, states, training=False):
        h, _ = super().call(inputs, states, training=training)
        h = h + 0.01 * ops.roll(h, 1, axis=0)
        return h, [h]


class Reservoir(keras.layers.SimpleRNNCell):
    """Its recurrent weights do not learn."""

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_kernel.trainable = False


class AlwaysFloat32(keras.layers.SimpleRNNCell):
    """Does not listen to the dtype."""

    def __init__(self, units, **kwargs):
        kwargs.pop("dtype", None)
        super().__init__(units, dtype="float32", **kwargs)


class SameNames(keras.layers.SimpleRNNCell):
    """Has one name for all weights."""

    def add_weight(self, *args, **kwargs):
        kwargs["name"] = "variable"
        return super().add_weight(*args, **kwargs)


class LoopsForEver(keras.layers.SimpleRNNCell):
    """Does not return for three rows."""

    def call(self, inputs, states, training=False):
        if inputs.shape[0] == 3 and "LAW_CELLS_MARK" in os.environ:
            Path(os.environ["LAW_CELLS_MARK"]).touch()
        while inputs.shape[0] == 3:
            pass
        return super().call(inputs, states, training=training)


class NeverReturns(keras.layers.SimpleRNNCell):
    """Does not return, once it has been called."""

    calls = 0

    def call(self, inputs, states, training=False):
        NeverReturns.calls += 1
        while NeverReturns.calls > 2:
            pass
        return super().call(inputs, states, training=training)


class HangsInC(keras.layers.SimpleRNNCell):
    """Waits for three rows where no alarm of Python's is heard."""

    def call(self, inputs, states, training=False):
        if inputs.shape[0] == 3:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
            while True:
                pass
        return super().call(inputs, states, training=training)


class EndsTheProcess(keras.layers.SimpleRNNCell):
    """Leaves for three rows."""

    def call(self, inputs, states, training=False):
        if inputs.shape[0] == 3:
            os._exit(3)
        return super().call(inputs, states, training=training)


class EatsMemory(keras.layers.SimpleRNNCell):
    """Asks for all memory there is, for three rows."""

    def call(self, inputs, states, training=False):
        kept = []
        while inputs.shape[0] == 3:
            kept.append(bytearray(2**26))
        return super().call(inputs, states, training=training)


class Raises(keras.layers.SimpleRNNCell):
    """Raises in a function that `call` calls."""

    def call(self, inputs, states, training=False):
        if training is not None:
            self._helper()
        return inputs, states

    def _helper(self):
        raise ValueError("my own mistake")


class CannotBeBuilt(keras.layers.SimpleRNNCell):
    """Raises in build."""

    def build(self, input_shape):
        raise RuntimeError(f"no weights today for {input_shape}")


def make_stacked(units):
    """Return cells that are one cell."""
    return keras.layers.StackedRNNCells([keras.layers.GRUCell(units), keras.layers.GRUCell(3)])


def make_wrong():
    """Return a wrong cell, whatever the dtype asked for."""
    return MixesRows(2)


def make_wrong_layer():
    """Return a layer around a wrong cell that Keras knows nothing of."""
    return keras.layers.RNN(MixesRows(2))
