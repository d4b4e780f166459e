"""What a process of its own does to check laws, told step by step, for `worker.py`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.laws import LAWS
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import Target, make_target
from gru_bench.laws.telling.failure import is_own
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.loading import load, start_framework

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]


def messages(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a message for each thing that has happened; that laws can be checked is the first.

    Args:
        task: the fields of `isolation.Isolated`, and the names of the laws.

    Raises:
        UsageError: the cell cannot be imported, made or built.
    """
    start_framework(task["cell"])
    yield {"kind": "ready"}
    _limit_memory(task["memory"])
    started = time.perf_counter()
    # Last: what a cell imports when it is called may lie beside it, but stands in for nothing.
    with contextlib.suppress(FileNotFoundError):
        sys.path.append(str(Path.cwd()))
    load(task["cell"], functions=True)
    _limit_memory(task["memory"])  # of a framework that only now has been imported too
    yield {"kind": "imported"}
    target = _target(task)
    yield {"kind": "made", "seconds": time.perf_counter() - started, "started": target.started}
    for name in task["laws"]:
        expected = task["expected"].get(name)
        outcome = run_law(
            target, LAWS[name], task["profile"], task["seed"], expected, task["limit"]
        )
        yield {"kind": "done", "outcome": asdict(outcome), "notes": target.notes}


def _target(task: Mapping[str, Any]) -> Target:
    try:
        inputs = None if task["inputs"] is None else Inputs(**task["inputs"])
        given = task["cell"], task["arguments"], task["input_size"], task["equations"] or None
        return make_target(*given, inputs)
    except UsageError:
        raise
    except FAULTS as error:  # a user's cell can fail in any way
        if is_own(error):
            raise
        told = f"cell {task['cell']!r} cannot be made: {in_one_line(error)}"
        raise UsageError(told) from error


def _limit_memory(more: int) -> None:
    """Let the process grow by so many bytes and no further."""
    if resource is None or not Path("/proc/self/statm").exists():
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = pages * resource.getpagesize() + more
    with contextlib.suppress(ValueError, OSError):  # a tighter limit is in force already
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
