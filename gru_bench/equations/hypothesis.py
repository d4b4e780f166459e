"""A guess of what a cell computes: a formula with its functions, numbers and order of states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations.box import MOVE, Box
from gru_bench.equations.formula import Formula, kind_of
from gru_bench.equations.functions import ACTIVATIONS, norm

Array = NDArray[Any]


@dataclass(frozen=True)
class Hypothesis:
    """See the module.

    Args:
        formula: the equations.
        order: for each block of the cell's states, which of the formula's it is.
        phi: by its name in `ACTIVATIONS`, or the cell's own.
        sigma: likewise.
        psi: likewise.
        constants: by name.
        epsilon: of a normalisation.
        own: the cell's own activations by name, where these are no usual ones.
    """

    formula: Formula
    order: tuple[int, ...] = (0,)
    phi: str = "tanh"
    sigma: str = "sigmoid"
    psi: str = "phi"
    constants: Mapping[str, float] = field(default_factory=dict)
    epsilon: float = 1e-3
    own: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return φ, σ, ψ and the normalisation."""
        known = {**ACTIVATIONS, **self.own}
        psi = self.phi if self.psi == "phi" else self.psi
        return {
            "phi": known[self.phi],
            "sigma": known[self.sigma],
            "psi": known[psi],
            "norm": norm(self.epsilon),
            **known,
        }

    def step(
        self, weights: Mapping[str, Any], x: Array, blocks: Sequence[Array]
    ) -> tuple[Array, list[Array]]:
        """Return the output and the new states, in the cell's order.

        Args:
            weights: by the paper's names.
            x: `(..., B, F)`.
            blocks: of the cell's states, in its order.
        """
        states = [blocks[self.order.index(k)] for k in range(len(self.formula.states))]
        output, new = self.formula(weights, x, states, self.functions(), self.constants)
        return output, [new[k] for k in self.order]

    def joined(self, weights: Mapping[str, Any], x: Array, blocks: Sequence[Array]) -> Array:
        """Return output and new states side by side."""
        output, new = self.step(weights, x, blocks)
        arrays = np.broadcast_arrays(output, *new)
        return np.concatenate(arrays, axis=-1)

    def at(self, **changes: Any) -> Hypothesis:
        """Return the same with some fields replaced."""
        return replace(self, **changes)


def level_weights(formula: Formula, box: Box) -> dict[str, Any]:
    """Return the formula's weights where all of a cell are level."""
    found: dict[str, Any] = {}
    for part in formula.parts:
        shape = formula.shape_of(part, box.features, box.units)
        kind = kind_of(part)
        value = 1.0 if kind == "α" else formula.base
        if part in formula.first:
            value = box.height
        elif formula.present is not None:
            value = 0.0
        found[part] = np.full(shape, value)
    return found


def moved(
    weights: Mapping[str, Any], part: str, by: float, entries: Sequence[int]
) -> dict[str, Any]:
    """Return weights of which one is moved in each of its entries, along a new first axis."""
    value = np.asarray(weights[part])
    changes = np.zeros((len(entries), value.size))
    changes[np.arange(len(entries)), list(entries)] = by
    changes = changes.reshape(len(entries), *value.shape)
    if value.ndim == 1:
        return {**weights, part: (value + changes)[:, None, :]}
    return {**weights, part: value + changes}


def changes(
    hypothesis: Hypothesis,
    box: Box,
    weights: Mapping[str, Any],
    part: str,
    entries: Sequence[int],
    by: float = MOVE,
) -> Array:
    """Return how the step changes with entries of a weight, `(entries, B, K)`."""
    at = hypothesis.joined(weights, box.x, box.states)
    after = hypothesis.joined(moved(weights, part, by, entries), box.x, box.states)
    return np.broadcast_to(after, (len(entries), *after.shape[-2:])) - at
