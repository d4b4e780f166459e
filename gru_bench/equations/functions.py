"""The functions in the equations: activations by their usual names, and what normalises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gru_bench.numbers import sigmoid

Function = Callable[..., Any]


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _positive(x: Any) -> Any:
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def _selu(x: Any) -> Any:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


#: Activations by Keras's names where it has them; `positive` is g of minGRU (2410.01201, B.3.1).
ACTIVATIONS: Mapping[str, Function] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_sigmoid 0.2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": _selu,
    "silu": lambda x: x * sigmoid(x),
    "gelu": _gelu,
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "sin": np.sin,
    "exponential": np.exp,
    "positive": _positive,
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "arctan": np.arctan,
    "tanh 2/3": lambda x: 1.7159 * np.tanh(2 * x / 3),
    "x / sqrt(1 + x²)": lambda x: x / np.sqrt(1 + x**2),
}

#: What nobody writes for tanh by mistake, as a sigmoid or no function at all may be written.
CHOSEN = tuple(
    name
    for name in ACTIVATIONS
    if name not in ("tanh", "relu", "linear", "positive") and "sigmoid" not in name
)


def norm(epsilon: float) -> Function:
    """Return the function (a - mean) / sqrt(variance + ε) over the last axis.

    Args:
        epsilon: ε.

    Returns:
        Mean and variance are those of the first argument and of any further ones together: of
        gates that lie side by side.
    """

    def normalised(a: Any, *beside: Any) -> Any:
        arrays = np.broadcast_arrays(a, *beside)
        whole = np.concatenate(arrays, axis=-1)
        mean = whole.mean(axis=-1, keepdims=True)
        variance = ((whole - mean) ** 2).mean(axis=-1, keepdims=True)
        return (arrays[0] - mean) / np.sqrt(variance + epsilon)

    return normalised


#: What has one meaning only.
FIXED: Mapping[str, Function] = {
    "exp": np.exp,
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "logistic": sigmoid,
    "tanh": np.tanh,
    "largest": np.maximum,
    "clip": lambda x, limit: np.clip(x, -limit, limit),
    "batch_sum": lambda x: np.broadcast_to(x.sum(axis=-2, keepdims=True), x.shape),
    "batch_mean": lambda x: np.broadcast_to(x.mean(axis=-2, keepdims=True), x.shape),
    "transposed": lambda x: np.swapaxes(x, -1, -2),
}
