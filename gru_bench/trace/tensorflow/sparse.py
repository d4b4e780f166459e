"""Operations on weights of which each point displaces at most one entry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.rows import Rows, Sparse, Value
from gru_bench.trace.tensorflow.node import Node

Array = NDArray[Any]


def destinations(function: Any, node: Node, bases: list[Array], k: int) -> Any:
    """Return, for each result, where each entry of operand k goes (-1: nowhere).

    None where an entry goes to several places, or the operand holds no entries to move.
    """
    if bases[k].dtype.kind not in "fc":
        return None
    labels = [np.zeros(b.shape, np.int64) if b.dtype.kind in "fc" else b for b in bases]
    labels[k] = np.arange(1, bases[k].size + 1).reshape(bases[k].shape)
    found = []
    for result in function(node.attributes, 0, *labels):
        flat = result.reshape(-1)
        (places,) = np.nonzero(flat)
        if len(np.unique(flat[places])) != len(places):
            return None
        goes = np.full(bases[k].size, -1)
        goes[flat[places] - 1] = places
        found.append(goes)
    return found


def gather_moved(result: Array, moved: list[tuple[Any, Any]]) -> Value:
    """Return a result with the displaced entries that were moved there, each with where it went."""
    rows, positions, deltas, count = [], [], [], 0
    for value, goes in moved:
        to = goes[value.positions]
        stays = to >= 0
        rows.append(value.rows[stays])
        positions.append(to[stays])
        deltas.append(value.deltas[stays])
        count = value.count
    if not sum(len(r) for r in rows):
        return result
    return Sparse(
        result, count, np.concatenate(rows), np.concatenate(positions), np.concatenate(deltas)
    )


def sparse_product(attributes: dict[str, Any], operands: list[Value]) -> Value | None:
    """Return a @ b where b has displaced entries, as rows `(P, B, n)`."""
    a, b = operands
    if not isinstance(b, Sparse) or isinstance(a, Sparse):
        return None
    if any(attributes[key] for key in ("transpose_a", "transpose_b")):
        return None
    i, j = np.divmod(b.positions, b.base.shape[1])
    if isinstance(a, Rows):
        points, batch, width = a.array.shape
        out = (a.array.reshape(points * batch, width) @ b.base).reshape(points, batch, -1)
        change = b.deltas[:, None] * a.array[b.rows, :, i]
    else:
        shared = (a @ b.base)[None]
        out = np.repeat(shared, b.count, axis=0)
        change = b.deltas[:, None] * a[:, i].T
    out = out.astype(np.result_type(out, change), copy=False)
    out[b.rows, :, j] += change
    return Rows(out)


def sparse_sum(operands: list[Value]) -> Value | None:
    """Return a + b where one is a row of biases with displaced entries."""
    a, b = operands
    if isinstance(a, Sparse):
        a, b = b, a
    if isinstance(a, Sparse) or not isinstance(b, Sparse) or b.base.size != b.base.shape[-1]:
        return None
    array = a.array if isinstance(a, Rows) else np.broadcast_to(a, (b.count, *np.shape(a)))
    if array.ndim - 1 < b.base.ndim or array.shape[-1] != b.base.size:
        return None
    out = array + b.base.reshape(-1).astype(b.dtype)
    out[b.rows, ..., b.positions] += b.deltas.reshape(-1, *(1,) * (out.ndim - 2))
    return Rows(out)
