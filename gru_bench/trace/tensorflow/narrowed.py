"""What in a traced step is computed or kept in less than float64; laws' scripts hold it too."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.subjects.keras.runtime import tf


def narrowed(graph: Any) -> str:
    """Return what in a graph is computed or kept in less than float64; empty for nothing.

    A constant counts where it is a number of float32 whose shortest decimal in float32 is another
    number in float64: 0.1 written in float32 and widened is 0.10000000149011612.

    Args:
        graph: of a step in float64.
    """
    for operation in graph.get_operations():
        if operation.type != "Const":
            narrow = [t.dtype for t in operation.outputs if t.dtype.is_floating]
            narrow = [d for d in narrow if d != tf.float64]
            if narrow:
                return f"an operation {operation.type} in {narrow[0].name}"
        elif _is_used(operation):
            for value in tf.make_ndarray(operation.get_attr("value")).ravel()[:1024].tolist():
                if _was_float32(value):
                    return f"a constant {value!r}, which was rounded to float32"
    return ""


def _is_used(constant: Any) -> bool:
    """Return whether a constant is in float64, or is cast to it from less."""
    (made,) = constant.outputs
    if made.dtype == tf.float64:
        return bool(made.shape.num_elements() == 1)  # arrays hold what was drawn, in whatever dtype
    casts = [o for o in made.consumers() if o.type == "Cast"]
    return bool(made.dtype.is_floating) and any(o.outputs[0].dtype == tf.float64 for o in casts)


def _was_float32(value: float) -> bool:
    if not np.isfinite(value) or abs(value) > np.finfo(np.float32).max:
        return False
    rounded = np.float32(value)
    return float(rounded) == value and float(str(rounded)) != value
