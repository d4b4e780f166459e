"""All cases of the suite, each with a name of its own."""

from __future__ import annotations

from pathlib import Path

from gru_bench.adder import Adder
from gru_bench.cells import cell_name
from gru_bench.errors import UsageError
from gru_bench.network import Network
from gru_bench.task import get_task
from tests.corpus.sceptic import cells, forging
from tests.corpus.sceptic.cells import CellCase
from tests.corpus.sceptic.trial import Case, Exhibit


def _show(shown: CellCase, folder: Path) -> Exhibit:
    """Make an adder of a cell, save it, and forge a certificate that says it is honest."""
    shown.reset()
    task = get_task(shown.task)
    network = Network(cell_name(shown.cell), shown.arguments, task, shown.dtype)
    adder = Adder(network, shown.weights, shown.threshold)
    exhibit = Exhibit(task, adder, classes={shown.cell.__name__: shown.cell})
    path = folder / "model.keras"
    try:
        adder.save(path)
    except UsageError:
        return exhibit
    exhibit.model = path
    exhibit.certificates = [forging.write(forging.forge(adder), folder / "forged.cert.json")]
    return exhibit


def _of_cell(shown: CellCase) -> Case:
    return Case(
        shown.name,
        shown.kind,
        shown.trick,
        lambda folder: _show(shown, folder),
        shown.control,
        shown.harmless,
        shown.beyond,
        shown.marker,
        shown.later,
    )


CASES: list[Case] = [_of_cell(shown) for shown in cells.CASES]
