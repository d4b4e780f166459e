"""(1 - z) ∘ a + z ∘ b, recognised however it was written; values nobody needs."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from gru_bench.program.program import Operation, Program


def recognise_lerp(program: Program) -> Program:
    """Return the program with (1-z)∘a + z∘b, written in any of its ways, as one `lerp`."""
    first = program.first_weight + len(program.weight_shapes) + len(program.literals)
    made = {first + k: o for k, o in enumerate(program.operations)}

    def is_one(number: int) -> bool:
        k = number - program.first_weight - len(program.weight_shapes)
        return 0 <= k < len(program.literals) and bool(np.all(program.literals[k] == 1))

    def complement(number: int) -> int | None:
        """Return z where the value is 1 - z."""
        o = made.get(number)
        return o.inputs[1] if o and o.name == "sub" and is_one(o.inputs[0]) else None

    def two_products(p: Operation, q: Operation) -> tuple[int, int, int] | None:
        for (s, a), (z, b) in (
            (left, right)
            for first, second in ((p, q), (q, p))
            for left in permutations(first.inputs)
            for right in permutations(second.inputs)
        ):
            if complement(s) == z:
                return z, a, b
        return None

    def away(o: Operation) -> tuple[int, int, int] | None:
        """Read a - z (a - b), which rounds as a + z (b - a) does."""
        a, product = o.inputs[0], made.get(o.inputs[1])
        if product and product.name == "mul":
            for z, difference in permutations(product.inputs):
                d = made.get(difference)
                if d and d.name == "sub" and d.inputs[0] == a:
                    return z, a, d.inputs[1]
        return None

    def match(o: Operation) -> tuple[int, int, int] | None:
        if o.name == "sub":
            return away(o)
        if o.name != "add":
            return None
        left, right = (made.get(k) for k in o.inputs)
        if left and right and left.name == right.name == "mul":
            return two_products(left, right)
        for a, product in ((o.inputs[0], right), (o.inputs[1], left)):
            if product and product.name == "mul":
                for z, difference in permutations(product.inputs):
                    d = made.get(difference)
                    if d and d.name == "sub" and d.inputs[1] == a:
                        return z, a, d.inputs[0]
        return None

    operations = []
    for o in program.operations:
        found = match(o)
        operations.append(Operation("lerp", found) if found else o)
    return _with(program, operations=tuple(operations))


def prune(program: Program) -> Program:
    """Return the program without values that no result depends on; weights and inputs stay."""
    literal = program.first_weight + len(program.weight_shapes)
    first = literal + len(program.literals)
    needed = {program.output, *program.new_states}
    for k in range(len(program.operations) - 1, -1, -1):
        if first + k in needed:
            needed.update(program.operations[k].inputs)
    end = first + len(program.operations)
    kept = [k for k in range(end) if k < literal or k in needed]
    place = {old: new for new, old in enumerate(kept)}
    return _with(
        program,
        literals=tuple(a for k, a in enumerate(program.literals) if literal + k in needed),
        operations=tuple(
            Operation(o.name, tuple(place[i] for i in o.inputs), o.attributes)
            for k, o in enumerate(program.operations)
            if first + k in needed
        ),
        output=place[program.output],
        new_states=tuple(place[k] for k in program.new_states),
    )


def _with(program: Program, **changes: Any) -> Program:
    return Program(**{**program.__dict__, **changes})
