"""Who watches a training of many runs: what it is told while it goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gru_bench.learning.training import Progress, TrainedRun
from gru_bench.runs.run import Inputs


class Watch:
    """Is told how far the training of many runs is; this one shows nothing of it."""

    def plan(self, runs: int, kept: int, iterations: int) -> None:
        """Hear of the whole, before anything is trained.

        Args:
            runs: all of them.
            kept: those that are finished already.
            iterations: to do, over the others.
        """

    def begin(self, title: str, runs: int, iterations: int, workers: int | None = None) -> None:
        """Hear that a group of runs begins, which compiles its program first.

        Args:
            title: cell and recipe.
            runs: to train.
            iterations: of each.
            workers: trained at a time; by default one for each core.
        """

    def step(self, progress: Progress) -> None:
        """Hear of a block of iterations."""

    def finish(self, run: TrainedRun | Inputs) -> None:
        """Hear of a finished run; of one that was trained elsewhere, only its inputs."""

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Hear what this thread does instead of training, such as "measuring", and for how long."""
        del what
        yield
