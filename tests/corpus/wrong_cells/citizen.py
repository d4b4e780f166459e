"""Cells that compute what they should, but are bad citizens of Keras: dtypes, saving, weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tests.corpus.wrong_cells.base import GRU, LSTM, Plain, Registered
from tests.corpus.wrong_cells.table import wrong


@wrong("https://github.com/keras-team/keras/pull/8845")
class UnitsNotSaved(GRU):
    """The configuration lacks the units."""

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["units"]
        return config


@wrong("https://github.com/Benjamin-Etheredge/mlp-mixer-keras/issues/2", activation="relu")
class ActivationNotSaved(Plain):
    """The configuration lacks the activation, so that a loaded cell has the default."""

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activation"]
        return config


@wrong("https://github.com/keras-team/keras/pull/207")
class InnerInitialiserNotUsed(Plain):
    """All weights begin as the initialiser of the kernel says."""

    def build(self, input_shape: Any) -> None:
        kept, self.recurrent_initializer = self.recurrent_initializer, self.kernel_initializer
        super().build(input_shape)
        self.recurrent_initializer = kept


@wrong("https://github.com/keras-team/keras/issues/23657", dropout=0.5, seed=7)
class SeedNotSaved(Registered, keras.layers.SimpleRNNCell):
    """The configuration lacks the seed, so that a loaded cell draws other masks."""

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["seed"]
        return config


@wrong("https://github.com/farizrahman4u/seq2seq/pull/197")
class ConfigOfBaseOnly(Plain):
    """The configuration is that of any layer."""

    def get_config(self) -> dict[str, Any]:
        return keras.layers.Layer.get_config(self)


@wrong("https://github.com/tensorflow/tensorflow/issues/32369")
class DtypeNotForwarded(LSTM):
    """The dtype that is asked for does not reach the weights."""

    def __init__(self, units: int, dtype: Any = None, **kwargs: Any) -> None:
        del dtype
        super().__init__(units, dtype="float32", **kwargs)


@wrong("https://github.com/tensorflow/tensorflow/issues/32369")
class BiasesFloat32(Plain):
    """The biases are float32 whatever the dtype of the cell, and are cast where they are used."""

    def make(self, name: str, shape: tuple[int, ...], initializer: Any) -> None:
        if not name.startswith("b_"):
            super().make(name, shape, initializer)
            return
        weight = self.add_weight(
            name=name, shape=shape, initializer=initializer, dtype="float32", autocast=False
        )
        setattr(self, name, weight)

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        product = ops.matmul(x, getattr(self, f"W_{gate}")) + ops.matmul(
            h, getattr(self, f"U_{gate}")
        )
        return product + ops.cast(getattr(self, f"b_{gate}"), self.compute_dtype)


@wrong("https://github.com/tensorflow/tensorflow/issues/37364")
class KernelNotCast(GRU):
    """The weights are used in the dtype they are kept in."""

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        W, U = (getattr(self, f"{name}_{gate}")._value for name in "WU")
        return super().linear(gate, x, h) + 0 * (x @ W + h @ U)


@wrong("https://github.com/apache/mxnet/issues/12650")
class InitialStateFloat32(GRU):
    """The initial state is float32 whatever the cell computes in."""

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        return [ops.zeros((batch_size, self.units), dtype="float32")]


@wrong("https://github.com/keras-team/keras/issues/15140")
class StateInVariableDtype(Plain):
    """The new state is returned in the dtype of the variables."""

    def call(self, inputs: Any, states: Any) -> Any:
        h_t, _ = super().call(inputs, states)
        return h_t, [ops.cast(h_t, self.variable_dtype)]


@wrong("https://github.com/tensorflow/tensorflow/issues/57411")
class BfloatRefused(Plain):
    """The cell refuses narrow dtypes."""

    def call(self, inputs: Any, states: Any) -> Any:
        if self.compute_dtype == "bfloat16":
            raise TypeError("Value passed to parameter 'input' has DataType bfloat16")
        return super().call(inputs, states)


@wrong("https://github.com/uxlfoundation/oneDNN/issues/976")
class CarryFloat32(LSTM):
    """The cell state is computed in float32 whatever the cell's dtype."""

    def carry(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        narrow = [ops.cast(array, "float32") for array in (i, f, g, c)]
        return ops.cast(super().carry(*narrow), self.compute_dtype)


@wrong("https://github.com/vwxyzjn/cleanrl/issues/358")
class OrthogonalAcrossGates(GRU):
    """One orthogonal matrix is cut into the gates' weights, of which none is orthogonal."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        whole = np.asarray(self.recurrent_initializer((self.units, 3 * self.units)))
        for gate, part in zip("zrh", np.split(whole, 3, axis=1), strict=True):
            getattr(self, f"U_{gate}").assign(part)


@wrong("https://github.com/keras-team/keras/issues/9149")
class FanOfAllGates(GRU):
    """The input's weights are drawn with the fan of all gates side by side."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        whole = np.asarray(self.kernel_initializer((input_shape[-1], 3 * self.units)))
        for gate, part in zip("zrh", np.split(whole, 3, axis=1), strict=True):
            getattr(self, f"W_{gate}").assign(part)


@wrong("https://github.com/deel-ai/deel-lip/issues/64")
class GatesStartEqual(GRU):
    """All gates start with the same weights, because they share one initialiser."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        for gate in "rh":
            for name in "WU":
                getattr(self, f"{name}_{gate}").assign(getattr(self, f"{name}_z"))


@wrong("https://github.com/kngwyu/Rainy/pull/17")
class OtherBiasesNotZero(Registered, keras.layers.LSTMCell):
    """The forget gate's bias is set to one, the other gates' biases are not set to zero."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.use_bias and self.unit_forget_bias:
            drawn = np.array(self.kernel_initializer((1, 4 * self.units)))[0]
            drawn[self.units : 2 * self.units] = 1
            self.bias.assign(drawn)


@wrong("https://github.com/mlech26l/ncps/issues/9", gain=2.0)
class ClassNeeded(Plain):
    """What the cell computes is kept in its class, where a saved cell does not find it."""

    scale: float = 1.0

    def __init__(self, units: int, gain: float = 1.0, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        type(self).scale = gain

    def call(self, inputs: Any, states: Any) -> Any:
        return super().call(self.scale * inputs, states)


@wrong("https://github.com/tensorflow/tensorflow/issues/45224")
class NotDeserialisable(Plain):
    """The cell cannot be made from its own configuration."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        raise TypeError(f"could not locate the class of {config['name']}")


@wrong("https://github.com/tensorflow/tensorflow/issues/36650")
class SameNames(Plain):
    """All weights have the same name."""

    def make(self, name: str, shape: tuple[int, ...], initializer: Any) -> None:
        initializer = keras.initializers.get(initializer).clone()
        weight = self.add_weight(name="variable", shape=shape, initializer=initializer)
        setattr(self, name, weight)


@wrong("https://github.com/tensorflow/tensorflow/issues/125391")
class ScaleMadeInCall(Plain):
    """A weight that does not learn is made by the first call instead of by build."""

    scale: Any = None

    def call(self, inputs: Any, states: Any) -> Any:
        if self.scale is None:
            self._tracker.unlock()
            self.scale = self.add_weight(name="scale", initializer="ones", trainable=False)
        return super().call(self.scale * inputs, states)


@wrong("https://github.com/thisisiron/spectral_normalization-tf2/issues/1")
class WeightsClippedInPlace(Plain):
    """Each call clips the recurrent weights and keeps them so, at inference too."""

    def call(self, inputs: Any, states: Any) -> Any:
        self.U_h.assign(ops.clip(self.U_h, -2, 2))
        return super().call(inputs, states)


@wrong("https://github.com/tensorflow/tensorflow/issues/23013")
class BiasesNotSaved(Plain):
    """The biases are neither written to a file nor read from it."""

    def save_own_variables(self, store: Any) -> None:
        store["W"], store["U"] = np.asarray(self.W_h), np.asarray(self.U_h)

    def load_own_variables(self, store: Any) -> None:
        self.W_h.assign(store["W"])
        self.U_h.assign(store["U"])
