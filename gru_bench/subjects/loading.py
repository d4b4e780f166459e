"""Cells by name: `package.module:Name` to a class, a class to a cell, and back to the name."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gru_bench.errors import UsageError, in_one_line, nearest
from gru_bench.subjects.keras.runtime import keras


@contextlib.contextmanager
def import_from_here() -> Iterator[None]:
    """Let users name modules beside them, as `python -m` and pytest do."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(here)


def load_cell_class(name: str, functions: bool = False) -> Any:
    """Return the class that `package.module:Name` names; the current folder is searched too.

    Args:
        name: for example "gru_bench:GRUCell", "keras.layers:LSTMCell" or "my_cells:MyGRU".
        functions: whether it may also be a function that returns a cell.

    Raises:
        UsageError: it cannot be imported, is not there, or is not a recurrent cell.
    """
    module_name, separator, attribute = name.partition(":")
    if not separator or not module_name or not attribute:
        raise UsageError(
            f"a cell is named package.module:Name, for example keras.layers:GRUCell, got {name!r}"
        )
    try:
        with import_from_here():
            module = importlib.import_module(module_name)
    except Exception as error:  # a user's module can fail in any way
        raise UsageError(f"cell {name!r} cannot be imported: {in_one_line(error)}") from error
    if not hasattr(module, attribute):
        hint = nearest(attribute, (n for n in dir(module) if not n.startswith("_")))
        raise UsageError(f"module {module_name!r} has no {attribute!r}{hint}")
    found = getattr(module, attribute)
    if functions and inspect.isfunction(found):
        return found
    if not isinstance(found, type) or not issubclass(found, keras.layers.Layer):
        raise UsageError(f"{name!r} is not a recurrent cell: it must be a keras.layers.Layer class")
    return found


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
    found = load_cell_class(cell) if isinstance(cell, str) else cell
    name = cell if isinstance(cell, str) else found.__name__
    try:
        made = found(**arguments, dtype=dtype)
    except Exception as error:
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
    try:
        accepted = list(inspect.signature(made.call).parameters)
    except (AttributeError, TypeError, ValueError):
        accepted = []
    if len(accepted) < 2:
        raise UsageError(f"{name!r} is not a recurrent cell: it has no call(inputs, states)")


def cell_name(cell: type[Any]) -> str:
    """Return the `package.module:Name` of a class, the public one of Keras's and of our own."""
    if cell.__module__.startswith("keras."):
        return f"keras.layers:{cell.__name__}"
    if cell.__module__.startswith("gru_bench."):
        return f"gru_bench:{cell.__name__}"
    return f"{cell.__module__}:{cell.__qualname__}"
