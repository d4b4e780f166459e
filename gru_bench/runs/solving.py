"""When a run solved its task, and when it was proved: read off its measurements and verdicts."""

from __future__ import annotations

from collections.abc import Mapping

from gru_bench.runs.run import Run


def solved_at(errors: Mapping[int, int]) -> int | None:
    """Return the first checkpoint from which on, through the last, there is no error.

    Args:
        errors: wrong pairs at each checkpoint, over all lengths and families.
    """
    solved = None
    for checkpoint in sorted(errors, reverse=True):
        if errors[checkpoint]:
            break
        solved = checkpoint
    return solved


def solve_time(run: Run) -> int | None:
    """Return the checkpoint from which on a run makes no error, or None."""
    if run.diverged is not None:
        return None
    errors = dict.fromkeys(run.inputs.checkpoints, 0)
    for row in run.measurements:
        errors[row.iteration] += row.pairs - row.exact
    return solved_at(errors)


def proof_time(run: Run) -> int | None:
    """Return the checkpoint from which on a run is proved for every length, or None."""
    if run.diverged is not None or not run.verdicts:
        return None
    return solved_at({v.iteration: int(v.outcome != "PROVED") for v in run.verdicts})
