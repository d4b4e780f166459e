"""Keras cells by name: loaded, made, and refused where they are none or not to be trusted."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.outside.bounds import MOST_STATE, shown
from gru_bench.outside.text import one_line
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.loading import load

#: Modules of the frameworks, and of the bench, whose cells are made without being trusted first.
_KNOWN = ("gru_bench", "keras.layers")
#: Where a description of an object may say that its class is: what starts weights and keeps them
#: in bounds is computed by, and opens nothing.
_HARMLESS = frozenset(f"keras.{kind}" for kind in ("initializers", "regularizers", "constraints"))


def load_cell_class(name: str, functions: bool = False) -> Any:
    """Return the class that `package.module:Name` names; the current folder is searched too.

    Args:
        name: for example "gru_bench:GRUCell", "keras.layers:LSTMCell" or "my_cells:MyGRU".
        functions: whether it may also be a function that returns a cell.

    Raises:
        UsageError: it cannot be imported, is not there, or is not a recurrent cell.
    """
    found = load(name, functions)
    if functions and inspect.isfunction(found):
        return found
    if not issubclass(found, keras.layers.Layer):
        raise UsageError(f"{name!r} is not a recurrent cell: it must be a keras.layers.Layer class")
    return found


def takes_dtype(source: Any) -> bool:
    """Return whether a class or a function takes a dtype."""
    # Of a class's __init__: early releases of Python 3.11 show Keras's __new__ instead.
    maker = getattr(source, "__init__", None) if isinstance(source, type) else source
    takes = inspect.signature(maker or source).parameters
    return "dtype" in takes or any(p.kind is p.VAR_KEYWORD for p in takes.values())


@contextlib.contextmanager
def default_policy(dtype: str) -> Iterator[None]:
    """Let layers that are given no dtype take this one.

    Args:
        dtype: a Keras dtype policy.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_cell(cell: str | type[Any], arguments: Mapping[str, Any], dtype: str = "float32") -> Any:
    """Return a new, unbuilt cell.

    Args:
        cell: a class, or its name as `load_cell_class` takes it.
        arguments: for its constructor.
        dtype: a Keras dtype policy.

    Raises:
        UsageError: the constructor refuses the arguments (its message is given), or what it makes
            is not a cell: a cell has `state_size` and `call(inputs, states)`.
    """
    found = load_cell_class(cell, functions=True) if isinstance(cell, str) else cell
    name = cell if isinstance(cell, str) else found.__name__
    try:
        if takes_dtype(found):
            made = found(**arguments, dtype=dtype)
        else:  # layers have Keras's own where they are given none
            with default_policy(dtype):
                made = found(**arguments)
    except FAULTS as error:
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items()) or "no arguments"
        raise UsageError(f"cell {name!r} refused {given}: {in_one_line(error)}") from error
    if isinstance(made, keras.layers.RNN):
        raise UsageError(f"{name!r} is a whole layer, not a cell: did you mean {name}Cell?")
    check_is_cell(made, name)
    return made


def check_is_cell(made: Any, name: str) -> None:
    """Refuse what is not a recurrent cell.

    Args:
        made: by a user's class or function.
        name: what the user calls it.

    Raises:
        UsageError: it has no `state_size` or no `call(inputs, states)`.
    """
    if not hasattr(made, "state_size"):
        raise UsageError(f"{name!r} is not a recurrent cell: it has no state_size")
    size = _numbers_in(made.state_size)
    if size > MOST_STATE:
        raise UsageError(f"{name!r} keeps {size} numbers a step, at most {MOST_STATE} are accepted")
    try:
        accepted = list(inspect.signature(made.call).parameters)
    except (AttributeError, TypeError, ValueError):
        accepted = []
    if len(accepted) < 2:
        raise UsageError(f"{name!r} is not a recurrent cell: it has no call(inputs, states)")


def _numbers_in(size: Any) -> int:
    """Return how many numbers states of these sizes hold, as far as it can be told."""
    if isinstance(size, int):
        return size
    try:
        flat = keras.tree.flatten(size)
    except Exception:  # a user's cell may say anything; what it is worth is seen when it runs
        return 0
    return sum(part for part in flat if isinstance(part, int))


def check_trusted(name: str, arguments: Mapping[str, Any], trust: Sequence[str] = ()) -> None:
    """Refuse a cell that a file names and the user does not, before anything of it is imported.

    Args:
        name: `package.module:Name`, as a file has it.
        arguments: for its constructor, as a file has them.
        trust: modules, or cells in them, that the user has named.

    Raises:
        UsageError: it is no cell of the bench or of Keras and its module is not trusted, or an
            argument describes an object that may be more than numbers.
    """
    module, _, attribute = name.partition(":")
    _check_arguments(arguments)
    if name in trust or module in trust:
        return
    if module not in _KNOWN:
        raise UsageError(
            f"its cell is {shown(name)}, whose code would be run: "
            f"trust its module first (--trust {one_line(module)[:100]})"
        )
    found = getattr(importlib.import_module(module), attribute, None)
    # A class with this method is a cell by Keras's protocol; other layers may open files.
    if not isinstance(found, type) or not hasattr(found, "get_initial_state"):
        raise UsageError(f"{shown(name)} is not a recurrent cell")
    if issubclass(found, keras.layers.RNN):
        raise UsageError(f"{shown(name)} is a whole layer, not a cell")


def _check_arguments(value: Any) -> None:
    """Refuse descriptions of objects, which Keras would make, but for those that are harmless."""
    if isinstance(value, Mapping):
        if {"class_name", "module", "registered_name"} & value.keys():
            described, kind = value.get("module"), value.get("class_name")
            named = isinstance(kind, str) and kind.isidentifier() and not kind.startswith("_")
            if described not in _HARMLESS or not named or value.get("registered_name"):
                raise UsageError(f"its cell has an argument that describes a {shown(kind)} object")
        for inner in value.values():
            _check_arguments(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_arguments(inner)
