"""Errors a user can cause, and the checks that raise them."""

from __future__ import annotations

import difflib
import numbers
import re
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class UsageError(ValueError):
    """Bad input: one line that names what was given and what is accepted (exit code 2)."""


class NotSupportedError(UsageError):
    """Something that the bench cannot take at all; it says nothing about whether that is right."""


class BenchError(Exception):
    """The bench, or what it stands on, does not work here; nothing that was given is to blame.

    Exit code 2, as for bad input, since nothing was found out.
    """


#: What a user's code can raise that is its own doing. Leaving by `sys.exit` is; being interrupted,
#: or stopped because time is up, is not.
FAULTS = (Exception, SystemExit)


def nearest(given: str, known: Iterable[str]) -> str:
    """Return `", did you mean 'x'?"` for the nearest known name, or an empty string."""
    match = difflib.get_close_matches(given, list(known), n=1)
    return f", did you mean {match[0]!r}?" if match else ""


def check_known(kind: str, given: str, known: Iterable[str]) -> str:
    """Return `given` if it is one of `known`.

    Raises:
        UsageError: it is not; the message lists the known names and suggests the nearest.
    """
    names = list(known)
    if given not in names:
        hint = nearest(given, names)
        raise UsageError(f"unknown {kind} {given!r}{hint} (known: {', '.join(names)})")
    return given


def check_integer(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int of at least `minimum`, and at most `maximum` if there is one.

    Raises:
        UsageError: it is not an integer (bool is none), or it is too small or too large.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise UsageError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    # Python refuses to print integers of thousands of digits.
    bits = int(value).bit_length()
    shown = value if bits < 300 else f"one of {bits} bits"
    if value < minimum:
        raise UsageError(f"{name} must be at least {minimum}, got {shown}")
    if maximum is not None and int(value) > maximum:
        raise UsageError(f"{name} must be at most {maximum}, got {shown}")
    return int(value)


_PACKAGE = Path(__file__).parent


def own_fault(error: BaseException) -> str:
    """Return in one line that the bench itself fails, and where its code did."""
    if isinstance(error, BenchError):
        return in_one_line(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    where = ""
    if own:
        file = Path(own[-1].filename).relative_to(_PACKAGE.parent).as_posix()
        where = f" ({file}:{own[-1].lineno})"
    return f"the bench itself fails: {in_one_line(error)}{where}"


#: What Keras makes of the message of an exception that a layer's call raises.
_WRAPPED = re.compile(r"Exception encountered when calling .*?\x1b\[1m(.*?)\x1b\[0m", re.DOTALL)


def in_one_line(error: BaseException) -> str:
    """Return the message of any exception as one line, its type first unless it is one of ours."""
    messages = [part for part in error.args if isinstance(part, str)]
    wrapped = next(filter(None, map(_WRAPPED.match, messages)), None)
    text = " ".join((wrapped[1] if wrapped else str(error)).split())
    if isinstance(error, (UsageError, BenchError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
