"""A module with its weights laid open one by one, as equations look at cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.subjects.torch.runtime import to_numpy

if TYPE_CHECKING:
    from gru_bench.subjects.protocol import Array


#: Where bases are that say nothing of what a module computes.
_OTHERS = ("builtins", "torch", "typing")


class Variable:
    """One weight, or buffer, that can be read and assigned.

    Args:
        subject: that has it.
        name: of the weight.
    """

    def __init__(self, subject: Any, name: str) -> None:
        self._subject = subject
        self.name, self.path = name, name.replace(".", "/")

    @property
    def value(self) -> Array:
        """The numbers."""
        return to_numpy(self._subject.every()[self.name])

    @property
    def dtype(self) -> str:
        """The name of its dtype."""
        return str(self._subject.every()[self.name].dtype).removeprefix("torch.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self._subject.every()[self.name].shape)

    def assign(self, value: Any) -> None:
        """Set it."""
        self._subject.put({self.name: value})


class Opened:
    """A module whose weights are variables, and that can be called.

    Args:
        subject: the module.
    """

    def __init__(self, subject: Any) -> None:
        shown = {k: v for k, v in vars(subject.own).items() if not k.startswith("_")}
        self.__dict__.update(shown)
        self._subject = subject
        self.name = type(subject.own).__name__
        self.state_size = [int(np.prod(shape)) for shape in subject.state_shapes]
        self.compute_dtype = subject.dtype

    @property
    def weights(self) -> list[Variable]:
        """All weights and buffers of real numbers."""
        return [Variable(self._subject, name) for name in self._subject.every()]

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that learn."""
        return [Variable(self._subject, name) for name in self._subject.named()]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Those that do not."""
        learning = set(self._subject.named())
        return [v for v in self.weights if v.name not in learning]

    def __call__(self, x: Any, states: Any) -> tuple[Array, list[Array]]:
        """Return the output and the new states of one step."""
        given = np.asarray(x), [np.asarray(s) for s in states]
        made: tuple[Array, list[Array]] = self._subject.call(*given)
        return made


def opened(subject: Any) -> Opened:
    """Return a module as an opened cell, of a class of the same name and docstring.

    Args:
        subject: the module.
    """
    kind = type(subject.own)
    # What it is built on says what it should compute.
    bases = [b for b in kind.__mro__[1:] if b.__module__.partition(".")[0] not in _OTHERS]
    named = [type(b.__name__, (), {"__module__": b.__module__}) for b in bases]
    made: Opened = type(kind.__name__, (Opened, *named), {"__doc__": kind.__doc__})(subject)
    return made
