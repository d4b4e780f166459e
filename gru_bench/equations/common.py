"""What the published equations of several cells have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NEW, OLD = "{g} weighs the new state", "{g} weighs the old state"

#: Activations that candidates of plain recurrent networks have.
PLAIN = ("tanh", "relu", "linear", "elu", "softsign", "hard_tanh", "leaky_relu", "sin", "selu")

#: States and forget bias of an LSTM.
TWO: dict[str, Any] = {"states": ("h", "c"), "new": ("h1", "c1")}
FORGETS: dict[str, Any] = {"constants": {"k_f": (0.0, 1.0)}}


def blends(gate: str = "z") -> Iterator[tuple[str, str]]:
    """Yield both ways of weighing old and new state: the equation, and what it is called."""
    yield f"h1 = (1 - {gate}) * h + {gate} * h_tilde", NEW.format(g=gate)
    yield f"h1 = {gate} * h + (1 - {gate}) * h_tilde", OLD.format(g=gate)
