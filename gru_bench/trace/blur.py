"""By how many roundings autodiff's derivatives and a cell's results are blurred."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.layout import Layout

Array = NDArray[Any]


class Blur:
    """How many roundings blur derivatives and results, bounded step by step.

    A saturated gate has a slope y (1 - y) that is rounded by eps, however small it is; so what a
    step adds to the error of a derivative does not shrink with the slope. With ω the largest
    weight, B_t = B_{t-1} |∂s_t/∂s_{t-1}| + ω Σ_k |ds_{t-1,k}/dθ| + ω' for each tensor of
    arguments, ω' being ω for inputs and states and the largest operand for weights. The last row
    is for the states themselves: N_t = N_{t-1} |∂s_t/∂s_{t-1}| + 1.

    Args:
        arguments: their layout.
        point: where.
        states: number of state entries.
    """

    def __init__(self, arguments: Layout, point: Array, states: int) -> None:
        self._arguments = arguments
        kinds = {
            k: [p for p in arguments.parts if p.kind == k] for k in ("weight", "input", "state")
        }
        biggest = {
            k: max([1.0, *(float(np.abs(point[p.where]).max(initial=0)) for p in parts)])
            for k, parts in kinds.items()
        }
        operand = max(biggest["input"], biggest["state"])
        self._weight = biggest["weight"]
        entering = [operand if p.kind == "weight" else self._weight for p in arguments.parts]
        self._entering = np.array([*entering, 1.0])[:, None]
        self.rows = np.zeros((len(arguments.parts) + 1, states))

    def step(self, d_state: Array, by_state: Array) -> Array:
        """Return the bounds after a step, `(tensors + 1, O + S)`."""
        size = np.abs(d_state).sum(axis=1)
        largest = [size[p.where].max(initial=0) for p in self._arguments.parts]
        carried = self._weight * np.array([*largest, 0.0])[:, None]
        return np.asarray(self.rows @ np.abs(by_state) + carried + self._entering)

    def keep(self, rows: Array) -> None:
        """Go on from the bounds of the states, `(tensors + 1, S)`."""
        self.rows = rows
