"""Whether the gates lie in one order in all weights of a cell, and all the same way round."""

from __future__ import annotations

from collections.abc import Sequence

from gru_bench.equations.formula import kind_of
from gru_bench.equations.slot import Slot


def disorder(slots: Sequence[Slot]) -> int:
    """Return how many gates lie at other places in one weight than in another.

    Args:
        slots: of a reading.
    """
    counts: dict[str, int] = {}
    for slot in slots:
        counts[slot.weight] = counts.get(slot.weight, 0) + 1
    places: dict[str, set[object]] = {}
    for slot in slots:
        kind, _, gate = slot.part.partition("_")
        if kind not in "WUbc" or gate[:1] in ("W", "U"):
            continue
        if counts[slot.weight] > 1:
            column = 1 if kind in "WU" else 0
            place = next((a.units for a in slot.axes if a.of == column), None)
            places.setdefault(f"{gate} among others", set()).add(place)
        else:
            places.setdefault(gate, set()).add(_letter(slot.weight))
    return sum(len(found) > 1 for found in places.values())


def _letter(name: str) -> str:
    """Return the letter by which the name of one gate's weight differs from another gate's."""
    *folders, tail = name.partition(" #")[0].split("/")
    own = folders[-1] if folders and tail in ("kernel", "bias") else tail
    parts = own.replace("dense", "").strip("_").split("_")
    return parts[-1][-1:].lower() if parts[-1] else own


def turned(slots: Sequence[Slot]) -> list[str]:
    """Return in words which recurrent matrices lie transposed beside others that do not.

    Args:
        slots: of a reading.
    """
    told = []
    for weight in dict.fromkeys(slot.weight for slot in slots):
        own = [s for s in slots if s.weight == weight and kind_of(s.part) == "U"]
        ways = [s for s in own if s.transposed]
        if ways and len(ways) < len(own):
            few = ways if 2 * len(ways) <= len(own) else [s for s in own if not s.transposed]
            parts = ", ".join(s.part for s in few)
            told.append(f"{parts} is transposed in `{weight}` against what lies beside it")
    return told
