"""Functions of numbers that several rooms need: one sigmoid for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x) in the dtype of x, real or complex, without overflow."""
    if np.iscomplexobj(x):
        half: Array = 0.5 + 0.5 * np.tanh(0.5 * x)
        return half
    with np.errstate(over="ignore"):  # 1 / ∞ is the zero that is meant
        result: Array = np.asarray(np.exp(np.negative(x)))
    result += 1
    return np.reciprocal(result, out=result)
