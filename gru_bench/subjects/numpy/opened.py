"""A cell written in NumPy with its weights laid open one by one, as equations look at cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gru_bench.subjects.protocol import Array


class Variable:
    """One weight that can be read and assigned.

    Args:
        cell: that has it.
        name: of the weight.
    """

    def __init__(self, cell: Opened, name: str) -> None:
        self._cell = cell
        self.name = self.path = name

    @property
    def value(self) -> Array:
        """The numbers."""
        return np.asarray(self._cell.read()[self.name])

    @property
    def dtype(self) -> str:
        """The name of its dtype."""
        return str(self.value.dtype.name)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self.value.shape)

    def assign(self, value: Any) -> None:
        """Replace it."""
        self._cell.put({self.name: np.array(value, self.dtype)})


class Opened:
    """A cell whose weights are variables, and that can be called.

    Args:
        own: the user's object, whose attributes are seen too.
        read: returns its weights by name.
        put: replaces some.
        call: takes one step.
        sizes: of its states.
        dtype: in which it computes.
    """

    def __init__(
        self,
        own: Any,
        read: Any,
        put: Any,
        call: Any,
        sizes: Sequence[int],
        dtype: str,
    ) -> None:
        shown = {k: v for k, v in vars(own).items() if not isinstance(v, (Mapping, np.ndarray))}
        self.__dict__.update(shown)
        self.read, self.put, self._call = read, put, call
        self.name, self.state_size, self.compute_dtype = type(own).__name__, list(sizes), dtype

    @property
    def weights(self) -> list[Variable]:
        """All weights."""
        return [Variable(self, name) for name in self.read()]

    @property
    def trainable_variables(self) -> list[Variable]:
        """All weights: each may learn."""
        return self.weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """None."""
        return []

    def __call__(self, x: Any, states: Any) -> tuple[Array, list[Array]]:
        """Return the output and the new states of one step."""
        made: tuple[Array, list[Array]] = self._call(np.asarray(x), [np.asarray(s) for s in states])
        return made


def opened(own: Any, **parts: Any) -> Opened:
    """Return a user's object as an opened cell, of a class of the same name and docstring.

    Args:
        own: the object.
        **parts: what `Opened` takes besides.
    """
    kind = type(type(own).__name__, (Opened,), {"__doc__": type(own).__doc__})
    made: Opened = kind(own, **parts)
    return made
