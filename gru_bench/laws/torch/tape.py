"""What laws ask of autograd beyond one gradient, NumPy in and NumPy out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_bench.subjects.protocol import Array, Arrays
from gru_bench.subjects.torch.narrowed import epsilon_of
from gru_bench.subjects.torch.runtime import to_numpy, torch
from gru_bench.subjects.torch.subject import TorchSubject, gradients


class Tape:
    """Gradients of gradients, and gradients asked for twice.

    Args:
        subject: the module.
    """

    def __init__(self, subject: TorchSubject) -> None:
        self._subject = subject

    def epsilon(self, batch: int) -> float:
        """Return the machine epsilon of the least precise dtype in which a step computes."""
        return epsilon_of(self._subject, batch)

    def vjp_twice(self, xs: Array, states: Arrays) -> tuple[list[Array], list[Array]]:
        """Return the gradients of the sum of all results, asked for twice of one forward pass.

        The forward pass is made again between, so that what it keeps has been overwritten.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
        """
        sources = self._sources([*self._subject.parameters.values(), xs, *states])
        made = self._results(sources, len(xs))
        ones = [np.ones(tuple(r.shape)) for r in made]
        once = gradients(made, sources, ones, self._subject.tensor, retain_graph=True)
        self._results(sources, len(xs))
        again = gradients(made, sources, ones, self._subject.tensor)
        return [to_numpy(g) for g in once], [to_numpy(g) for g in again]

    def first_gradient(self, arguments: Arrays, cotangents: Arrays) -> Array:
        """Return the gradient of Σ cotangent ∘ result, flat.

        Args:
            arguments: weights in the cell's order, xs `(T, B, F)` and the first states.
            cotangents: one for the output of each step, then one for each final state.
        """
        sources = self._sources(arguments)
        made = self._results(sources, self._steps(arguments))
        return _flat(gradients(made, sources, cotangents, self._subject.tensor))

    def second_product(self, arguments: Arrays, cotangents: Arrays, directions: Arrays) -> Array:
        """Return the derivative of `first_gradient` along directions, through the graph of it.

        Args:
            arguments: as `first_gradient` takes them.
            cotangents: likewise.
            directions: shaped like `arguments`.
        """
        sources = self._sources(arguments)
        made = self._results(sources, self._steps(arguments))
        tensor = self._subject.tensor
        found = gradients(made, sources, cotangents, tensor, create_graph=True)
        along = [t.detach() for t in self._sources(directions)]
        product = sum((g * d).sum() for g, d in zip(found, along, strict=True))
        return _flat(gradients([product], sources, [np.ones(())], tensor))

    def _steps(self, arguments: Arrays) -> int:
        return len(arguments[len(self._subject.parameter_names)])

    def _sources(self, arguments: Sequence[Any]) -> list[Any]:
        """Return weights, the inputs of each step, and states, as tensors that learn."""
        subject = self._subject
        count = len(subject.parameter_names)
        values = [*arguments[:count], *arguments[count], *arguments[count + 1 :]]
        return [subject.tensor(value).requires_grad_() for value in values]

    def _results(self, sources: Sequence[Any], steps: int) -> list[Any]:
        names = self._subject.parameter_names
        given = dict(zip(names, sources, strict=False))
        xs, now = sources[len(names) :][:steps], list(sources[len(names) + steps :])
        outputs = []
        for x in xs:
            output, now = self._subject.advance_with(given, x, now)
            outputs.append(output)
        return [*outputs, *now]


def _flat(arrays: Sequence[Any]) -> Array:
    return np.concatenate([to_numpy(torch.as_tensor(a)).ravel() for a in arrays])
