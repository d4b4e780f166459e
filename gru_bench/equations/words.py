"""What a cell says of itself: its activations, its numbers, and the family that it is named for."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gru_bench.equations.functions import ACTIVATIONS
from gru_bench.equations.reading import as_function, configuration
from gru_bench.equations.search import Words

#: How names and docstrings call the families.
_CALLED = {
    "gru": r"gru|gated recurrent unit",
    "lstm": r"lstm|long short[- ]term memory",
    "mgu": r"mgu|minimal gated unit",
    "rnn": r"simple ?rnn|vanilla ?rnn|elman|simple recurrent (?:network|cell)",
    "min-gru": r"min ?gru",
    "min-lstm": r"min ?lstm",
    "janet": r"janet",
    "indrnn": r"ind ?rnn|independently recurrent",
    "fast-grnn": r"fast ?grnn",
    "ugrnn": r"ugrnn",
    "sru": r"sru|simple recurrent unit",
    "slstm": r"slstm",
    "cifg": r"cifg|coupled input",
}

#: Families whose names hold the name of another.
_WITHIN = {"min-gru": "gru", "min-lstm": "lstm", "slstm": "lstm", "cifg": "lstm"}

#: What says that a cell is not quite what it is named for.
_HEDGED = re.compile(r"-like|\blike\b|variant|inspired|unlike|modified|instead of|not an? ", re.I)


def words_of(cell: Any) -> Words:
    """Return what a built cell says of its functions and numbers.

    Args:
        cell: its configuration is asked, then its attributes, then the layers within.
    """
    config = configuration(cell)
    own: dict[str, Any] = {}
    found: dict[str, str] = {}
    kept = {**_attributes(cell), **config}
    for key, value in kept.items():
        name = _activation(value, own)
        if name is not None:
            found[key] = name
    numbers = [v for v in kept.values() if isinstance(v, float) and np.isfinite(v)]
    epsilons = [kept["epsilon"]] if isinstance(kept.get("epsilon"), float) else []
    within = getattr(cell, "_flatten_layers", None)
    for layer in within(include_self=False) if within else ():
        epsilon = getattr(layer, "epsilon", None)
        epsilons += [epsilon] if isinstance(epsilon, float) else []
    others = [n for k, n in found.items() if k not in ("activation", "recurrent_activation")]
    return Words(
        found.get("activation"),
        found.get("recurrent_activation"),
        tuple(dict.fromkeys(others)),
        own,
        tuple(dict.fromkeys(numbers)),
        tuple(dict.fromkeys(epsilons)),
        f"{type(cell).__name__} {type(cell).__doc__ or ''}",
    )


def _attributes(cell: Any) -> dict[str, Any]:
    kinds = (str, float, int)
    return {
        key: value
        for key, value in vars(cell).items()
        if not key.startswith("_") and (isinstance(value, kinds) or callable(value))
    }


def _activation(value: Any, own: dict[str, Any]) -> str | None:
    """Return the name of an activation, where a value is one."""
    if isinstance(value, str):
        return value if value in ACTIVATIONS else None
    name = getattr(value, "__name__", "")
    module = str(getattr(value, "__module__", ""))
    if not callable(value) or not module.startswith(("keras.", "tensorflow.")) or not name:
        return None
    if isinstance(value, type) or not _keeps_shape(value):
        return None
    known = ACTIVATIONS.get(name)
    probe = np.linspace(-4, 4, 17)
    function = as_function(value)
    if known is not None and np.allclose(known(probe), function(probe), rtol=1e-12, atol=1e-12):
        return name
    own[name] = function
    return name


def _keeps_shape(value: Any) -> bool:
    try:
        return bool(np.shape(as_function(value)(np.zeros((2, 3)))) == (2, 3))
    except Exception:  # it is no activation
        return False


def hints_of(cell: Any) -> tuple[tuple[str, ...], str]:
    """Return the families that a cell's class names, and where it does, in words.

    Args:
        cell: its class's name counts first, then its docstring's first sentence, then base classes.
    """
    kind = type(cell)
    places: list[tuple[str, str]] = [(kind.__name__, f"its class is called {kind.__name__}")]
    text = str(kind.__dict__.get("__doc__") or "").strip()
    first = re.split(r"(?<=\w)\.\s|\n\n", text)[0]
    if first:
        places.append((first, f"its docstring says {' '.join(first.split())[:80]!r}"))
    bases = [
        b
        for b in kind.__mro__[1:]
        if not b.__module__.startswith(
            ("keras.src.layers.layer", "keras.src.backend", "keras.src.ops", "builtins")
        )
    ]
    places += [(b.__name__, f"it is built on {b.__name__}") for b in bases]
    for words, told in places:
        if _HEDGED.search(words):
            return (), ""
        found = named_in(words)
        if len(found) == 1:
            return found, told
        if found:
            return (), ""
    return (), ""


def named_in(text: str) -> tuple[str, ...]:
    """Return the families that a text names."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
    found = []
    for family, pattern in _CALLED.items():
        for words in (text.replace("_", " "), spaced):
            if re.search(rf"\b\w*?(?:{pattern})(?:cell|layer)?\d*\b", words, re.I):
                found.append(family)
                break
    within = {_WITHIN[f] for f in found if f in _WITHIN}
    return tuple(f for f in found if f not in within)


def said(words: Words, name: str, gated: bool) -> bool:
    """Return whether a cell itself names an activation of its candidate.

    Args:
        words: its arguments, attributes and docstring.
        name: of the activation.
        gated: whether it has gates too, whose activation the docstring may mean.
    """
    if name == words.phi or (name in words.others and name not in ("sigmoid", "linear")):
        return True
    called = {"sigmoid": "sigmoid|logistic", "linear": "linear|no activation"}.get(name, name)
    return not gated and bool(re.search(rf"\b(?:{called})\b", words.text, re.I))
