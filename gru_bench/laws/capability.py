"""What a law can need of a cell, by name; none asks for a cell's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gru_bench.laws.telling.outcome import NO_STEP

if TYPE_CHECKING:
    from gru_bench.laws.target import Target

#: For each capability a function that returns why the target lacks it, None where it has it.
CAPABILITIES: dict[str, Callable[[Target], str | None]] = {}

Test = Callable[[Any], str | None]


def capability(name: str) -> Callable[[Test], Test]:
    """Register the decorated function; it is asked once for each target."""
    assert name not in CAPABILITIES, name

    def register(test: Test) -> Test:
        CAPABILITIES[name] = test
        return test

    return register


def lacking(target: Target, name: str) -> str | None:
    """Return why the target has not this capability, None where it has it."""
    if name not in target.lacks:
        target.lacks[name] = CAPABILITIES[name](target)
    return target.lacks[name]


@capability("keras")
def _keras(target: Target) -> str | None:
    return None if target.started == "TensorFlow" else "the cell is none of Keras's"


@capability("torch")
def _torch(target: Target) -> str | None:
    return None if target.started == "PyTorch" else "the cell is no PyTorch module"


@capability("step")
def _step(target: Target) -> str | None:
    return NO_STEP if target.no_step is not None else None


@capability("weights")
def _weights(target: Target) -> str | None:
    return None if target.probe.parameters else "the cell has no trainable weights"


@capability("state")
def _state(target: Target) -> str | None:
    return None if target.probe.state_shapes else "the cell has no state"


@capability("float64")
def _float64(target: Target) -> str | None:
    return target.no_float64


@capability("one dtype")
def _one_dtype(target: Target) -> str | None:
    if target.no_float64 is not None and target.loose:
        return "not all of the cell has its dtype: see float64-supported"
    return None


@capability("layer")
def _layer(target: Target) -> str | None:
    return None if target.is_layer else "a cell was given, not a layer"


@capability("random")
def _random(target: Target) -> str | None:
    return target.not_random


@capability("recurrent product")
def _recurrent_product(target: Target) -> str | None:
    claim = target.claim
    if claim is None or claim.equations is None:
        return "no published equations are claimed"
    weights = claim.read(claim.weights(target.probe.cell))
    if any(name.startswith("U_") and weight.ndim == 2 for name, weight in weights.items()):
        return None
    return "the equations have no recurrent product"
