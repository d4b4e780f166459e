"""Files that are written: tried before the work, whole or not at all, never lost."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gru_bench.errors import UsageError
from gru_bench.outside.bounds import shown

#: What partly written files are called: who writes them, and at what machine.
_PARTIAL = re.compile(r"\.gru_bench-(?P<host>.+)-(?P<process>[0-9]+)-[^-]*\.partial")
#: Seconds after which nobody writes a file any more.
_LONG_AGO = 24 * 3600.0
#: What this process's umask leaves of the permissions of a new file.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


def check_output(path: str | Path) -> Path:
    """Return a path at which a file can be written, found out by trying; nothing is left there.

    Raises:
        UsageError: its folder is missing or cannot be written, or something that is no file, or
            that cannot be written, has that name.
    """
    path = Path(path)
    try:
        _check_place(path)
    except UsageError:
        raise
    except OSError as error:
        raise _cannot(path, error.strerror or str(error)) from None
    except ValueError:  # a NUL in the name
        raise _cannot(path, "no file can be called so") from None
    return path


def _check_place(path: Path) -> None:
    if not path.name:
        raise _cannot(path, "it is a folder")
    if not path.parent.is_dir():
        raise _cannot(path, f"there is no folder {str(path.parent)!r} to write {path.name!r} into")
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise _cannot(path, "it is a folder" if stat.S_ISDIR(mode) else "it is no file")
        os.close(os.open(path, os.O_WRONLY))
    handle, partial = _partial(path.resolve().parent)
    os.close(handle)
    Path(partial).unlink()


def check_folder(folder: str | Path) -> Path:
    """Return a folder that files can be written into, or that can be made; leave no trace.

    Raises:
        UsageError: it cannot.
    """
    folder = Path(folder)
    try:
        nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        # A name may be too long to be made though those above it are there.
        with contextlib.suppress(FileNotFoundError):
            os.lstat(folder)
        with tempfile.TemporaryFile(dir=nearest):
            return folder
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no folder can be called so"
        raise UsageError(
            f"the output folder {shown(str(folder))} cannot be written: {reason}"
        ) from None


def make_folder(folder: Path) -> Path:
    """Make a folder and those above it, unless they are there.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the output folder {shown(str(folder))} cannot be written: {error.strerror}"
        ) from None
    return folder


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        target = path.resolve()  # a link stays one
        handle, partial = _partial(target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(partial).chmod(target.stat().st_mode if target.exists() else 0o666 & ~_UMASK)
            os.replace(partial, target)  # noqa: PTH105 - one call, one meaning: atomic
            _sync(target.parent)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:  # a link to itself is a RuntimeError
        raise _cannot(path, getattr(error, "strerror", None) or str(error)) from None


def _sync(folder: Path) -> None:
    """Let the names in a folder outlast a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_result(path: Path, data: bytes) -> None:
    """Write what took work to find out: where the path fails it goes elsewhere.

    Raises:
        UsageError: the path cannot be written; the line says where the result is instead.
    """
    try:
        write_whole(path, data)
    except UsageError as error:
        rescued = _rescue(path.name, data)
        if rescued is None:
            raise
        raise UsageError(f"{error}; it is in {str(rescued)!r} instead") from None


def _rescue(name: str, data: bytes) -> Path | None:
    """Write a result wherever there is room for it, and return where."""
    for place in _places():
        with contextlib.suppress(OSError, UsageError):
            folder = Path(tempfile.mkdtemp(prefix="gru_bench-", dir=place))
            try:
                write_whole(folder / name, data)
            except UsageError:
                folder.rmdir()
                raise
            return folder / name
    return None


def _places() -> list[str]:
    """Return folders that may have room when others have none."""
    found = [os.environ.get("TMPDIR", ""), "/tmp", "/var/tmp", "/dev/shm"]
    with contextlib.suppress(RuntimeError):  # there is no home
        found.insert(1, str(Path.home()))
    found.append(str(Path.cwd()))
    return [place for place in found if place and Path(place).is_dir()]


@contextlib.contextmanager
def roomy_folder(size: int) -> Iterator[Path]:
    """Give a folder for passing use, on a disk that has room.

    Args:
        size: bytes that it has to hold.

    Raises:
        UsageError: there is no such disk.
    """
    for place in _places():
        with contextlib.suppress(OSError):
            if shutil.disk_usage(place).free > size and os.access(place, os.W_OK):
                folder = tempfile.mkdtemp(prefix="gru_bench-", dir=place)
                break
    else:
        raise UsageError(f"no folder for temporary files has room for {size} bytes")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_partials(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".gru_bench-*.partial"):
            found = _PARTIAL.fullmatch(path.name)
            if found and _is_left(path, found["host"], int(found["process"])):
                path.unlink(missing_ok=True)


def _is_left(path: Path, host: str, process: int) -> bool:
    if time.time() - path.lstat().st_mtime > _LONG_AGO:
        return True
    if host != _host():
        return False  # another machine may be writing it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return process == os.getpid()


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:60] or "x"


def _partial(folder: Path) -> tuple[int, str]:
    prefix = f".gru_bench-{_host()}-{os.getpid()}-"
    # Random parts of names have no dash.
    return tempfile.mkstemp(prefix=prefix, suffix=".partial", dir=folder)


def _cannot(path: Path, reason: str) -> UsageError:
    return UsageError(f"cannot write {shown(str(path))}: {reason}")
