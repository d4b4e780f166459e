"""The process that `isolation.py` starts to check laws.

It reads one line of JSON from standard input, writes a line of JSON for each thing that happens,
and ends when standard input does: whoever started it is gone then. Whatever the cell prints goes
to standard error. This module imports no TensorFlow, so that it can tell when that fails.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from gru_bench.errors import FAULTS, UsageError, own_fault
from gru_bench.laws.telling.outcome import plain

#: What Linux's prctl is told to send a signal when the parent dies.
_PARENT_DEATH = 1


def main() -> None:
    """Check what standard input says, and end."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    task = json.loads(orders.readline())
    _end_with(orders)
    try:
        for message in importlib.import_module("gru_bench.laws.running.checking").messages(task):
            _tell(channel, **message)
        _tell(channel, kind="end")
    except UsageError as error:
        _tell(channel, kind="refused", message=str(error))
    except FAULTS as error:
        _tell(channel, kind="broken", message=own_fault(error))
    sys.stderr.flush()
    os._exit(0)  # taking TensorFlow down takes a second, and everything has been told


def _tell(channel: TextIO, **message: Any) -> None:
    channel.write(json.dumps(plain(message)) + "\n")
    channel.flush()


def _end_with(orders: TextIO) -> None:
    """Let this process end when the other end of a pipe is closed, whatever the cell is at."""

    def wait() -> None:
        if hasattr(signal, "pthread_sigmask"):  # signals are for the thread that runs the cell
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        orders.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
    # No thread of Python's runs while C code that a cell calls holds on to the interpreter.
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
