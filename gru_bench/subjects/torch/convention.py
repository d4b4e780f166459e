"""How a module wants to be called: found out by trying, and said as a line of Python.

Modules agree on nothing but `forward`: what comes first, whether states are a tensor, a tuple or
several arguments, what comes back. The line that is found is run here, and stands in scripts.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.torch.runtime import torch

#: Ways to hand over inputs and a list of states.
CALLS = (
    "cell(x, states[0])",
    "cell(x, tuple(states))",
    "cell(x, *states)",
    "cell(x, list(states))",
    "cell(states[0], x)",
    "cell(tuple(states), x)",
    "cell(*states, x)",
)

#: What a result can be, and where output and new states are in it.
RESULTS = (
    "made, [made]",
    "made[0], list(made)",
    "made[0], [made[1]]",
    "made[0], list(made[1])",
    "made[0], list(made[1:])",
)

#: Methods that return the states before the first step.
BEGINNINGS = (
    "init_hidden",
    "initHidden",
    "initial_state",
    "init_state",
    "get_initial_state",
    "zero_state",
    "init_states",
    "initial_states",
    "begin_state",
)

#: Names of the size of a state, as arguments and attributes.
SIZES = (
    "hidden_size",
    "hidden_dim",
    "units",
    "hidden",
    "state_size",
    "state_dim",
    "n_hidden",
    "num_hidden",
    "hidden_units",
    "num_units",
    "n_units",
    "h_dim",
    "d_hidden",
    "d_model",
    "n_state",
    "nhid",
    "out_features",
    "output_size",
    "size",
)

#: First arguments that are no inputs.
_STATES = frozenset(
    [
        "h",
        "hx",
        "hidden",
        "hidden_state",
        "state",
        "states",
        "prev",
        "prev_h",
        "h_prev",
        "prev_state",
    ]
)

#: Rows with which calls are tried: a tensor of so many is not taken for a pair of tensors.
_ROWS = (3, 5, 7)

#: Most states that are tried where nothing says how many there are.
_MOST = 3


@dataclass(frozen=True)
class Convention:
    """See the module.

    Args:
        call: one of `CALLS`.
        result: one of `RESULTS`.
        begin: the call of a method that returns the states before the first step, for `rows`; empty
            where they are zeros.
        shapes: of the states, without rows.
    """

    call: str
    result: str
    begin: str
    shapes: tuple[tuple[int, ...], ...]

    @cached_property
    def _call(self) -> Any:
        return eval(f"lambda cell, x, states: {self.call}")

    @cached_property
    def _result(self) -> Any:
        return eval(f"lambda made: ({self.result})")

    def step(self, cell: Any, x: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return the output and the new states, as tensors."""
        output, new = self._result(self._call(cell, x, list(states)))
        return output, list(new)

    def first(self, cell: Any, rows: int) -> list[Any] | None:
        """Return the cell's own states before the first step, None where they are zeros."""
        return _begun(cell, self.begin, rows) if self.begin else None

    def __str__(self) -> str:
        """Say it in words for a note."""
        states = "one state" if len(self.shapes) == 1 else f"{len(self.shapes)} states"
        begun = f"begins with {self.begin}" if self.begin else "begins with zeros"
        return f"called as {self.call}, gives {self.result} ({states}), {begun}"


def find_convention(cell: Any, features: int, sizes: Sequence[int]) -> Convention:
    """Return how a module is called.

    Args:
        cell: the module, in inference.
        features: F.
        sizes: that its state may have, the likeliest first.

    Raises:
        UsageError: no way to call it works.
    """
    if isinstance(cell, torch.nn.RNNBase):
        called = type(cell).__name__
        told = f"{called} runs whole sequences: give a cell, such as torch.nn:{called}Cell"
        raise UsageError(told)
    rows = next(n for n in _ROWS if n != features and n not in sizes)
    kind = next((p.dtype for p in cell.parameters() if p.dtype.is_floating_point), None)
    x = torch.zeros((rows, features), dtype=kind or torch.get_default_dtype())
    failures: list[str] = []
    found: list[tuple[int, Convention]] = []
    for convention, states in _working(cell, x, sizes, failures):
        unused = _unused(cell, convention, x, states)
        if not unused:
            return convention
        found.append((unused, convention))
    if found:  # a module may have parameters that it does not use
        return min(found, key=lambda one: one[0])[1]
    raise UsageError(
        "no way was found to call one step, forward(x, state) or alike with x of shape "
        f"({rows}, {features}): {failures[0] if failures else 'it has no state'}"
    )


def _working(
    cell: Any, x: Any, sizes: Sequence[int], failures: list[str]
) -> Iterator[tuple[Convention, list[Any]]]:
    """Yield the ways to call a module that work, with states; keep why others do not."""
    with torch.no_grad():
        for begin, states in _states(cell, x, sizes):
            for call in _calls(cell, len(states)):
                try:
                    made = eval(f"lambda cell, x, states: {call}")(cell, x, [*states])
                except FAULTS as error:  # a user's module can fail in any way
                    failures.append(in_one_line(error))
                    continue
                fitting = [result for result in RESULTS if _fits(made, result, states)]
                if fitting:
                    shapes = tuple(tuple(s.shape[1:]) for s in states)
                    yield Convention(call, fitting[0], begin, shapes), states
                else:
                    failures.append(f"{call} gives {_told(made)}")


def _unused(cell: Any, convention: Convention, x: Any, states: Sequence[Any]) -> int:
    """Return how many parameters have no part in a step: states may have been forgotten."""
    learning = [p for p in cell.parameters() if p.requires_grad]
    with torch.enable_grad():
        try:
            output, new = convention.step(cell, x, [s.clone() for s in states])
            results = [t for t in (output, *new) if t.requires_grad]
            total = sum(t.sum() for t in results)
            found = torch.autograd.grad(total, learning, allow_unused=True) if results else []
        except FAULTS:  # a law says how
            return 0
    return sum(g is None for g in found) if results else len(learning)


def _calls(cell: Any, count: int) -> list[str]:
    """Return ways to call a module with so many states, the likeliest first."""
    calls = [c for c in CALLS if count == 1 or "states[0]" not in c]
    named = _arguments(cell)
    if named and named[0].lower() in _STATES:
        calls.sort(key=lambda call: not call.endswith("x)"))
    return calls


def _arguments(cell: Any) -> list[str]:
    try:
        return list(inspect.signature(cell.forward).parameters)
    except (TypeError, ValueError):
        return []


def _states(cell: Any, x: Any, sizes: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    """Yield states that may be those of a module: its own, what it makes of none, and zeros."""
    rows = len(x)
    for name in BEGINNINGS:
        if callable(getattr(cell, name, None)):
            for begin in (f"cell.{name}(rows)", f"cell.{name}()"):
                try:
                    found = _begun(cell, begin, rows)
                except FAULTS:  # likewise
                    continue
                if found and all(s.ndim > 1 and len(s) == rows for s in found):
                    yield begin, found
    try:
        flat = _flat(cell(x))
    except FAULTS:
        flat = []
    made = [t for t in flat if t.ndim > 1 and len(t) == rows]
    if flat and len(made) == len(flat):
        for part in (made, made[1:], made[:1]):
            if part:
                yield "", [torch.zeros_like(t) for t in part]
    for count in range(1, _MOST + 1):
        for size in sizes:
            yield "", [torch.zeros((rows, size), dtype=x.dtype) for _ in range(count)]


def _begun(cell: Any, begin: str, rows: int) -> list[Any]:
    return _flat(eval(f"lambda cell, rows: {begin}")(cell, rows))


def _flat(found: Any) -> list[Any]:
    """Return the tensors of a nest of tuples and lists."""
    if torch.is_tensor(found):
        return [found]
    if isinstance(found, (tuple, list)):
        return [tensor for part in found for tensor in _flat(part)]
    raise TypeError(f"a {type(found).__name__} is no tensor")


def _fits(made: Any, result: str, states: Sequence[Any]) -> bool:
    """Return whether a result can be read so: its states are shaped like those given."""
    if (result == "made, [made]") != torch.is_tensor(made):
        return False
    try:
        output, new = eval(f"lambda made: ({result})")(made)
    except FAULTS:
        return False
    if not torch.is_tensor(output) or len(new) != len(states):
        return False
    whole = {"made[0], [made[1]]": 2, "made[0], list(made[1])": 2}.get(result)
    if whole is not None and len(made) != whole:
        return False
    return output.ndim == 2 and all(
        torch.is_tensor(a) and a.shape == b.shape for a, b in zip(new, states, strict=True)
    )


def _told(made: Any) -> str:
    try:
        return ", ".join(str(tuple(t.shape)) for t in _flat(made)) or "nothing"
    except TypeError as error:
        return str(error)
