"""Correct cells as others write them: of layers, with constraints, in one precision only."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tests.corpus.wrong_cells.base import Registered


class MadeOfLayers(Registered, keras.layers.Layer):
    """A dense layer and a dropout, which learn from Keras, not from `call`, that they train.

    Args:
        units: size of the state.
        rate: share of the state that is dropped.
        **kwargs: those of a Keras layer.
    """

    def __init__(self, units: int, rate: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rate, self.state_size = units, rate, units
        self.dense = keras.layers.Dense(units, dtype=self.dtype_policy)
        self.drop = keras.layers.Dropout(rate, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        self.dense.build((None, input_shape[-1] + self.units))
        self.drop.build((None, self.units))
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        h = ops.tanh(self.dense(ops.concatenate([inputs, states[0]], axis=-1)))
        h = self.dropped(h)
        return h, [h]

    def dropped(self, h: Any) -> Any:
        return self.drop(h)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "rate": self.rate}


class Leaky(Registered, keras.layers.Layer):
    """A membrane with a capacity and a leak, neither of which may be negative.

    With g = leak and c the root of 0.01 + capacity, an implicit Euler step of c h' = -g h + drive:

        h_t = (c h_{t-1} + tanh(W x_t + U h_{t-1})) / (c + g)

    Not far off it has a pole, at g = -c, and is not real where capacity < -0.01.

    Args:
        units: size of the state.
        **kwargs: those of a Keras layer.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        positive = {"initializer": "ones", "constraint": keras.constraints.NonNeg()}
        self.W = self.add_weight(shape=(input_shape[-1], self.units), name="W")
        self.U = self.add_weight(shape=(self.units, self.units), name="U")
        self.capacity = self.add_weight(shape=(self.units,), name="capacity", **positive)
        self.leak = self.add_weight(shape=(self.units,), name="leak", **positive)
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        (h,) = states
        c = ops.sqrt(0.01 + self.capacity)
        driven = self.squashed(ops.matmul(inputs, self.W) + ops.matmul(h, self.U))
        h = (c * h + driven) / (c + self.leak)
        return h, [h]

    def squashed(self, drive: Any) -> Any:
        return ops.tanh(drive)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
