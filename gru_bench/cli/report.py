"""`gru-bench report`: accuracy against sequence length and iteration count."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gru_bench.cli import engine as engines
from gru_bench.cli import kinds
from gru_bench.cli.interrupt import INTERRUPTED
from gru_bench.cli.terminal import console, say


@click.command()
@click.argument("experiment", required=False, type=kinds.NAME)
@click.option(
    "-o",
    "--output",
    default="gru_bench_report",
    show_default=True,
    type=kinds.FOLDER,
    help="Folder to write.",
)
@click.option(
    "--workers", type=kinds.WORKERS, help="Seeds trained at a time; by default one a core."
)
@engines.option
def command(experiment: str | None, output: Path, workers: int | None, engine: str) -> int:
    """Train what EXPERIMENT.toml says and write its report.

    Without an argument it runs the packaged default experiment. Finished runs are kept in
    OUTPUT/runs: interrupted, the same command goes on where it stopped.
    """
    engines.check(engine, workers)
    from gru_bench.runs.experiment import load_experiment

    loaded = load_experiment(experiment)
    words = ["gru-bench", "report", *([experiment] if experiment else []), "-o", str(output)]

    from gru_bench.cli.progress import watching
    from gru_bench.learning.training import Interrupted
    from gru_bench.report.report import make_report

    def tell(line: str) -> None:
        say(f"gru-bench: {line}", err=True)

    try:
        with engines.opened(engine, workers) as opened, watching() as watch:
            report = make_report(
                loaded,
                output,
                command=shlex.join(words),
                watch=watch,
                tell=tell,
                workers=workers,
                engine=opened,
            )
    except Interrupted:
        tell(f"interrupted; finished runs are kept in {output}/runs, the same command goes on")
        return INTERRUPTED
    console().print(report.table)
    for line in report.diverged:
        say(line)
    say(f"{report.outcome.trained} runs trained; report: {report.files[0]}")
    return 0
