"""Files that come from outside: what they are, how large and how deep, before what they say."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from gru_bench.errors import UsageError

#: Bytes of the largest text file; text takes up to 30 times its size in memory.
LARGEST = 2**24
#: Bytes of the largest saved model.
LARGEST_MODEL = 2**28
#: How deep tables and lists may be nested.
DEEPEST = 24
#: Digits of the longest integer.
_DIGITS = 640

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextlib.contextmanager
def opened(path: str | Path, largest: int = LARGEST) -> Iterator[Any]:
    """Give an ordinary file, opened to read bytes; whatever else has that name is refused.

    Args:
        path: to the file.
        largest: bytes that it may have.

    Raises:
        UsageError: there is none, it cannot be read, it is no ordinary file, or it is too large.
    """
    try:
        # Not to wait for whoever would write into a pipe.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise UsageError(f"there is no file {_name(path)}") from None
    except OSError as error:
        kind = _kind(path)
        reason = f"it is {kind}, not a file" if kind else error.strerror
        raise UsageError(f"{_name(path)} cannot be read: {reason}") from None
    except ValueError:  # a NUL in the name
        raise UsageError(f"{_name(path)} is no name that a file can have") from None
    try:
        _check_ordinary(handle, path, largest)
    except UsageError:
        os.close(handle)
        raise
    with os.fdopen(handle, "rb") as file:
        yield file


def _check_ordinary(handle: int, path: str | Path, largest: int) -> None:
    found = os.fstat(handle)
    for test, kind in _KINDS:
        if test(found.st_mode):
            raise UsageError(f"{_name(path)} cannot be read: it is {kind}, not a file")
    if found.st_size > largest:
        raise UsageError(f"{_name(path)} cannot be read: it has more than {largest} bytes")


def _kind(path: str | Path) -> str | None:
    """Return what a name stands for, if it is no file."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - as `open` above
    except (OSError, ValueError):
        return None
    return next((kind for test, kind in _KINDS if test(mode)), None)


def _name(path: str | Path) -> str:
    name = ascii(str(path)) if not str(path).isprintable() else repr(str(path))
    return name if len(name) <= 200 else f"{name[:100]}...{name[-40:]}"


def read_bytes(path: str | Path, largest: int = LARGEST) -> bytes:
    """Return what an ordinary file holds.

    Raises:
        UsageError: as `opened`.
    """
    with opened(path, largest) as file:
        try:
            data: bytes = file.read(largest + 1)
        except OSError as error:
            raise UsageError(f"{_name(path)} cannot be read: {error.strerror}") from None
    if len(data) > largest:  # it has grown, or does not say how large it is
        raise UsageError(f"{_name(path)} cannot be read: it has more than {largest} bytes")
    return data


def read_text(path: str | Path, largest: int = LARGEST) -> str:
    """Return the text, UTF-8, that an ordinary file holds.

    Raises:
        UsageError: as `opened`, or it is not UTF-8.
    """
    try:
        return read_bytes(path, largest).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{_name(path)} cannot be read: it is not UTF-8: {error}") from None


def parse_json(data: bytes, where: str) -> Any:
    """Return what JSON says, as far as it is within bounds.

    Args:
        data: UTF-8.
        where: what errors call it.

    Raises:
        UsageError: it is not JSON, is nested too deeply, has a key twice in one object, NaN, an
            infinity, or an integer of very many digits.
    """

    def refuse(complaint: str) -> NoReturn:
        raise UsageError(f"{where}: {complaint}")

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(found)
        if len(entries) < len(found):
            refuse("a key stands twice in one object")
        return entries

    def integer(digits: str) -> int:
        return int(digits) if len(digits) <= _DIGITS else refuse("an integer of very many digits")

    def real(digits: str) -> float:
        number = float(digits)
        return number if abs(number) < float("inf") else refuse("a number out of range")

    try:
        found = json.loads(
            data,
            object_pairs_hook=pairs,
            parse_int=integer,
            parse_float=real,
            parse_constant=lambda name: refuse(f"it contains {name}"),
        )
    except RecursionError:
        refuse("it is nested too deeply")
    except UsageError:
        raise
    except ValueError as error:
        refuse(f"it is cut short or no JSON: {error}")
    check_depth(found, where)
    return found


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the contents of a TOML file, as far as it is within bounds.

    Raises:
        UsageError: it cannot be read, is not TOML, or is nested too deeply.
    """
    text = read_text(path)
    try:
        with _few_digits():
            found = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{_name(path)} is nested too deeply") from None
    except ValueError as error:  # not TOML, or a number that is none
        raise UsageError(f"{_name(path)} is not TOML: {error}") from None
    check_depth(found, _name(path))
    return found


def check_depth(found: Any, where: str) -> None:
    """Refuse what is nested deeper than anything the bench writes or reads.

    Raises:
        UsageError: it is.
    """
    level, depth = [found], 0
    while level:
        if depth > DEEPEST:
            raise UsageError(f"{where}: it is nested too deeply")
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, (dict, list))
        ]
        depth += 1


@contextlib.contextmanager
def _few_digits() -> Iterator[None]:
    """Let Python refuse integers of very many digits, which take a time that grows as a square."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(_DIGITS)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)
