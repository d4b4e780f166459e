"""The published equations of recurrent cells in NumPy, and which of them a cell computes."""

from __future__ import annotations

from gru_bench.equations.claim import Claim
from gru_bench.equations.finding import CLAIMS, find_claim, search_claim
from gru_bench.equations.identify import identify
from gru_bench.equations.identity import Identity, Reading
from gru_bench.equations.published import EQUATIONS, Equations, Settings, Weights
from gru_bench.equations.reading import weights_by_name

__all__ = [
    "CLAIMS",
    "EQUATIONS",
    "Claim",
    "Equations",
    "Identity",
    "Reading",
    "Settings",
    "Weights",
    "find_claim",
    "identify",
    "search_claim",
    "weights_by_name",
]
