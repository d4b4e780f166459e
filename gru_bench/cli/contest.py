"""A live view of a comparison: the evidence against the number of seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gru_bench.cli.progress import View
from gru_bench.comparison.telling import number
from gru_bench.comparison.verdict import BETTER, EQUIVALENT, WORSE, Evidence
from gru_bench.comparison.watch import ComparisonWatch
from gru_bench.outside.text import visible

_BLOCKS = " ▁▂▃▄▅▆▇█"
#: Seeds of the curve that is drawn; longer ones are thinned.
_WIDTH = 32


class ContestView(View, ComparisonWatch):
    """Keeps what it is told of a comparison, and draws it.

    Args:
        seeds: at most used.
    """

    def __init__(self, seeds: int) -> None:
        super().__init__()
        self.most, self.seeds = seeds, 0
        self.rows: list[tuple[str, str, float, float]] = []

    def weigh(self, evidence: Evidence, seeds: int) -> None:
        """Take note of the evidence so far."""
        rules = evidence.rules
        kinds = (
            (WORSE, evidence.worse, 1 / rules.alpha),
            (BETTER, evidence.better, 1 / rules.alpha),
            (EQUIVALENT, evidence.equivalent, 1 / rules.beta),
        )
        self.seeds = seeds
        self.rows = [
            (name, curve(logs.tolist(), math.log(needed)), float(logs[-1]), needed)
            for name, logs, needed in kinds
        ]

    def render(self) -> RenderableType:
        """Draw the evidence, and below it what is being trained."""
        grid = Table.grid(padding=(0, 1))
        for name, drawn, log, needed in self.rows:
            said = f"{number(math.exp(min(log, 50.0)))} of {needed:g}"
            grid.add_row(Text(name), Text(drawn), Text(said, overflow="fold"))
        head = f"evidence after {self.seeds} of at most {self.most} seeds"
        what = self._doing()
        lines = [f"{self.title}: {what}" if self._left else what, self._detail()]
        texts = [Text(visible(line), overflow="fold") for line in lines if line]
        return Group(Text(head), grid, *texts)


def curve(logs: Sequence[float], needed: float, width: int = _WIDTH) -> str:
    """Return evidence as a line of blocks: empty at 1 and below, full where it is enough.

    Args:
        logs: logarithms of the evidence, after each seed.
        needed: logarithm of what is enough.
        width: characters at most.
    """
    step = max(1, math.ceil(len(logs) / width))
    kept = logs[::-1][::step][::-1]
    levels = [min(1.0, max(0.0, log / needed)) for log in kept]
    return "".join(_BLOCKS[math.floor(level * (len(_BLOCKS) - 1))] for level in levels)
