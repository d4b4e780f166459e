"""A derivative that is wrong, and where it stands, for a script that finds it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """A derivative that differs from the numeric one.

    Args:
        argument: name and index of what is differentiated by.
        result: name and index of what is differentiated.
        autodiff: the framework's derivative.
        numeric: the numeric one.
        error: the estimated error of the numeric one plus the rounding of both.
    """

    argument: str
    result: str
    autodiff: float
    numeric: float
    error: float


def place_of(names: Sequence[str], batch: int, argument: str, result: str) -> dict[str, Any]:
    """Return which entry of which argument and result two labels name.

    Args:
        names: of the weights.
        batch: B.
        argument: a label, such as `U_z[3, 5]`.
        result: likewise.
    """
    names = [*names, "x"]
    name, entry = _parsed(argument)
    made, where = _parsed(result)
    if batch == 1:  # labels leave out the axis of a single row
        where = (where[0], 0, *where[1:]) if made == "output" else (0, *where)
        if name == "x":
            entry = (entry[0], 0, *entry[1:])
        elif name not in names:
            entry = (0, *entry)
    return {
        "place": names.index(name) if name in names else len(names) + _number(name),
        "entry": entry,
        "result": 0 if made == "output" else 1 + _number(made.removeprefix("final_")),
        "where": where,
    }


def _parsed(label: str) -> tuple[str, tuple[int, ...]]:
    name, _, index = label.partition("[")
    return name, tuple(int(k) for k in index.rstrip("]").split(",") if k.strip().isdigit())


def _number(state: str) -> int:
    """Return which state `h_0` or `state1_0` is."""
    digits = state.removeprefix("state").partition("_")[0]
    return int(digits) if digits.isdigit() else 0
