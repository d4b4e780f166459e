"""TensorFlow's operations in NumPy, for replaying a traced step over many points at once.

Two tables. An elementwise operation takes arrays that broadcast. A structural one takes `lead`,
the number of leading axes (0 or 1) that its operands have in front of the axes TensorFlow knows.
Both also work for complex128, which the complex step needs: where TensorFlow compares numbers,
the real parts are compared, so a piecewise analytic function stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.numbers import sigmoid

Array = NDArray[Any]
Attributes = Mapping[str, Any]


def softplus(x: Array) -> Array:
    """Return log(1 + e^x) without overflow."""
    positive = np.where(x.real > 0, x, -x)
    result: Array = np.where(x.real > 0, x, 0) + np.log1p(np.exp(-positive))
    return result


def _choose(first: Array, second: Array, greater: bool) -> Array:
    if not np.iscomplexobj(first) and not np.iscomplexobj(second):
        best: Array = np.maximum(first, second) if greater else np.minimum(first, second)
        return best
    left = first.real >= second.real if greater else first.real <= second.real
    chosen: Array = np.where(left, first, second)
    return chosen


def _elu(x: Array, scale: float = 1.0, alpha: float = 1.0) -> Array:
    negative = np.where(x.real > 0, 0, x)
    result: Array = scale * np.where(x.real > 0, x, alpha * np.expm1(negative))
    return result


def _cast(attributes: Attributes, x: Array) -> Array:
    dtype = np.dtype(attributes["DstT"].as_numpy_dtype)
    if np.iscomplexobj(x) and dtype.kind == "f":
        return x
    return x.astype(dtype)


def _add_n(*arrays: Array) -> Array:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _plain(function: Any) -> Callable[..., Array]:
    """Return an entry for an operation without attributes."""
    return lambda _attributes, *arrays: function(*arrays)


def _compared(function: Callable[..., Any]) -> Callable[..., Array]:
    return lambda _attributes, a, b: function(a.real, b.real)


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    **{
        name: _plain(function)
        for name, function in {
            "Add": np.add,
            "AddV2": np.add,
            "Sub": np.subtract,
            "Mul": np.multiply,
            "RealDiv": np.divide,
            "DivNoNan": lambda a, b: np.where(b == 0, 0, a / np.where(b == 0, 1, b)),
            "Neg": np.negative,
            "Square": np.square,
            "SquaredDifference": lambda a, b: np.square(a - b),
            "Sqrt": np.sqrt,
            "Rsqrt": lambda x: 1 / np.sqrt(x),
            "Reciprocal": lambda x: 1 / x,
            "Exp": np.exp,
            "Expm1": np.expm1,
            "Log": np.log,
            "Log1p": np.log1p,
            "Sin": np.sin,
            "Cos": np.cos,
            "Pow": np.power,
            "Tanh": np.tanh,
            "Sigmoid": sigmoid,
            "Softplus": softplus,
            "Softsign": lambda x: x / (1 + np.where(x.real > 0, x, -x)),
            "Relu": lambda x: np.where(x.real > 0, x, 0),
            "Relu6": lambda x: np.where(x.real > 6, 6, np.where(x.real > 0, x, 0)),
            "Elu": _elu,
            "Selu": lambda x: _elu(x, 1.0507009873554805, 1.6732632423543772),
            "Abs": lambda x: np.where(x.real < 0, -x, x),
            "Sign": lambda x: np.sign(x.real),
            "Maximum": lambda a, b: _choose(a, b, True),
            "Minimum": lambda a, b: _choose(a, b, False),
            "ClipByValue": lambda x, a, b: _choose(_choose(x, a, True), b, False),
            "SelectV2": np.where,
            "AddN": _add_n,
            "LogicalAnd": np.logical_and,
            "LogicalOr": np.logical_or,
            "LogicalNot": np.logical_not,
            "Equal": np.equal,
            "NotEqual": np.not_equal,
            "ZerosLike": np.zeros_like,
            "OnesLike": np.ones_like,
            "TanhGrad": lambda y, dy: dy * (1 - y * y),
            "SigmoidGrad": lambda y, dy: dy * y * (1 - y),
            "ReluGrad": lambda dy, x: np.where(x.real > 0, dy, 0),
            "SoftplusGrad": lambda dy, x: dy * sigmoid(x),
        }.items()
    },
    **{
        name: _compared(function)
        for name, function in {
            "Greater": np.greater,
            "GreaterEqual": np.greater_equal,
            "Less": np.less,
            "LessEqual": np.less_equal,
        }.items()
    },
    "Cast": _cast,
    "LeakyRelu": lambda attributes, x: np.where(x.real > 0, x, attributes["alpha"] * x),
}


def _axis(axis: Any, rank: int, lead: int) -> int:
    """Return a NumPy axis for TensorFlow's, counted among `rank` axes after the leading ones."""
    value = int(axis)
    return (value + rank if value < 0 else value) + lead


def _identity(_attributes: Attributes, _lead: int, *arrays: Array) -> list[Array]:
    return list(arrays)


def _concat(_attributes: Attributes, lead: int, *arrays: Array) -> list[Array]:
    *parts, axis = arrays
    return [np.concatenate(parts, axis=_axis(axis, parts[0].ndim - lead, lead))]


def _split(attributes: Attributes, lead: int, axis: Array, x: Array) -> list[Array]:
    where = _axis(axis, x.ndim - lead, lead)
    width = x.shape[where] // attributes["num_split"]
    before = (slice(None),) * where
    return [x[(*before, slice(k, k + width))] for k in range(0, x.shape[where], width)]


def _split_v(
    _attributes: Attributes, lead: int, x: Array, sizes: Array, axis: Array
) -> list[Array]:
    where = _axis(axis, x.ndim - lead, lead)
    lengths = [int(size) for size in sizes]
    if -1 in lengths:
        lengths[lengths.index(-1)] = x.shape[where] - sum(lengths) - 1
    return np.split(x, np.cumsum(lengths)[:-1], axis=where)


def _reshape(_attributes: Attributes, lead: int, x: Array, shape: Array) -> list[Array]:
    return [x.reshape((*x.shape[:lead], *(int(n) for n in shape)))]


def _squeeze(attributes: Attributes, lead: int, x: Array) -> list[Array]:
    rank = x.ndim - lead
    dims = attributes["squeeze_dims"] or [k for k in range(rank) if x.shape[k + lead] == 1]
    return [np.squeeze(x, axis=tuple(_axis(k, rank, lead) for k in dims))]


def _expand_dims(_attributes: Attributes, lead: int, x: Array, axis: Array) -> list[Array]:
    return [np.expand_dims(x, _axis(axis, x.ndim - lead + 1, lead))]


def _transpose(_attributes: Attributes, lead: int, x: Array, order: Array) -> list[Array]:
    return [np.transpose(x, (*range(lead), *(int(k) + lead for k in order)))]


def _pack(attributes: Attributes, lead: int, *arrays: Array) -> list[Array]:
    axis = _axis(attributes["axis"], arrays[0].ndim - lead + 1, lead)
    return [np.stack(arrays, axis=axis)]


def _unpack(attributes: Attributes, lead: int, x: Array) -> list[Array]:
    axis = _axis(attributes["axis"], x.ndim - lead, lead)
    return [np.take(x, k, axis=axis) for k in range(x.shape[axis])]


def _strided_slice(
    attributes: Attributes, lead: int, x: Array, begin: Array, end: Array, strides: Array
) -> list[Array]:
    index = strided_index(attributes, begin, end, strides)
    return [x[(slice(None),) * lead + index]]


def strided_index(
    attributes: Attributes, begin: Array, end: Array, strides: Array
) -> tuple[Any, ...]:
    """Return the Python index that a StridedSlice's masks and bounds stand for."""
    index: list[Any] = []
    for k, (first, last, stride) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << k
        if attributes["ellipsis_mask"] & bit:
            index.append(Ellipsis)
        elif attributes["new_axis_mask"] & bit:
            index.append(None)
        elif attributes["shrink_axis_mask"] & bit:
            index.append(int(first))
        else:
            start = None if attributes["begin_mask"] & bit else int(first)
            stop = None if attributes["end_mask"] & bit else int(last)
            index.append(slice(start, stop, int(stride)))
    return tuple(index)


def _strided_slice_grad(
    attributes: Attributes,
    lead: int,
    shape: Array,
    begin: Array,
    end: Array,
    strides: Array,
    dy: Array,
) -> list[Array]:
    result = np.zeros((*dy.shape[:lead], *(int(n) for n in shape)), dy.dtype)
    result[(slice(None),) * lead + strided_index(attributes, begin, end, strides)] = dy
    return [result]


def _slice(_attributes: Attributes, lead: int, x: Array, begin: Array, size: Array) -> list[Array]:
    index = tuple(
        slice(int(b), None if s == -1 else int(b) + int(s))
        for b, s in zip(begin, size, strict=True)
    )
    return [x[(slice(None),) * lead + index]]


def _tile(_attributes: Attributes, lead: int, x: Array, multiples: Array) -> list[Array]:
    return [np.tile(x, (1,) * lead + tuple(int(m) for m in multiples))]


def _broadcast_to(_attributes: Attributes, lead: int, x: Array, shape: Array) -> list[Array]:
    target = tuple(int(n) for n in shape)
    aligned = x.reshape((*x.shape[:lead], *(1,) * (len(target) - x.ndim + lead), *x.shape[lead:]))
    return [np.broadcast_to(aligned, (*x.shape[:lead], *target))]


def _reduce(function: Callable[..., Any]) -> Callable[..., list[Array]]:
    def reduce(attributes: Attributes, lead: int, x: Array, axes: Array) -> list[Array]:
        rank = x.ndim - lead
        where = tuple(_axis(axis, rank, lead) for axis in np.atleast_1d(axes))
        return [np.asarray(function(x, axis=where, keepdims=attributes["keep_dims"]))]

    return reduce


def _matmul(attributes: Attributes, _lead: int, a: Array, b: Array) -> list[Array]:
    if attributes.get("transpose_a") or attributes.get("adj_x"):
        a = np.swapaxes(a, -1, -2)
    if attributes.get("transpose_b") or attributes.get("adj_y"):
        b = np.swapaxes(b, -1, -2)
    return [a @ b]


def _softmax(_attributes: Attributes, _lead: int, x: Array) -> list[Array]:
    e = np.exp(x - x.real.max(axis=-1, keepdims=True))
    return [e / e.sum(axis=-1, keepdims=True)]


def _bias_gradient(_attributes: Attributes, lead: int, dy: Array) -> list[Array]:
    return [dy.sum(axis=tuple(range(lead, dy.ndim - 1)))]


def _shape(_attributes: Attributes, lead: int, x: Array) -> list[Array]:
    return [np.array(x.shape[lead:], np.int32)]


#: Moves entries without arithmetic: these also carry a weight perturbed in one entry.
MOVES: dict[str, Callable[..., list[Array]]] = {
    "Identity": _identity,
    "IdentityN": _identity,
    "StopGradient": _identity,
    "PreventGradient": _identity,
    "Snapshot": _identity,
    "ReadVariableOp": _identity,
    "ConcatV2": _concat,
    "Split": _split,
    "SplitV": _split_v,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "ExpandDims": _expand_dims,
    "Transpose": _transpose,
    "Pack": _pack,
    "Unpack": _unpack,
    "StridedSlice": _strided_slice,
    "Slice": _slice,
}

STRUCTURAL: dict[str, Callable[..., list[Array]]] = {
    **MOVES,
    "StridedSliceGrad": _strided_slice_grad,
    "Tile": _tile,
    "BroadcastTo": _broadcast_to,
    "Sum": _reduce(np.sum),
    "Mean": _reduce(np.mean),
    "Max": _reduce(np.max),
    "Min": _reduce(np.min),
    "Prod": _reduce(np.prod),
    "MatMul": _matmul,
    "BatchMatMulV2": _matmul,
    "Softmax": _softmax,
    "BiasAddGrad": _bias_gradient,
    "Shape": _shape,
}
