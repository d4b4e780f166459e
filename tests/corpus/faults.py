"""Wrong programs: what a mistake in lifting would make of a right one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from gru_bench.program.program import Operation, Program

#: Makes a wrong program of a right one; None where it has no place for the mistake.
Fault = Callable[[Program], Program | None]


def _in_one_operation(change: Callable[[Operation], Operation | None]) -> Fault:
    """Return the fault that changes the last operation that can be changed."""

    def fault(program: Program) -> Program | None:
        for k in reversed(range(len(program.operations))):
            changed = change(program.operations[k])
            if changed is not None:
                before, after = program.operations[:k], program.operations[k + 1 :]
                return replace(program, operations=(*before, changed, *after))
        return None

    return fault


def _named(old: str, new: str) -> Fault:
    return _in_one_operation(lambda o: replace(o, name=new) if o.name == old else None)


def _exchanged(name: str, *order: int) -> Fault:
    """Return the fault that takes an operation's operands in another order."""

    def change(o: Operation) -> Operation | None:
        if o.name != name:
            return None
        inputs = tuple(o.inputs[k] for k in order)
        return replace(o, inputs=inputs) if inputs != o.inputs else None

    return _in_one_operation(change)


def _late(o: Operation) -> Operation | None:
    """A slice that begins one place too early."""
    if o.name != "slice" or not o.attributes["begin"]:
        return None
    moved = {key: o.attributes[key] - 1 for key in ("begin", "end")}
    return replace(o, attributes={**o.attributes, **moved})


def _reversed(o: Operation) -> Operation | None:
    """A concatenation from behind."""
    turned = o.inputs[::-1]
    return replace(o, inputs=turned) if o.name == "concat" and turned != o.inputs else None


def _other_weight(program: Program) -> Program | None:
    """A product with another weight of the same shape."""
    shapes = program.weight_shapes
    for k, o in enumerate(program.operations):
        place = o.inputs[-1] - program.first_weight
        if o.name != "matmul" or not 0 <= place < len(shapes):
            continue
        for other, shape in enumerate(shapes):
            if other != place and shape == shapes[place]:
                inputs = (o.inputs[0], program.first_weight + other)
                before, after = program.operations[:k], program.operations[k + 1 :]
                return replace(program, operations=(*before, replace(o, inputs=inputs), *after))
    return None


def _literal(change: Callable[[np.ndarray], np.ndarray | None]) -> Fault:
    """Return the fault that changes one literal."""

    def fault(program: Program) -> Program | None:
        for k, literal in enumerate(program.literals):
            changed = change(np.asarray(literal))
            if changed is not None:
                before, after = program.literals[:k], program.literals[k + 1 :]
                return replace(program, literals=(*before, changed, *after))
        return None

    return fault


def _transposed(literal: np.ndarray) -> np.ndarray | None:
    square = literal.ndim == 2 and literal.shape[0] == literal.shape[1]
    return literal.T if square and np.any(literal != literal.T) else None


def _states_exchanged(program: Program) -> Program | None:
    """Two new states in each other's place."""
    sizes, new = program.state_sizes, list(program.new_states)
    for i in range(len(sizes)):
        for j in range(i):
            if sizes[i] == sizes[j] and new[i] != new[j]:
                new[i], new[j] = new[j], new[i]
                return replace(program, new_states=tuple(new))
    return None


def _state_kept(program: Program) -> Program | None:
    """A state that never changes."""
    if program.new_states[0] == 1:
        return None
    return replace(program, new_states=(1, *program.new_states[1:]))


def _begun_otherwise(program: Program) -> Program:
    first, *others = program.initial_state
    return replace(program, initial_state=(first + 1, *others))


#: By name; each must be noticed as wrong.
FAULTS: Mapping[str, Fault] = {
    "operands of a difference exchanged": _exchanged("sub", 1, 0),
    "sum for difference": _named("sub", "add"),
    "sum for product": _named("mul", "add"),
    "sigmoid for tanh": _named("tanh", "sigmoid"),
    "tanh for sigmoid": _named("sigmoid", "tanh"),
    "tanh for relu": _named("relu", "tanh"),
    "relu for sign change": _named("neg", "relu"),
    "ends of a combination exchanged": _exchanged("lerp", 0, 2, 1),
    "gate and end exchanged": _exchanged("lerp", 1, 0, 2),
    "slice one place early": _in_one_operation(_late),
    "pieces joined from behind": _in_one_operation(_reversed),
    "another weight": _other_weight,
    "literal off by 1e-9": _literal(lambda a: a * (1 + 1e-9) if np.any(a) else None),
    "literal matrix transposed": _literal(_transposed),
    "states exchanged": _states_exchanged,
    "state kept": _state_kept,
    "state begun otherwise": _begun_otherwise,
}
