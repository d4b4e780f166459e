"""Readings in files, as `gru-bench identify --json` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_bench.equations.formulas import FORMULAS
from gru_bench.equations.functions import ACTIVATIONS
from gru_bench.equations.hypothesis import Hypothesis
from gru_bench.equations.identity import Reading
from gru_bench.equations.slot import Slot
from gru_bench.equations.wrapping import wrapped
from gru_bench.errors import UsageError, in_one_line
from gru_bench.outside.bounds import shown
from gru_bench.outside.opening import parse_json, read_bytes, read_toml

_ENDINGS = (".json", ".toml")


def is_file(name: str) -> bool:
    """Return whether a claim is the path of a file with a reading."""
    return name.lower().endswith(_ENDINGS)


def reading_from(path: str) -> Reading:
    """Return the one reading in a file.

    Args:
        path: JSON or TOML.

    Raises:
        UsageError: it cannot be read, or holds none or several.
    """
    data = _data(path)
    readings = data.get("readings", [data] if "weights" in data else [])
    if not isinstance(readings, list) or len(readings) != 1:
        count = len(readings) if isinstance(readings, list) else 0
        raise UsageError(f"{path} holds {count} readings: leave the one that is meant")
    try:
        return _reading(readings[0])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} is no reading as gru-bench identify --json writes it: {in_one_line(error)}"
        ) from error


def _data(path: str) -> Mapping[str, Any]:
    data = read_toml(path) if path.lower().endswith(".toml") else parse_json(read_bytes(path), path)
    if not isinstance(data, dict):
        raise UsageError(f"{path} is no reading: it holds {shown(data)}")
    return data


def _reading(given: Mapping[str, Any]) -> Reading:
    key, says = str(given["equations"]), tuple(str(s) for s in given["variant"])
    every = (*FORMULAS, *wrapped(FORMULAS))
    formula = next((f for f in every if (f.key, f.says) == (key, says)), None)
    if formula is None:
        raise ValueError(f"no equations {key!r} are of the variant {list(says)}")
    names = [str(s) for s in given["states"]]
    for letter in ("phi", "sigma", "psi"):
        if given[letter] not in ACTIVATIONS and given[letter] != "phi":
            raise ValueError(f"{letter} {given[letter]!r} is not known")
    made = Hypothesis(
        formula,
        tuple(formula.states.index(name) for name in names),
        str(given["phi"]),
        str(given["sigma"]),
        str(given["psi"]),
        {str(k): float(v) for k, v in given.get("numbers", {}).items()},
        float(given.get("epsilon", 1e-3)),
    )
    if sorted(names) != sorted(formula.states):
        raise ValueError(f"the states must be {list(formula.states)}")
    if set(made.constants) != set(formula.constants):
        raise ValueError(f"the numbers must be {sorted(formula.constants)}")
    return Reading(made, tuple(Slot.from_json(slot) for slot in given["weights"]))
