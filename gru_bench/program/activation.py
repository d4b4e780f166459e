"""The error of a framework's float32 tanh and sigmoid over all 2^32 inputs, as it was measured.

A proof about float32 networks needs to know how far the activations that TensorFlow computes lie
from the true ones. The stored figures were measured for one version on one machine; measure again
where yours differ (`gru-bench activations`).
"""

from __future__ import annotations

import importlib.resources
import math
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_known
from gru_bench.outside.opening import read_text
from gru_bench.records import Record

FUNCTIONS = ("tanh", "sigmoid")

#: What is granted to the better of the two float64 references beside their disagreement: eight
#: roundings of numbers up to 1.
ALLOWANCE = 2.0**-50

Array = NDArray[Any]


class ModeError(Record):
    """The largest error of one function in one mode; floats are exact, in hexadecimal.

    Args:
        error: largest absolute difference from the reference.
        at: the input where it is.
        lowest: smallest result.
        highest: largest result.
        inputs: how many were tried.
    """

    error: str
    at: str
    lowest: str
    highest: str
    inputs: int


class FunctionError(Record):
    """What was measured of one function.

    Args:
        disagreement: largest difference between the two float64 references.
        modes: by mode.
    """

    disagreement: str
    modes: dict[str, ModeError]


class ActivationError(Record):
    """What was measured, where and how.

    Args:
        format: version of this record.
        command: that made it.
        tensorflow: its version.
        keras: its version.
        numpy: its version, for the references.
        machine: what it ran on.
        every: each so many-th bit pattern was tried; 1 for all of them.
        done: bit patterns passed, from 0 on.
        functions: by name.
    """

    format: Literal[1] = 1
    command: str
    tensorflow: str
    keras: str
    numpy: str
    machine: str
    every: int = 1
    done: int = 0
    functions: dict[str, FunctionError]

    def bound(self, function: str) -> float:
        """Return the largest error of a function in any mode, with what its references may err."""
        measured = self.functions[check_known("function", function, self.functions)]
        worst = max(float.fromhex(mode.error) for mode in measured.modes.values())
        granted = float.fromhex(measured.disagreement) + ALLOWANCE
        return math.nextafter(worst + math.nextafter(granted, math.inf), math.inf)


@cache
def stored() -> ActivationError:
    """Return the figures that come with the package, measured over all 2^32 inputs."""
    text = importlib.resources.files("gru_bench.checker").joinpath("activation_error.json")
    return ActivationError.model_validate_json(text.read_text(encoding="utf-8"))


def activation_error(function: str) -> float:
    """Return the bound on |TensorFlow's float32 result - true value| that proofs rely on.

    Args:
        function: "tanh" or "sigmoid".

    Raises:
        UsageError: another function.
    """
    return stored().bound(function)


def reference(function: str, x: Array) -> tuple[Array, Array]:
    """Return tanh or sigmoid in float64 by two formulas, for float64 x.

    tanh: NumPy's, and e/(e + 2) with e = expm1(2x); sigmoid: 1/(1 + e^-x), and
    (1 + tanh(x/2))/2.
    """
    with np.errstate(over="ignore"):
        if check_known("function", function, FUNCTIONS) == "tanh":
            e = np.expm1(-2 * np.abs(x))
            return np.tanh(x), np.copysign(e / (e + 2), x)
        return 1 / (1 + np.exp(-x)), 0.5 + 0.5 * np.tanh(0.5 * x)


def read_measurement(path: Path) -> ActivationError | None:
    """Return a record that was written, or None where there is no such file.

    Raises:
        UsageError: the file is something else.
    """
    if not path.exists():
        return None
    try:
        return ActivationError.model_validate_json(read_text(path))
    except ValueError as error:
        raise UsageError(f"{str(path)!r} holds no measured activation errors") from error
