"""A cell run for some steps as a problem: what is the same for the readers of all frameworks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from gru_bench.trace.chain import chained
from gru_bench.trace.layout import Described, Layout
from gru_bench.trace.problem import Array, chunk_for


class RunProblem(ABC):
    """Part of a `Problem`: its layouts, and the Jacobian put together from those of its steps.

    Args:
        subject: the cell.
        xs: `(T, B, F)`.
        states: before the first step.
        outputs: whether the outputs of all steps belong to the results, or only the final states.
        weights: other ones than the cell has.
    """

    def __init__(
        self,
        subject: Any,
        xs: Array,
        states: Sequence[Array],
        outputs: bool = True,
        weights: Sequence[Array] | None = None,
    ) -> None:
        self.subject, self.name = subject, subject.name
        self.steps, batch, _ = xs.shape
        self._outputs = outputs
        named = subject.parameters
        self._weights = list(named.values() if weights is None else weights)
        parts: list[Described] = [(n, "weight", a.shape, None) for n, a in named.items()]
        parts.append(("x", "input", xs.shape, 1))
        names = ["h_0"] if len(states) == 1 else [f"state{k}_0" for k in range(len(states))]
        parts += [(n, "state", s.shape, 0) for n, s in zip(names, states, strict=True)]
        self.arguments = Layout(parts)
        self.point = self.arguments.join([*self._weights, xs, *states])
        made: list[Described] = []
        if outputs:
            made.append(("output", "output", (self.steps, batch, *subject.output_shape), 1))
        made += [(f"final_{n}", "final", s.shape, 0) for n, s in zip(names, states, strict=True)]
        self.results = Layout(made)
        self.chunk = chunk_for(batch * max([1, *(int(np.prod(s)) for s in subject.state_shapes)]))
        self.unconnected: tuple[str, ...] = ()

    def _parts(self, dtype: Any = None) -> tuple[list[Array], Array, list[Array]]:
        """Return weights, xs and states."""
        point = self.point if dtype is None else self.point.astype(dtype, copy=False)
        parts = self.arguments.split(point)
        count = len(self._weights)
        return parts[:count], parts[count], parts[count + 1 :]

    def split(self) -> tuple[Array, list[Array]]:
        """Return the inputs `(T, B, F)` and the states before the first step."""
        _, xs, states = self._parts()
        return xs, states

    def at(self, point: Array) -> Self:
        """Return the same cell at other weights, inputs and states."""
        parts = self.arguments.split(point)
        count = len(self._weights)
        given = parts[count], parts[count + 1 :], self._outputs, parts[:count]
        return type(self)(self.subject, *given)

    def jacobian(self) -> Array:
        """Return autodiff's derivatives, `(n, m)`."""
        parts = self._parts()
        output_size, sizes = self._sizes()
        steps = self._step_jacobians(output_size, sizes)
        given = self.arguments, self.point, parts, output_size
        found, self.blur = chained(*given, steps, self._outputs)
        return found

    def state_jacobians(self) -> Iterator[Array]:
        """Yield for each step ∂s_t/∂s_{t-1}, transposed: `(S, S)`."""
        output_size, sizes = self._sizes()
        for local in self._step_jacobians(output_size, sizes):
            yield local[-sum(sizes) :, output_size:]

    def _sizes(self) -> tuple[int, list[int]]:
        """Return how many numbers the output of a step has, and each state."""
        _, xs, states = self._parts()
        output_size = xs.shape[1] * int(np.prod(self.subject.output_shape))
        return output_size, [s.size for s in states]

    @abstractmethod
    def _step_jacobians(self, output_size: int, sizes: Sequence[int]) -> Iterator[Array]:
        """Yield for each step the derivatives by weights, x and states, `(n', O + S)`."""
