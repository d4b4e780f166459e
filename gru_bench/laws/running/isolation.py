"""Runs laws in a process of their own, so that no cell can take the results with it.

The process is stopped when a law takes too long, and begun anew for the laws that are left when
it was stopped or has died. This module imports no TensorFlow.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from gru_bench import profiles
from gru_bench.errors import UsageError
from gru_bench.laws import LAWS
from gru_bench.laws.law import Law
from gru_bench.laws.telling.outcome import FAILED, NOT_TRIED, STOPS, Outcome, Report

#: Bytes that a check may use beyond what TensorFlow takes.
MEMORY = 4 * 2**30

#: Seconds in which a process has to import TensorFlow and make the cell.
START = 120.0


@dataclass
class Isolated:
    """A check in a process of its own.

    Args:
        cell: `package.module:Name`.
        arguments: of the constructor.
        equations: name of the equations; empty for a guess.
        input_size: F, where there is only one.
        profile: how long each law is tried.
        seed: of the cases.
        laws: which.
        expected: law and reason of each failure that is expected.
        limit: seconds for one law; the profile's where None.
        memory: bytes beyond what TensorFlow takes.
    """

    cell: str
    arguments: Mapping[str, Any]
    equations: str | None
    input_size: int | None
    profile: str
    seed: int
    laws: Sequence[Law]
    expected: Mapping[str, str]
    limit: float | None = None
    memory: int = MEMORY
    report: Report = field(init=False)

    def __post_init__(self) -> None:
        """Begin a report."""
        names = [law.name for law in self.laws]
        self.report = Report(self.cell, self.profile, self.seed, names)

    def run(self, tell: Callable[[Outcome], None] = lambda _: None) -> Report:
        """Return what became of the laws; `report` holds what there is when this is interrupted.

        Args:
            tell: is given each outcome when it is there.

        Raises:
            UsageError: the cell cannot be imported, made or built.
        """
        left = [law.name for law in self.laws]
        stops = 0
        while left and stops < STOPS:
            death = None
            for outcome in self._one_process(left):
                if isinstance(outcome, str):
                    death = outcome
                    break
                self._keep(outcome, tell)
                left.remove(outcome.law)
                stops += outcome.stopped
                if stops == STOPS:
                    break
            if death is not None:
                stops += 1
                self._keep(self._failed(left.pop(0), death), tell)
        for name in left:
            self._keep(self._failed(name, NOT_TRIED), tell)
        return self.report

    def _keep(self, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        self.report.add(outcome)
        tell(outcome)

    def _failed(self, name: str, reason: str) -> Outcome:
        law = LAWS[name]
        outcome = Outcome(name, law.family, law.statement, FAILED, reason)
        return outcome.expected(self.expected.get(name))

    def _one_process(self, left: Sequence[str]) -> Iterator[Outcome | str]:
        """Yield outcomes, and at the end why the process ended if it did so too early."""
        started = time.perf_counter()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "gru_bench.laws.running.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # an interrupt is this process's to handle
            )
            try:
                self._send(process, list(left))
                for message in self._messages(process):
                    if isinstance(message, str):
                        yield message
                        return
                    if message["kind"] == "refused":
                        raise UsageError(message["message"])
                    if message["kind"] == "made":
                        self._made(message, time.perf_counter() - started)
                    elif message["kind"] == "done":
                        self.report.notes = message["notes"]
                        yield Outcome(**message["outcome"])
                if process.wait() != 0:
                    yield f"{_ending(process.returncode)}{_last_words(errors)}"
            finally:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    assert pipe is not None
                    pipe.close()

    def _send(self, process: subprocess.Popen[bytes], left: list[str]) -> None:
        task = {
            "cell": self.cell,
            "arguments": dict(self.arguments),
            "equations": self.equations,
            "input_size": self.input_size,
            "profile": self.profile,
            "seed": self.seed,
            "laws": left,
            "expected": dict(self.expected),
            "limit": self.limit,
            "memory": self.memory,
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.close()

    def _made(self, message: Mapping[str, Any], seconds: float) -> None:
        spent = self.report.seconds
        cell = message["seconds"]
        spent["starting TensorFlow"] = spent.get("starting TensorFlow", 0.0) + seconds - cell
        spent["making the cell"] = spent.get("making the cell", 0.0) + cell

    def _messages(self, process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any] | str]:
        """Yield messages, or why there will be none."""
        allowed = profiles.LAW_SECONDS[self.profile] if self.limit is None else self.limit
        assert process.stdout is not None
        pipe, held = process.stdout, b""
        patience, what = START, "its first step"
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            until = time.perf_counter() + patience
            while True:
                if not selector.select(max(0.0, until - time.perf_counter())):
                    yield f"{what} was stopped after {patience:g} s"
                    return
                chunk = os.read(pipe.fileno(), 2**16)
                if not chunk:
                    return
                *lines, held = (held + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)
                # The worker's own alarm rings first, unless Python is not running at all.
                patience, what = 1.5 * allowed + 5, "the law"
                until = time.perf_counter() + patience


def _ending(code: int) -> str:
    if code >= 0:
        return f"the cell ended the process with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"the process died of {name}"


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    return f": {lines[-1].strip()[:200]}" if lines else ""
