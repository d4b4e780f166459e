"""How Keras and TensorFlow spell each operation of a specification, in all the usual ways."""

# ruff: noqa: PLW0108 (attributes are handed over by name, and frameworks name them otherwise)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_bench.subjects.keras.runtime import keras, tf
from tests.corpus.reference import index_of
from tests.corpus.spec import B, Step

ops = keras.ops
activations = keras.activations

#: Computed in: all literals are made in it.
DTYPE = "float64"


@dataclass(frozen=True)
class Way:
    """One spelling.

    Args:
        name: in source.
        call: takes arguments and attributes.
        fits: whether it can be used for them; None for always.
    """

    name: str
    call: Callable[..., Any]
    fits: Callable[..., bool] | None = None


def _rank(value: Any) -> int:
    return len(getattr(value, "shape", ()))


def _first(a: Any, _b: Any) -> bool:
    """Return whether TensorFlow can tell the dtype by the first operand."""
    return not isinstance(a, float)


def _tensors(a: Any, b: Any) -> bool:
    return not isinstance(a, float) and not isinstance(b, float)


def _like(a: Any, b: Any) -> bool:
    return _tensors(a, b) and tuple(a.shape) == tuple(b.shape)


def _bias(a: Any, b: Any) -> bool:
    return _tensors(a, b) and _rank(a) in (2, 3, 4) and _rank(b) == 1 and a.shape[-1] == b.shape[0]


def _ways(**calls: Any) -> list[Way]:
    """Return the ways named `tf_name`, `ops_name`: an underscore stands for the first dot."""
    return [Way(name.replace("_", ".", 1), call) for name, call in calls.items()]


def _swapped(perm: tuple[int, ...]) -> list[int]:
    return [k for k, place in enumerate(perm) if k != place]


def _to_the_end(size: tuple[Any, ...]) -> list[int]:
    """Return a size with -1 for the number of rows: all that there are."""
    return [n if isinstance(n, int) else -1 for n in size]


def _cuts(sizes: tuple[int, ...]) -> list[int]:
    return [int(n) for n in np.cumsum(sizes)[:-1]]


def _equal(_a: Any, sizes: tuple[int, ...], **_: Any) -> bool:
    return len(set(sizes)) == 1


def _array(value: tuple[float, ...], shape: tuple[int, ...]) -> Any:
    return np.array(value, DTYPE).reshape(shape)


def _turned(a: Any, turn: bool) -> Any:
    return ops.swapaxes(a, -1, -2) if turn else a


def _norm(a: Any) -> Any:
    apart = a - ops.mean(a, axis=-1, keepdims=True)
    return apart / ops.sqrt(ops.mean(ops.square(apart), axis=-1, keepdims=True) + 0.125)


MOVES: dict[str, list[Way]] = {
    "reshape": _ways(
        tf_reshape=lambda a, shape: tf.reshape(a, shape),
        ops_reshape=lambda a, shape: ops.reshape(a, shape),
    ),
    "slice": _ways(
        index=lambda a, index: a[index_of(index)],
        tensor_index=lambda a, index: tf.convert_to_tensor(a)[index_of(index)],
    ),
    "window": _ways(
        tf_slice=lambda a, begin, size: tf.slice(a, begin, _to_the_end(size)),
        tf_slice_all=lambda a, begin, size: tf.slice(a, begin, list(size)),
        ops_slice=lambda a, begin, size: ops.slice(a, begin, list(size)),
    ),
    "transpose": [
        Way("tf.transpose", lambda a, perm: tf.transpose(a, perm)),
        Way("ops.transpose", lambda a, perm: ops.transpose(a, perm)),
        Way(
            "tf.transpose all",
            lambda a, perm: tf.transpose(a),  # noqa: ARG005
            lambda _a, perm: perm == tuple(reversed(range(len(perm)))),
        ),
        Way(
            "ops.swapaxes",
            lambda a, perm: ops.swapaxes(a, *_swapped(perm)),
            lambda _a, perm: len(_swapped(perm)) == 2,
        ),
    ],
    "concat": _ways(
        tf_concat=lambda *parts, axis: tf.concat(parts, axis),
        ops_concatenate=lambda *parts, axis: ops.concatenate(parts, axis),
    ),
    "stack": _ways(
        tf_stack=lambda *parts, axis: tf.stack([tf.convert_to_tensor(p) for p in parts], axis),
        ops_stack=lambda *parts, axis: ops.stack(list(map(tf.convert_to_tensor, parts)), axis),
    ),
    "split": [
        Way("tf.split", lambda a, sizes, axis: tf.split(a, sizes, axis)),
        Way("ops.split", lambda a, sizes, axis: ops.split(a, _cuts(sizes), axis)),
        Way("tf.split equal", lambda a, sizes, axis: tf.split(a, len(sizes), axis), _equal),
        Way("ops.split equal", lambda a, sizes, axis: ops.split(a, len(sizes), axis), _equal),
    ],
    "unstack": _ways(
        tf_unstack=lambda a, axis: tf.unstack(a, axis=axis),
        ops_unstack=lambda a, axis: ops.unstack(a, axis=axis),
    ),
    "squeeze": _ways(
        tf_squeeze=lambda a, axes: tf.squeeze(a, axes),
        ops_squeeze=lambda a, axes: ops.squeeze(a, axes),
    ),
    "expand": _ways(tf_expand_dims=tf.expand_dims, ops_expand_dims=ops.expand_dims),
    "tile": _ways(
        tf_tile=lambda a, reps: tf.tile(a, reps), ops_tile=lambda a, reps: ops.tile(a, reps)
    ),
    "repeat": _ways(
        tf_repeat=lambda a, times, axis: tf.repeat(a, times, axis),
        ops_repeat=lambda a, times, axis: ops.repeat(a, times, axis),
    ),
    "broadcast": _ways(tf_broadcast_to=tf.broadcast_to, ops_broadcast_to=ops.broadcast_to),
    "gather": _ways(
        tf_gather=lambda a, indices, axis: tf.gather(a, indices, axis=axis),
        ops_take=lambda a, indices, axis: ops.take(a, np.array(indices), axis=axis),
    ),
    "reverse": _ways(
        tf_reverse=lambda a, axes: tf.reverse(a, axes), ops_flip=lambda a, axes: ops.flip(a, axes)
    ),
    "roll": _ways(tf_roll=tf.roll, ops_roll=ops.roll),
    "pad": _ways(
        tf_pad=lambda a, widths, value: tf.pad(a, widths, constant_values=value),
        ops_pad=lambda a, widths, value: ops.pad(a, widths, constant_values=value or None),
    ),
    "same": _ways(
        tf_identity=tf.identity,
        tf_stop_gradient=tf.stop_gradient,
        ops_convert_to_tensor=ops.convert_to_tensor,
    ),
}

CONSTANTS: dict[str, list[Way]] = {
    "literal": _ways(
        tf_constant=lambda value, shape: tf.constant(_array(value, shape)),
        np_array=_array,
        ops_convert_to_tensor=lambda value, shape: ops.convert_to_tensor(_array(value, shape)),
    ),
    "full": _ways(
        tf_fill=lambda value, shape: tf.fill(shape, tf.constant(value, DTYPE)),
        ops_full=lambda value, shape: ops.full(shape, value, DTYPE),
    ),
    "like": _ways(
        tf_like=lambda a, value: (tf.ones_like if value else tf.zeros_like)(a),
        ops_like=lambda a, value: (ops.ones_like if value else ops.zeros_like)(a),
        ops_full_like=lambda a, value: ops.full_like(a, value),
    ),
}

ARITHMETIC: dict[str, list[Way]] = {
    "add": [
        Way("+", lambda a, b: a + b),
        Way("tf.add", tf.add, _first),
        Way("ops.add", ops.add),
        Way("tf.add_n", lambda a, b: tf.add_n([a, b]), _like),
        Way("tf.nn.bias_add", tf.nn.bias_add, _bias),
    ],
    "sub": [
        Way("-", lambda a, b: a - b),
        Way("tf.subtract", tf.subtract, _first),
        Way("ops.subtract", ops.subtract),
    ],
    "mul": [
        Way("*", lambda a, b: a * b),
        Way("tf.multiply", tf.multiply, _first),
        Way("ops.multiply", ops.multiply),
        Way(
            "tf.math.scalar_mul",
            lambda a, b: tf.math.scalar_mul(a, tf.convert_to_tensor(b)),
            lambda a, _: isinstance(a, float),
        ),
    ],
    "neg": [Way("-", lambda a: -a), *_ways(tf_negative=tf.negative, ops_negative=ops.negative)],
    "square": [
        Way("a * a", lambda a: a * a),
        *_ways(tf_square=tf.square, ops_square=ops.square),
    ],
    **{
        name: [
            Way(f"tf.nn.{name}", getattr(tf.nn, name)),
            Way(f"ops.{name}", getattr(ops, name)),
            Way(f"keras.activations.{name}", getattr(activations, name)),
        ]
        for name in ("sigmoid", "tanh", "relu")
    },
}

PRODUCTS: dict[str, list[Way]] = {
    "matmul": [
        Way(
            "tf.matmul",
            lambda a, b, ta=False, tb=False: tf.matmul(a, b, transpose_a=ta, transpose_b=tb),
        ),
        Way(
            "ops.matmul",
            lambda a, b, ta=False, tb=False: ops.matmul(_turned(a, ta), _turned(b, tb)),
        ),
        Way("@", lambda a, b: a @ b, lambda _a, _b, **flags: not flags),
        Way("ops.dot", ops.dot, lambda a, b, **flags: not flags and _rank(a) == _rank(b) == 2),
    ],
    "einsum": _ways(
        tf_einsum=lambda a, b, equation: tf.einsum(equation, a, b),
        ops_einsum=lambda a, b, equation: ops.einsum(equation, a, b),
    ),
    "tensordot": _ways(tf_tensordot=tf.tensordot, ops_tensordot=ops.tensordot),
}

STRANGE: dict[str, list[Way]] = {
    "exp": _ways(ops_exp=lambda a: ops.exp(ops.minimum(a, 50.0))),
    "div": _ways(
        tf_divide=lambda a, b: tf.divide(a, 2.0 + tf.square(b)),
        ops_divide=lambda a, b: ops.divide(a, 2.0 + ops.square(b)),
    ),
    "softmax": _ways(tf_nn_softmax=tf.nn.softmax, ops_softmax=ops.softmax),
    "norm": _ways(norm=_norm),
    "abs": _ways(tf_abs=tf.abs, ops_abs=ops.abs),
    "maximum": _ways(tf_maximum=tf.maximum, ops_maximum=ops.maximum),
    "sign": _ways(tf_sign=tf.sign, ops_sign=ops.sign),
    "cube": _ways(tf_pow=lambda a: tf.pow(a, 3), ops_power=lambda a: ops.power(a, 3)),
    "softplus": _ways(tf_nn_softplus=tf.nn.softplus, ops_softplus=ops.softplus),
    "cast": _ways(
        tf_cast=lambda a: tf.cast(tf.cast(a, "float32"), DTYPE),
        ops_cast=lambda a: ops.cast(ops.cast(a, "float32"), DTYPE),
    ),
    "where": _ways(
        tf_where=lambda a, b, mask: tf.where(np.array(mask, bool), a, b),
        ops_where=lambda a, b, mask: ops.where(np.array(mask, bool), a, b),
    ),
    "cumsum": _ways(tf_cumsum=tf.cumsum, ops_cumsum=ops.cumsum),
    "sort": _ways(tf_sort=tf.sort, ops_sort=ops.sort),
    "sum": _ways(
        tf_reduce_sum=lambda a, axis, keep=False: tf.reduce_sum(a, axis, keep),
        ops_sum=lambda a, axis, keep=False: ops.sum(a, axis, keep),
    ),
    "mean": _ways(
        tf_reduce_mean=lambda a, axis, keep=False: tf.reduce_mean(a, axis, keep),
        ops_mean=lambda a, axis, keep=False: ops.mean(a, axis, keep),
    ),
    "max": _ways(
        tf_reduce_max=lambda a, axis, keep=False: tf.reduce_max(a, axis, keep),
        ops_max=lambda a, axis, keep=False: ops.max(a, axis, keepdims=keep),
    ),
    "lower": _ways(tf_band_part=lambda a: tf.linalg.band_part(a, -1, 0), ops_tril=ops.tril),
}

BATCHED: dict[str, list[Way]] = {
    "count": _ways(
        tf_cast=lambda value: tf.cast(value, DTYPE),
        ops_cast=lambda value: ops.cast(value, DTYPE),
    ),
    "alone": [
        Way("a if B == 1 else b", lambda a, b, batch: a if batch == 1 else b),
        Way("tf.where(B == 1, a, b)", lambda a, b, batch: tf.where(tf.equal(batch, 1), a, b)),
    ],
}

WAYS = {**MOVES, **CONSTANTS, **ARITHMETIC, **PRODUCTS, **STRANGE, **BATCHED}


def rows_asked(seed: int, way: int, x: Any) -> Any:
    """Return the number of rows: one cell in ten asks for what must be known when it is traced."""
    if seed % 10 == 9:
        return x.shape[0]
    return ops.shape(x)[0] if way & 2**8 else tf.shape(x)[0]


def spelled(step: Step, arguments: list[Any], attributes: dict[str, Any]) -> Way:
    """Return the way in which an operation is spelled for these arguments."""
    ways = [w for w in WAYS[step.op] if w.fits is None or w.fits(*arguments, **attributes)]
    return ways[step.way % len(ways)]


def mentions(value: Any) -> bool:
    """Return whether an attribute depends on B."""
    if isinstance(value, Mapping):
        return any(map(mentions, value.values()))
    if isinstance(value, tuple):
        return any(map(mentions, value))
    return isinstance(value, str) and value == B
