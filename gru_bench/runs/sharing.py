"""Dividing runs with other processes that work on the same folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gru_bench.learning.training import Interrupted
from gru_bench.runs.claim import Claims, claiming
from gru_bench.runs.run import Inputs, Run
from gru_bench.runs.watch import Watch

#: Seconds after which it is looked again whether another process has finished.
_PAUSE = 0.25

#: Trains those of some runs that it can claim, and adds what it finishes to the found.
Train = Callable[[Sequence[Inputs], Claims], None]


def share(
    missing: Sequence[Inputs], folder: Path, watch: Watch, found: dict[str, Run], train: Train
) -> int:
    """Have runs trained, here or by whoever else has claimed them, until all are found.

    Args:
        missing: inputs of the runs.
        folder: of run files.
        watch: is told of runs that others finish.
        found: takes the runs, by their file's name.
        train: trains those that it can claim.

    Returns:
        How many were trained here.

    Raises:
        UsageError: the folder cannot be written.
        Interrupted: Ctrl-C; finished runs are in the folder.
    """
    left, told = list(missing), set[str]()
    with claiming(folder, found) as claims:
        while left:
            train(left, claims)
            for inputs in left:
                if inputs.name in claims.others - told:
                    told.add(inputs.name)
                    watch.finish(inputs)
            left = [inputs for inputs in left if inputs.name not in found]
            if left:
                with watch.doing("waiting for another process"):
                    _wait(left, claims)
        return len(missing) - len(claims.others)


def _wait(left: Sequence[Inputs], claims: Claims) -> None:
    """Wait until another process has finished one of these runs, or has given one up."""
    try:
        while not any(claims.take(one) or one.name in claims.found for one in left):
            time.sleep(_PAUSE)
    except KeyboardInterrupt:
        raise Interrupted([]) from None
