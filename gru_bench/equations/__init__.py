"""The published equations of recurrent cells in NumPy, and which of them a cell claims."""

from __future__ import annotations

from gru_bench.equations.claim import Claim, find_claim
from gru_bench.equations.published import EQUATIONS, Equations, Settings, Weights
from gru_bench.equations.reading import weights_by_name

__all__ = [
    "EQUATIONS",
    "Claim",
    "Equations",
    "Settings",
    "Weights",
    "find_claim",
    "weights_by_name",
]
