"""What a float32 evaluation may differ by from exact arithmetic, operation by operation.

The model: each operation rounds to nearest; the terms of a product with a matrix are summed in
any order, with or without fused multiply-add; subnormal results may be flushed to zero; tanh and
sigmoid differ from the true functions by at most a stated bound.
"""

from __future__ import annotations

from dataclasses import dataclass

#: float32's unit roundoff, and its smallest normal number: more than any subnormal can lose.
UNIT = 2.0**-24
SMALLEST = 2.0**-126


@dataclass(frozen=True)
class Rounding:
    """The error model of one deployment.

    Args:
        tanh: bound on |float32 tanh - tanh|, absolute, for every float32 argument.
        sigmoid: likewise.
        source: where the two bounds come from.
        unit: unit roundoff.
        smallest: bound on what flushing to zero loses.
    """

    tanh: float
    sigmoid: float
    source: str
    unit: float = UNIT
    smallest: float = SMALLEST

    def product(self, terms: int) -> float:
        """Return γ_n = n u / (1 - n u) for a sum of n products, in any order.

        Source: Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
        """
        nu = (terms + 1) * self.unit
        return nu / (1 - nu)
