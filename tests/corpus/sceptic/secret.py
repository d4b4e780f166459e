"""Saved adders whose cells take from their file what their configuration does not show."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import Adder, keras
from tests.corpus.sceptic.cells.base import Levels, turned
from tests.corpus.sceptic.models import (
    CASES,
    FACTS,
    case,
    exhibit_of,
    facts_of,
    honest_adder,
    keras_model,
    shown,
)
from tests.corpus.sceptic.trial import Exhibit

__all__ = ["CASES"]


class ByName(Levels):
    """Is wrong under any other name than that of its arguments."""

    def written(self, p: Any) -> Any:
        return p if self.name == "right" else turned(p)


class Nested(Levels):
    """Is wrong if a dictionary among its arguments says so."""

    def __init__(self, mode: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = mode

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}

    def written(self, p: Any) -> Any:
        return p if self.mode["name"] == "right" else turned(p)


class Secretive(Levels):
    """Has an argument that its configuration does not show, and that a file may hold."""

    def __init__(self, secret: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.secret = secret

    def get_config(self) -> dict[str, Any]:
        shown = {"secret": True} if _SAVING else {}
        return {k: v for k, v in super().get_config().items() if k != "secret"} | shown

    def written(self, p: Any) -> Any:
        return turned(p) if self.secret else p


#: Not empty while a file is written that gives a secret away.
_SAVING: list[int] = []


class BuiltWrong(Levels):
    """What Keras keeps of how it was built may say that it is wrong."""

    wrong = False

    def get_build_config(self) -> Any:
        return {"input_shape": [None, 2], **({"wrong": True} if _SAVING else {})}

    def build_from_config(self, config: Any) -> None:
        self.wrong = config.get("wrong", False)
        self.build(config["input_shape"])

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


class _Sly(int):
    """A whole number that equals all others."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


class Sly(Levels):
    """Shows an argument that equals whatever it is compared with."""

    def __init__(self, wrong: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wrong = int(wrong)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "wrong": _Sly(self.wrong)}

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


class Extra(Levels):
    """Reads a number beside its weights from the file, if there is one."""

    wrong = False

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        if _SAVING:
            store["more"] = np.ones(1)

    def load_own_variables(self, store: Any) -> None:
        keys = list(store.keys())
        self.wrong = "more" in keys
        super().load_own_variables({key: store[key] for key in keys if key != "more"})

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


def _saved_secretly(cell: Any, honest: Adder, folder: Path) -> Exhibit:
    path = folder / "model.keras"
    noted = facts_of(honest, path)
    path.unlink()
    _SAVING.append(1)
    try:
        keras_model(cell).save(path)
    finally:
        _SAVING.clear()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS, json.dumps(noted))
    return exhibit_of(honest, path, folder)


@case("named", "The cell inside has another name than the facts say, and goes by it")
def _(folder: Path) -> Exhibit:
    honest = honest_adder(ByName, arguments={"name": "right"})
    return shown(keras_model(ByName(name="wrong", dtype="float32")), honest, folder)


@case("nested-name", "A dictionary among the arguments has another entry called name")
def _(folder: Path) -> Exhibit:
    honest = honest_adder(Nested, arguments={"mode": {"name": "right"}})
    return shown(keras_model(Nested({"name": "wrong"}, dtype="float32")), honest, folder)


@case("secret", "The file has an argument that the cell's configuration does not show")
def _(folder: Path) -> Exhibit:
    return _saved_secretly(Secretive(dtype="float32"), honest_adder(Secretive), folder)


@case("built-wrong", "The file says how the cell is built, otherwise than the cell says")
def _(folder: Path) -> Exhibit:
    return _saved_secretly(BuiltWrong(dtype="float32"), honest_adder(BuiltWrong), folder)


@case("extra-weight", "The file has a number more, which the cell reads for itself")
def _(folder: Path) -> Exhibit:
    return _saved_secretly(Extra(dtype="float32"), honest_adder(Extra), folder)


@case("sly", "The cell inside has an argument that equals the one in the facts, and every other")
def _(folder: Path) -> Exhibit:
    honest = honest_adder(Sly, arguments={"wrong": 0})
    return shown(keras_model(Sly(wrong=1, dtype="float32")), honest, folder)


@keras.saving.register_keras_serializable("sceptic", "Twofold")
class Twofold(Levels):
    """Is registered, and so is another class under the same name, after it."""


def _register_again() -> type[Any]:
    class Twofold(Levels):
        def written(self, p: Any) -> Any:
            return turned(p)

    Twofold.__qualname__ = "Twofold"
    registered: type[Any] = keras.saving.register_keras_serializable("sceptic", "Twofold")(Twofold)
    return registered


@case("registered-again", "Another class was registered under the name of the honest one")
def _(folder: Path) -> Exhibit:
    honest = honest_adder(Twofold)
    return shown(keras_model(_register_again()(dtype="float32")), honest, folder)
