"""A live line about training: iterations, speed, loss, accuracy, time left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from gru_bench.learning.training import Progress as Step


@contextmanager
def live(total: int, title: str) -> Iterator[Callable[[Step], None]]:
    """Show progress on standard error and give the function that training tells it to.

    Args:
        total: iterations over all seeds.
        title: at the head of the line.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} iterations"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    begun = time.perf_counter()
    reached: dict[int, int] = {}
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(title, total=total, note="compiling")

        def tell(step: Step) -> None:
            reached[step.seed] = step.iteration
            done = sum(reached.values())
            speed = done / (time.perf_counter() - begun)
            worst = "" if step.worst_loss is None else f" (worst case {step.worst_loss:.4f})"
            note = (
                f"{speed:,.0f} seed-iterations/s  loss {step.loss:.4f}{worst}  "
                f"accuracy {step.accuracy:.2f}"
            )
            progress.update(task, completed=done, note=note)

        yield tell
