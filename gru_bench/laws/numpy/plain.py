"""What scripts about cells written in NumPy call; nothing here is run by the bench.

A script holds those of these functions that it calls. `make` and the numbers are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

#: What a script says at its top.
dtype = "float64"
names: list[str] = []

if TYPE_CHECKING:

    def make(dtype: str) -> Any:
        """Return the cell with its weights."""


def assign(cell: Any, values: Iterable[Any], dtype: str | None = None) -> None:
    """Replace the weights, in a dtype or in their own."""
    kept = parameters(cell)
    pairs = zip(names, values)
    new = {name: np.array(value, dtype or kept[name].dtype) for name, value in pairs}
    cell.parameters.update(new)
    if any(cell.parameters[name] is not value for name, value in new.items()):
        cell.parameters = {**cell.parameters, **new}


def assign_every(cell: Any, values: Iterable[Any]) -> None:
    """Replace the weights: all of them learn."""
    assign(cell, values)


def forget_masks(cell: Any) -> None:
    """Do nothing: it keeps none."""


def allowed(cell: Any, values: Iterable[Any]) -> list[Any]:
    """Return the weights themselves: nothing constrains them."""
    del cell
    return list(values)


def parameters(cell: Any) -> dict[str, Any]:
    """Return the weights by name."""
    return {name: np.asarray(cell.parameters[name]) for name in names}


def first_states(cell: Any, rows: int) -> list[Any]:
    """Return the cell's own states before the first step."""
    return [np.asarray(state) for state in cell.initial_state(rows)]


def first_call(cell: Any, x: Any, training: bool = False) -> None:
    """Call a cell with its own states."""
    with np.errstate(all="ignore"):
        cell.step(arrays(cell, x, [])[0], cell.initial_state(len(x)))


def arrays(cell: Any, x: Any, states: Sequence[Any]) -> Any:
    """Return inputs and states in the dtypes in which the cell takes them."""
    kind = next(iter([w.dtype for w in parameters(cell).values()]), np.dtype(dtype))
    kinds = [s.dtype if s.dtype.kind in "iub" else kind for s in first_states(cell, 1)]
    pairs = zip(states, kinds)
    whole = [np.array(np.rint(s) if k.kind in "iub" else s, k) for s, k in pairs]
    return np.array(x, kind), whole


def call(cell: Any, x: Any, states: Sequence[Any], training: bool = False) -> Any:
    """Return the output and the list of states of one step."""
    with np.errstate(all="ignore"):
        output, new = cell.step(*arrays(cell, x, states))
    return np.asarray(output), [np.asarray(s) for s in new]


def run(cell: Any, xs: Any, states: Any, training: bool = False, mode: str = "eager") -> Any:
    """Return the outputs of all steps and the final states."""
    outputs: list[Any] = []
    for x in xs:
        now, first = arrays(cell, x, states)
        with np.errstate(all="ignore"):
            # What the cell returns goes on as it is, as in a user's loop.
            output, states = cell.step(now, list(states) if outputs else first)
        outputs.append(output)
    return np.stack(outputs), list(states)


def make_loop(way: str) -> Any:
    """Return a new cell: there is one way to run it."""
    return make(dtype)


def run_loop(cell: Any, xs: Any, states: Any, mode: str = "graph", seed: int | None = None) -> Any:
    """Return the outputs of all steps and the final states."""
    return run(cell, xs, states)


def promised(cell: Any) -> Any:
    """Return the shapes that a cell promises for its output (None for nothing) and its states."""
    return None, [state.shape[1:] for state in first_states(cell, 1)]


def changed(cell: Any, x: Any, states: Any) -> str:
    """Return which of its arguments, or of its weights, a call changes; empty for none."""
    first, later = arrays(cell, x, states)
    given = [first, *later]
    before = [np.array(array) for array in (*given, *parameters(cell).values())]
    flat = given[1:]
    with np.errstate(all="ignore"):
        cell.step(given[0], flat)
    if len(flat) != len(states) or any(a is not b for a, b in zip(flat, given[1:])):
        return "the list of states"
    called = ["the inputs", *(f"state {k}" for k in range(len(states)))]
    called += [f"weight {name}" for name in names]
    triples = zip(called, before, [*given, *parameters(cell).values()])
    return ", ".join(
        f"{name}, of which {a.flat[int(np.argmax(a != b))]} became {b.flat[int(np.argmax(a != b))]}"
        for name, a, b in triples
        if not np.array_equal(a, b, equal_nan=True)
    )


def gradient(cell: Any, arguments: Any, cotangents: Any, training: bool = False) -> list[Any]:
    """Return the gradients of a weighted sum of all results by differences, zero where tiny."""
    count, h = len(names), 2.0**-17
    at = [np.array(array, np.float64) for array in arguments]
    outputs, finals = len(at[count]), cotangents[len(at[count]) :]

    def value() -> float:
        assign(cell, at[:count])
        made, last = run(cell, at[count], at[count + 1 :])
        parts = zip([*cotangents[:outputs], *finals], [*made, *last])
        return float(sum(np.sum(c * part) for c, part in parts))

    size, found = max(1.0, abs(value())), []
    for array in at:
        part = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            kept, ends = array[place], []
            for sign in (1.0, -1.0):
                array[place] = kept + sign * h
                ends.append(value())
            array[place] = kept
            part[place] = (ends[0] - ends[1]) / (2 * h)
        found.append(np.where(np.abs(part) > 1e-9 * size, part, 0.0))
    assign(cell, at[:count])
    return [*found[:count], *found[count], *found[count + 1 :]]
