"""Making a report: train what is missing, then write its pages and data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType

from gru_bench.outside.writing import check_folder, make_folder, remove_partials, write_whole
from gru_bench.report.exhibit import find_exhibits
from gru_bench.report.page import Page
from gru_bench.report.table import Results, make_results
from gru_bench.report.terminal import MainTable
from gru_bench.runs.engine import Engine
from gru_bench.runs.execution import Outcome, plan_groups, run_groups
from gru_bench.runs.experiment import Experiment
from gru_bench.runs.watch import Watch


@dataclass(frozen=True)
class Report:
    """A finished report.

    Args:
        results: its frames.
        table: the main table, for a terminal.
        files: what was written, the page for people first.
        outcome: the groups with their runs, how many were trained now, and notices.
        diverged: a line about each seed that diverged.
    """

    results: Results
    table: RenderableType
    files: list[Path]
    outcome: Outcome
    diverged: list[str]


def make_report(
    experiment: Experiment,
    out: str | Path,
    *,
    command: str = "gru-bench report",
    watch: Watch | None = None,
    tell: Callable[[str], None] = lambda _: None,
    workers: int | None = None,
    engine: Engine | None = None,
) -> Report:
    """Train what an experiment says and write its report.

    Runs that `out/runs` already holds are not trained again.

    Args:
        experiment: what to train and measure.
        out: folder to write.
        command: that makes the report again; the report says it.
        watch: is told how far it is.
        tell: is told a line about each file in `out/runs` that is not a run.
        workers: seeds trained at a time; by default one for each core.
        engine: trains elsewhere; by default this process trains in threads.

    Raises:
        UsageError: a cell does not work, or `out` cannot be written.
        Interrupted: Ctrl-C; the finished runs are in `out/runs`.
    """
    folder = Path(out)
    check_folder(folder)
    remove_partials(folder)
    watch = watch or Watch()
    with watch.doing("building the cells"):
        groups = plan_groups(experiment)
    runs = make_folder(folder / "runs")
    outcome = run_groups(groups, runs, watch, tell, workers, engine)
    with watch.doing("writing the report"):
        results = make_results(outcome.groups)
        page = Page(experiment, outcome, results, command, find_exhibits(outcome.groups))
        files = write_page(page, folder)
    return Report(results, MainTable(results), files, outcome, page.diverged)


def write_page(page: Page, folder: Path) -> list[Path]:
    """Write the pages and data of a report, and return their paths.

    Raises:
        UsageError: the folder cannot be written.
    """
    texts = {
        "report.html": page.html(),
        "report.md": page.markdown(),
        "results.csv": page.csv(),
        "report.json": page.json(),
    }
    if page.judged:
        texts["verdicts.csv"] = page.verdicts_csv()
    contents = {name: text.encode() for name, text in texts.items()}
    for name, data in contents.items():
        write_whole(folder / name, data)
    return [folder / name for name in contents]
