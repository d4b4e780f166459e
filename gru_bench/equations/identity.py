"""What a cell computes, as far as it was found out: readings, and how they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_bench.equations.formula import Formula, kind_of, show_name
from gru_bench.equations.hypothesis import Hypothesis
from gru_bench.equations.slot import Slot

#: The form of the file that `identify --json` writes.
FORMAT = 1


@dataclass(frozen=True)
class Reading:
    """Equations, and where their weights lie in a cell's.

    Args:
        hypothesis: the equations, with functions, numbers and the order of the states.
        slots: where each weight lies.
        differs: how the cell differs from what was published, in words; nothing where it does not.
        sure: how sure that is, in words.
        published: the equations without what differs.
        lost: whether all weights that are not used are those that the mistake leaves out.
        rank: how far-fetched it is; small numbers are said first.
        only_vectors: whether nothing differs but functions and what is added.
        gone: whether the cell has no weights for what the mistake leaves out.
    """

    hypothesis: Hypothesis
    slots: tuple[Slot, ...]
    differs: tuple[str, ...] = ()
    sure: str = ""
    published: Formula | None = None
    lost: bool = False
    rank: int = 0
    only_vectors: bool = False
    gone: bool = False

    @property
    def formula(self) -> Formula:
        """The equations as they were published."""
        return self.published or self.hypothesis.formula

    @property
    def key(self) -> str:
        """What `--equations` calls them."""
        return self.formula.key

    @property
    def family(self) -> str:
        """What it calls all of their kind."""
        return self.formula.family

    def weights(self, named: Mapping[str, Any], features: int, units: int) -> dict[str, Any]:
        """Return the equations' weights, sums where several of the cell's are added.

        Args:
            named: the cell's weights by their short names.
            features: F.
            units: n.
        """
        found: dict[str, Any] = {}
        for slot in self.slots:
            value = slot.view(np.asarray(named[slot.weight]), features, units)
            value = value if slot.factor == 1 else slot.factor * value
            found[slot.part] = found[slot.part] + value if slot.part in found else value
        return found

    def of(self, part: str) -> list[Slot]:
        """Return the slots of a part."""
        return [slot for slot in self.slots if slot.part == part]

    def title(self) -> str:
        """Return the name of the equations, their source, and which variant it is."""
        hypothesis, formula = self.hypothesis, self.formula
        name = formula.title
        if any(kind_of(slot.part) == "p" for slot in self.slots):
            name += " with peepholes"
        told = [f"{name} ({formula.source})", *formula.says]
        if formula.uses("phi") and hypothesis.phi != "tanh":
            told.append(f"φ is {hypothesis.phi}")
        if formula.uses("sigma") and hypothesis.sigma != "sigmoid":
            told.append(f"σ is {hypothesis.sigma}")
        if formula.uses("psi") and hypothesis.psi not in ("phi", hypothesis.phi):
            told.append(f"ψ is {hypothesis.psi}")
        told += [
            f"{_NUMBERS.get(name, name[2:])} {value:g}"
            for name, value in hypothesis.constants.items()
            if value or name.startswith("k_keep")
        ]
        if formula.normalised:
            told.append(f"ε {hypothesis.epsilon:g}")
        return ", ".join(told)

    def layout(self) -> list[str]:
        """Return where the weights lie, in words, one for each of the cell's weights."""
        found: dict[str, list[Slot]] = {}
        for slot in self.slots:
            found.setdefault(slot.weight, []).append(slot)
        told = [_words(name, slots) for name, slots in found.items()]
        names = self.hypothesis.formula.states
        if len(names) > 1:
            told.append(f"states ({', '.join(names[k] for k in self.hypothesis.order)})")
        return told

    def to_json(self) -> dict[str, Any]:
        """Return the reading as `--reading` takes it."""
        made = self.hypothesis
        return {
            "equations": self.key,
            "family": self.family,
            "title": self.formula.title,
            "source": self.formula.source,
            "variant": list(self.formula.says),
            "formulas": self.formula.shown(),
            "phi": made.phi,
            "sigma": made.sigma,
            "psi": made.psi,
            "numbers": dict(made.constants),
            "epsilon": made.epsilon,
            "states": [made.formula.states[k] for k in made.order],
            "weights": [slot.to_json() for slot in self.slots],
            "differs": list(self.differs),
        }


_NUMBERS = {
    "k_f": "forget bias",
    "k_g": "gate bias",
    "k_β": "β",
    "k_keep": "share kept",
    "k_new": "share new",
    "k_dt": "step",
    "k_clip": "clip",
    "k_zone_h": "zoneout of h",
    "k_zone_c": "zoneout of c",
    "k_α": "share new",
}


def _words(name: str, slots: Sequence[Slot]) -> str:
    """Return what one weight of the cell holds."""
    ordered = sorted(slots, key=lambda s: [(a.features, a.units, a.one) for a in s.axes])
    kinds = list(dict.fromkeys(kind_of(slot.part) for slot in ordered))
    gates = list(dict.fromkeys(_gate(slot.part) for slot in ordered))
    told = [show_name({"h": "h_tilde", "c": "c_tilde"}.get(g, g)) for g in gates if g]
    what = _KINDS.get("".join(sorted(kinds)), " and ".join(f"{k}_" for k in kinds))
    if {"W", "U"} <= set(kinds):
        what = "x and h joined" if kinds.index("W") < kinds.index("U") else "h and x joined"
        what += ", and the bias" if "b" in kinds else ""
    beside = " side by side" if len(told) > 1 else ""
    turned = ", transposed" if any(slot.transposed for slot in slots) else ""
    twice = {slot.factor for slot in slots} - {1.0}
    counted = f", counted {max(twice):g} times" if twice else ""
    gate = f"gates {', '.join(told)}" if len(told) > 1 else "".join(told) or what
    return f"{gate}{beside} in `{name}` ({what}{turned}{counted})"


_KINDS = {
    "W": "of the input",
    "U": "of the state",
    "b": "bias",
    "c": "bias within",
    "bc": "biases",
    "p": "peepholes",
    "u": "of each unit's own state",
    "α": "gain",
    "β": "shift",
    "s": "one number",
}


def _gate(part: str) -> str:
    gate = part.partition("_")[2]
    return gate[1:] if gate[:1] in ("W", "U") and len(gate) > 1 else gate


@dataclass(frozen=True)
class Identity:
    """What was found out about one cell.

    Args:
        cell: its name.
        features: F.
        units: n.
        readings: which agree exactly, each of another kind of cell.
        nearest: those that agree but for what they say, the likeliest first.
        notes: what else there is to say.
        seconds: how long it took.
        hints: families that the class's name, docstring or base class name.
        believed: where they do, in words.
        dtype: in which it was compared.
        names: of the cell's weights, in its order.
        blocks: of its states: in which each lies, and where it begins.
    """

    cell: str
    features: int
    units: int
    readings: tuple[Reading, ...] = ()
    nearest: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    hints: tuple[str, ...] = ()
    believed: str = ""
    dtype: str = "float64"
    names: tuple[str, ...] = ()
    blocks: tuple[tuple[int, int], ...] = ((0, 0),)

    @property
    def exact(self) -> bool:
        """Whether the cell computes published equations exactly."""
        return bool(self.readings)

    def lines(self) -> list[str]:
        """Return what there is to say, a line each."""
        if self.readings:
            told = []
            for reading in self.readings:
                told.append(f"{reading.title()}; {'; '.join(reading.layout())}")
            if len(told) > 1:
                told.insert(0, f"{len(told)} readings fit exactly:")
        elif self.nearest:
            told = ["nothing that is published fits exactly"]
            for reading in self.nearest:
                told.append(f"nearest: {reading.title()}; but {'; '.join(reading.differs)}")
                told.append(f"  how sure: {reading.sure}")
        else:
            told = ["nothing that is published fits, nor with one known mistake"]
        return [*told, *(f"note: {note}" for note in self.notes)]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "format": FORMAT,
            "cell": self.cell,
            "input size": self.features,
            "units": self.units,
            "dtype": self.dtype,
            "exact": self.exact,
            "readings": [reading.to_json() for reading in self.readings],
            "nearest": [reading.to_json() for reading in self.nearest],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }
