"""A cell as plain data: what it keeps, and its step as a list of named operations.

A specification knows no framework: `reference` says what its operations mean, in NumPy, and an
interpreter for each framework makes a cell of it. B stands for the number of rows of a batch,
wherever a shape or a number depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: The number of rows, in shapes and numbers.
B = "B"

Shape = tuple[Any, ...]

#: A value's name, or a plain number.
Argument = str | float


@dataclass(frozen=True)
class Weight:
    """A weight of the cell itself.

    Args:
        name: in the cell.
        shape: of any rank.
        trainable: a weight that is not stays as it is from the beginning.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool = True


#: What weights a layer has, by name, from its features and units; a bias only where it has one.
LAYER_WEIGHTS: dict[str, Callable[[int, int], dict[str, tuple[int, ...]]]] = {
    "dense": lambda f, n: {"kernel": (f, n), "bias": (n,)},
    "simple": lambda f, n: {"kernel": (f, n), "recurrent_kernel": (n, n), "bias": (n,)},
    "gru": lambda f, n: {"kernel": (f, 3 * n), "recurrent_kernel": (n, 3 * n), "bias": (3 * n,)},
    "gru-after": lambda f, n: {
        "kernel": (f, 3 * n),
        "recurrent_kernel": (n, 3 * n),
        "bias": (2, 3 * n),
    },
    "lstm": lambda f, n: {"kernel": (f, 4 * n), "recurrent_kernel": (n, 4 * n), "bias": (4 * n,)},
}


@dataclass(frozen=True)
class Layer:
    """A layer within: a dense one, or a smaller cell.

    Args:
        name: in the cell.
        kind: of `LAYER_WEIGHTS`.
        features: it reads.
        units: it writes.
        activation: of a dense layer; "linear" for none.
        use_bias: whether it has a bias.
        trainable: whether its weights are.
    """

    name: str
    kind: str
    features: int
    units: int
    activation: str = "linear"
    use_bias: bool = True
    trainable: bool = True

    @property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its weights by name."""
        shapes = LAYER_WEIGHTS[self.kind](self.features, self.units)
        return {name: s for name, s in shapes.items() if self.use_bias or name != "bias"}


@dataclass(frozen=True)
class Step:
    """One operation.

    Args:
        results: names of the values it makes; most make one.
        op: of `reference.OPERATIONS`, or "layer".
        arguments: earlier values, or numbers.
        attributes: shapes, axes and the like.
        way: which of a framework's spellings is meant, modulo how many there are.
    """

    results: tuple[str, ...]
    op: str
    arguments: tuple[Argument, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    way: int = 0


@dataclass(frozen=True)
class Spec:
    """A cell.

    Args:
        seed: it was written from.
        features: of the input "x", `(B, features)`.
        states: sizes of the states "h0", "h1" ..., each `(B, n)`.
        initial: the number that fills each state in the beginning.
        weights: its own.
        layers: within.
        steps: in order.
        output: the value that it returns.
        new_states: the values that become its states.
    """

    seed: int
    features: int
    states: tuple[int, ...]
    initial: tuple[float, ...]
    weights: tuple[Weight, ...]
    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    output: str
    new_states: tuple[str, ...]

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all weights by name, those of layers as `layer.weight`."""
        own = {weight.name: weight.shape for weight in self.weights}
        within = {f"{la.name}.{n}": s for la in self.layers for n, s in la.weights.items()}
        return own | within

    @property
    def frozen(self) -> set[str]:
        """The names of the weights that are not trainable."""
        own = {weight.name for weight in self.weights if not weight.trainable}
        still = [layer for layer in self.layers if not layer.trainable]
        return own | {f"{layer.name}.{name}" for layer in still for name in layer.weights}


def show(spec: Spec, spelling: Callable[[Step], str] = lambda step: step.op) -> str:
    """Return a specification as text that reads like source.

    Args:
        spec: to be shown.
        spelling: what a framework calls an operation.
    """
    kept = [f"{w.name} {w.shape}{'' if w.trainable else ' frozen'}" for w in spec.weights]
    kept += [
        f"{la.name} = {la.kind}({la.features} -> {la.units}, {la.activation}"
        f"{'' if la.use_bias else ', no bias'}{'' if la.trainable else ', frozen'})"
        for la in spec.layers
    ]
    states = ", ".join(
        f"h{k} (B, {n}) from {fill}"
        for k, (n, fill) in enumerate(zip(spec.states, spec.initial, strict=True))
    )
    lines = [f"cell of seed {spec.seed}: x (B, {spec.features}); {states}; {'; '.join(kept)}"]
    lines += [f"    {_line(step, spelling(step))}" for step in spec.steps]
    return "\n".join([*lines, f"    return {spec.output}, [{', '.join(spec.new_states)}]"])


def _line(step: Step, name: str) -> str:
    given = [str(argument) for argument in step.arguments]
    if step.op == "slice":
        call = f"{given[0]}[{', '.join(map(_place, step.attributes['index']))}]"
    else:
        given += [f"{key}={value}" for key, value in step.attributes.items()]
        call = f"{name}({', '.join(given)})"
    return f"{', '.join(step.results)} = {call}"


def _place(place: Any) -> str:
    """Return one entry of an index as it is written between brackets."""
    if isinstance(place, tuple):
        first, last, stride = ("" if t is None else str(t) for t in place)
        return f"{first}:{last}" + (f":{stride}" if stride else "")
    return "..." if place == "..." else str(place)


def without_the_unused(spec: Spec) -> Spec:
    """Return a specification without the operations that nothing returned depends on."""
    needed = {spec.output, *spec.new_states}
    kept = []
    for step in reversed(spec.steps):
        if needed.intersection(step.results):
            kept.append(step)
            needed.update(a for a in step.arguments if isinstance(a, str))
            needed.add(step.attributes.get("layer", ""))
    return Spec(
        **{
            **spec.__dict__,
            "steps": tuple(reversed(kept)),
            "layers": tuple(la for la in spec.layers if la.name in needed),
        }
    )
