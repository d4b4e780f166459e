"""A written cell made smaller, as long as what is said of it stays true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tests.corpus import reference
from tests.corpus.spec import Shape, Spec, Step, Weight, without_the_unused
from tests.corpus.writer import BATCHES, shape_in_rows


def shrunk(spec: Spec, still: Callable[[Spec], bool]) -> Spec:
    """Return a smaller specification of which something still holds.

    Args:
        spec: of which it holds.
        still: whether it holds of another one.
    """
    improved = True
    while improved:
        improved = False
        for smaller in _smaller(spec):
            if smaller != spec and still(smaller):
                spec, improved = smaller, True
                break
    return spec


def _smaller(spec: Spec) -> Iterator[Spec]:
    """Return specifications with less in them, the smallest first."""
    shapes = _shapes(spec)
    for k in range(-1, len(spec.states)):
        name = spec.output if k < 0 else spec.new_states[k]
        for other in ("x", *(f"h{j}" for j in range(len(spec.states)))):
            if name != other and (shapes[name] == shapes[other] or k < 0) and name[0] == "v":
                yield _returning(spec, k, other)
    for step in reversed(spec.steps):
        for name in step.results:
            yield from _without(spec, name, shapes)
    used = {a for step in spec.steps for a in step.arguments} | {spec.output, *spec.new_states}
    if any(w.name not in used for w in spec.weights):
        yield replace(spec, weights=tuple(w for w in spec.weights if w.name in used))


def _returning(spec: Spec, k: int, name: str) -> Spec:
    """Return the specification with another output, or another new state."""
    if k < 0:
        return without_the_unused(replace(spec, output=name))
    new = (*spec.new_states[:k], name, *spec.new_states[k + 1 :])
    return without_the_unused(replace(spec, new_states=new))


def _without(spec: Spec, name: str, shapes: dict[str, Shape | None]) -> Iterator[Spec]:
    """Return specifications in which an earlier value, or a new weight, stands for one."""
    shape = shapes[name]
    earlier = list(shapes)[: list(shapes).index(name)]
    for other in earlier:
        if shapes[other] == shape is not None:
            yield _renamed(spec, name, other)
    if shape is not None and all(isinstance(n, int) for n in shape) and len(shape) < 3:
        weight = Weight(f"W{name}", shape)
        yield _renamed(replace(spec, weights=(*spec.weights, weight)), name, weight.name)


def _renamed(spec: Spec, old: str, new: str) -> Spec:
    def name(value: object) -> object:
        return new if value == old else value

    steps: list[Step] = [
        replace(step, arguments=tuple(map(name, step.arguments)))  # type: ignore[arg-type]
        for step in spec.steps
    ]
    output, *states = map(name, (spec.output, *spec.new_states))
    changed = replace(spec, steps=tuple(steps), output=output, new_states=tuple(states))  # type: ignore[arg-type]
    return without_the_unused(changed)


def _shapes(spec: Spec) -> dict[str, Shape | None]:
    """Return the shape of each value by name, in order."""
    found = [_evaluated(spec, batch) for batch in BATCHES]
    return {name: shape_in_rows([values[name] for values in found]) for name in found[0]}


def _evaluated(spec: Spec, batch: int) -> dict[str, tuple[int, ...]]:
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=s) for name, s in spec.weight_shapes.items()}
    states = [rng.normal(size=(batch, n)) for n in spec.states]
    values = reference.all_values(spec, weights, rng.normal(size=(batch, spec.features)), states)
    return {name: value.shape for name, value in values.items()}
