"""A live view of a training of many runs: how many are finished, what is done, the time left."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gru_bench.cli.terminal import console
from gru_bench.learning.training import Progress, TrainedRun
from gru_bench.outside.text import visible
from gru_bench.runs.run import Inputs
from gru_bench.runs.watch import Watch

#: What a run counts for whose iterations are done and that is still measured or proved.
_TRAINED = 0.9


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Show progress on standard error if that is a terminal, and give who is told of it."""
    view = View()
    with drawn(view) as seen:
        yield view if seen else Watch()


@contextlib.contextmanager
def drawn(view: View) -> Iterator[bool]:
    """Draw a view on standard error if that is a terminal, and tell whether it is."""
    screen = console(err=True)
    if not screen.is_terminal:
        yield False
        return
    with Live(
        get_renderable=view.render, console=screen, transient=True, vertical_overflow="visible"
    ):
        yield True


class View(Watch):
    """Keeps what it is told, and draws it; lines are wrapped, never cut."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.runs = self.kept = self.finished = 0
        self.iterations = self.done = 0
        self.title = ""
        self._busy: dict[int, str] = {}
        self._lock = threading.Lock()
        self.begin("", 0, 0)

    def plan(self, runs: int, kept: int, iterations: int) -> None:
        """Begin to count."""
        self.begun = time.perf_counter()
        self.runs, self.kept, self.iterations = runs, kept, iterations

    def begin(self, title: str, runs: int, iterations: int, workers: int | None = None) -> None:
        """Begin a group."""
        self.title, self._left, self._each = title, runs, iterations
        self._workers = workers or os.cpu_count() or 1
        self._group_begun, self._group_done = time.perf_counter(), 0
        self._last: Progress | None = None
        self._reached: dict[int, int] = {}

    def step(self, progress: Progress) -> None:
        """Take note of where a run is."""
        self._group_done += progress.iteration - self._reached.get(progress.seed, 0)
        self._reached[progress.seed] = progress.iteration
        self._last = progress

    def finish(self, run: TrainedRun | Inputs) -> None:
        """Take note of a finished run, of whose iterations a diverged one has not done all."""
        self._reached.pop(run.seed, None)
        self.finished += 1
        self.done += self._each
        self._left -= 1

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show what this thread does until it is done."""
        thread = threading.get_ident()
        with self._lock:
            before = self._busy.get(thread)
            self._busy[thread] = what
        try:
            yield
        finally:
            with self._lock:
                del self._busy[thread]
                if before is not None:
                    self._busy[thread] = before

    @property
    def share(self) -> float:
        """The share of the whole that is done, of what was not kept."""
        done = self.done + _TRAINED * sum(list(self._reached.values()))
        return done / self.iterations if self.iterations else 0.0

    def render(self) -> RenderableType:
        """Draw how far the whole is, what is being done, and how it goes."""
        head = Table.grid(padding=(0, 1))
        words = f"{self.kept + self.finished} of {self.runs} runs finished, {self._time_left()}"
        head.add_row(ProgressBar(1.0, self.share, width=20), Text(words, overflow="fold"))
        what = self._doing()
        lines = [f"{self.title}: {what}" if self._left else what, self._detail()]
        texts = [Text(visible(line), overflow="fold") for line in lines if line]
        return Group(head, *texts) if self.runs else Group(*texts)

    def _time_left(self) -> str:
        share = self.share
        if not share:
            return "time left not known yet"
        left = (time.perf_counter() - self.begun) * (1 - share) / share
        return f"about {timedelta(seconds=round(left))} left"

    def _doing(self) -> str:
        with self._lock:
            busy = sorted(self._busy.values())
        at_work = min(self._workers, self._left)
        if at_work > len(busy):
            busy.insert(0, "training" if self._last is not None else "compiling")
        return ", ".join(dict.fromkeys(busy))

    def _detail(self) -> str:
        last = self._last
        if last is None or not self._left:
            return ""
        speed = self._group_done / (time.perf_counter() - self._group_begun)
        worst = "" if last.worst_loss is None else f" (worst case {last.worst_loss:.4f})"
        return (
            f"{speed:,.0f} iterations/s, loss {last.loss:.4f}{worst}, "
            f"accuracy {last.accuracy:.2f} (seed {last.seed})"
        )
