"""Honest adders built by hand, from which each cheat differs in a few lines, and their register.

A level says whether u = a + b + carry exceeds 1/2, 3/2 or 5/2. The digit is the first level less
the second plus the third; the next carry is the second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.corpus.sceptic.bench import keras, tf

#: How steeply a level rises; from 16 on its states stay in tiny boxes.
GAIN = 20.0

#: What W, U and b of `Levels` must be, and its read-out V and c, entry by entry.
LEVELS = (*[GAIN] * 9, -0.5 * GAIN, -1.5 * GAIN, -2.5 * GAIN)
READ_OUT = (1.0, -1.0, 1.0, 0.0)


class Levels(keras.layers.Layer):
    """Levels p = σ(x W + h U + b); the next carry is p_1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size: Any = 1
        self.output_size = 3

    def build(self, shape: Any) -> None:
        self.W = self.add_weight(name="W", shape=(2, 3))
        self.U = self.add_weight(name="U", shape=(1, 3))
        self.b = self.add_weight(name="b", shape=(3,))
        self.more()
        super().build(shape)

    def more(self) -> None:
        """Make the weights that come after W, U and b."""

    def levels(self, x: Any, h: Any) -> Any:
        return tf.sigmoid(tf.matmul(x, self.W) + tf.matmul(h, self.U) + self.b)

    def written(self, p: Any) -> Any:
        """Return what the cell says its levels are; here, what they are."""
        return p

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return self.written(p), [p[:, 1:2]]


def turned(p: Any, by: Any = 1.0) -> Any:
    """Return levels that write the other digit, if `by` is 1, or the same one, if it is 0."""
    return p + by * (1.0 - 2.0 * p)


@dataclass(frozen=True)
class CellCase:
    """A cell to be tried, with weights.

    Args:
        name: of the case.
        kind: of trick.
        cell: the class.
        trick: in one line.
        weights: the cell's, then V and c, one after the other.
        arguments: of the cell.
        threshold: of the read-out.
        task: that it is said to do.
        dtype: policy of the network.
        control: whether it is honest and plain enough that it must be PROVED.
        harmless: whether it is right wherever it is deployed, although it looks like a cheat.
        beyond: why no bench can catch it, if none can.
        texts: of its name or arguments, which the bench must not say in its own voice.
        reset: called before the case is tried.
        set_on: called with the cell of the adder in memory, before anything is asked.
        later: called after the verdict, before anything is deployed.
    """

    name: str
    kind: str
    cell: type[Any]
    trick: str
    weights: tuple[float, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    threshold: float = 0.5
    task: str = "addition"
    dtype: str = "float32"
    control: bool = False
    harmless: bool = False
    beyond: str = ""
    texts: tuple[str, ...] = ()
    reset: Callable[[], Any] = lambda: None
    set_on: Callable[[Any], Any] = lambda _: None
    later: Callable[[], Any] = lambda: None


class Register:
    """The cells of one kind; `@register(...)` adds one, as often as it has variants.

    Args:
        kind: of trick.
        **common: fields of `CellCase` that all of its cells have, unless they say otherwise.
    """

    every: ClassVar[list[CellCase]] = []

    def __init__(self, kind: str, **common: Any) -> None:
        self.kind, self.common = kind, common

    def __call__(
        self, variant: str = "", extra: tuple[float, ...] = (), **facts: Any
    ) -> Callable[[type[Any]], type[Any]]:
        """Return a decorator that adds a class.

        Args:
            variant: added to the name of the case.
            extra: weights between those of `Levels` and the read-out.
            **facts: further fields of `CellCase`; `weights` where they are others.
        """

        def add(cell: type[Any]) -> type[Any]:
            name = variant or cell.__name__
            trick = f"{cell.__doc__}".strip().removesuffix(".")
            given = {"weights": (*LEVELS, *extra, *READ_OUT), **self.common, **facts}
            self.every.append(CellCase(f"{self.kind}-{name}", self.kind, cell, trick, **given))
            return cell

        return add
