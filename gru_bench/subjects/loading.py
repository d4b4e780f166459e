"""Cells by name: `package.module:Name` to a class, of whatever framework, and back to the name.

Which framework a cell belongs to is read off what its module and its class have imported, so no
framework is imported to find out.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gru_bench.errors import FAULTS, UsageError, in_one_line, nearest
from gru_bench.outside.bounds import shown

KERAS, NUMPY, TORCH = "keras", "numpy", "torch"

#: What imports Keras and TensorFlow as the bench needs them.
_RUNTIME = "gru_bench.subjects.keras.runtime"

#: A line of a module that imports either, or the bench's own cell, which does.
_IMPORTS = re.compile(
    r"^\s*(?:import|from)\s+(?:keras|tensorflow|gru_bench\b.*\bGRUCell)", re.MULTILINE
)


class _StandardFirst(importlib.abc.MetaPathFinder):
    """Finds modules of the standard library where Python keeps them, not in the user's folder.

    Args:
        here: the user's folder.
    """

    def __init__(self, here: str) -> None:
        self._here = here

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return where a module is, None for modules that others find."""
        if path is not None or fullname not in sys.stdlib_module_names:
            return None
        elsewhere = [folder for folder in sys.path if folder not in ("", self._here)]
        return importlib.machinery.PathFinder.find_spec(fullname, elsewhere, target)


@contextlib.contextmanager
def import_from_here() -> Iterator[None]:
    """Let users name modules beside them, as `python -m` and pytest do.

    Only a file there that is called as a module of the standard library is none of it.
    """
    here = str(Path.cwd())
    standard = _StandardFirst(here)
    sys.path.insert(0, here)
    sys.meta_path.insert(0, standard)
    try:
        yield
    finally:
        sys.meta_path.remove(standard)
        with contextlib.suppress(ValueError):
            sys.path.remove(here)


def load(name: str, functions: bool = False) -> Any:
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
            "a cell is named package.module:Name, for example keras.layers:GRUCell, "
            f"got {shown(name)}"
        )
    start_framework(name)
    try:
        with import_from_here():
            module = importlib.import_module(module_name)
    except FAULTS as error:  # a user's module can fail in any way
        told = in_one_line(error)
        if isinstance(error, ModuleNotFoundError) and error.name == TORCH:
            told = 'PyTorch is not installed: pip install "gru_bench[torch]"'
        raise UsageError(f"cell {name!r} cannot be imported: {told}") from error
    finally:
        _settle_keras()
    if not hasattr(module, attribute):
        hint = nearest(attribute, (n for n in dir(module) if not n.startswith("_")))
        raise UsageError(f"module {module_name!r} has no {attribute!r}{hint}")
    found = getattr(module, attribute)
    if functions and inspect.isfunction(found):
        return found
    if not isinstance(found, type) or framework_of(found) is None:
        raise UsageError(
            f"{name!r} is not a recurrent cell: it must be a keras.layers.Layer or a "
            "torch.nn.Module class, or a class with parameters, initial_state and step"
        )
    return found


def start_framework(name: str) -> None:
    """Import Keras, as the bench needs it, where the module that a cell is in will import it.

    Args:
        name: `package.module:Name`.
    """
    module = name.partition(":")[0]
    own = module == "gru_bench" or module.partition(".")[0] == KERAS
    if own or any(map(_IMPORTS.search, _sources(module))):
        importlib.import_module(_RUNTIME)


def _sources(module: str) -> Iterator[str]:
    """Yield the source of a module and of the packages that it is in, without importing them."""
    parts, places = module.split("."), None
    for count in range(1, len(parts) + 1):
        with import_from_here():
            found = importlib.machinery.PathFinder.find_spec(".".join(parts[:count]), places)
        if found is None:
            return
        if found.has_location and found.origin is not None:
            with contextlib.suppress(OSError):
                yield Path(found.origin).read_text(encoding="utf-8", errors="replace")
        places = found.submodule_search_locations


def _settle_keras() -> None:
    """Bring Keras to the bench's settings where a module has imported it all the same."""
    if sys.modules.get(KERAS) is not None:
        importlib.import_module(_RUNTIME)


def framework_of(cell: Any) -> str | None:
    """Return the framework that a class or an object is of, None where it is no cell of any.

    Args:
        cell: anything.
    """
    kind = cell if isinstance(cell, type) else type(cell)
    for base in kind.__mro__:
        if base.__name__ == "Layer" and base.__module__.partition(".")[0] == KERAS:
            return KERAS
        if base.__name__ == "Module" and base.__module__ == "torch.nn.modules.module":
            return TORCH
    methods = (getattr(kind, name, None) for name in ("initial_state", "step"))
    # In other frameworks it is a method.
    is_dict = not callable(getattr(kind, "parameters", None))
    return NUMPY if is_dict and all(map(callable, methods)) else None


def framework_of_made(cell: Any, arguments: Mapping[str, Any]) -> str:
    """Return the framework of a cell, of what a function returns too.

    Args:
        cell: a class, a function that returns a cell, or an instance.
        arguments: for the function.

    Returns:
        Keras, whose adapter says what is missing, where it is no cell of any.
    """
    found = framework_of(cell)
    if found is None and not {KERAS, TORCH} & sys.modules.keys():
        return NUMPY if inspect.isroutine(cell) else KERAS
    if found is None and inspect.isroutine(cell):
        with contextlib.suppress(*FAULTS):  # the adapter tries again, and says what is wrong
            found = framework_of(cell(**_filled(cell, arguments)))
    return found or (KERAS if sys.modules.get(KERAS) or TORCH not in sys.modules else TORCH)


def _filled(function: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with a size for one that is missing: that of an input, perhaps."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in arguments]
    return {**arguments, **(dict.fromkeys(missing, 3) if len(missing) == 1 else {})}


def cell_name(cell: type[Any]) -> str:
    """Return the `package.module:Name` of a class, the public one of Keras's and of our own."""
    if cell.__module__.startswith("keras."):
        return f"keras.layers:{cell.__name__}"
    if cell.__module__.startswith("gru_bench."):
        return f"gru_bench:{cell.__name__}"
    return f"{cell.__module__}:{cell.__qualname__}"


def with_units(source: Any, arguments: Mapping[str, Any], units: int) -> dict[str, Any]:
    """Return arguments, with units where the class or the function takes them and has none.

    Args:
        source: a class, a function, or the name of one.
        arguments: that were given.
        units: where none were.
    """
    found = load(source, functions=True) if isinstance(source, str) else source
    # A class is asked for what its own code takes.
    maker = getattr(found, "__init__", found) if isinstance(found, type) else found
    takes = "units" in inspect.signature(maker).parameters
    return {**({"units": units} if takes else {}), **arguments}
