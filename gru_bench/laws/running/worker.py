"""Checks laws in a process of its own: `python -m gru_bench.laws.running.worker`.

`isolation.py` starts it. It reads one line of JSON from standard input, and writes a line of JSON
for each thing that happens. Whatever the cell prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from gru_bench.errors import UsageError
from gru_bench.laws import LAWS
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import Target
from gru_bench.laws.telling.outcome import plain

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]


def main() -> None:
    """Check what standard input says."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    task = json.loads(sys.stdin.readline())
    _limit_memory(task["memory"])
    started = time.perf_counter()
    try:
        target = Target(
            task["cell"], task["arguments"], task["input_size"], task["equations"] or None
        )
    except UsageError as error:
        _tell(channel, kind="refused", message=str(error))
        return
    _tell(channel, kind="made", name=target.name, seconds=time.perf_counter() - started)
    for name in task["laws"]:
        _tell(channel, kind="begun", law=name)
        expected = task["expected"].get(name)
        outcome = run_law(
            target, LAWS[name], task["profile"], task["seed"], expected, task["limit"]
        )
        _tell(channel, kind="done", outcome=asdict(outcome), notes=target.notes)


def _limit_memory(more: int) -> None:
    """Let the process grow by so many bytes and no further."""
    if resource is None or not Path("/proc/self/statm").exists():
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = pages * resource.getpagesize() + more
    with contextlib.suppress(ValueError, OSError):  # a tighter limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _tell(channel: TextIO, **message: Any) -> None:
    channel.write(json.dumps(plain(message)) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    os._exit(0)  # taking TensorFlow down takes a second, and everything has been told
