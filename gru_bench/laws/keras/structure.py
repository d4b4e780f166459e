"""Entries of weights that a cell leaves out on purpose: by a mask, a band, or a look-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS
from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.tensorflow.traced import traced_step

Mask = NDArray[np.bool_]

#: Operations that hand a weight on as it is.
_SAME = frozenset(["Identity", "Cast", "ReadVariableOp", "StopGradient"])

#: Operations that choose among the entries of a weight.
_CHOOSING = frozenset(
    [
        "MatrixBandPart",
        "MatrixSetDiagV3",
        "MatrixDiagPartV3",
        "GatherV2",
        "GatherNd",
        "ResourceGather",
        "SelectV2",
        "Select",
        "ScatterNd",
        "TensorScatterUpdate",
    ]
)


def left_out(subject: KerasSubject) -> dict[str, Mask]:
    """Return which entries of each weight a traced step masks, or may choose not to read.

    Args:
        subject: the cell.
    """
    names = subject.parameter_names
    found = {name: np.zeros(shape, bool) for name, shape in subject.parameter_shapes.items()}
    try:
        step = traced_step(subject, 1)
        inputs = list(step.concrete.graph.inputs)
        known = dict(zip([t.ref() for t in inputs[len(names) :]], step.frozen, strict=False))
        for name, tensor in zip(names, inputs, strict=False):
            _follow(tensor, found[name], known)
    except FAULTS:  # a user's cell can fail in any way; then nothing is said to be left out
        return found
    return found


def _follow(tensor: Any, mask: Mask, known: dict[Any, Any]) -> None:
    for operation in tensor.consumers():
        if operation.type in _CHOOSING:
            mask[...] = True
        elif operation.type in _SAME:
            _follow(operation.outputs[0], mask, known)
        elif operation.type == "Mul":
            other = next((t for t in operation.inputs if t is not tensor), None)
            value = None if other is None else _value(other, known)
            if value is not None and value.shape == mask.shape:
                mask |= value == 0


def _value(tensor: Any, known: dict[Any, Any]) -> Any:
    """Return the array that a tensor of a graph is, None where that depends on arguments."""
    if tensor.ref() in known:
        return np.asarray(known[tensor.ref()])
    operation = tensor.op
    if operation.type == "Const":
        return np.asarray(tf.make_ndarray(operation.get_attr("value")))
    if operation.type in _SAME:
        return _value(operation.inputs[0], known)
    return None
