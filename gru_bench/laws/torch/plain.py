"""What scripts about PyTorch modules call; nothing here is run by the bench.

A script holds those of these functions that it calls. `make`, `one`, `begun` and the numbers are
its own: how a module is called differs from module to module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.subjects.torch.runtime import torch

#: What a script says at its top.
dtype, training = "float64", False
names: list[str] = []
shapes: list[tuple[int, ...]] = []

#: From which masks are drawn, the same in each call.
HELD = 20_000

if TYPE_CHECKING:

    def make(dtype: str) -> Any:
        """Return the cell with its weights."""

    def one(cell: Any, x: Any, states: Any) -> Any:
        """Call the cell as it wants to be called."""

    def begun(cell: Any, rows: int) -> Any:
        """Return its states before the first step, None for zeros."""


def learning(cell: Any) -> list[Any]:
    """Return the parameters that learn."""
    return [p for p in cell.parameters() if p.requires_grad and p.is_floating_point()]


def every(cell: Any) -> list[Any]:
    """Return all parameters and buffers of real numbers."""
    return [t for t in (*cell.parameters(), *cell.buffers()) if t.is_floating_point()]


def put(tensors: Any, values: Iterable[Any]) -> None:
    """Set tensors."""
    with torch.no_grad():
        for tensor, value in zip(tensors, values):
            tensor.copy_(torch.as_tensor(np.array(value, "float64")))


def assign(cell: Any, values: Iterable[Any]) -> None:
    """Set the weights."""
    put(learning(cell), values)


def assign_every(cell: Any, values: Iterable[Any]) -> None:
    """Set all parameters and buffers of real numbers."""
    put(every(cell), values)


def forget_masks(cell: Any) -> None:
    """Do nothing: it keeps none."""


def allowed(cell: Any, values: Iterable[Any]) -> list[Any]:
    """Return the weights themselves: nothing constrains them."""
    del cell
    return list(values)


def parameters(cell: Any) -> dict[str, Any]:
    """Return the weights by name."""
    return {name: numbers(p) for name, p in zip(names, learning(cell))}


def numbers(tensor: Any) -> Any:
    """Return a tensor as an array."""
    found = tensor.detach()
    return np.array((found.float() if found.dtype == torch.bfloat16 else found).numpy())


def kind_of(cell: Any) -> Any:
    """Return the dtype that a cell is given."""
    return next(iter([t.dtype for t in every(cell)]), getattr(torch, dtype))


def first_states(cell: Any, rows: int) -> list[Any]:
    """Return the cell's own states before the first step."""
    with torch.no_grad():
        found = begun(cell, rows)
    if found is None:
        return [np.zeros((rows, *shape)) for shape in shapes]
    return [numbers(t) for t in flat(found)]


def flat(found: Any) -> list[Any]:
    """Return the tensors of a nest of tuples and lists."""
    return [found] if torch.is_tensor(found) else [t for part in found for t in flat(part)]


def tensors(cell: Any, x: Any, states: Sequence[Any]) -> Any:
    """Return inputs and states as new tensors."""
    kind, found = kind_of(cell), begun(cell, 1)
    own = [None] * len(states) if found is None else [t.dtype for t in flat(found)]
    kinds = [kind if k is None or k.is_floating_point else k for k in own]
    made = [torch.as_tensor(np.array(s, "float64")).to(k) for s, k in zip(states, kinds)]
    return torch.as_tensor(np.array(x, "float64")).to(kind), made


def held(cell: Any, x: Any, states: Any, training: bool) -> Any:
    """Return the output and the new states, as tensors; masks are drawn from the same numbers."""
    if not training:
        return one(cell, x, states)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(HELD)
        return one(cell, x, states)


def first_call(cell: Any, x: Any, training: bool = training) -> None:
    """Call a cell with its own states."""
    call(cell, x, first_states(cell, len(x)), training)


def call(cell: Any, x: Any, states: Sequence[Any], training: bool = training) -> Any:
    """Return the output and the list of states of one step."""
    cell.train(training)
    now, flat_states = tensors(cell, x, states)
    with torch.no_grad():
        output, new = held(cell, now, flat_states, training)
    return numbers(output), [numbers(s) for s in new]


def step(cell: Any, x: Any, states: Any, training: bool = training, mode: str = "eager") -> Any:
    """Return the output and the new states of one step."""
    return call(cell, x, states, training)


def call_with(cell: Any, weights: Any, x: Any, states: Any, training: bool = training) -> Any:
    """Return the result of a step with weights that are given, and not the cell's own."""
    pairs = zip(names, learning(cell), weights)
    given = {n: torch.as_tensor(np.array(w, "float64")).to(p.dtype) for n, p, w in pairs}
    now, flat_states = tensors(cell, x, states)
    with torch.no_grad():
        output, new = held(with_weights(cell, given), now, flat_states, training)
    return numbers(output), [numbers(s) for s in new]


def with_weights(cell: Any, given: Any) -> Any:
    """Return what calls a cell with other tensors than its parameters."""
    return lambda *arguments: torch.func.functional_call(cell, given, arguments)


def mapped_rows(cell: Any, x: Any, states: Any) -> list[Any]:
    """Return output and new states of a step that is mapped over rows."""

    def row(x: Any, *states: Any) -> Any:
        output, new = one(cell, x[None], [state[None] for state in states])
        return tuple(part[0] for part in (output, *new))

    now, flat_states = tensors(cell, x, states)
    with torch.no_grad():
        return [numbers(part) for part in torch.func.vmap(row)(now, *flat_states)]


def run_tensors(cell: Any, xs: Any, states: Any, training: bool) -> Any:
    """Return the outputs of all steps and the final states, as tensors."""
    outputs = []
    for x in xs:
        output, states = held(cell, x, states, training)
        outputs.append(output)
    return outputs, states


def run(cell: Any, xs: Any, states: Any, training: bool = training, mode: str = "eager") -> Any:
    """Return the outputs of all steps and the final states."""
    cell.train(training)
    now, flat_states = tensors(cell, xs, states)
    with torch.no_grad():
        outputs, final = run_tensors(cell, now, flat_states, training)
    return np.stack([numbers(o) for o in outputs]), [numbers(s) for s in final]


def make_loop(way: str) -> Any:
    """Return a new cell: there is one way to run it."""
    return make(dtype)


def run_loop(cell: Any, xs: Any, states: Any, mode: str = "graph", seed: int | None = None) -> Any:
    """Return the outputs of all steps and the final states; masks are drawn in each step anew."""
    outputs: list[Any] = []
    with torch.no_grad(), contextlib.ExitStack() as stack:
        if seed is not None:
            stack.enter_context(torch.random.fork_rng(devices=[]))
            torch.manual_seed(seed)
        now, states = tensors(cell, xs, states)
        for x in now:
            output, states = one(cell, x, states)
            outputs.append(numbers(output))
    return np.stack(outputs), [numbers(s) for s in states]


def promised(cell: Any) -> Any:
    """Return the shapes that a cell promises for its output (None for nothing) and its states."""
    return None, [state.shape[1:] for state in first_states(cell, 1)]


def is_functional(cell: Any, x: Any, training: bool = training) -> bool:
    """Return True: what it keeps besides weights is not looked at."""
    return True


def changed(cell: Any, x: Any, states: Any) -> str:
    """Return which of its arguments, or of its weights, a call changes; empty for none."""
    first, later = tensors(cell, x, states)
    given = [first, *later, *learning(cell)]
    before = [t.clone() for t in given]
    with torch.no_grad():
        one(cell, first, later)
    called = ["the inputs", *(f"state {k}" for k in range(len(states)))]
    called += [f"weight {name}" for name in names]
    triples = [(n, numbers(a), numbers(b)) for n, a, b in zip(called, before, given)]
    return ", ".join(
        f"{name}, of which {a.flat[int(np.argmax(a != b))]} became {b.flat[int(np.argmax(a != b))]}"
        for name, a, b in triples
        if not np.array_equal(a, b, equal_nan=True)
    )


def sources_of(cell: Any, arguments: Sequence[Any]) -> list[Any]:
    """Return weights, the inputs of each step, and states, as tensors that learn."""
    count, kind = len(names), kind_of(cell)
    given = [*arguments[:count], *arguments[count], *arguments[count + 1 :]]
    made = [torch.as_tensor(np.array(a, "float64")).to(kind) for a in given]
    return [t.requires_grad_() for t in made]


def results_of(cell: Any, sources: Any, states: int, training: bool) -> list[Any]:
    """Return the outputs of all steps and the final states, for weights, inputs and states."""
    cell.train(training)
    count, last = len(names), len(sources) - states
    own = with_weights(cell, dict(zip(names, sources)))
    outputs, final = run_tensors(own, sources[count:last], sources[last:], training)
    return [*outputs, *final]


def pulled(made: Any, sources: Any, seeds: Any, **options: Any) -> list[Any]:
    """Return the gradients of a weighted sum of results, zeros where there is none."""
    pairs = [(r, s.to(r.dtype)) for r, s in zip(made, seeds) if r.requires_grad]
    if not pairs:
        return [torch.zeros_like(s) for s in sources]
    results, weights = zip(*pairs)
    found = torch.autograd.grad(results, sources, weights, allow_unused=True, **options)
    return [torch.zeros_like(s) if g is None else g for s, g in zip(sources, found)]


def gradient(cell: Any, arguments: Any, cotangents: Any, training: bool = training) -> list[Any]:
    """Return the gradients of a weighted sum of all results by weights, inputs and states."""
    sources = sources_of(cell, arguments)
    made = results_of(cell, sources, len(arguments) - len(names) - 1, training)
    seeds = [torch.as_tensor(np.array(c, "float64")) for c in cotangents]
    return [numbers(g) for g in pulled(made, sources, seeds)]


def second_gradient(
    cell: Any, arguments: Any, cotangents: Any, directions: Any, training: bool = training
) -> list[Any]:
    """Return the derivatives of the gradients along directions."""
    sources, along = sources_of(cell, arguments), sources_of(cell, directions)
    made = results_of(cell, sources, len(arguments) - len(names) - 1, training)
    seeds = [torch.as_tensor(np.array(c, "float64")) for c in cotangents]
    found = pulled(made, sources, seeds, create_graph=True)
    product = sum((g * d.detach()).sum() for g, d in zip(found, along))
    return [numbers(g) for g in pulled([product], sources, [torch.ones(())])]


def gradient_twice(cell: Any, arguments: Any, training: bool = training) -> list[list[Any]]:
    """Return the gradients of the sum of all results, asked for twice of one forward pass."""
    sources = sources_of(cell, arguments)
    count = len(arguments) - len(names) - 1
    made = results_of(cell, sources, count, training)
    seeds = [torch.ones_like(r) for r in made]
    found = []
    for _ in range(2):
        found.append([numbers(g) for g in pulled(made, sources, seeds, retain_graph=True)])
        results_of(cell, sources, count, training)  # what it keeps is overwritten
    return found


def imprecision(cell: Any, x: Any) -> str:
    """Return what in a step is computed in less than float64; empty for nothing."""
    found: list[str] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            made = func(*args, **(kwargs or {}))
            for t in made if isinstance(made, (tuple, list)) else (made,):
                if torch.is_tensor(t) and t.is_floating_point() and t.dtype != torch.float64:
                    found.append(f"an operation {func.name()} in {t.dtype}")
            return made

    now, states = tensors(cell, x, first_states(cell, len(x)))
    with Watch(), torch.no_grad():
        one(cell, now, states)
    return found[0] if found else ""
