"""Activations of Keras as functions of NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.subjects.keras.runtime import keras, tf


def activation_of(activation: Any) -> tuple[Any, str]:
    """Return an activation as a function of NumPy arrays, and its name where it is Keras's own.

    Args:
        activation: a function, its name, or its configuration.

    Raises:
        ValueError: Keras knows no such activation.
    """
    found = keras.activations.get(activation)
    name = getattr(found, "__name__", "")
    own = getattr(keras.activations, name, None) is found
    return lambda x: np.asarray(found(tf.constant(x, "float64")), np.float64), name if own else ""
