"""Regions: sets of states, each with the transducer state it stands for.

Region k is { c_k + A_k (r_k ∘ e) : |e_i| <= 1 }, a box in the coordinates of the basis A_k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.proof.enclosure import EPS, Enclosure
from gru_bench.task import Transducer

Array = NDArray[np.float64]
Key = tuple[int, ...]


@dataclass
class Family:
    """Regions keyed by a transducer state and the symbols read last.

    Args:
        keys: (transducer state, last symbols, oldest first), the initial one first.
        following: region after each symbol, `(K, X)`.
        labels: transducer state of each, `(K,)`.
    """

    keys: list[Key]
    following: NDArray[np.int64]
    labels: NDArray[np.int64]


def make_family(task: Transducer, memory: int) -> Family:
    """Return the keys that occur when the last `memory` symbols are remembered."""
    keys: list[Key] = [(0,)]
    place = {keys[0]: 0}
    following = []
    for key in keys:  # grows while it is walked
        row = []
        for x in range(task.symbols):
            history = (*key[1:], x)[-memory:] if memory else ()
            later = (task.next_state[key[0]][x], *history)
            if later not in place:
                place[later] = len(keys)
                keys.append(later)
            row.append(place[later])
        following.append(row)
    return Family(keys, np.array(following), np.array([key[0] for key in keys]))


@dataclass
class Bases:
    """The bases of regions; none stands for the identity everywhere.

    Args:
        A: `(K, N, N)`, or None.
    """

    A: Array | None = None
    B: Array | None = field(init=False, default=None)
    flaw: Array | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.A is not None:
            self.B = np.linalg.inv(self.A)
            n = self.A.shape[-1]
            # B A = I + E: dividing by 1 - |E| makes bounds by B bounds by the true inverse.
            product = self.B @ self.A - np.eye(n)
            size = np.abs(self.B) @ np.abs(self.A) * (n + 8) * EPS
            self.flaw = (np.abs(product) + size).sum(axis=-1).max(axis=-1)

    def generators(self, radius: Array) -> Array:
        """Return A diag(r), `(K, N, N)`, for radii `(K, N)`."""
        if self.A is None:
            return radius[:, :, None] * np.eye(radius.shape[1])
        return self.A * radius[:, None, :]

    def states(self, coordinates: Array) -> Array:
        """Return A y for a vector in each region's coordinates, `(K, N)`."""
        if self.A is None:
            return coordinates
        return np.asarray(np.einsum("kij,kj->ki", self.A, coordinates))

    def coordinates(self, states: Array, which: Any) -> Array:
        """Return B s for points `(..., N)` in the basis of one region."""
        return states if self.B is None else states @ self.B[which].T


@dataclass
class Regions:
    """Regions of a family, with their sizes.

    Args:
        family: their keys.
        bases: their bases.
        center: `(K, N)`.
        radius: `(K, N)`, in the coordinates of the bases.
    """

    family: Family
    bases: Bases
    center: Array
    radius: Array

    def enclosures(self, which: Array) -> Enclosure:
        """Return the states of the regions numbered `which` `(R,)`."""
        center = self.center[which]
        gens = self.bases.generators(self.radius)[which]
        spread = np.abs(gens).sum(axis=-1) * (1 + 64 * EPS) + EPS * np.abs(center)
        zero = np.zeros_like(center)
        return Enclosure(center, gens, zero, center - spread, center + spread, zero)

    def bounds(self, image: Enclosure, targets: Array) -> tuple[Array, Array]:
        """Return lower and upper bounds `(R, N)` on A_j^-1 (image - c_j), rounding included."""
        c = self.center[targets]
        reach = EPS * (np.abs(c) + np.abs(image.center))
        slack = image.slack + image.error + reach
        if self.bases.B is None:
            offset = image.center - c
            half = np.abs(image.gens).sum(axis=-1) * (1 + 64 * EPS) + slack
            low = np.maximum(offset - half, image.low - c - image.error - reach)
            high = np.minimum(offset + half, image.high - c + image.error + reach)
            return low, high
        assert self.bases.flaw is not None
        B = self.bases.B[targets]
        size = np.abs(B)
        offset = np.einsum("rij,rj->ri", B, image.center - c)
        gens = np.matmul(B, image.gens)
        lost = 128 * EPS * np.abs(image.gens).sum(axis=-1) + 64 * EPS * np.abs(image.center - c)
        half = np.abs(gens).sum(axis=-1) + np.einsum("rij,rj->ri", size, slack + lost)
        flaw = self.bases.flaw[targets][:, None]
        extra = 2 * flaw * (np.abs(offset) + half).max(axis=-1, keepdims=True)
        return offset - half - extra, offset + half + extra


def join(states: Sequence[Enclosure], algebra: Any) -> Enclosure:
    """Return several states side by side."""
    joined: Enclosure = algebra.concat(list(states)) if len(states) > 1 else states[0]
    return joined
