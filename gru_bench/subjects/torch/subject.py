"""A PyTorch module as a subject."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.protocol import Array, Arrays, NotOffered
from gru_bench.subjects.torch.convention import Convention, find_convention
from gru_bench.subjects.torch.opened import Opened, opened
from gru_bench.subjects.torch.runtime import DTYPES, HELD, drawing_from, quietly, to_numpy, torch


class TorchSubject:
    """A `torch.nn.Module` that computes one step.

    Args:
        cell: the module.
        input_size: F.
        name: what the user calls it.
        dtype: to which the module is brought.
        training: whether it is in training; masks are drawn from the same numbers in each call.
        sizes: that its state may have, the likeliest first.
        remake: makes the module anew in a dtype; None where that cannot be done.
        convention: how it is called; found by trying where None.

    Raises:
        UsageError: it cannot run one step.
    """

    modes = ("eager", "functional")
    tracer = "torch"
    is_functional = True
    promised_output = None
    promised_states = None
    #: The same cell in double precision, once it was asked for.
    double: Any = None
    #: Whether PyTorch maps its steps over points; found out by the first that asks.
    maps = True
    #: The machine epsilon of the least precise dtype in which a step computes, once asked for.
    epsilon: float | None = None

    def __init__(
        self,
        cell: Any,
        input_size: int,
        name: str,
        dtype: str = "float64",
        training: bool = False,
        sizes: Sequence[int] = (),
        remake: Callable[[str], Any] | None = None,
        convention: Convention | None = None,
    ) -> None:
        self.own, self.input_size, self.name = cell, input_size, name
        self._given, self._remake, self._sizes = dtype, remake, tuple(sizes)
        self.training = training
        self.extends_own = type(cell).__module__.startswith("torch.nn")
        try:
            cell.to(DTYPES[dtype])
            cell.eval()
            self.convention = convention or find_convention(cell, input_size, self._all_sizes())
            self._try_one_step()
        except UsageError as error:
            raise UsageError(f"cell {name!r} cannot run one step: {error}") from error
        except FAULTS as error:  # a user's module can fail in any way
            told = f"cell {name!r} cannot run one step: {in_one_line(error)}"
            raise UsageError(told) from error
        cell.train(training)

    def _all_sizes(self) -> list[int]:
        """Return sizes of a state to try: what the user said, and those of weights."""
        rows = [n for p in self.own.parameters() for n in p.shape if 0 < n < 4096]
        return list(dict.fromkeys([*self._sizes, *rows]))

    def _try_one_step(self) -> None:
        self.state_shapes = self.convention.shapes
        self.dtype = self._given
        first = self.convention.first(self.own, 1)
        kinds = [None] * len(self.state_shapes) if first is None else [s.dtype for s in first]
        #: A state of whole numbers or truth values stays one.
        self._kinds = [
            DTYPES[self._given] if k is None or k.is_floating_point else k for k in kinds
        ]
        output, _ = self.call(np.zeros((1, self.input_size)), self.initial_state(1))
        self.output_shape = tuple(output.shape[1:])
        self.dtype = self._computed

    def with_cell(self, cell: Any) -> TorchSubject:
        """Return a subject of another module of the same kind, which nothing has been asked yet.

        Args:
            cell: new.
        """
        other = copy.copy(self)
        other.own, other.double = cell, None
        cell.to(DTYPES[self._given])
        cell.train(self.training)
        return other

    @property
    def cell(self) -> Opened:
        """The module with its weights laid open one by one."""
        return opened(self)

    @property
    def computes_in(self) -> str:
        """The dtype of the output."""
        return self.dtype

    # Weights

    def named(self) -> dict[str, Any]:
        """Return the parameters that learn, by name."""
        found = self.own.named_parameters()
        return {n: p for n, p in found if p.requires_grad and p.is_floating_point()}

    def every(self) -> dict[str, Any]:
        """Return all parameters and buffers of real numbers, by name."""
        found = [*self.own.named_parameters(), *self.own.named_buffers()]
        return {name: tensor for name, tensor in found if tensor.is_floating_point()}

    @property
    def parameters(self) -> dict[str, Array]:
        """The weights that learn by name."""
        return {name: to_numpy(p) for name, p in self.named().items()}

    @property
    def parameter_names(self) -> list[str]:
        """Their names."""
        return list(self.named())

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Their shapes by name."""
        return {name: tuple(p.shape) for name, p in self.named().items()}

    def allowed(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Return the weights themselves: nothing constrains them."""
        return dict(parameters)

    def assign(self, parameters: Mapping[str, Array]) -> None:
        """Set the weights by name.

        Raises:
            UsageError: the names differ from the cell's.
        """
        names = self.parameter_names
        if set(names) != set(parameters):
            raise UsageError(f"weights must be named {sorted(names)}, got {sorted(parameters)}")
        self.put(parameters)

    def assign_values(self, values: Iterable[Array]) -> None:
        """Set the weights in the cell's order."""
        self.put(dict(zip(self.parameter_names, list(values), strict=True)))

    def put(self, values: Mapping[str, Array]) -> None:
        """Set some of all parameters and buffers."""
        kept = self.every()
        with torch.no_grad():
            for name, value in values.items():
                kept[name].copy_(torch.as_tensor(np.array(value, np.float64)))

    # Steps

    def tensor(self, value: Any, kind: Any = None) -> Any:
        """Return numbers as a new tensor in the dtype that the cell is given."""
        kind = kind or DTYPES[self._given]
        array = np.array(value, np.float64)
        return torch.as_tensor(array if kind.is_floating_point else np.rint(array)).to(kind)

    def state_tensors(self, states: Arrays) -> list[Any]:
        """Return states as new tensors."""
        return [self.tensor(s, k) for s, k in zip(states, self._kinds, strict=True)]

    def advance(self, x: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return the output and the new states of one step, as tensors; masks are held."""
        return self._held(self.own, x, states)

    def _held(self, module: Any, x: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return one step of what is called like the module; masks come from the same numbers."""
        with drawing_from(HELD) if self.training else contextlib.nullcontext():
            return self.convention.step(module, x, states)

    def run_tensors(self, xs: Any, states: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return the outputs of all steps and the final states, as tensors."""
        outputs, now = [], list(states)
        for x in xs:
            output, now = self.advance(x, now)
            outputs.append(output)
        return outputs, now

    def initial_state(self, batch: int = 1) -> list[Array]:
        """Return the states before the first step, each `(B, ...)`."""
        with torch.no_grad():
            first = self.convention.first(self.own, batch)
        if first is None:
            return [np.zeros((batch, *shape), self._plain) for shape in self.state_shapes]
        return [to_numpy(state) for state in first]

    @property
    def _plain(self) -> str:
        """The dtype of arrays that hold what the cell is given."""
        return "float32" if self._given == "bfloat16" else self._given

    def call(self, x: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what calling the module gives.

        Args:
            x: `(B, F)`.
            states: each `(B, ...)`.
        """
        with torch.no_grad():
            output, new = self.advance(self.tensor(x), self.state_tensors(states))
        self._computed = str(output.dtype).removeprefix("torch.")
        return to_numpy(output), [to_numpy(state) for state in new]

    def step(self, x: Array, states: Arrays, mode: str = "eager") -> tuple[Array, list[Array]]:
        """Return the output `(B, O)` and the new states of one step.

        Args:
            x: `(B, F)`.
            states: each `(B, ...)`.
            mode: "eager", or "functional": by `torch.func.functional_call`.

        Raises:
            NotOffered: another mode is asked for.
        """
        if mode == "functional":
            return self.step_with(self.parameters.values(), x, states)
        if mode != "eager":
            raise NotOffered(f"PyTorch has no mode called {mode}")
        return self.call(x, states)

    fast_step = call

    def step_with(
        self, weights: Iterable[Array], x: Array, states: Arrays
    ) -> tuple[Array, list[Array]]:
        """Return one step with weights that are given and not the module's own."""
        kinds = [p.dtype for p in self.named().values()]
        given = dict(zip(self.named(), map(self.tensor, weights, kinds), strict=True))
        with torch.no_grad():
            output, new = self.advance_with(given, self.tensor(x), self.state_tensors(states))
        return to_numpy(output), [to_numpy(state) for state in new]

    def advance_with(
        self, given: Mapping[str, Any], x: Any, states: Sequence[Any]
    ) -> tuple[Any, list[Any]]:
        """Return one step with tensors in place of parameters, by `torch.func.functional_call`."""
        return self._held(_Functional(self.own, given), x, states)

    def mapped(self, x: Array, states: Arrays) -> list[Array]:
        """Return output and new states of a step that `torch.func.vmap` maps over rows.

        Args:
            x: `(B, F)`.
            states: each `(B, ...)`.
        """

        def row(x: Any, *states: Any) -> tuple[Any, ...]:
            output, new = self.advance(x[None], [state[None] for state in states])
            return tuple(part[0] for part in (output, *new))

        with quietly(), torch.no_grad():
            made = torch.func.vmap(row)(self.tensor(x), *self.state_tensors(states))
        return [to_numpy(part) for part in made]

    def changed_by_call(self, x: Array, states: Arrays) -> str:
        """Return which of its arguments, or of its weights, a call changes; empty for none."""
        given = [self.tensor(x), *self.state_tensors(states)]
        kept = self.named()
        before = [t.clone() for t in (*given, *kept.values())]
        with torch.no_grad():
            self.advance(given[0], given[1:])
        names = ["the inputs", *(f"state {k}" for k in range(len(states)))]
        names += [f"weight {name}" for name in kept]
        now = [*given, *self.named().values()]
        pairs = zip(names, before, now, strict=True)
        return ", ".join(n for n, a, b in pairs if not torch.allclose(a, b, 0, 0, equal_nan=True))

    def run(self, xs: Array, states: Arrays | None = None) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, B, O)` and the final states.

        Args:
            xs: `(T, B, F)`.
            states: before the first step; None for the cell's own.
        """
        start = self.initial_state(xs.shape[1]) if states is None else states
        with torch.no_grad():
            outputs, final = self.run_tensors(self.tensor(xs), self.state_tensors(start))
        return np.stack([to_numpy(o) for o in outputs]), [to_numpy(s) for s in final]

    def fast_run(self, xs: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what `run` gives."""
        return self.run(xs, states)

    # Gradients

    def vjp(
        self, xs: Array, states: Arrays, outputs: Array, finals: Arrays
    ) -> tuple[dict[str, Array], Array, list[Array]]:
        """Return the gradients of Σ outputs ∘ o + Σ finals ∘ s_T by autograd.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            outputs: weights of the outputs, `(T, B, O)`.
            finals: weights of the final states.

        Returns:
            Gradients for the weights by name, for xs and for the states; zero where there is none.
        """
        named = self.named()
        of_xs, of_states = self.tensor(xs), self.state_tensors(states)
        leaves = [t.requires_grad_() for t in (of_xs, *of_states) if t.is_floating_point()]
        made, last = self.run_tensors(of_xs, of_states)
        sources = [*named.values(), *leaves]
        found = iter(gradients([*made, *last], sources, [*outputs, *finals], self.tensor))
        by_name = {name: to_numpy(next(found)) for name in named}
        by_xs = to_numpy(next(found))
        whole = [np.zeros(np.shape(s)) for s in states]
        by_states = [
            to_numpy(next(found)) if t.is_floating_point() else w
            for t, w in zip(of_states, whole, strict=True)
        ]
        return by_name, by_xs, by_states

    def rebuild(self, dtype: str | None = None) -> TorchSubject:
        """Return the same cell made again, its weights and buffers copied.

        Args:
            dtype: of the new cell; None keeps the cell's.

        Raises:
            UsageError: it cannot be made again.
        """
        wanted = dtype or self._given
        made = copy.deepcopy(self.own) if self._remake is None else self._remake(wanted)
        given = self.input_size, self.name, wanted, self.training, self._sizes, self._remake
        other = TorchSubject(made, *given, self.convention)
        other.put({name: to_numpy(tensor) for name, tensor in self.every().items()})
        return other


class _Functional:
    """A module that is called with other tensors than its parameters."""

    def __init__(self, module: Any, given: Mapping[str, Any]) -> None:
        self._module, self._given = module, dict(given)

    def __call__(self, *arguments: Any) -> Any:
        return torch.func.functional_call(self._module, self._given, arguments)


def gradients(
    results: Sequence[Any],
    sources: Sequence[Any],
    cotangents: Sequence[Any],
    tensor: Callable[..., Any],
    **options: bool,
) -> list[Any]:
    """Return the gradients of Σ cotangent ∘ result, zeros where there is none.

    Args:
        results: tensors.
        sources: tensors that gradients are asked for.
        cotangents: shaped like the results.
        tensor: makes one of numbers.
        **options: of `torch.autograd.grad`.
    """
    pairs = [(r, tensor(c)) for r, c in zip(results, cotangents, strict=True) if r.requires_grad]
    if not pairs or not sources:
        return [torch.zeros_like(source) for source in sources]
    found = torch.autograd.grad(
        [r for r, _ in pairs], sources, [c.to(r.dtype) for r, c in pairs], allow_unused=True,
        **options,
    )  # fmt: skip
    zeros = map(torch.zeros_like, sources)
    return [zero if g is None else g for g, zero in zip(found, zeros, strict=True)]
