"""Files that strangers may send: experiments, runs, models and certificates, changed at will.

Hashes and digests are made anew, so that what is behind them is reached.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hashlib
import io
import json
import os
import random
import resource
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gru_bench import ADDITION, Adder, Network
from gru_bench.checker.induction import verify
from gru_bench.checker.rejection import Rejected
from gru_bench.errors import UsageError
from gru_bench.report.page import Page
from gru_bench.report.table import make_results
from gru_bench.runs import run as run_files
from gru_bench.runs.execution import Group, Outcome, plan_groups, run_groups
from gru_bench.runs.experiment import load_experiment, make_experiment
from gru_bench.runs.run import read_run, read_runs
from tests.corpus.corruption import sealed as with_new_hashes
from tests.corpus.handmade import certificate

EXPERIMENT: dict[str, Any] = {
    "title": "A small one",
    "claim": "It learns",
    "seeds": 1,
    "checkpoints": [1],
    "lengths": [3, 5],
    "families": ["uniform"],
    "pairs": 4,
    "evaluation_seed": 0,
    "task": "addition",
    "recipes": ["small"],
    "recipe": {"small": {"iterations": 2, "batch": 4, "bits": 3, "units": 2}},
    "cells": [{"name": "gru_bench:GRUCell", "label": "GRU", "arguments": {"units": 2}}],
    "claims": [{"text": "any", "iteration": 2, "length": 5}],
}

#: What stands in for a value of a document.
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 2**31, 2**63, 10**9, 10**400, 10**18]),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), -0.0, 1e308, 5e-324, 0.5]),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\x00", "\x1b[31m", "$\\frac{$", "[/x]", "../../x", "x" * 3000, "os:system"]
    ),
    st.lists(st.integers(-3, 3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(-3, 3), max_size=2),
    st.sampled_from([[[[[]]]], {"class_name": "Lambda", "config": {}}, {"module": "os"}]),
    st.sampled_from([30, 200]).map(lambda depth: _nested(depth)),  # noqa: PLW0108 - defined below
)


def _nested(depth: int) -> Any:
    found: Any = 0
    for _ in range(depth):
        found = [found]
    return found


def _places(document: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of a document, its own among them; of a long list the first few."""
    found = [place]
    if len(place) > 8:
        items: list[tuple[Any, Any]] = []
    elif isinstance(document, dict):
        items = list(document.items())
    else:
        items = list(enumerate(document[:3])) if isinstance(document, list) else []
    for key, value in items:
        found += _places(value, (*place, key))
    return found


@st.composite
def changed(draw: Any, document: Any) -> Any:
    """Draw a document that differs in one to three places."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(found)))
        if not place:
            continue
        owner = found
        for key in place[:-1]:
            owner = owner[key]
        # What is drawn is shared between examples, and is changed here.
        strange = copy.deepcopy(draw(STRANGE))
        kind = draw(st.sampled_from(["replace", "replace", "replace", "delete", "add", "twice"]))
        if kind == "replace":
            owner[place[-1]] = strange
        elif kind == "delete":
            del owner[place[-1]]
        elif isinstance(owner, list):
            owner.append(strange if kind == "add" else copy.deepcopy(owner[place[-1]]))
        else:
            owner[draw(st.text(max_size=8))] = strange
    return found


def small_model(folder: Path) -> Path:
    """Save an adder that writes zeros, and return its path."""
    network = Network("gru_bench:GRUCell", {"units": 2}, ADDITION)
    path = folder / f"small-{os.getpid()}.keras"
    Adder(network, np.zeros(network.size), threshold=0.5).save(path)
    return path


def to_toml(data: Any) -> str:
    """Return a document as TOML, all in inline tables."""
    return "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in data.items())


def _key(key: str) -> str:
    return json.dumps(key).replace("\x7f", "\\u007f")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return hex(value) if value > 10**300 else str(value)
    return '""' if value is None else _key(value)


def open_experiment(folder: Path, data: Any) -> None:
    """Read an experiment, and make the networks that it would train."""
    path = folder / "experiment.toml"
    try:
        path.write_text(to_toml(data), encoding="utf-8", errors="surrogatepass")
    except RecursionError:  # deeper than this can write
        path.write_text("a = " + "[" * 5000, encoding="utf-8")
    experiment = load_experiment(path)
    if len(experiment.seeds) * len(experiment.cells) < 100:
        plan_groups(experiment)


class Runs:
    """A run of a small experiment, and the page that is made of it.

    Args:
        folder: to keep it in.
    """

    def __init__(self, folder: Path) -> None:
        experiment = make_experiment(EXPERIMENT)
        self.folder = folder / "runs"
        self.folder.mkdir()
        self.experiment = experiment
        self.groups = plan_groups(experiment)
        self.outcome = run_groups(self.groups, self.folder)
        (self.path,) = self.folder.glob("*.json")
        self.raw = self.path.read_bytes()
        self.document = json.loads(self.raw)
        del self.document["digest"]

    def open(self, folder: Path, data: Any) -> None:
        """Read a changed run; where it is counted, make a page of it."""
        del folder
        self.path.write_bytes(signed(data))
        runs, notices = read_runs(self.folder)
        if not runs:
            (notice,) = notices
            assert notice.isprintable()
            raise UsageError(notice)
        (group,) = self.groups
        changed = Group(group.cell, group.recipe, group.network, group.inputs, list(runs.values()))
        results = make_results([changed])
        page = Page(self.experiment, Outcome([changed], 0, []), results, "gru-bench report")
        assert all(text for text in (page.html(), page.markdown(), page.json(), page.csv()))


def signed(data: Any) -> bytes:
    """Return the file of a run with its digest made anew."""
    try:
        text = json.dumps(data, indent=2) if isinstance(data, dict) else f"{{\n{json.dumps(data)}"
    except (RecursionError, ValueError):
        text = '{\n"form": ' + "[" * 5000
    body = text[2:].encode("utf-8", "surrogatepass")
    head = run_files._HEAD.format(hashlib.sha256(body).hexdigest())
    return head.encode() + body


class Models:
    """A small model, taken apart.

    Args:
        folder: to save it in.
    """

    def __init__(self, folder: Path) -> None:
        with zipfile.ZipFile(small_model(folder)) as archive:
            self.entries = {name: archive.read(name) for name in archive.namelist()}
        self.document: dict[str, Any] = {
            "facts": json.loads(self.entries["gru_bench.json"]),
            "config": json.loads(self.entries["config.json"]),
            "weights": [base64.b64encode(self.entries["model.weights.h5"]).decode()],
            "bytes": {"at": 0.5, "to": 0, "length": 0},
            "names": {name: name for name in self.entries},
        }

    def open(self, folder: Path, data: Any) -> None:
        """Load a changed model."""
        path = folder / "changed.keras"
        path.write_bytes(self.pack(data))
        Adder.load(path)

    def pack(self, data: Any) -> bytes:
        """Return the file of a changed model, its checksums made anew."""
        entries = dict(self.entries)
        if isinstance(data, dict):
            for key, name in (("facts", "gru_bench.json"), ("config", "config.json")):
                if key in data:
                    entries[name] = _json_bytes(data[key])
            if isinstance(data.get("bytes"), dict):
                entries["model.weights.h5"] = _with_byte(entries["model.weights.h5"], data["bytes"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            names = data.get("names") if isinstance(data, dict) else None
            for name, content in entries.items():
                if isinstance(names, dict) and name not in names:
                    continue
                called = names.get(name) if isinstance(names, dict) else name
                usable = isinstance(called, str) and called.isprintable() and called
                archive.writestr(called if usable else name, content)
        return buffer.getvalue()


def _json_bytes(value: Any) -> bytes:
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    except (RecursionError, ValueError):
        return b"[" * 5000


def _with_byte(content: bytes, change: dict[str, Any]) -> bytes:
    """Return content with some bytes changed, where the change is one."""
    at, to = change.get("at"), change.get("to")
    if not isinstance(to, int) or isinstance(to, bool) or not to:
        return content
    place = zlib.crc32(f"{at} {to}".encode("utf-8", "replace")) % len(content)
    return content[:place] + bytes([to % 256]) + content[place + 1 :]


def open_certificate(folder: Path, data: Any) -> None:
    """Check a changed certificate."""
    path = folder / "changed.cert.json"
    try:
        text = json.dumps(with_new_hashes(data) if isinstance(data, dict) else data)
    except Exception:  # what cannot be hashed keeps its hashes
        text = _json_bytes(data).decode("utf-8", "replace")
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        verify(path)
    except Rejected as rejection:
        raise UsageError(str(rejection)) from None


KINDS = ("experiment", "run", "model", "certificate")


def opener(kind: str, folder: Path) -> tuple[Any, Callable[[Path, Any], None]]:
    """Return a document of a kind, and what opens it."""
    if kind == "experiment":
        return EXPERIMENT, open_experiment
    if kind == "run":
        runs = Runs(folder)
        return runs.document, runs.open
    if kind == "model":
        models = Models(folder)
        return models.document, models.open
    return certificate(), open_certificate


def fuzz(kind: str, count: int) -> tuple[int, int, list[str]]:
    """Open changed files of a kind; return how many were opened, refused, and what went wrong."""
    folder = Path.cwd()
    document, open_it = opener(kind, folder)
    tally = {"opened": 0, "refused": 0}
    problems: list[str] = []
    before = {path for path in Path.cwd().rglob("*") if path.is_file()}
    # What others did before in this process is not counted.
    held = start_peak()

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(changed(document))
    def opens_or_refuses(data: Any) -> None:
        try:
            open_it(folder, data)
            tally["opened"] += 1
        except UsageError as error:
            tally["refused"] += 1
            if not str(error).isprintable():
                problems.append(f"not one line: {error!r:.200}")
        except Exception as error:
            problems.append(f"{type(error).__name__}: {error!s:.200}")

    opens_or_refuses()
    written = {path for path in Path.cwd().rglob("*") if path.is_file()} - before
    allowed = ("experiment.toml", "changed.keras", "changed.cert.json")
    problems += [f"it has written {path}" for path in written if path.name not in allowed]
    if (grown := peak() - held) > 2:
        problems.append(f"{grown:.1f} GB of memory")
    return tally["opened"], tally["refused"], problems


def start_peak() -> float:
    """Begin to measure the most memory anew, where the system can; return what is held, in GB."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def peak() -> float:
    """Return the most memory that this process has had since `start_peak`, in GB."""
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def edit_runs(count: int) -> tuple[int, int]:
    """Edit any byte of run files; return how many were tried and how many were counted."""
    runs = Runs(Path.cwd())
    generator = random.Random(0)
    counted = tried = 0
    while tried < count:
        raw = bytearray(runs.raw)
        place = generator.randrange(len(raw))
        kind = generator.choice(["replace", "delete", "insert", "digit"])
        if kind == "digit":  # an edit that leaves all in good form
            digits = [k for k, byte in enumerate(raw) if chr(byte).isdigit()]
            place = generator.choice(digits)
            raw[place] = ord(generator.choice("0123456789"))
        elif kind == "replace":
            raw[place] = generator.randrange(256)
        elif kind == "delete":
            del raw[place]
        else:
            raw.insert(place, generator.randrange(256))
        # Where lines end is for git to say.
        if bytes(raw).replace(b"\r\n", b"\n") == runs.raw:
            continue
        tried += 1
        runs.path.write_bytes(bytes(raw))
        try:
            read_run(runs.path)
            counted += 1
        except UsageError:
            pass
    return tried, counted
