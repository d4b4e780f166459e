"""The published equations of recurrent cells in NumPy, and which of them a cell claims to compute."""

from __future__ import annotations

from gru_bench.equations.claim import Claim, find_claim
from gru_bench.equations.published import EQUATIONS, Equations, Settings

__all__ = ["EQUATIONS", "Claim", "Equations", "Settings", "find_claim"]
