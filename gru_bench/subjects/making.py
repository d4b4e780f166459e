"""Subjects made of cells, by the adapter of the framework that a cell is of."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from gru_bench.subjects.loading import framework_of_made, load

#: Frameworks whose activations are known, where the process has started them.
FRAMEWORKS = ("keras",)


def is_subject(cell: Any) -> bool:
    """Return whether something is a cell behind NumPy already.

    Args:
        cell: anything.
    """
    return not isinstance(cell, type) and hasattr(cell, "step_with")


def make_subject(
    cell: Any,
    arguments: Mapping[str, Any] | None = None,
    input_size: int | None = None,
    dtype: str = "float64",
    training: bool = False,
    seed: int | None = None,
) -> Any:
    """Return the subject for a cell, its class, its `package.module:Name`, or a function.

    Args:
        cell: what to adapt; a subject is returned as it is.
        arguments: for the constructor, where `cell` is a class, a name or a function.
        input_size: F; 2 for a new cell where it is None.
        dtype: of a new cell.
        training: whether dropout and the like are active.
        seed: from which the framework draws a new cell's weights; None goes on where it is.

    Raises:
        UsageError: the cell cannot be imported, made or run.
    """
    if is_subject(cell):
        return cell
    adapter = _adapter(cell, arguments)
    if seed is not None:
        adapter.reseed(seed)
    return adapter.make_subject(cell, arguments, input_size, dtype, training)


def opened(
    cell: Any, arguments: Mapping[str, Any] | None = None, input_size: int | None = None
) -> tuple[Any, str]:
    """Return one step of a cell that is made small, in double precision where it can, and its name.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance.
        arguments: for the class or the function.
        input_size: F; found out where it is None.

    Raises:
        UsageError: it cannot be made or run.
    """
    found: tuple[Any, str] = _adapter(cell, arguments).opened(cell, arguments, input_size)
    return found


def activation_of(activation: Any) -> tuple[Any, str]:
    """Return an activation as a function of NumPy arrays, and its name where it is the framework's.

    Args:
        activation: a function, its name, or its configuration, as a cell keeps it.

    Raises:
        ValueError: the framework knows no such activation.
    """
    for framework in FRAMEWORKS:
        if framework in sys.modules:
            adapter = importlib.import_module(f"gru_bench.subjects.{framework}.activation")
            found: tuple[Any, str] = adapter.activation_of(activation)
            return found
    if callable(activation):
        return activation, ""
    raise ValueError(f"no activation is called {activation!r}")


def _adapter(cell: Any, arguments: Mapping[str, Any] | None) -> Any:
    found = load(cell, functions=True) if isinstance(cell, str) else cell
    framework = framework_of_made(found, arguments or {})
    return importlib.import_module(f"gru_bench.subjects.{framework}.making")
