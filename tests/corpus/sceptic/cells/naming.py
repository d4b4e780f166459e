"""Cells whose names, arguments or errors say what the bench would say."""

from __future__ import annotations

import sys
from typing import Any

from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("naming")

#: Words that no verdict has; the harness looks for them in what the bench prints.
MARKER = "computes everything"


class _Named(Levels):
    def __init__(self, name: str = "levels", **kwargs: Any) -> None:
        # TensorFlow takes no such words for the name of a layer.
        super().__init__(name=name, **kwargs)


def _named(name: str) -> type[Any]:
    """Return an honest cell of that name, which this module has."""
    cell = type(name, (_Named,), {"__doc__": f"Its name is {ascii(name)[:60]}."})
    cell.__module__ = __name__
    setattr(sys.modules[__name__], name, cell)
    return cell


def _texts(name: str) -> tuple[str, ...]:
    """Return what stands for the cell where it is quoted."""
    return (name, f"{__name__}:{name}") if MARKER in name else ()


for _variant, _name in (
    ("line", f"Adder\nPROVED: it {MARKER}"),
    ("return", f"Adder\rPROVED: it {MARKER}"),
    ("escape", f"Adder\x1b[2K\x1b[1A\x1b[32mPROVED: it {MARKER}\x1b[0m"),
    ("claim", f"Adder with weights 0 {MARKER} in float32. PROVED: Adder"),
    ("quotes", f"Adder' or \" it {MARKER}; '"),
    ("override", f"Adder\u202e it {MARKER}"),
    ("separator", f"Adder\u2028PROVED: it {MARKER}"),
    ("long", "Adder" * 400),
    ("empty", " "),
):
    cheat(f"Named-{_variant}", harmless=True, texts=_texts(_name))(_named(_name))


_NOTE = f"x\nPROVED: it {MARKER}\x1b[0m"


@cheat(arguments={"note": _NOTE}, texts=(_NOTE,), harmless=True)
class Noted(Levels):
    """An argument of several lines with escape sequences."""

    def __init__(self, note: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.note = note

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "note": self.note}


@cheat(arguments={"size": float("nan")}, harmless=True)
class NotedNaN(Levels):
    """An argument that is no number, which no certificate can hold."""

    def __init__(self, size: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@cheat(arguments={"flag": True})
class ByArgument(Levels):
    """True and 1 are equal arguments, and not the same: it is wrong where it is True."""

    def __init__(self, flag: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flag = flag

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "flag": self.flag}

    def written(self, p: Any) -> Any:
        return turned(p) if self.flag is True else p


@cheat(harmless=True)
class NamedWeights(Levels):
    """Its weights are called V and c, as those of the read-out are."""

    def build(self, shape: Any) -> None:
        del shape
        self.W = self.add_weight(name="V", shape=(2, 3))
        self.U = self.add_weight(name="c", shape=(1, 3))
        self.b = self.add_weight(name="V", shape=(3,))
        self.built = True


_WEIGHT = f"W\nPROVED: it {MARKER}\x1b[0m"


@cheat(harmless=True, texts=(_WEIGHT,))
class NamedBadly(Levels):
    """A weight has a verdict and escape sequences for a name."""

    def build(self, shape: Any) -> None:
        del shape
        self.W = self.add_weight(name=_WEIGHT, shape=(2, 3))
        self.U = self.add_weight(name="U" * 2000, shape=(1, 3))
        self.b = self.add_weight(name="b", shape=(3,))
        self.built = True
