"""One published cell as data: its equations as text, its states, its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gru_bench.equations.expression import (
    SHOWN,
    Dot,
    Evaluated,
    Line,
    children,
    compiled,
    names_in,
    read_lines,
    show,
    walk,
)
from gru_bench.equations.functions import FIXED

#: Of weights by what their names begin with: a matrix (inputs or units by units), a vector, one
#: number. α is a gain: it is one where it is absent.
MATRICES = {"W": ("F", "n"), "U": ("n", "n")}
VECTORS = ("b", "c", "p", "u", "α", "β")
SCALAR = "s"
CONSTANT = "k"


@dataclass(frozen=True)
class Formula:
    """The equations of one cell, or of a variant of it.

    Args:
        key: what `--equations` calls it.
        family: what it calls all cells of this kind.
        title: for people.
        source: where it was published.
        lines: the equations.
        states: old states, in the order of the paper.
        new: what becomes of each.
        output: what the cell gives.
        says: which variant it is.
        phi: usual activations of the candidate, by the names of `ACTIVATIONS`.
        sigma: of the gates.
        psi: of an output; "phi" for the candidate's.
        constants: values to try for each constant that is no weight; none where it is fitted.
        base: the value of vectors while matrices are looked for.
        positive: whether states are positive.
        present: vectors that are looked for together with the matrices, since they may lie in one
            weight, while all others are absent; None where vectors come after.
    """

    key: str
    family: str
    title: str
    source: str
    lines: tuple[Line, ...]
    states: tuple[str, ...] = ("h",)
    new: tuple[str, ...] = ("h1",)
    output: str = "h1"
    says: tuple[str, ...] = ()
    phi: tuple[str, ...] = ("tanh", "relu")
    sigma: tuple[str, ...] = ("sigmoid", "hard_sigmoid", "hard_sigmoid 0.2")
    psi: tuple[str, ...] = ("phi", "tanh")
    constants: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    base: float = 0.0
    positive: bool = False
    present: tuple[str, ...] | None = None

    @cached_property
    def live(self) -> tuple[Line, ...]:
        """The equations that output or new states depend on."""
        wanted = {self.output, *self.new}
        for line in reversed(self.lines):
            if line.target in wanted:
                wanted |= names_in(line.node)
        return tuple(line for line in self.lines if line.target in wanted)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The weights that the equations read, in the order in which they occur."""
        given = {"x", *self.states, *(line.target for line in self.lines)}
        found: dict[str, None] = {}
        for line in self.live:
            for node in walk(line.node):
                name = getattr(node, "name", None)
                if name is not None and name not in given and kind_of(name) != CONSTANT:
                    found[name] = None
        return tuple(found)

    @cached_property
    def matrices(self) -> tuple[str, ...]:
        """Those that are matrices."""
        return tuple(p for p in self.parts if kind_of(p) in MATRICES)

    @cached_property
    def vectors(self) -> tuple[str, ...]:
        """Those that are not."""
        return tuple(p for p in self.parts if kind_of(p) not in MATRICES)

    @cached_property
    def first(self) -> tuple[str, ...]:
        """Those that are looked for first."""
        return (*self.matrices, *(p for p in self.vectors if p in (self.present or ())))

    @cached_property
    def second(self) -> tuple[str, ...]:
        """Those that are looked for where the first are known."""
        return self.vectors if self.present is None else ()

    @property
    def gates(self) -> tuple[str, ...]:
        """The letters of gates and candidate, in the order of the paper."""
        return tuple(p[2:] for p in self.matrices if p[0] == "W")

    def uses(self, function: str) -> bool:
        """Whether a function occurs."""
        return any(
            getattr(node, "function", None) == function
            for line in self.lines
            for node in walk(line.node)
        )

    @cached_property
    def normalised(self) -> bool:
        """Whether products are normalised."""
        return self.uses("norm")

    @cached_property
    def square(self) -> bool:
        """Whether the input is as long as the state, since one is added to the other."""
        return any("x" in _bare(line.node) for line in self.live)

    def numbers(self, features: int, units: int) -> int:
        """Return how many numbers the weights hold that are looked for first."""
        return sum(int(np.prod(self.shape_of(p, features, units))) for p in self.first)

    def shape_of(self, part: str, features: int, units: int) -> tuple[int, ...]:
        """Return the shape of a weight."""
        sizes = {"F": features, "n": units}
        if kind_of(part) in MATRICES:
            return tuple(sizes[axis] for axis in MATRICES[kind_of(part)])
        return (1,) if kind_of(part) == SCALAR else (units,)

    @cached_property
    def _compiled(self) -> list[tuple[str, Evaluated]]:
        return [(line.target, compiled(line.node)) for line in self.live]

    def __call__(
        self,
        weights: Mapping[str, Any],
        x: Any,
        states: Sequence[Any],
        functions: Mapping[str, Callable[..., Any]],
        constants: Mapping[str, float],
    ) -> tuple[Any, list[Any]]:
        """Return output and new states of one step.

        Args:
            weights: by name; absent vectors count as zero, absent gains as one.
            x: `(..., B, F)`.
            states: each `(..., B, n)`, in the order of `states`.
            functions: φ, σ, ψ and the normalisation by name.
            constants: by name.
        """
        values: dict[str, Any] = {p: float(p[0] == "α") for p in self.vectors}
        values |= weights
        values |= constants
        values |= {"x": x, **dict(zip(self.states, states, strict=True))}
        known = {**FIXED, **functions}
        with np.errstate(all="ignore"):
            for target, function in self._compiled:
                values[target] = function(values, known)
        return values[self.output], [values[name] for name in self.new]

    def shown(self) -> list[str]:
        """Return the equations, one a line, as people write them."""
        return [f"{show_name(line.target)} = {show(line.node)}" for line in self.lines]


def _bare(node: Any) -> set[str]:
    """Return the names that reach a sum elementwise, without a matrix between."""
    if isinstance(node, Dot):
        return set()
    if hasattr(node, "name"):
        return {node.name}
    return set().union(*(_bare(child) for child in children(node)))


def show_name(name: str) -> str:
    """Return a name as people write it."""
    return SHOWN.get(name, name)


def kind_of(part: str) -> str:
    """Return what a weight's name begins with: its kind."""
    return part.partition("_")[0]


def formula(text: str, **given: Any) -> Formula:
    """Return a formula from its text.

    Args:
        text: one equation a line.
        **given: the other fields.
    """
    made = Formula(lines=read_lines(text), **given)
    assert all(names_in(line.node) for line in made.lines)
    return made
