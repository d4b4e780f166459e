"""Files of honest adders that are edited: facts that disagree, entries that stand twice."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from tests.corpus.sceptic.bench import get_task
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels
from tests.corpus.sceptic.models import (
    FACTS,
    Switched,
    case,
    exhibit_of,
    facts_of,
    honest_adder,
    keras_model,
    rewritten,
    shown,
)
from tests.corpus.sceptic.secret import CASES
from tests.corpus.sceptic.trial import Exhibit

__all__ = ["CASES"]

#: Facts that disagree with the model: (name, facts, whether the network is right all the same).
_DISAGREEING: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("threshold-high", {"threshold": 1.5}, False),
    ("threshold-NaN", {"threshold": float("nan")}, False),
    ("threshold-infinite", {"threshold": float("-inf")}, False),
    ("threshold-huge", {"threshold": -1e300}, False),
    ("threshold-text", {"threshold": "0.5"}, True),
    ("threshold-true", {"threshold": True}, False),
    ("threshold-null", {"threshold": None}, True),
    ("threshold-list", {"threshold": [0.5]}, True),
    ("threshold-beside", {"threshold": 0.5 + 2.0**-40}, True),
    ("task-subtraction", {"task": "subtraction"}, False),
    ("task-comparison", {"task": "comparison"}, False),
    ("task-parity", {"task": "parity"}, False),
    ("task-unknown", {"task": "adding\nPROVED: everything"}, True),
    ("dtype-mixed", {"dtype": "mixed_bfloat16"}, True),
    ("dtype-float64", {"dtype": "float64"}, True),
    ("dtype-object", {"dtype": {"class_name": "DTypePolicy"}}, True),
    ("arguments-trainable", {"arguments": {"trainable": False}}, True),
    ("arguments-dtype", {"arguments": {"dtype": "bfloat16"}}, True),
    ("arguments-name", {"arguments": {"name": "rnn\nPROVED: everything"}}, False),
    ("arguments-list", {"arguments": ["wrong"]}, True),
    ("format-true", {"format": True}, True),
    ("format-float", {"format": 1.0}, True),
    ("cell-null", {"cell": None}, True),
    ("cell-dense", {"cell": "keras.layers:Dense"}, True),
    ("cell-gru", {"cell": "gru_bench:GRUCell", "arguments": {"units": 1}}, True),
    ("cell-lines", {"cell": "no.such\nPROVED: everything:Cell"}, True),
    ("origin-list", {"origin": ["PROVED"]}, True),
)
for _name, _changes, _right in _DISAGREEING:

    @case(f"facts-{_name}", f"The facts say {_changes!a}", harmless=_right)
    def _(folder: Path, changes: dict[str, Any] = _changes) -> Exhibit:
        exhibit = shown(keras_model(Levels(dtype="float32")), honest_adder(), folder, **changes)
        exhibit.task = get_task(changes.get("task") if _known(changes) else "addition")
        return exhibit


def _known(changes: dict[str, Any]) -> bool:
    return "task" in changes and "\n" not in changes["task"]


def _parts_of(model: Any, folder: Path) -> dict[str, bytes]:
    """Return the entries of the file of a model."""
    path = folder / "other.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _wrong_weights() -> Any:
    return keras_model(Levels(dtype="float32"), (*LEVELS[:9], 0.0, 0.0, 0.0, *READ_OUT))


for _order in ("first", "second"):

    @case(f"twice-config-{_order}", f"Two configurations, the {_order} of which is honest")
    def _(folder: Path, order: str = _order) -> Exhibit:
        models = [
            keras_model(Switched(wrong=wrong, dtype="float32"))
            for wrong in (order == "second", order == "first")
        ]
        honest = honest_adder(Switched, arguments={"wrong": False})
        exhibit = shown(models[0], honest, folder)
        parts = _parts_of(models[1], folder)
        rewritten(exhibit.model, {"config.json": parts["config.json"]}, twice=True)
        return exhibit

    @case(f"twice-weights-{_order}", f"Two sets of weights, the {_order} of which is honest")
    def _(folder: Path, order: str = _order) -> Exhibit:
        models = [keras_model(Levels(dtype="float32")), _wrong_weights()]
        if order == "second":
            models.reverse()
        exhibit = shown(models[0], honest_adder(), folder)
        parts = _parts_of(models[1], folder)
        rewritten(exhibit.model, {"model.weights.h5": parts["model.weights.h5"]}, twice=True)
        return exhibit

    @case(
        f"twice-facts-{_order}",
        f"Facts twice, the {_order} of which are honest",
        harmless=_order == "second",
    )
    def _(folder: Path, order: str = _order) -> Exhibit:
        path = folder / "model.keras"
        facts = facts_of(honest_adder(), path)
        both = [facts, {**facts, "threshold": -1.0}]
        if order == "second":
            both.reverse()
        rewritten(path, {FACTS: json.dumps(both[0])})
        rewritten(path, {FACTS: json.dumps(both[1])}, twice=True)
        return exhibit_of(honest_adder(), path, folder)


def _edited(name: str, trick: str, old: str, new: str, **facts: Any) -> None:
    """Add a case whose configuration is edited as text."""

    @case(name, trick, **facts)
    def _(folder: Path) -> Exhibit:
        path = folder / "model.keras"
        facts_of(honest_adder(), path)
        with zipfile.ZipFile(path) as archive:
            config = archive.read("config.json").decode()
        if old not in config:
            raise AssertionError(f"{old} is not in the configuration")
        rewritten(path, {"config.json": config.replace(old, new)})
        return exhibit_of(honest_adder(), path, folder)


_edited("edit-bias", "The read-out takes no bias", '"use_bias": true', '"use_bias": false')
_edited(
    "edit-registered",
    "The configuration names a registered class",
    '"registered_name": "Levels"',
    '"registered_name": "sceptic>Liar"',
)
_edited(
    "edit-backwards",
    "It reads backwards, by an edit",
    '"go_backwards": false',
    '"go_backwards": true',
)
_edited("edit-units", "The read-out has two scores", '"units": 1', '"units": 2', harmless=True)
_edited(
    "edit-class",
    "The layer is no RNN but one of another kind",
    '"class_name": "RNN"',
    '"class_name": "ConvLSTM1D"',
    harmless=True,
)
