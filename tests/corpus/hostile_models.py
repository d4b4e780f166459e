"""Saved models that try to run code, open files or take all memory when they are loaded."""

from __future__ import annotations

import copy
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from gru_bench import Adder
from gru_bench.errors import UsageError
from tests.corpus.changed_files import small_model

#: What code that runs leaves behind.
MARKER = "code-has-run"
#: A module in the current folder that leaves the marker when it is imported, and when it is used.
EVIL = f"""
open({MARKER!r}, "a").write("imported")
import keras
class Cell(keras.layers.SimpleRNNCell):
    pass
class Thing:
    def __init__(self, *a, **k):
        open({MARKER!r}, "a").write("made")
    @classmethod
    def from_config(cls, config):
        open({MARKER!r}, "a").write("made")
def initializer(*a, **k):
    open({MARKER!r}, "a").write("called")
"""
#: Names of modules that a model may name, all of which are the module above.
MODULES = ("evil", "my_cells", "keras_extra", "gru_bench_extra", "random_cells", "h5py_extra")
_RUN = f"open({MARKER!r}, 'a').write('x')"

Parts = dict[str, Any]
Change = Callable[[Parts], Any]


def _object(module: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _layers(parts: Parts) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = parts["config"]["config"]["layers"]
    return layers


def _cell(to: Any) -> Change:
    return lambda parts: parts["facts"].__setitem__("cell", to)


def _argument(key: str, value: Any) -> Change:
    return lambda parts: parts["facts"]["arguments"].__setitem__(key, value)


def _layer(number: int, to: Any) -> Change:
    return lambda parts: _layers(parts).__setitem__(number, to)


def _in_config(number: int, key: str, to: Any) -> Change:
    return lambda parts: _layers(parts)[number]["config"].__setitem__(key, to)


def _weights(make: Callable[[h5py.File], Any]) -> Change:
    def change(parts: Parts) -> None:
        buffer = io.BytesIO(parts["weights"])
        with h5py.File(buffer, "r+") as file:
            make(file)
        parts["weights"] = buffer.getvalue()

    return change


def _linked(link: Any) -> Change:
    def make(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = link

    return _weights(make)


def _external(file: h5py.File) -> None:
    shape = file["layers/dense/vars/0"].shape
    del file["layers/dense/vars/0"]
    file.create_dataset(
        "layers/dense/vars/0", shape, "f4", external=[("secret.bin", 0, 4 * int(np.prod(shape)))]
    )


def _virtual(file: h5py.File) -> None:
    shape = file["layers/dense/vars/0"].shape
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", shape)
    del file["layers/dense/vars/0"]
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def _huge(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (2**20, 2**20), "f4", chunks=(1024, 1024))


def _many(file: h5py.File) -> None:
    for number in range(5000):
        file.create_group(f"layers/more-{number}")


def _deep(file: h5py.File) -> None:
    file.create_group("/".join("d" * 200))


LAMBDA = _object("keras.layers", "Lambda", name="rnn", function=_object(
    "builtins", "function", code="evil", defaults=None, closure=None))  # fmt: skip
THING = _object("evil", "Thing")
PICKLED = ["4wEAAAAAAAAAAAAAAAEAAAADAAAA8wgAAACXAGQAUwA=", None, None]

CHANGES: dict[str, Change] = {
    "cell of a module in the current folder": _cell("evil:Cell"),
    "cell of another module there": _cell("my_cells:Cell"),
    "a module called nearly as the bench": _cell("gru_bench_extra:Cell"),
    "a module called nearly as Keras": _cell("keras_extra:Cell"),
    "os.system as cell": _cell("os:system"),
    "subprocess.Popen as cell": _cell("subprocess:Popen"),
    "builtins.exec as cell": _cell("builtins:exec"),
    "a module of the standard library that acts": _cell("antigravity:fly_id"),
    "Lambda as cell": _cell("keras.layers:Lambda"),
    "TFSMLayer as cell": lambda p: (
        _cell("keras.layers:TFSMLayer")(p),
        p["facts"].__setitem__("arguments", {"filepath": "saved_model"}),
    ),
    "TorchModuleWrapper as cell": _cell("keras.layers:TorchModuleWrapper"),
    "a private module of Keras": _cell("keras.src.layers.core.lambda_layer:Lambda"),
    "the command line as cell": _cell("gru_bench.cli:main"),
    "the worker as cell": _cell("gru_bench.laws.running.worker:main"),
    "no text as cell": _cell(["evil:Cell"]),
    "a relative module": _cell(".evil:Cell"),
    "a path as module": _cell("/tmp/evil:Cell"),
    "an initialiser that is a function": _argument(
        "kernel_initializer", _object("builtins", "function", code=PICKLED)
    ),
    "an initialiser of the current folder": _argument("kernel_initializer", THING),
    "a nested one": _argument(
        "kernel_initializer",
        _object("keras.initializers", "Zeros", inner=[_object("evil", "initializer")]),
    ),
    "an initialiser that is __lambda__": _argument(
        "kernel_initializer", _object("keras.initializers", "__lambda__", value=_RUN)
    ),
    "a registered name": _argument(
        "kernel_initializer",
        {**_object("keras.initializers", "Zeros"), "registered_name": "evil>Thing"},
    ),
    "an activation that is a module": _argument("activation", _object("os", "system")),
    "a dtype that is an object": lambda p: p["facts"].__setitem__("dtype", THING),
    "millions of units": _argument("units", 10**7),
    "units beyond any integer": _argument("units", 10**30),
    "arguments without end": lambda p: p.__setitem__(
        "facts_text", '{"format": 1, "arguments": ' + "[" * 10**6
    ),
    "threshold that is NaN": lambda p: p.__setitem__(
        "facts_text", json.dumps({**p["facts"], "threshold": float("nan")})
    ),
    "Lambda layer": _layer(1, LAMBDA),
    "TFSMLayer layer": _layer(1, _object("keras.layers", "TFSMLayer", filepath="saved_model")),
    "layer of the current folder": _layer(1, _object("evil", "Thing")),
    "function as layer": _layer(1, _object("os", "system", command=f"touch {MARKER}")),
    "activation of the read-out": _in_config(2, "activation", _object("evil", "initializer")),
    "lambda as activation": _in_config(
        2, "activation", {"class_name": "__lambda__", "config": {"value": PICKLED}}
    ),
    "constraint of the current folder": _in_config(2, "kernel_constraint", THING),
    "another cell inside": _in_config(1, "cell", _object("evil", "Cell", units=2)),
    "a model inside a model": _layer(1, _object("keras", "Sequential", layers=[LAMBDA])),
    "compile with a function": lambda p: p["config"].__setitem__("config", {
        **p["config"]["config"], "compile_config": _object("evil", "Thing")}),
    "weights elsewhere": _weights(_external),
    "weights of other files": _weights(_virtual),
    "weights that are a link": _linked(h5py.ExternalLink("other.h5", "/x")),
    "weights that are a soft link": _linked(h5py.SoftLink("/layers/dense/vars/1")),
    "weights of terabytes": _weights(_huge),
    "weights in thousands of groups": _weights(_many),
    "weights nested deeply": _weights(_deep),
    "weights that are text": lambda p: p.__setitem__("weights", b"import os"),
    "weights that are a pickle": lambda p: p.__setitem__("weights", b"cos\nsystem\n(S'x'\ntR."),
    "an asset that leaves its folder": lambda p: p.__setitem__(
        "more", {"assets/../../../" + MARKER: b"x"}
    ),
    "an absolute asset": lambda p: p.__setitem__("more", {f"{Path.cwd()}/{MARKER}": b"x"}),
    "a pickle beside": lambda p: p.__setitem__("more", {"data.pkl": b"cos\nsystem\n"}),
    "a bomb": lambda p: p.__setitem__("config_text", "[" + " " * (2**25)),
    "thousands of entries": lambda p: p.__setitem__(
        "more", {f"assets/{k}": b"" for k in range(5000)}
    ),
}  # fmt: skip


def pack(parts: Parts) -> bytes:
    """Return the file of a model in parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", parts["metadata"])
        archive.writestr("config.json", parts.get("config_text") or json.dumps(parts["config"]))
        archive.writestr("gru_bench.json", parts.get("facts_text") or json.dumps(parts["facts"]))
        archive.writestr("model.weights.h5", parts["weights"])
        for name, content in parts.get("more", {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def honest(folder: Path) -> Parts:
    """Return a model in parts, and put modules beside it that must not run."""
    with zipfile.ZipFile(small_model(folder)) as archive:
        read = {name: archive.read(name) for name in archive.namelist()}
    for name in MODULES:
        (folder / f"{name}.py").write_text(EVIL, encoding="utf-8")
    (folder / "secret.bin").write_bytes(b"\x00" * 64)
    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = np.ones((2, 1), "f4")
    return {
        "facts": json.loads(read["gru_bench.json"]),
        "config": json.loads(read["config.json"]),
        "weights": read["model.weights.h5"],
        "metadata": read["metadata.json"],
    }


def try_one(parts: Parts, change: Change, folder: Path) -> str | None:
    """Load a changed model and return what is wrong with how it is refused, or None."""
    changed = copy.deepcopy(parts)
    change(changed)
    path = folder / "hostile.keras"
    path.write_bytes(pack(changed))
    before = set(sys.modules)
    try:
        Adder.load(path)
        problem = "it was loaded"
    except UsageError as error:
        problem = "" if str(error).isprintable() else f"not one line: {error!r:.200}"
    except Exception as error:
        problem = f"{type(error).__name__}: {error!s:.200}"
    if (folder / MARKER).exists():
        (folder / MARKER).unlink()
        problem = "code has run"
    if imported := {name for name in MODULES if name in set(sys.modules) - before}:
        problem = f"{imported} was imported"
    return problem or None


def try_all() -> dict[str, str | None]:
    """Load each hostile model from the current folder."""
    folder = Path.cwd()
    parts = honest(folder)
    (folder / "honest.keras").write_bytes(pack(parts))
    Adder.load(folder / "honest.keras")
    sys.path.insert(0, os.fspath(folder))  # as `python -m` does
    try:
        return {name: try_one(parts, change, folder) for name, change in CHANGES.items()}
    finally:
        sys.path.remove(os.fspath(folder))
