"""What the operations of a specification mean, in NumPy.

Each takes its arguments as arrays and its attributes by name. Most are NumPy's own functions.
"""

# ruff: noqa: PLW0108 (attributes are handed over by name, and NumPy names them otherwise)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.corpus.spec import B, Layer, Spec, Step

Array = NDArray[Any]


def resolved(value: Any, batch: Any) -> Any:
    """Return an attribute with the number of rows in every place that asks for it."""
    if isinstance(value, tuple):
        return tuple(resolved(entry, batch) for entry in value)
    return batch if isinstance(value, str) and value == B else value


def index_of(entries: Sequence[Any]) -> tuple[Any, ...]:
    """Return Python's index: triples are slices, "..." the ellipsis, None a new axis."""
    return tuple(
        slice(*e) if isinstance(e, tuple) else Ellipsis if e == "..." else e for e in entries
    )


def _sigmoid(a: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-a)))


def _softmax(a: Array) -> Array:
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _norm(a: Array) -> Array:
    apart = a - a.mean(axis=-1, keepdims=True)
    return np.asarray(apart / np.sqrt((apart**2).mean(axis=-1, keepdims=True) + 0.125))


def _split(a: Array, sizes: tuple[int, ...], axis: int) -> tuple[Array, ...]:
    return tuple(np.split(a, np.cumsum(sizes)[:-1], axis=axis))


def _unstack(a: Array, axis: int) -> tuple[Array, ...]:
    return tuple(np.take(a, k, axis=axis) for k in range(a.shape[axis]))


def _matmul(a: Array, b: Array, ta: bool = False, tb: bool = False) -> Array:
    a = np.swapaxes(a, -1, -2) if ta else a
    return np.asarray(a @ (np.swapaxes(b, -1, -2) if tb else b))


def _reduce(function: Any) -> Callable[..., Array]:
    return lambda a, axis, keep=False: np.asarray(function(a, axis=axis, keepdims=keep))


OPERATIONS: dict[str, Callable[..., Any]] = {
    # moves
    "reshape": lambda a, shape: np.reshape(a, shape),
    "slice": lambda a, index: a[index_of(index)],
    "window": lambda a, begin, size: a[
        tuple(slice(b, b + n) for b, n in zip(begin, size, strict=True))
    ],
    "transpose": lambda a, perm: np.transpose(a, perm),
    "concat": lambda *parts, axis: np.concatenate(parts, axis=axis),
    "stack": lambda *parts, axis: np.stack(parts, axis=axis),
    "split": _split,
    "unstack": _unstack,
    "squeeze": lambda a, axes: np.squeeze(a, axis=axes),
    "expand": lambda a, axis: np.expand_dims(a, axis),
    "tile": lambda a, reps: np.tile(a, reps),
    "repeat": lambda a, times, axis: np.repeat(a, times, axis=axis),
    "broadcast": lambda a, shape: np.broadcast_to(a, shape),
    "gather": lambda a, indices, axis: np.take(a, np.array(indices, int), axis=axis),
    "reverse": lambda a, axes: np.flip(a, axes),
    "roll": lambda a, shift, axis: np.roll(a, shift, axis),
    "pad": lambda a, widths, value: np.pad(a, widths, constant_values=value),
    "same": lambda a: a,
    # constants
    "literal": lambda value, shape: np.array(value, float).reshape(shape),
    "full": lambda value, shape: np.full(shape, value, float),
    "like": lambda a, value: np.full_like(a, value),
    # arithmetic
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "square": np.square,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    # products
    "matmul": _matmul,
    "einsum": lambda a, b, equation: np.einsum(equation, a, b),
    "tensordot": lambda a, b, axes: np.tensordot(a, b, axes),
    # what no program has
    "exp": lambda a: np.exp(np.minimum(a, 50)),
    "div": lambda a, b: a / (2 + np.square(b)),
    "softmax": _softmax,
    "norm": _norm,
    "abs": np.abs,
    "maximum": np.maximum,
    "sign": np.sign,
    "cube": lambda a: a * a * a,
    "softplus": lambda a: np.logaddexp(a, 0),
    "cast": lambda a: np.float64(np.float32(a)),
    "where": lambda a, b, mask: np.where(np.array(mask, bool), a, b),
    "cumsum": lambda a, axis: np.cumsum(a, axis),
    "sort": lambda a, axis: np.sort(a, axis),
    "sum": _reduce(np.sum),
    "mean": _reduce(np.mean),
    "max": _reduce(np.max),
    "lower": lambda a: np.tril(a),
    # what depends on the batch
    "count": lambda value: np.array(value, float),
    "alone": lambda a, b, batch: a if batch == 1 else b,
}


def _dense(layer: Layer, weights: Mapping[str, Array], x: Array) -> Array:
    made = x @ weights["kernel"] + weights.get("bias", 0.0)
    return np.asarray(made if layer.activation == "linear" else OPERATIONS[layer.activation](made))


def _simple(_layer: Layer, w: Mapping[str, Array], x: Array, h: Array) -> Array:
    return np.tanh(x @ w["kernel"] + w.get("bias", 0.0) + h @ w["recurrent_kernel"])


def _gru(layer: Layer, w: Mapping[str, Array], x: Array, h: Array) -> Array:
    """Keras's: z keeps the state; with two biases the reset gate acts after the product."""
    n, after = layer.units, layer.kind == "gru-after"
    zero = np.zeros((2, 3 * n))
    bias = w.get("bias", zero) if after else np.stack([w.get("bias", zero[0]), zero[0]])
    W, U = w["kernel"], w["recurrent_kernel"]
    gates = _sigmoid((x @ W + bias[0])[:, : 2 * n] + (h @ U + bias[1])[:, : 2 * n])
    z, r = gates[:, :n], gates[:, n:]
    part = x @ W[:, 2 * n :] + bias[0, 2 * n :]
    kept = r * (h @ U[:, 2 * n :] + bias[1, 2 * n :]) if after else (r * h) @ U[:, 2 * n :]
    return np.asarray(z * h + (1 - z) * np.tanh(part + kept))


def _lstm(
    _layer: Layer, w: Mapping[str, Array], x: Array, h: Array, c: Array
) -> tuple[Array, Array]:
    made = x @ w["kernel"] + h @ w["recurrent_kernel"] + w.get("bias", 0.0)
    i, f, g, o = np.split(made, 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return np.asarray(_sigmoid(o) * np.tanh(c)), c


LAYERS: dict[str, Callable[..., Any]] = {
    "dense": _dense,
    "simple": _simple,
    "gru": _gru,
    "gru-after": _gru,
    "lstm": _lstm,
}


def apply(
    step: Step, arguments: Sequence[Any], batch: int, layers: Mapping[str, Any]
) -> tuple[Array, ...]:
    """Return the values that one operation makes.

    Args:
        step: the operation.
        arguments: its arguments' values.
        batch: B.
        layers: by name, a layer and its weights by name.
    """
    attributes = {key: resolved(value, batch) for key, value in step.attributes.items()}
    if step.op == "layer":
        layer, weights = layers[attributes["layer"]]
        made = LAYERS[layer.kind](layer, weights, *arguments)
    else:
        made = OPERATIONS[step.op](*arguments, **attributes)
    return made if isinstance(made, tuple) else (np.asarray(made),)


def all_values(
    spec: Spec, weights: Mapping[str, Array], x: Array, states: Sequence[Array]
) -> dict[str, Array]:
    """Return every value of a step by name, what is given among them.

    Args:
        spec: the cell.
        weights: by name, as in `Spec.weight_shapes`.
        x: `(B, features)`.
        states: `(B, n)` each.
    """
    values: dict[str, Array] = {"x": x, **{f"h{k}": h for k, h in enumerate(states)}, **weights}
    layers = {
        layer.name: (layer, {n: weights[f"{layer.name}.{n}"] for n in layer.weights})
        for layer in spec.layers
    }
    for step in spec.steps:
        arguments = [values[a] if isinstance(a, str) else a for a in step.arguments]
        made = apply(step, arguments, len(x), layers)
        values.update(zip(step.results, made, strict=True))
    return values


def evaluate(
    spec: Spec, weights: Mapping[str, Array], x: Array, states: Sequence[Array]
) -> tuple[Array, list[Array]]:
    """Return the output and the new states of a step; the arguments are those of `all_values`."""
    values = all_values(spec, weights, x, states)
    return values[spec.output], [values[name] for name in spec.new_states]
