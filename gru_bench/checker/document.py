"""JSON from strangers: read within bounds, and taken apart with one-line complaints."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from gru_bench.errors import UsageError, nearest

#: Bytes of a file. JSON takes up to 30 times its size in memory, so this is 500 MB.
LARGEST_FILE = 2**24

_HEXADECIMAL = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}")
#: Enough for 64 bits, as seeds have.
_DIGITS = 20
_LONGEST_TEXT = 1000


def read(path: str | Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        UsageError: no such file, too large, cut short, no JSON object, a key twice, numbers
            beyond any use, nesting too deep.
    """
    path = Path(path)
    try:
        # A pipe or a device may never end, or never begin.
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot read {str(path)!r}: it is no file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        reason = getattr(error, "strerror", None) or "no file can be called so"
        raise UsageError(f"cannot read {str(path)!r}: {reason}") from None
    if len(raw) > LARGEST_FILE:
        refuse(f"it has more than {LARGEST_FILE} bytes")
    try:
        found = json.loads(
            raw,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except UsageError:
        raise
    except RecursionError:
        refuse("it is nested too deeply")
    except ValueError as error:  # no JSON, no UTF-8
        refuse(f"it is cut short or no JSON ({error})")
    if not isinstance(found, dict):
        refuse("it is no JSON object")
    return found


def refuse(complaint: str) -> NoReturn:
    """Raise the error for a file that is no certificate."""
    raise UsageError(f"not a certificate that can be read: {complaint}")


def canonical(document: Any) -> bytes:
    """Return the bytes that digests are taken of."""
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    except RecursionError:
        refuse("it is nested too deeply")
    return text.encode("ascii")


def record(value: Any, name: str, keys: Sequence[str]) -> list[Any]:
    """Return the entries of an object that has exactly these keys, in their order."""
    if not isinstance(value, dict):
        refuse(f"{name} must be an object")
    for key in value:
        if key not in keys:
            refuse(f"{name} has an unknown entry {_short(key)}{nearest(key, keys)}")
    for key in keys:
        if key not in value:
            refuse(f"{name} lacks {key!r}")
    return [value[key] for key in keys]


def dictionary(value: Any, name: str) -> dict[str, Any]:
    """Return an object, whatever its keys."""
    if not isinstance(value, dict):
        refuse(f"{name} must be an object")
    return value


def array(value: Any, name: str, length: int | None = None) -> list[Any]:
    """Return a list, of that length if one is given."""
    if not isinstance(value, list):
        refuse(f"{name} must be a list, got {_short(value)}")
    if length is not None and len(value) != length:
        refuse(f"{name} must have {length} entries, got {len(value)}")
    return value


def text(value: Any, name: str) -> str:
    """Return a string that can be shown: one line, no control characters."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        refuse(f"{name} must be one line of text, got {_short(value)}")
    return value


def integer(value: Any, name: str, end: int) -> int:
    """Return an integer in [0, end)."""
    if type(value) is not int or not 0 <= value < end:
        refuse(f"{name} must be an integer in [0, {end}), got {_short(value)}")
    return value


def real(value: Any, name: str) -> float:
    """Return the number of an exact hexadecimal float, as `float.hex` writes it."""
    if type(value) is str and _HEXADECIMAL.fullmatch(value):
        try:
            number = float.fromhex(value)
        except OverflowError:
            refuse(f"{name} is too large a number, {value}")
        if number.hex() == value:
            return number
    refuse(f"{name} must be a number as float.hex() writes it, got {_short(value)}")


def single(value: Any, name: str) -> float:
    """Return a number that is exactly a float32."""
    number = real(value, name)
    try:
        exact = struct.unpack("<f", struct.pack("<f", number))[0] == number
    except OverflowError:
        exact = False
    if not exact:
        refuse(f"{name} is no float32 number, {value}")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        refuse(f"the key {_short(twice)} stands twice in one object")
    return entries


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        refuse(f"an integer of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    # Arguments of a cell may be floats; all numbers of the proof are hexadecimal text.
    number = float(digits) if len(digits) <= 2 * _DIGITS else math.inf
    if not math.isfinite(number):
        refuse(f"a number out of range, {_short(digits)}")
    return number


def _constant(name: str) -> NoReturn:
    refuse(f"it contains {name}")


def _short(value: Any) -> str:
    """Show a value in a few characters."""
    if isinstance(value, (list, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    shown = repr(value[:40] if isinstance(value, str) else value)
    return shown + "..." * (isinstance(value, str) and len(value) > 40)
