"""Files that the bench writes: tried before the work begins, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gru_bench.errors import UsageError

#: What a process's umask leaves of the permissions of a new file.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line that a path cannot be written where the system says so.

    Raises:
        UsageError: it does.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def check_writable(path: Path) -> None:
    """Check that a file can be written; leave no trace.

    Raises:
        UsageError: it cannot.
    """
    with writing(path):
        if path.is_dir():
            raise UsageError(f"cannot write {str(path)!r}: it is a folder")
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
        if _is_open_end(path):
            return
        if path.exists() and not os.access(path, os.W_OK):
            raise UsageError(f"cannot write {str(path)!r}: it is read-only")
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass


def check_folder(folder: Path) -> None:
    """Check that a folder is there, or can be made, and can be written; leave no trace.

    Raises:
        UsageError: it cannot.
    """
    with writing(folder):
        nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    with writing(path):
        if _is_open_end(path):
            path.write_bytes(data)
            return
        target = path.resolve()  # a link stays one
        handle, partial = tempfile.mkstemp(prefix=".", suffix=".partial", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            Path(partial).chmod(target.stat().st_mode if target.exists() else 0o666 & ~_UMASK)
            os.replace(partial, target)  # noqa: PTH105 - one call, one meaning: atomic
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise


def _is_open_end(path: Path) -> bool:
    """Return whether a path is a device or a pipe, which takes what it is given."""
    return path.exists() and not path.is_file() and not path.is_dir()
