"""Cells that are built: by `build`, and where that leaves layers within unbuilt, by a call."""

from __future__ import annotations

from typing import Any

from gru_bench.subjects.keras.runtime import keras, tf


def initial_states(cell: Any, batch: Any) -> Any:
    """Return the states before the first step as the cell nests them.

    Args:
        cell: a Keras cell; where it does not say what it begins with, it begins with zeros.
        batch: B, an integer or a tensor of one.
    """
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch)

    def zeros(size: Any) -> Any:
        shape = size if isinstance(size, (list, tuple)) else (size,)
        return tf.zeros((batch, *shape), cell.compute_dtype)

    sizes = cell.state_size
    if isinstance(sizes, dict):
        return {name: zeros(size) for name, size in sizes.items()}
    return [zeros(size) for size in (sizes if isinstance(sizes, (list, tuple)) else [sizes])]


def build(cell: Any, features: int) -> None:
    """Build a cell for inputs of so many features, all that is in it included.

    Args:
        cell: a Keras cell, built or not.
        features: F.
    """
    if not cell.built:
        cell.build((None, features))
    finish(cell, features)


def finish(cell: Any, features: int) -> None:
    """Call a cell once where layers within it have no weights yet: the first call makes them."""
    if is_late(cell):
        cell(tf.zeros((1, features), cell.compute_dtype), initial_states(cell, 1))


def is_late(cell: Any) -> bool:
    """Return whether a cell that `build` was called of still has layers that are not built."""
    return any(not layer.built for layer in cell._flatten_layers())


def of_other_dtype(cell: Any) -> list[str]:
    """Return the names of the layers within a cell that compute in another dtype than it does."""
    within = cell._flatten_layers(include_self=False)
    return [one.name for one in within if one.compute_dtype != cell.compute_dtype]


def kind_of(value: Any) -> str:
    """Return what a cell returned where one tensor was expected, in a few words."""
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(str, value))}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def is_tensor(value: Any) -> bool:
    """Return whether a value is one tensor."""
    return bool(keras.ops.is_tensor(value)) or hasattr(value, "__array__")
