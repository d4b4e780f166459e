"""The numbers that say what float32 may differ by from exact arithmetic.

docs/certificate.md says what is assumed and derives each operation's error from these.
"""

from __future__ import annotations

from dataclasses import dataclass

from gru_bench.program.activation import activation_error, stored

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


def measured_rounding() -> Rounding:
    """Return the model with the activation errors that were measured over all float32 inputs."""
    record = stored()
    source = f"measured over all float32 inputs: TensorFlow {record.tensorflow}, {record.machine}"
    return Rounding(activation_error("tanh"), activation_error("sigmoid"), source)
