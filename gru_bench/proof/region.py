"""Regions: sets of states, each with the transducer state it stands for.

Region k is the box { c_k + r_k ∘ e : |e_i| <= 1 }.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_bench.program.enclosure import EPS, Enclosure

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Family:
    """What regions there are, before their sizes are known.

    Args:
        founders: a state of each, `(K, N)`; the first is the initial one.
        following: region after each symbol, `(K, X)`.
        labels: transducer state of each, `(K,)`.
    """

    founders: Array
    following: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass
class Regions:
    """Regions of a family, with their sizes.

    Args:
        family: which there are.
        center: `(K, N)`.
        radius: `(K, N)`.
    """

    family: Family
    center: Array
    radius: Array

    def enclosures(self, which: NDArray[np.int64]) -> Enclosure:
        """Return the states of the regions numbered `which` `(R,)`."""
        center, radius = self.center[which], self.radius[which]
        gens = radius[:, :, None] * np.eye(radius.shape[1])
        spread = radius * (1 + EPS) + EPS * np.abs(center)
        zero = np.zeros_like(center)
        return Enclosure(center, gens, zero, center - spread, center + spread, zero)

    def bounds(self, image: Enclosure, targets: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return lower and upper bounds `(R, N)` on image - c_j, float32's rounding included."""
        c = self.center[targets]
        reach = EPS * (np.abs(c) + image.largest) + image.error
        return image.low - c - reach, image.high - c + reach

    def enlarge(self, low: Array, high: Array) -> None:
        """Make the regions hold c + [low, high], `(K, N)`, a little more than needed.

        Without that little, growth towards a limit would never end.
        """
        low = np.where(low < -self.radius, low * 1.02 - 1e-5, -self.radius)
        high = np.where(high > self.radius, high * 1.02 + 1e-5, self.radius)
        self.center = self.center + (low + high) / 2
        self.radius = (high - low) / 2 * (1 + 1e-9) + 1e-9
