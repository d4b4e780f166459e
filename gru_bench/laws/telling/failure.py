"""What a cell raised, as far as it concerns its author; and what the bench itself raised."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

from gru_bench import errors
from gru_bench.errors import BenchError, UsageError, in_one_line, own_fault
from gru_bench.laws.broken import Broken
from gru_bench.trace.unsupported import UnsupportedOperationError

#: Files of these are not the user's.
_OTHERS = ("/site-packages/", "/dist-packages/", "/lib/python", "<frozen")
_OURS = str(Path(errors.__file__).parent) + os.sep

#: Libraries that the bench calls for itself, beside Python's: what they raise is their caller's.
_TOOLS = ("numpy", "scipy", "hypothesis")
_STANDARD = sysconfig.get_path("stdlib") + os.sep


def reason_of(error: BaseException) -> str:
    """Return what is wrong in one line."""
    if isinstance(error, (Broken, UsageError)):
        return str(error)
    return f"the cell raises {in_one_line(error)}"


def is_own(error: BaseException) -> bool:
    """Return whether the bench's own code raised it, and no code that the cell is made of.

    Keras and TensorFlow have to leave their frames in what they raise (`whole_tracebacks`). The
    cell may still be why: what it returned may be of no use (`form.py`).
    """
    if isinstance(error, (BenchError, UnsupportedOperationError)):
        return True
    if isinstance(error, (Broken, UsageError, MemoryError)):
        return False
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    callers = [name for name in frames if not _is_tool(name)]
    return bool(callers) and callers[-1].startswith(_OURS)


def own_reason_of(error: BaseException) -> str:
    """Return in one line why the bench can say nothing."""
    if isinstance(error, UnsupportedOperationError):
        return f"the bench does not know the operation {error}"
    return own_fault(error)


def trimmed_traceback(error: BaseException) -> str:
    """Return the frames of the user's files in a traceback; its last ones where there are none."""
    if isinstance(error, UsageError) and error.__cause__ is not None:
        error = error.__cause__  # the cell's own
    summary = traceback.extract_tb(error.__traceback__)
    kept = [frame for frame in summary if _is_users(frame.filename)] or summary[-3:]
    lines = traceback.format_list(kept)
    return "".join([*lines, in_one_line(error)])


def _is_users(filename: str) -> bool:
    return not filename.startswith(_OURS) and not any(part in filename for part in _OTHERS)


def _is_tool(filename: str) -> bool:
    """Return whether a file is of Python itself, or of a library that the bench calls."""
    _, installed, package = filename.rpartition("-packages" + os.sep)
    if installed:
        return package.partition(os.sep)[0] in _TOOLS
    return filename.startswith((_STANDARD, "<frozen"))
