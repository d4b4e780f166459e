"""Gradients verified numerically, and whether they vanish; `docs/gradients.md` says how."""

from gru_bench.gradients.check import check_gradients
from gru_bench.gradients.discrepancy import GradientCheck

__all__ = ["GradientCheck", "check_gradients"]
