"""Where figures come from: the machine, the versions, and the source of a cell."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import os
import platform
from pathlib import Path
from typing import Any

from gru_bench.records import Line, Record
from gru_bench.runs.source import sources_used

#: Packages whose versions a run depends on; a cell of theirs is fixed by its version.
PACKAGES = ("gru_bench", "tensorflow", "keras", "numpy")


class Machine(Record):
    """The machine a run was trained on.

    Args:
        processor: its model.
        cores: that the process may use.
        system: operating system.
        python: version.
    """

    processor: Line
    cores: int
    system: Line
    python: Line

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        return f"{self.processor}, {cores}, {self.system}, Python {self.python}"


@functools.cache
def machine() -> Machine:
    """Return a description of this machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Machine(
        processor=_processor(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (models and models[0]) or platform.processor() or platform.machine()


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions a run depends on."""
    return {name: importlib.metadata.version(name) for name in sorted(PACKAGES)}


def source_hash(cell: type[Any]) -> str:
    """Return a hash of the modules that define a cell and its bases, and of those they use.

    Whole modules, because a class also depends on the functions beside it, and those on others:
    every module of the user's that is imported on the way is read too. Keras and TensorFlow are
    left out: their versions speak for them. A class whose source is nowhere has no hash.
    """
    modules = {base.__module__ for base in cell.__mro__}
    own = {name for name in modules if name.partition(".")[0] not in (*PACKAGES[1:], "builtins")}
    digest = hashlib.sha256()
    for base in cell.__mro__:
        if base.__module__ in own:
            own.remove(base.__module__)
            digest.update(_module_source(base).encode())
    digest.update(sources_used(modules).encode())
    return digest.hexdigest()[:16]


def _module_source(defined: type[Any]) -> str:
    try:
        path = inspect.getsourcefile(defined)
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, TypeError):
        return ""
