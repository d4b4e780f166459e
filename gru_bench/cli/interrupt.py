"""Signals that ask to end: the first lets what is finished be kept, the second ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

#: Those that are treated as Ctrl-C is.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
INTERRUPTED = 130


class Interruptions:
    """What has asked to end so far.

    Args:
        received: the signals, in order.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []

    def take(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, or end the process if that has been asked before."""
        del frame
        self.received.append(signal.Signals(number))
        if len(self.received) > 1:
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt

    @property
    def message(self) -> str:
        """What to say of it."""
        if not self.received or self.received[0] == signal.SIGINT:
            return "interrupted"
        return f"interrupted by {self.received[0].name}"


@contextlib.contextmanager
def interruptions() -> Iterator[Interruptions]:
    """Let signals that ask to end raise KeyboardInterrupt in the main thread."""
    found = Interruptions()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            # `nohup` and `&` in scripts let signals be ignored: so they stay.
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, found.take)
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
