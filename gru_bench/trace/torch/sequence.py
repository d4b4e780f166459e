"""A module run for some steps as a problem: its derivatives by autograd, and its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS, UsageError
from gru_bench.subjects.torch.narrowed import epsilon_of
from gru_bench.subjects.torch.runtime import quietly, to_numpy, torch
from gru_bench.subjects.torch.subject import TorchSubject, gradients
from gru_bench.trace.problem import Array, displaced_points
from gru_bench.trace.run import RunProblem


class CellProblem(RunProblem):
    """See `Problem`.

    Args:
        subject: the module.
        xs: `(T, B, F)`.
        states: before the first step.
        outputs: whether the outputs of all steps belong to the results, or only the final states.
        weights: other ones than the module has.
    """

    overrides = False
    surrogate = ""

    def __init__(
        self,
        subject: TorchSubject,
        xs: Array,
        states: Sequence[Array],
        outputs: bool = True,
        weights: Sequence[Array] | None = None,
    ) -> None:
        super().__init__(subject, xs, states, outputs, weights)
        self.epsilon = self.numeric_epsilon = epsilon_of(subject, xs.shape[1])
        self.path = "vectorized"
        self._visited: list[list[Any]] = []
        self.value = self._visit()

    def _visit(self) -> Array:
        """Keep the states before each step, and return the results."""
        weights, xs, states = self._parts()
        given = self._given([self.subject.tensor(w) for w in weights])
        now, outputs = self.subject.state_tensors(states), []
        self._visited = [now]
        with torch.no_grad():
            for x in self.subject.tensor(xs):
                output, now = self.subject.advance_with(given, x, now)
                outputs.append(to_numpy(output))
                self._visited.append(now)
        final = [to_numpy(state) for state in now]
        return self.results.join([np.stack(outputs), *final] if self._outputs else final)

    def _given(self, weights: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.subject.parameter_names, weights, strict=True))

    def _function(self, flat: Any) -> Any:
        """Return the results, flat, for all arguments, flat; tensors in and out."""
        parts = [flat[p.where].reshape(p.shape) for p in self.arguments.parts]
        count = len(self._weights)
        given, now = self._given(parts[:count]), parts[count + 1 :]
        outputs = []
        for x in parts[count]:
            output, now = self.subject.advance_with(given, x, now)
            outputs.append(output)
        made = [*outputs, *now] if self._outputs else now
        return torch.cat([part.reshape(-1) for part in made])

    def use_framework(self) -> None:
        """Do nothing: it is never replayed."""

    def evaluate(self, index: NDArray[np.int64], delta: Array) -> Array:
        """Return the results at points that displace one entry each, `(P, m)`."""
        return self.evaluate_at(displaced_points(self.point, index, delta))

    def evaluate_at(self, points: Array) -> Array:
        """Return the results at points `(P, n)`, `(P, m)`."""
        tensors = self.subject.tensor(points)
        with torch.no_grad():
            if self.subject.maps and len(points) > 1:
                try:
                    mapped = torch.func.vmap(self._function, randomness="same")
                    with quietly():
                        found = to_numpy(mapped(tensors))
                    first = to_numpy(self._function(tensors[0]))
                    if np.allclose(found[0], first, rtol=1e-9, atol=1e-12, equal_nan=True):
                        return found
                except FAULTS:  # not all can be mapped
                    pass
                self.subject.maps = False
            self.path = "vectorized" if self.subject.maps else "one by one"
            return np.stack([to_numpy(self._function(point)) for point in tensors])

    def _step_jacobians(self, output_size: int, sizes: Sequence[int]) -> Iterator[Array]:
        """Yield for each step the derivatives by weights, x and states, `(n', O + S)`."""
        del output_size, sizes  # autograd finds them
        weights, xs, _ = self._parts()
        unused: set[str] | None = None
        for x, before in zip(self.subject.tensor(xs), self._visited, strict=False):
            learning = [self.subject.tensor(w).requires_grad_() for w in weights]
            values = [t.detach().clone() for t in (x, *before)]
            sources = [*learning, *(t.requires_grad_() for t in values if t.is_floating_point())]
            made, new = self.subject.advance_with(self._given(learning), values[0], values[1:])
            flat = torch.cat([part.reshape(-1) for part in (made, *new)])
            rows, never = _rows(flat, sources)
            names = {n for n, r in zip(self.subject.parameter_names, never, strict=False) if r}
            unused = names if unused is None else unused & names
            yield rows
        self.unconnected = tuple(sorted(unused or ()))

    def pull_back(self, cotangent: Array) -> tuple[Array, Array, Array]:
        """Return Σ_o cotangent_o ∂result_o by one graph, asked for twice; and the results."""
        flat = self.subject.tensor(self.point).requires_grad_()
        made = self._function(flat)
        tensor = self.subject.tensor
        once = gradients([made], [flat], [cotangent], tensor, retain_graph=True)[0]
        twice = gradients([made], [flat], [cotangent], tensor)[0]
        return to_numpy(once), to_numpy(twice), to_numpy(made)

    def push_forward(self, direction: Array) -> Array:
        """Return J d by forward mode, `(m,)`.

        Raises:
            UsageError: an operation has no derivative in forward mode.
        """
        given = self.subject.tensor(self.point), self.subject.tensor(direction)
        try:
            with quietly():
                _, found = torch.func.jvp(self._function, given[:1], given[1:])
        except FAULTS as error:
            raise UsageError(f"cell {self.name!r} has no forward mode: {error}") from error
        return to_numpy(found)

    def gradient(self, cotangent: Array) -> NoReturn:
        """Raise `UsageError`: gradients of gradients are a law's matter here."""
        del cotangent
        raise UsageError(f"order 2 is not offered for modules such as {self.name!r}")

    def final_states(self) -> list[Array]:
        """Return the states after the last step."""
        return [to_numpy(state) for state in self._visited[-1]]


def _rows(flat: Any, sources: Sequence[Any]) -> tuple[Array, list[bool]]:
    """Return ∂flat/∂sources, transposed, and of which sources nothing depends."""
    if not flat.requires_grad:
        size = sum(s.numel() for s in sources)
        return np.zeros((size, flat.numel())), [True] * len(sources)
    eye = torch.eye(flat.numel(), dtype=flat.dtype)
    try:
        with quietly():
            found = torch.autograd.grad(
                flat, sources, eye, allow_unused=True, is_grads_batched=True, retain_graph=True
            )
    except FAULTS:  # likewise
        each = [
            torch.autograd.grad(flat, sources, row, allow_unused=True, retain_graph=True)
            for row in eye
        ]
        pairs = zip(*each, strict=True)
        found = [None if parts[0] is None else torch.stack(parts) for parts in pairs]
    columns = [
        np.zeros((flat.numel(), s.numel()))
        if g is None
        else to_numpy(g).reshape(flat.numel(), s.numel())
        for g, s in zip(found, sources, strict=True)
    ]
    return np.concatenate(columns, axis=1).T, [g is None for g in found]
