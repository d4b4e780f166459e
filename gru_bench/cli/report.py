"""`gru-bench report`: accuracy against sequence length and iteration count."""

from __future__ import annotations

import click

from gru_bench.errors import check_integer


@click.command()
@click.argument("experiment", required=False)
@click.option(
    "-o", "--output", default="gru_bench_report", show_default=True, help="Folder to write."
)
@click.option("--workers", type=int, help="Seeds trained at a time; by default one a core.")
def command(experiment: str | None, output: str, workers: int | None) -> int:
    """Train what EXPERIMENT.toml says and write its report.

    Without an argument it runs the packaged default experiment. Finished runs are kept in
    OUTPUT/runs: interrupted, the same command goes on where it stopped.
    """
    from rich.console import Console

    from gru_bench.cli.progress import live
    from gru_bench.runs.experiment import load_experiment

    if workers is not None:
        check_integer("--workers", workers, 1)
    loaded = load_experiment(experiment)
    words = ["gru-bench report", *([experiment] if experiment else []), f"-o {output}"]

    from gru_bench.learning.training import Interrupted
    from gru_bench.report.report import make_report

    def tell(line: str) -> None:
        click.echo(f"gru-bench: {line}", err=True)

    try:
        report = make_report(
            loaded, output, command=" ".join(words), live=live, tell=tell, workers=workers
        )
    except Interrupted:
        tell(f"interrupted; finished runs are kept in {output}/runs, the same command goes on")
        return 130
    Console().print(report.table)
    for line in report.diverged:
        click.echo(line)
    click.echo(f"{report.outcome.trained} runs trained; report: {report.files[0]}")
    return 0
