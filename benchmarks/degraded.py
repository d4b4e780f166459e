"""Cells in which something was broken on purpose, as a careless change would."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from gru_bench import GRUCell


class DeadUnits(GRUCell):
    """A GRU half of whose units always give zero."""

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        h, _ = super().call(inputs, states)
        alive = ops.cast(ops.arange(self.units) < self.units // 2, h.dtype)
        return h * alive, [h * alive]


class GateExchanged(GRUCell):
    """A GRU that resets its state by the update gate: h̃ = tanh(W_h x + U_h (z ∘ h) + b_h)."""

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        (h,) = states
        z = ops.sigmoid(inputs @ self.W_z + h @ self.U_z + self.b_z)
        h_tilde = ops.tanh(inputs @ self.W_h + (z * h) @ self.U_h + self.b_h)
        h = (1 - z) * h + z * h_tilde
        return h, [h]


class GRUTwin(keras.layers.GRUCell):
    """Keras's GRU, reset before the product: another gate order, z and 1 - z exchanged."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(units, **{**options, "reset_after": False})
