"""A cell as its file had it in a git revision, beside the cell as it is today."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.outside.bounds import shown
from gru_bench.outside.text import one_line
from gru_bench.subjects.loading import import_from_here, load

#: Characters of a hash that names have.
_SHORT = 12


@contextlib.contextmanager
def at_revision(cell: str, revision: str) -> Iterator[str]:
    """Give the name of a cell as its file had it in a git revision.

    The file alone is the old one: what it imports is as it is today. The name has the hash of the
    file's contents, so the runs of a base are found again whatever revision they were asked by.

    Args:
        cell: `package.module:Name`, as it is today.
        revision: as git takes it, for example HEAD~1.

    Raises:
        UsageError: the cell's file is not in a git repository, or the revision does not have it,
            or the file does not work as it was then.
    """
    found = load(cell, functions=True)
    module, source = found.__module__, inspect.getsourcefile(found)
    if source is None or not Path(source).is_file():
        raise UsageError(f"cell {cell!r} has no file, so no revision has it")
    path = Path(source).resolve()
    blob, data = _contents(path, revision)
    name = f"{module}_at_{blob}"
    with tempfile.TemporaryDirectory(prefix="gru_bench-") as folder:
        old = Path(folder) / f"{path.stem}_at_{blob}.py"
        old.write_bytes(data)
        _import(name, old, cell, revision)
        try:
            yield f"{name}:{found.__name__}"
        finally:
            sys.modules.pop(name, None)


def _contents(path: Path, revision: str) -> tuple[str, bytes]:
    """Return the short hash and the contents that a file has in a revision."""
    top = _git(path.parent, "rev-parse", "--show-toplevel")
    if top is None:
        raise UsageError(f"{shown(str(path))} is not in a git repository")
    place = path.relative_to(Path(top.decode().strip()).resolve()).as_posix()
    commit = _git(path.parent, "rev-parse", "--verify", "--quiet", "--end-of-options", revision)
    if commit is None:
        raise UsageError(
            f"--base-rev takes a git revision, for example HEAD~1, got {shown(revision)}"
        )
    spelled = f"{commit.decode().strip()}:{place}"
    blob = _git(path.parent, "rev-parse", "--verify", "--quiet", "--end-of-options", spelled)
    data = _git(path.parent, "cat-file", "blob", spelled)
    if blob is None or data is None:
        raise UsageError(f"revision {shown(revision)} has no file {shown(place)}")
    return blob.decode()[:_SHORT], data


def _git(folder: Path, *words: str) -> bytes | None:
    """Return what git says, None where it says no."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}") from None
    return done.stdout if done.returncode == 0 else None


def _import(name: str, path: Path, cell: str, revision: str) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with import_from_here():
            spec.loader.exec_module(module)
    except FAULTS as error:  # it may fail in any way: what it imports has moved on
        sys.modules.pop(name, None)
        reason = one_line(in_one_line(error))
        raise UsageError(
            f"cell {cell!r} does not work as of {shown(revision)}: {reason}"
        ) from error
