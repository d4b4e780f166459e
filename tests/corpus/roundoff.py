"""How far two correct evaluations of one program may lie apart in double precision.

The algebra carries with each value a bound on the error of its evaluation, by the standard model
of rounding: fl(a ∘ b) = (a ∘ b)(1 + δ), |δ| <= u, and γ_n on a sum of n products (Higham,
Accuracy and Stability of Numerical Algorithms, chapters 2 and 3). Bounds are on sizes, not on
results, so that they hold for sums in any order and for each way to write a convex combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_bench.program.program import Floats
from gru_bench.trace.tolerance import ACTIVATION_EPSILONS, gamma

Array = NDArray[Any]

#: Unit roundoff of a double, and what may be lost where results underflow.
UNIT, TINY = 2.0**-53, 2.0**-1000

#: An activation's own error.
OWN = ACTIVATION_EPSILONS * 2 * UNIT


class Rounded(NamedTuple):
    """A value and a bound on its error, both of one shape."""

    value: Array
    error: Array

    @property
    def size(self) -> Array:
        """A bound on the magnitude."""
        return np.asarray(np.abs(self.value) + self.error)


class Roundoff:
    """The algebra of doubles with the errors they may have."""

    def __init__(self) -> None:
        self._floats = Floats(np.float64)

    def exact(self, value: Any) -> Rounded:
        """Return a value that has no error."""
        array = np.asarray(value, np.float64)
        return Rounded(array, np.zeros_like(array))

    constant = exact

    def _made(self, value: Array, inherited: Array, size: Array) -> Rounded:
        return Rounded(value, np.asarray(inherited + UNIT * size + TINY))

    def matmul(self, v: Rounded, W: Any) -> Rounded:
        """Return v W."""
        reach = np.abs(np.asarray(W))
        error = v.error @ reach + gamma(len(reach) + 2, np.float64) * (v.size @ reach)
        return Rounded(self._floats.matmul(v.value, W), error + TINY)

    def add(self, a: Rounded, b: Rounded) -> Rounded:
        """Return a + b."""
        return self._made(a.value + b.value, a.error + b.error, a.size + b.size)

    def sub(self, a: Rounded, b: Rounded) -> Rounded:
        """Return a - b."""
        return self._made(a.value - b.value, a.error + b.error, a.size + b.size)

    def mul(self, a: Rounded, b: Rounded) -> Rounded:
        """Return a ∘ b."""
        return self._made(a.value * b.value, a.size * b.error + b.size * a.error, a.size * b.size)

    def neg(self, a: Rounded) -> Rounded:
        """Return -a."""
        return Rounded(-a.value, a.error)

    def sigmoid(self, a: Rounded) -> Rounded:
        """Return σ(a), whose slope is at most 1/4."""
        return Rounded(self._floats.sigmoid(a.value), np.minimum(a.error / 4, 1) + OWN)

    def tanh(self, a: Rounded) -> Rounded:
        """Return the hyperbolic tangent of a, whose slope is at most 1."""
        return Rounded(self._floats.tanh(a.value), np.minimum(a.error, 2) + OWN)

    def relu(self, a: Rounded) -> Rounded:
        """Return max(a, 0)."""
        return Rounded(self._floats.relu(a.value), a.error)

    def lerp(self, z: Rounded, a: Rounded, b: Rounded) -> Rounded:
        """Return (1 - z) ∘ a + z ∘ b: at most five roundings of what is not larger than size."""
        both = a.size + b.size
        inherited = (1 + z.size) * (a.error + b.error) + z.error * both
        return self._made(
            self._floats.lerp(z.value, a.value, b.value), inherited, 5 * (1 + z.size) * both
        )

    def slice(self, a: Rounded, begin: int, end: int) -> Rounded:
        """Return entries begin .. end-1."""
        return Rounded(a.value[..., begin:end], a.error[..., begin:end])

    def concat(self, parts: Sequence[Rounded]) -> Rounded:
        """Return vectors one after the other."""
        return Rounded(*(self._floats.concat([part[k] for part in parts]) for k in range(2)))
