"""One operation of a traced TensorFlow graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Node:
    """One operation of a graph.

    Args:
        type: TensorFlow's name of it.
        inputs: for each operand, which node makes it and as which of its results.
        attributes: TensorFlow's.
        elementwise: what computes it, where it is elementwise.
        operands: TensorFlow's name of each, and of the attribute that says how many it is a list
            of, or an empty string.
    """

    type: str
    inputs: tuple[tuple[int, int], ...]
    attributes: dict[str, Any]
    elementwise: Callable[..., Array] | None
    operands: tuple[tuple[str, str], ...]
