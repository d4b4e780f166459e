"""Stops Python that takes too long, where the system can."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class TimeIsUpError(BaseException):
    """The time limit has passed; no `except Exception` of a user's cell holds it back."""


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise `TimeIsUpError` in the block after so many seconds.

    Only the main thread of a Unix process can be interrupted so, and only between two operations
    of Python; elsewhere the block runs on. `isolation.py` stops what this does not.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: Any) -> None:
        raise TimeIsUpError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
