"""The one way to the terminal: no escape sequences of others, no end because nobody listens."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from gru_bench.errors import UsageError
from gru_bench.outside.text import lines

if TYPE_CHECKING:
    from rich.console import Console


def say(text: Any = "", err: bool = False) -> None:
    """Print lines in which every character can be seen."""
    stream = sys.stderr if err else sys.stdout
    with contextlib.suppress(ValueError):  # it is closed
        stream.write(f"{_encodable(lines(str(text)), stream)}\n")
        stream.flush()


def _encodable(text: str, stream: TextIO) -> str:
    """Return text that the stream's encoding has; what it lacks is shown as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def console(err: bool = False, **options: Any) -> Console:
    """Return a console that takes no text for markup."""
    from rich.console import Console

    return Console(stderr=err, markup=False, emoji=False, **options)


class _Patient:
    """A stream whose reader may leave, and whose disk may be full, before the work is done.

    Args:
        stream: to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, unless an earlier attempt failed."""
        if self.failure is None:
            try:
                return self.stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush, unless an earlier attempt failed."""
        if self.failure is None:
            try:
                self.stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Let what is left in buffers go nowhere, at the end of Python too."""
        self.failure = error
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def patient_streams() -> Iterator[None]:
    """Let work go on whatever becomes of the streams that it is told on.

    Raises:
        UsageError: at the end, if standard output could not be written; not if its reader left,
            who has read what it wanted.
    """
    before = sys.stdout, sys.stderr
    out, err = _Patient(sys.stdout), _Patient(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield
        out.flush()
        err.flush()
    finally:
        sys.stdout, sys.stderr = before
    if out.failure is not None and not isinstance(out.failure, BrokenPipeError):
        raise UsageError(f"standard output cannot be written: {out.failure.strerror}")
