"""A run as a trial: when it solved the task, how accurate it ended, whether it was proved."""

from __future__ import annotations

import hashlib

from gru_bench.comparison.scores import Trial
from gru_bench.runs.run import Run
from gru_bench.runs.solving import solve_time

#: What of a run is the same where two runs are the same bit for bit.
_OUTCOME = {"diverged", "curve", "worst_curve", "measurements", "weights"}


def make_trial(run: Run, proof: Run | None = None) -> Trial:
    """Return what a run came to; a run that diverged is wrong throughout.

    Args:
        run: a finished run.
        proof: the same run with verdicts, where they were asked for.
    """
    last = max(run.inputs.checkpoints)
    places = [(family, n) for family in run.inputs.families for n in run.inputs.lengths]
    found = {
        (row.family, row.length): row.exact / row.pairs
        for row in run.measurements
        if row.iteration == last and run.diverged is None
    }
    text = run.model_dump_json(include=_OUTCOME)
    return Trial(
        seed=run.inputs.seed,
        solved=solve_time(run),
        accuracy={place: found.get(place, 0.0) for place in places},
        proved=None if proof is None else is_proved(proof),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def is_proved(run: Run) -> bool:
    """Return whether the last of a run's verdicts is PROVED, at its last iteration."""
    if run.diverged is not None or not run.verdicts:
        return False
    return run.verdicts[-1].outcome == "PROVED"
