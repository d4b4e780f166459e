"""All that a cell's Python code can reach, wherever it hides: for seeing whether a call changed it.

Whatever an attribute, a closure, a default, a global name, a class or an object of any kind leads
to is followed, as the garbage collector follows it. Frameworks and the standard library are not.
"""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections.abc import Iterator
from typing import Any

from gru_bench.subjects.keras.runtime import keras, tf

#: Packages whose own state is not looked at.
FRAMEWORKS = ("keras", "tensorflow", "numpy", "builtins", "abc", "typing")

#: Objects that are looked at, at most.
_MOST = 50_000

#: The largest batch, and how many sizes, that a cell is run with because its code names them.
_LARGEST, _SIZES = 4096, 96

_NUMBERS = {
    bool: bool.__repr__,
    int: int.__repr__,
    float: float.__repr__,
    complex: complex.__repr__,
}


def is_framework(module: str | None) -> bool:
    """Return whether a module belongs to a framework or to the standard library."""
    first = (module or "").partition(".")[0]
    return first in FRAMEWORKS or first in sys.stdlib_module_names


def own_classes(layer: Any) -> list[type[Any]]:
    """Return the classes that a layer is made of and that are no framework's."""
    return [owner for owner in type(layer).__mro__ if not is_framework(owner.__module__)]


def names_of(code: types.CodeType) -> Iterator[str]:
    """Return the names that code looks up, functions within it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_of(constant)


def numbers_of(code: types.CodeType) -> Iterator[int]:
    """Return the integers that stand in code, in functions within it and in tuples."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from numbers_of(constant)
        elif isinstance(constant, (tuple, frozenset)):
            yield from (part for part in constant if isinstance(part, int))
        elif isinstance(constant, int):
            yield constant


def sizes_named(cell: Any) -> tuple[int, ...]:
    """Return the sizes of a batch at which a cell may do something else, by what its code names.

    A step that does so at one size, or from one on, compares with a number: these are that number
    and its neighbours, for every integer that the code can reach, the smallest first.

    Args:
        cell: a Keras layer.
    """
    numbers = {int(leaf[1]) for leaf in reachable(cell) if leaf[0] == "int"}
    sizes = {size for n in numbers for size in (n - 1, n, n + 1) if 1 <= size <= _LARGEST}
    return tuple(sorted(sizes)[:_SIZES])


def reachable(cell: Any) -> list[Any]:
    """Return the numbers, texts and bytes that a cell's code can reach, in a fixed order."""
    stack: list[Any] = [cell]
    seen: dict[int, Any] = {}  # keeps what it has seen alive, so that no number is used twice
    leaves: list[Any] = []
    while stack and len(seen) < _MOST:
        value = stack.pop()
        leaf = _leaf(value)
        if leaf is not None:
            leaves.append(leaf)
        elif id(value) not in seen:
            seen[id(value)] = value
            stack.extend(_within(value))
    return leaves


def _leaf(value: Any) -> Any:
    """Return what a value is, if it leads nowhere; whatever it says of itself."""
    for kind, show in _NUMBERS.items():
        if isinstance(value, kind):
            return kind.__name__, show(value)
    if isinstance(value, (str, bytes)):
        return type(value).__name__, hash(value)
    try:
        return "bytes", hash(memoryview(value).tobytes())
    except (TypeError, ValueError, NotImplementedError, BufferError):
        return None


def _within(value: Any) -> list[Any]:  # noqa: PLR0911
    """Return what a value leads to."""
    if isinstance(value, keras.layers.Layer):
        return [vars(value), *own_classes(value)]
    if isinstance(value, keras.Variable):
        return [{k: v for k, v in vars(value).items() if k != "_value"}]
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return []
    if isinstance(value, types.FunctionType):
        return _of_function(value)
    if isinstance(value, (type, types.ModuleType)):
        name = value.__module__ if isinstance(value, type) else value.__name__
        return [] if is_framework(name) else list(vars(value).values())
    if isinstance(value, functools._lru_cache_wrapper):
        return [*value.cache_info(), value.__wrapped__]
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return gc.get_referents(value)
    if is_framework(type(value).__module__) and not _is_plain(value):
        # Of a framework's own objects only what is written on them.
        held = getattr(value, "__dict__", {})
        return [v for v in held.values() if _leaf(v) is not None]
    return gc.get_referents(value)


def _is_plain(value: Any) -> bool:
    """Return whether a value is a container, a method or the like, not a framework's object."""
    return type(value).__module__.partition(".")[0] not in ("keras", "tensorflow", "numpy")


def _of_function(function: types.FunctionType) -> list[Any]:
    """Return defaults, closure, attributes and the global names that a function looks up."""
    if is_framework(function.__module__):
        return []
    looked_up = [function.__globals__.get(name) for name in names_of(function.__code__)]
    return [
        function.__defaults__,
        function.__kwdefaults__,
        function.__dict__,
        *(function.__closure__ or ()),
        *looked_up,
        *numbers_of(function.__code__),
    ]
