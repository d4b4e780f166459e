"""The writer of a cell: it makes values of wanted shapes, by rules drawn at random.

A rule is asked for a value of a shape; it asks for the values it needs, with a smaller budget,
and writes one operation or a few. What is written is tried at once, in NumPy and at each of
`BATCHES`, so that what is written also runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.corpus import reference
from tests.corpus.spec import LAYER_WEIGHTS, Argument, B, Layer, Shape, Step, Weight

Array = NDArray[Any]

#: The numbers of rows that everything is tried at.
BATCHES = (1, 2, 3, 5)

#: Limits that keep a cell small: of operations, of weights, of the numbers and axes of one value.
MOST_STEPS, MOST_WEIGHTS, MOST_NUMBERS, MOST_AXES = 40, 6, 24, 4

#: Rules tried for one cell, those that fail among them; afterwards only leaves are written.
PATIENCE = 120


class UnfitError(Exception):
    """A rule cannot make what it is asked for."""


def shape_in_rows(
    shapes: Sequence[tuple[int, ...]], batches: Sequence[int] = BATCHES
) -> Shape | None:
    """Return one shape for those at several batches; None where it varies otherwise than as B."""
    if len({len(shape) for shape in shapes}) > 1:
        return None
    sizes: list[Any] = []
    for dims in zip(*shapes, strict=True):
        if len(set(dims)) == 1:
            sizes.append(dims[0])
        elif dims == tuple(batches):
            sizes.append(B)
        else:
            return None
    return tuple(sizes)


#: Makes a value of a shape with a budget, and returns its name.
Rule = Callable[["Writer", Shape, int], str]


@dataclass(frozen=True)
class Features:
    """What a cell may have in it besides the ordinary."""

    strange: bool = False
    tricks: bool = False
    layers: bool = False
    empty: bool = False
    rank_3: bool = False
    frozen: bool = False


@dataclass
class Writer:
    """A cell being written.

    Args:
        rng: draws everything.
        rules: with how often each is tried; a cell has a part of them.
        features: of this cell.
    """

    rng: random.Random
    rules: Sequence[tuple[float, Rule]]
    features: Features
    weights: list[Weight] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    #: The values of each name at each of `BATCHES`, and their shape where it has one.
    values: dict[str, list[Array]] = field(default_factory=dict)
    shapes: dict[str, Shape | None] = field(default_factory=dict)
    tried: int = 0

    def __post_init__(self) -> None:
        self._numbers = np.random.default_rng(self.rng.randrange(2**32))

    # --- What is there ---

    def shape(self, name: str) -> Shape | None:
        """Return the shape of a value, None where it varies with B in another way."""
        return self.shapes[name]

    def size(self, name: str) -> int:
        """Return n of a value `(B, n)`."""
        shape = self.shapes[name]
        assert shape is not None
        return int(shape[1])

    def _keep(self, name: str, values: list[Array]) -> None:
        self.values[name] = values
        self.shapes[name] = shape_in_rows([value.shape for value in values])

    def known(self, wanted: Callable[[Shape], bool]) -> list[str]:
        """Return the names of the values whose shape is wanted."""
        shapes = self.shapes.items()
        return [name for name, shape in shapes if shape is not None and wanted(shape)]

    def rows(self) -> list[str]:
        """Return the names of the values `(B, n)`."""
        return self.known(lambda s: len(s) == 2 and s[0] == B and s[1] not in (0, B))

    # --- What is added ---

    def given(self, name: str, shape: Shape) -> str:
        """Add an input, a state or a weight."""
        made = [self._numbers.normal(size=reference.resolved(shape, batch)) for batch in BATCHES]
        self._keep(name, made if B in shape else made[:1] * len(BATCHES))
        return name

    def weight(self, shape: tuple[int, ...]) -> str:
        """Add a weight.

        Raises:
            UnfitError: there are enough, or none may have such a shape.
        """
        if len(self.weights) >= MOST_WEIGHTS or len(shape) > (3 if self.features.rank_3 else 2):
            raise UnfitError
        trainable = not (self.features.frozen and self.rng.random() < 0.3)
        self.weights.append(Weight(f"W{len(self.weights)}", shape, trainable))
        return self.given(self.weights[-1].name, shape)

    def layer(self, kind: str, features: int, units: int) -> Layer:
        """Add a layer within, or take one that is there."""
        wanted = (kind, features, units)
        fitting = [la for la in self.layers if (la.kind, la.features, la.units) == wanted]
        if fitting and self.rng.random() < 0.5:
            return self.rng.choice(fitting)
        activation = self.rng.choice(["linear", "linear", "tanh", "sigmoid", "relu"])
        if kind == "dense" and self.features.strange and self.rng.random() < 0.2:
            activation = "softmax"
        made = Layer(
            f"{kind.replace('-', '_')}{len(self.layers)}",
            kind,
            features,
            units,
            activation if kind == "dense" else "tanh",
            self.rng.random() < 0.8,
            not (self.features.frozen and self.rng.random() < 0.3),
        )
        self.layers.append(made)
        return made

    def emit(self, op: str, *arguments: Argument, results: int = 1, **attributes: Any) -> str:
        """Write one operation, and return the name of its first result.

        Raises:
            UnfitError: it does not run on these values, or makes them too large.
        """
        names = tuple(f"v{len(self.values) + k}" for k in range(results))
        step = Step(names, op, arguments, attributes, self.rng.randrange(2**16))
        made = [self._tried(step, k, batch) for k, batch in enumerate(BATCHES)]
        for columns in made:
            if len(columns) != results or any(
                a.size > MOST_NUMBERS * 5 or a.ndim > MOST_AXES for a in columns
            ):
                raise UnfitError
        self.steps.append(step)
        for k, name in enumerate(names):
            self._keep(name, [columns[k] for columns in made])
        return names[0]

    def _tried(self, step: Step, place: int, batch: int) -> tuple[Array, ...]:
        values = [self.values[a][place] if isinstance(a, str) else a for a in step.arguments]
        layers = {
            la.name: (la, {n: self._numbers.normal(size=s) for n, s in la.weights.items()})
            for la in self.layers
            if la.name == step.attributes.get("layer")
        }
        try:
            with np.errstate(all="ignore"):
                return reference.apply(step, values, batch, layers)
        except (ValueError, IndexError, TypeError) as error:
            raise UnfitError from error

    # --- What is wanted ---

    def make(self, shape: Shape, budget: int) -> str:
        """Return the name of a value of a shape, new or known.

        Args:
            shape: B may stand first only.
            budget: how many operations more may be spent, roughly.
        """
        if int(np.prod([d for d in shape if d != B])) > MOST_NUMBERS or len(shape) > MOST_AXES:
            raise UnfitError
        known = self.known(lambda s: s == shape)
        if known and self.rng.random() < (0.3 if budget > 0 else 0.7):
            return self._chosen(known)
        if budget > 0 and len(self.steps) < MOST_STEPS:
            for _ in range(6):
                if self.tried >= PATIENCE:
                    break
                self.tried += 1
                rule = self.rng.choices(*zip(*((r, w) for w, r in self.rules), strict=True))[0]
                try:
                    name = rule(self, shape, budget - 1)
                except UnfitError:
                    continue
                if self.shape(name) == shape:
                    return name
        return self.leaf(shape)

    def _chosen(self, names: Sequence[str]) -> str:
        """Return one of the names, a late one more often."""
        recent = names[-3:] if self.rng.random() < 0.5 else names
        return self.rng.choice(recent)

    def parts(self, budget: int, count: int) -> list[int]:
        """Return a budget in so many random parts."""
        cuts = sorted(self.rng.randint(0, budget) for _ in range(count - 1))
        ends = [0, *cuts, budget]
        return [b - a for a, b in pairwise(ends)]

    def leaf(self, shape: Shape) -> str:
        """Return a value that needs little: an input, a weight, a literal, a product."""
        known = self.known(lambda s: s == shape)
        draw = self.rng.random()
        if known and draw < 0.4:
            return self._chosen(known)
        if shape[:1] == (B,):
            return self._row(shape)
        if draw < 0.85:
            try:
                return self.weight(shape)
            except UnfitError:
                if len(shape) > 2 and len(self.weights) < MOST_WEIGHTS:
                    flat = self.weight((int(np.prod(shape[:1])), int(np.prod(shape[1:]))))
                    return self.emit("reshape", flat, shape=shape)
        return known[0] if known and draw < 0.95 else self.literal(shape)

    def _row(self, shape: Shape) -> str:
        """Return a value with a row for each of the batch, from what is there."""
        size = int(np.prod(shape[1:]))
        source = self.rng.choice(self.rows())
        n = self.size(source)
        if n != size:
            source = self.emit("matmul", source, self.make((n, size), 0))
        return source if len(shape) == 2 else self.emit("reshape", source, shape=shape)

    def number(self) -> float:
        """Return a number that few bits hold."""
        return self.rng.choice([1.0, 1.0, 1.0, 2.0, -1.0, 0.5, 0.0, 1.5, -0.25, 3.0])

    def literal(self, shape: tuple[int, ...]) -> str:
        """Write a constant: any numbers, or all the same, or an identity."""
        size = int(np.prod(shape))
        value: tuple[float, ...] = tuple(self.rng.randint(-16, 16) / 8 for _ in range(size))
        draw = self.rng.random()
        if draw < 0.2:
            value = (self.number(),) * size
        elif draw < 0.3 and len(shape) == 2:
            value = tuple(float(x) for x in np.eye(*shape).reshape(-1))
        return self.emit("literal", value=value, shape=shape)


#: Kinds of layers that are cells themselves.
CELLS = tuple(kind for kind in LAYER_WEIGHTS if kind != "dense")
