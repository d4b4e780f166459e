"""Losses: what training made small, and the worst case beside it where a recipe has one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gru_bench.runs.execution import Group
from gru_bench.runs.run import Run


def loss_table(groups: Sequence[Group]) -> pd.DataFrame:
    """Return both losses at each checkpoint, medians over seeds; empty without a worst case."""
    rows = []
    for group in groups:
        runs = [run for run in group.runs if run.worst_curve]
        for checkpoint in runs[0].inputs.checkpoints if runs else ():
            pairs = [_losses(run, checkpoint) for run in runs]
            plain, worst = np.median([pair for pair in pairs if pair] or [(np.nan,) * 2], axis=0)
            if np.isfinite(plain):
                row = {"": group.title, "iteration": f"{checkpoint:,}"}
                rows.append(row | {"loss": f"{plain:.4f}", "worst-case loss": f"{worst:.4f}"})
    return pd.DataFrame(rows)


def _losses(run: Run, checkpoint: int) -> tuple[float, float] | None:
    """Return a run's losses over the block of iterations that ends at a checkpoint."""
    plain = {i: loss for i, loss, _ in run.curve if loss is not None}
    worst = {i: loss for i, loss in run.worst_curve if loss is not None}
    if checkpoint not in plain or checkpoint not in worst:
        return None
    return plain[checkpoint], worst[checkpoint]
