"""All cases of the suite, each with a name of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.corpus.sceptic import archives, cells, documents, files, forging
from tests.corpus.sceptic.bench import Adder, Network, UsageError, cell_name, get_task, keras
from tests.corpus.sceptic.cells import CellCase
from tests.corpus.sceptic.trial import Case, Exhibit


def _show(shown: CellCase, folder: Path) -> Exhibit:
    """Make an adder of a cell, save it, and forge a certificate that says it is honest."""
    shown.reset()
    keras.utils.set_random_seed(0)
    task = get_task(shown.task)
    network = Network(cell_name(shown.cell), shown.arguments, task, shown.dtype)
    adder = Adder(network, shown.weights, shown.threshold)
    exhibit = Exhibit(task, adder)
    path = folder / "model.keras"
    adder.save(path)
    exhibit.model = path
    shown.set_on(network.cell)
    with contextlib.suppress(UsageError):  # no certificate can hold such weights
        exhibit.certificates = [forging.write(forging.forge(adder), folder / "forged.cert.json")]
    return exhibit


def _of_cell(shown: CellCase) -> Case:
    return Case(
        shown.name,
        shown.kind,
        shown.trick,
        lambda folder: _show(shown, folder),
        control=shown.control,
        harmless=shown.harmless,
        beyond=shown.beyond,
        texts=shown.texts,
        later=shown.later,
    )


CASES: list[Case] = [
    *map(_of_cell, cells.CASES),
    *archives.CASES,  # and those of `models` and `secret`
    *files.CASES,
    *documents.CASES,
]
