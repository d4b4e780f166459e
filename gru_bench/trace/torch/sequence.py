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
from gru_bench.trace.chain import chained
from gru_bench.trace.layout import Described, Layout, state_names
from gru_bench.trace.problem import Array, chunk_for, displaced_points


class CellProblem:
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
        self.subject, self.name = subject, subject.name
        self.steps, batch, _ = xs.shape
        self._outputs = outputs
        named = subject.parameters
        self._weights = list(named.values() if weights is None else weights)
        parts: list[Described] = [(n, "weight", a.shape, None) for n, a in named.items()]
        parts.append(("x", "input", xs.shape, 1))
        names = state_names(len(states))
        parts += [(n, "state", s.shape, 0) for n, s in zip(names, states, strict=True)]
        self.arguments = Layout(parts)
        self.point = self.arguments.join([*self._weights, xs, *states])
        made: list[Described] = []
        if outputs:
            made.append(("output", "output", (self.steps, batch, *subject.output_shape), 1))
        made += [(f"final_{n}", "final", s.shape, 0) for n, s in zip(names, states, strict=True)]
        self.results = Layout(made)
        self.chunk = chunk_for(batch * max([1, *(int(np.prod(s)) for s in subject.state_shapes)]))
        self.epsilon = self.numeric_epsilon = epsilon_of(subject, batch)
        self.unconnected: tuple[str, ...] = ()
        self.path = "vectorized"
        self._visited: list[list[Any]] = []
        self.value = self._visit()

    def _parts(self) -> tuple[list[Array], Array, list[Array]]:
        parts = self.arguments.split(self.point)
        count = len(self._weights)
        return parts[:count], parts[count], parts[count + 1 :]

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

    def jacobian(self) -> Array:
        """Return autograd's derivatives, `(n, m)`."""
        weights, xs, states = self._parts()
        output_size = xs.shape[1] * int(np.prod(self.subject.output_shape))
        given = self.arguments, self.point, (weights, xs, states), output_size
        found, self.blur = chained(*given, self._step_jacobians(), self._outputs)
        return found

    def state_jacobians(self) -> Iterator[Array]:
        """Yield for each step ∂s_t/∂s_{t-1}, transposed: `(S, S)`."""
        _, xs, states = self._parts()
        size = sum(s.size for s in states)
        output_size = xs.shape[1] * int(np.prod(self.subject.output_shape))
        for local in self._step_jacobians():
            yield local[-size:, output_size:]

    def _step_jacobians(self) -> Iterator[Array]:
        """Yield for each step the derivatives by weights, x and states, `(n', O + S)`."""
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

    def split(self) -> tuple[Array, list[Array]]:
        """Return the inputs `(T, B, F)` and the states before the first step."""
        _, xs, states = self._parts()
        return xs, states

    def final_states(self) -> list[Array]:
        """Return the states after the last step."""
        return [to_numpy(state) for state in self._visited[-1]]

    def at(self, point: Array) -> CellProblem:
        """Return the same cell at other weights, inputs and states."""
        parts = self.arguments.split(point)
        count = len(self._weights)
        given = self.subject, parts[count], parts[count + 1 :], self._outputs, parts[:count]
        return CellProblem(*given)


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
