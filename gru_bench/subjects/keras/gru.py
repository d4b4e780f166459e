"""The gated recurrent unit by the published equations, and its NumPy oracle.

    z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                   update gate
    r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                   reset gate
    h̃_t = tanh(W_h x_t + U_h (r_t ∘ h_{t-1}) + b_h)        reset before the product
    h̃_t = tanh(W_h x_t + r_t ∘ (U_h h_{t-1} + c_h) + b_h)  reset after the product
    h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ h̃_t

Reset before: Cho et al., arXiv 1406.1078v3. Reset after: 1406.1078v1, cuDNN and Keras's default.
Batches are rows, so the code multiplies from the right: `x W` with W of shape (F, units).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_integer, check_known
from gru_bench.numbers import sigmoid
from gru_bench.subjects.keras.runtime import keras

RESETS = ("before", "after")

Weights = Mapping[str, NDArray[Any]]


@keras.saving.register_keras_serializable(package="gru_bench")
class GRUCell(keras.layers.Layer):
    """One step of a gated recurrent unit, by the equations at the head of this module.

    It follows Keras's RNN-cell protocol, so it works in `keras.layers.RNN`. Its weights keep the
    paper's names: `W_z`, `W_r`, `W_h` `(F, units)`, `U_z`, `U_r`, `U_h` `(units, units)`, `b_z`,
    `b_r`, `b_h` `(units,)` and, for reset after, `c_h` `(units,)`.

    Args:
        units: size of the state h.
        reset: "before" or "after" the recurrent product of the candidate.
        use_bias: whether there are `b_*` and `c_h`.
        kernel_initializer: for `W_*`, a Keras initialiser.
        recurrent_initializer: for `U_*`.
        bias_initializer: for `b_*` and `c_h`.
        **kwargs: those of `keras.layers.Layer` (`name`, `dtype`, `trainable`).

    Raises:
        UsageError: units is not a positive integer, or reset is unknown.
    """

    def __init__(
        self,
        units: int,
        reset: str = "before",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_integer("units", units, 1)
        self.reset = check_known("reset", reset, RESETS)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.units
        self.output_size = self.units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of shape `(B, F)`."""

        def weight(name: str, shape: tuple[int | None, ...], initializer: Any) -> Any:
            # An initialiser object without a seed of its own repeats itself; a clone does not.
            return self.add_weight(name=name, shape=shape, initializer=initializer.clone())

        features = input_shape[-1]
        for gate in "zrh":
            kernel = weight(f"W_{gate}", (features, self.units), self.kernel_initializer)
            recurrent = weight(f"U_{gate}", (self.units, self.units), self.recurrent_initializer)
            setattr(self, f"W_{gate}", kernel)
            setattr(self, f"U_{gate}", recurrent)
        for name in bias_names(self.reset) if self.use_bias else ():
            setattr(self, name, weight(name, (self.units,), self.bias_initializer))
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        """Return the output and the new states.

        Args:
            inputs: x_t, `(B, F)`.
            states: `[h_{t-1}]`, each `(B, units)`; a bare tensor will do.

        Returns:
            `h_t` and `[h_t]`.
        """
        ops = keras.ops
        h = states[0] if isinstance(states, (list, tuple)) else states
        # One product serves all gates that read the same operands, [x, h] [[W], [U]]: at these
        # sizes it is half again as fast as W x + U h.
        x, both = inputs, ops.concatenate([inputs, h], axis=1)
        if self.reset == "before":
            zr = ops.matmul(both, _stack([self.W_z, self.W_r], [self.U_z, self.U_r]))
            z, r = ops.split(ops.sigmoid(self._add(zr, "b_z", "b_r")), 2, axis=1)
            x_rh = ops.concatenate([x, r * h], axis=1)
            h_tilde = ops.tanh(self._add(ops.matmul(x_rh, _stack([self.W_h], [self.U_h])), "b_h"))
        else:
            zero_W, zero_U = ops.zeros_like(self.W_h), ops.zeros_like(self.U_h)
            W = [self.W_z, self.W_r, self.W_h, zero_W]
            U = [self.U_z, self.U_r, zero_U, self.U_h]
            zr, xW_h, hU_h = ops.split(
                ops.matmul(both, _stack(W, U)), [2 * self.units, 3 * self.units], axis=1
            )
            z, r = ops.split(ops.sigmoid(self._add(zr, "b_z", "b_r")), 2, axis=1)
            h_tilde = ops.tanh(self._add(xW_h, "b_h") + r * self._add(hU_h, "c_h"))
        h = (1 - z) * h + z * h_tilde
        return h, [h]

    def _add(self, product: Any, *biases: str) -> Any:
        """Add biases, side by side, if there are any."""
        if not self.use_bias:
            return product
        return product + keras.ops.concatenate([getattr(self, name) for name in biases], axis=0)

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return `[h_0]`, zeros of shape `(B, units)` in the compute dtype."""
        return [keras.ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this cell."""
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            "units": self.units,
            "reset": self.reset,
            "use_bias": self.use_bias,
            "kernel_initializer": serialize(self.kernel_initializer),
            "recurrent_initializer": serialize(self.recurrent_initializer),
            "bias_initializer": serialize(self.bias_initializer),
        }


def _stack(W: list[Any], U: list[Any]) -> Any:
    """Return [[W...], [U...]], the matrix that [x, h] is multiplied with."""
    ops = keras.ops
    return ops.concatenate([ops.concatenate(W, axis=1), ops.concatenate(U, axis=1)], axis=0)


def bias_names(reset: str) -> tuple[str, ...]:
    """Return the names of the biases of a reset variant."""
    return ("b_z", "b_r", "b_h", "c_h") if reset == "after" else ("b_z", "b_r", "b_h")


def gru_step(
    weights: Weights, x: NDArray[Any], h: NDArray[Any], reset: str = "before"
) -> NDArray[Any]:
    """Return h_t by the published equations in NumPy, in the dtype of the arguments.

    Args:
        weights: arrays named as in `GRUCell`; absent biases count as zero.
        x: x_t, `(B, F)`.
        h: h_{t-1}, `(B, units)`.
        reset: "before" or "after".

    Returns:
        h_t, `(B, units)`.
    """
    w = weights
    zero = np.zeros((), h.dtype)
    b_z, b_r, b_h, c_h = (w.get(name, zero) for name in ("b_z", "b_r", "b_h", "c_h"))
    z = sigmoid(x @ w["W_z"] + h @ w["U_z"] + b_z)
    r = sigmoid(x @ w["W_r"] + h @ w["U_r"] + b_r)
    if check_known("reset", reset, RESETS) == "before":
        h_tilde = np.tanh(x @ w["W_h"] + (r * h) @ w["U_h"] + b_h)
    else:
        h_tilde = np.tanh(x @ w["W_h"] + r * (h @ w["U_h"] + c_h) + b_h)
    h_t: NDArray[Any] = (1 - z) * h + z * h_tilde
    return h_t


def get_weights(cell: GRUCell) -> dict[str, NDArray[Any]]:
    """Return the weights of a built GRUCell by name, ready for `gru_step`."""
    return {variable.name: np.asarray(variable.value) for variable in cell.weights}


def set_weights(cell: GRUCell, weights: Weights) -> None:
    """Assign weights by name to a built GRUCell.

    Raises:
        UsageError: the names differ from the cell's.
    """
    own = [variable.name for variable in cell.weights]
    if set(own) != set(weights):
        raise UsageError(f"weights must be named {sorted(own)}, got {sorted(weights)}")
    for variable in cell.weights:
        variable.assign(weights[variable.name])


def to_keras(cell: GRUCell) -> Any:
    """Return the `keras.layers.GRUCell` that computes the same function.

    Keras writes h_t = z ∘ h_{t-1} + (1 - z) ∘ h̃_t, so W_z, U_z and b_z change their sign.

    Args:
        cell: a built GRUCell.
    """
    w = get_weights(cell)
    other = keras.layers.GRUCell(
        cell.units,
        use_bias=cell.use_bias,
        reset_after=cell.reset == "after",
        dtype=cell.dtype_policy,
        name=cell.name,
    )
    other.build((None, w["W_z"].shape[0]))
    arrays = [
        np.concatenate([-w["W_z"], w["W_r"], w["W_h"]], axis=1),
        np.concatenate([-w["U_z"], w["U_r"], w["U_h"]], axis=1),
    ]
    if cell.use_bias:
        bias = np.concatenate([-w["b_z"], w["b_r"], w["b_h"]])
        if cell.reset == "after":
            zeros = -np.zeros_like(w["b_z"])  # added to -0 it leaves -0, so the way back is exact
            bias = np.stack([bias, np.concatenate([zeros, zeros, w["c_h"]])])
        arrays.append(bias)
    other.set_weights(arrays)
    return other


def from_keras(cell: Any) -> GRUCell:
    """Return the GRUCell that computes the same function as a `keras.layers.GRUCell`.

    Where Keras keeps two biases for one gate, they become their sum, which is the only rounding.

    Args:
        cell: a built `keras.layers.GRUCell` with its default activations and no dropout.

    Raises:
        UsageError: it is something else; the published equations have no other activation.
    """
    if not isinstance(cell, keras.layers.GRUCell) or not cell.built:
        raise UsageError(f"from_keras takes a built keras.layers.GRUCell, got {cell!r}")
    given = (cell.activation.__name__, cell.recurrent_activation.__name__)
    if given != ("tanh", "sigmoid") or cell.dropout or cell.recurrent_dropout:
        raise UsageError(
            f"from_keras takes activations ('tanh', 'sigmoid') and no dropout, got {given}, "
            f"dropout={cell.dropout}, recurrent_dropout={cell.recurrent_dropout}"
        )
    arrays = [np.asarray(variable.value) for variable in (cell.kernel, cell.recurrent_kernel)]
    if cell.use_bias:
        arrays.append(np.asarray(cell.bias.value))
    signs = {"z": -1, "r": 1, "h": 1}
    weights: dict[str, NDArray[Any]] = {}
    for k, (gate, sign) in enumerate(signs.items()):
        columns = slice(k * cell.units, (k + 1) * cell.units)
        weights[f"W_{gate}"] = sign * arrays[0][:, columns]
        weights[f"U_{gate}"] = sign * arrays[1][:, columns]
        if cell.use_bias:
            rows = np.atleast_2d(arrays[2])[:, columns]
            after_h = cell.reset_after and gate == "h"
            weights[f"b_{gate}"] = sign * (rows[0] if after_h else reduce(np.add, rows))
            if after_h:
                weights["c_h"] = rows[1]
    own = GRUCell(
        cell.units,
        reset="after" if cell.reset_after else "before",
        use_bias=cell.use_bias,
        dtype=cell.dtype_policy,
        name=cell.name,
    )
    own.build((None, arrays[0].shape[0]))
    set_weights(own, weights)
    return own
