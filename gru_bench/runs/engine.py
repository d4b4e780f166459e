"""Engines: who trains runs, if it is not this process in threads of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gru_bench.runs.run import Inputs, Run
from gru_bench.runs.watch import Watch


class Engine(Protocol):
    """Trains runs elsewhere, to the same bits."""

    def train(
        self,
        title: str,
        missing: Sequence[Inputs],
        folder: Path,
        watch: Watch,
        found: dict[str, Run],
    ) -> int:
        """Train runs; add each to the folder, and to `found` by its file's name.

        Args:
            title: cell and recipe, for people.
            missing: inputs of the runs, at least one.
            folder: of run files.
            watch: is told how far it is.
            found: takes the runs.

        Returns:
            How many were trained now; the others were finished by another process.

        Raises:
            UsageError: the folder cannot be written, a run cannot be trained, or nobody answers.
            Interrupted: Ctrl-C; finished runs are in the folder.
        """
