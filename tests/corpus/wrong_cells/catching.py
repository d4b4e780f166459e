"""Which wrong cells a law catches, by the published matrix."""

from __future__ import annotations

from functools import cache

from tests.corpus.wrong_cells import TABLE, WrongCell, ledger, matrix

#: The wrong cells by name.
BY_NAME = {entry.name: entry for entry in TABLE}

#: Not asked: of the first, the bench begins new copies with zeros, and it makes a weight of its own
#: of them; the second fails by what it remembers of the cases before.
WITHOUT = ("citizen:ScaleMadeInCall", "gru:WeightsPackedOnce")

#: Cells at most that are tried until one fails alone, without the laws before.
TRIES = 4


@cache
def caught() -> dict[str, set[str]]:
    """Return which laws catch each wrong cell, as far as it was tried."""
    known = ledger.kept(matrix.FOLDER / "ci.csv")
    found: dict[str, set[str]] = {}
    for (cell, _, law, _), letter in known.items():
        if letter == "F" and cell in BY_NAME and not cell.endswith(WITHOUT):
            found.setdefault(cell, set()).add(law)
    return found


def cells_for(law: str) -> list[WrongCell]:
    """Return wrong cells that a law catches, first those that few others catch.

    Args:
        law: its name.
    """
    found = [cell for cell, laws in caught().items() if law in laws]
    found.sort(key=lambda cell: len(caught()[cell]))
    return [BY_NAME[cell] for cell in found[:TRIES]]
