"""What a cell raised, as far as it concerns the one who wrote the cell."""

from __future__ import annotations

import traceback
from pathlib import Path

from gru_bench.errors import UsageError, in_one_line
from gru_bench.laws.broken import Broken

#: Files of these are not the user's.
_OTHERS = ("/site-packages/", "/dist-packages/", "/lib/python", "<frozen")
_OURS = str(Path(__file__).parent.parent)


def reason_of(error: BaseException) -> str:
    """Return what is wrong in one line."""
    if isinstance(error, (Broken, UsageError)):
        return str(error)
    return f"the cell raises {in_one_line(error)}"


def trimmed_traceback(error: BaseException) -> str:
    """Return the traceback from the user's first file to the last; all of it where none is."""
    if isinstance(error, UsageError) and error.__cause__ is not None:
        error = error.__cause__  # the cell's own
    summary = traceback.extract_tb(error.__traceback__)
    own = [k for k, frame in enumerate(summary) if _is_users(frame.filename)]
    kept = summary[own[0] : own[-1] + 1] if own else summary[-3:]
    lines = traceback.format_list(kept)
    return "".join([*lines, in_one_line(error)])


def _is_users(filename: str) -> bool:
    return not filename.startswith(_OURS) and not any(part in filename for part in _OTHERS)
