"""What Python keeps between two calls of a cell: a step that changes it is no function.

TensorFlow's trace shows what a step does to variables, not what its Python code does: count calls,
fill a list, draw from a generator. Such a step may do something else the next time.
"""

from __future__ import annotations

import os
import random
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.subjects.keras.reach import is_framework, names_of, own_classes, reachable
from gru_bench.subjects.keras.runtime import keras, tf

#: How deep, and how many values of one container are looked at.
_DEPTH, _MANY = 6, 1000


def check_pure(cell: Any, act: Callable[[], Any], what: str = "step") -> None:
    """Refuse a cell whose step, or whose making, changes what Python keeps.

    Args:
        cell: a Keras layer.
        act: calls it, or makes another one. It is called once before anything is compared, since
            layers may build and keep things at their first call.
        what: of the cell it is.

    Raises:
        UsageError: something that the cell can see differs after a second call; it is named.
    """
    act()
    before = dict(_state(cell))
    act()
    after = dict(_state(cell))
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            raise UsageError(
                f"the {what} is not a function of weights, input and states: it changes {name}"
            )


def _state(cell: Any) -> Iterator[tuple[str, Any]]:
    """Return what the cell's code can see and change, by name."""
    yield "Python's random numbers", hash(random.getstate())
    yield "NumPy's random numbers", _fingerprint(np.random.get_state(), _DEPTH, set())  # noqa: NPY002
    for layer in cell._flatten_layers():
        kind = type(layer).__name__
        for name, value in vars(layer).items():
            yield f"{name!r} of {kind}", _fingerprint(value, _DEPTH, {id(layer)})
        for owner in own_classes(layer):
            yield from _of_class(owner)
    yield "the environment", sorted(os.environ.items())
    yield "something that its code can reach", reachable(cell)


def _of_class(owner: type[Any]) -> Iterator[tuple[str, Any]]:
    """Return a class's own attributes, and what its methods keep or look up."""
    for name, value in list(vars(owner).items()):
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            for what, seen in _seen_by(function):
                yield f"{what!r} of {owner.__name__}.{name}", seen
        elif not name.startswith("__"):
            yield f"{name!r} of class {owner.__name__}", _fingerprint(value, _DEPTH, set())


def _seen_by(function: types.FunctionType, depth: int = 2) -> Iterator[tuple[str, Any]]:
    """Return defaults, closure and global data of a function, and of those that it calls."""
    yield "defaults", _fingerprint((function.__defaults__, function.__kwdefaults__), _DEPTH, set())
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        yield name, _fingerprint(_content(cell), _DEPTH, set())
    for name in names_of(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, types.FunctionType):
            if depth and not is_framework(value.__module__ or ""):
                yield from _seen_by(value, depth - 1)
        elif value is not None and not isinstance(value, (types.ModuleType, type)):
            yield name, _fingerprint(value, _DEPTH, set())


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _fingerprint(value: Any, depth: int, within: set[int]) -> Any:  # noqa: PLR0911
    """Return something that differs where a value has changed."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return type(value).__name__, repr(value)
    if not depth or id(value) in within:
        return type(value).__name__
    array = _array(value)
    if array is not None:
        return array.shape, array.dtype.str, array.tobytes()
    within = within | {id(value)}

    def inside(part: Any) -> Any:
        return _fingerprint(part, depth - 1, within)

    if isinstance(value, Mapping):
        entries = list(value.items())[:_MANY]
        return len(value), tuple((repr(key)[:100], inside(entry)) for key, entry in entries)
    if isinstance(value, (list, tuple)):
        return len(value), tuple(map(inside, value[:_MANY]))
    if isinstance(value, (set, frozenset)):
        return len(value), tuple(sorted(map(repr, value))[:_MANY])
    return _of_object(value, inside)


def _of_object(value: Any, inside: Callable[[Any], Any]) -> Any:  # noqa: PLR0911
    """Return what differs where an object of any other kind has changed."""
    if isinstance(value, types.GeneratorType):
        frame = value.gi_frame
        return frame and (frame.f_lasti, inside(dict(frame.f_locals)))
    if isinstance(value, np.random.Generator):
        return inside(value.bit_generator.state)
    if isinstance(value, random.Random):
        return inside(value.getstate())
    if isinstance(value, types.MethodType):
        return inside(value.__self__)
    if isinstance(value, (types.FunctionType, types.ModuleType, type)):
        return value.__name__
    if isinstance(value, keras.layers.Layer):  # looked at by itself
        return type(value).__name__
    if hasattr(value, "__next__") or hasattr(value, "maxlen"):  # counters, queues
        return repr(value)
    kept = getattr(value, "__dict__", None)
    if kept is None or is_framework(type(value).__module__):
        return type(value).__name__
    return type(value).__name__, inside(dict(kept))


def _array(value: Any) -> Any:
    """Return the numbers of an array, a tensor or a variable, None for anything else."""
    if isinstance(value, np.ndarray):
        return value if value.dtype != object else None
    if isinstance(value, keras.Variable):
        value = value.value
    if isinstance(value, (tf.Variable, tf.Tensor)) and hasattr(value, "numpy"):
        if value.dtype in (tf.resource, tf.variant, tf.string):
            return None
        return np.asarray(value.numpy())
    return None
