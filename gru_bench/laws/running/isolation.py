"""Runs laws in a process of their own, so that no cell can take the results with it.

The process is stopped when a law takes too long, and begun anew for the laws that are left when
it was stopped or has died. This module imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from gru_bench import errors, profiles
from gru_bench.errors import BenchError, UsageError
from gru_bench.laws import LAWS
from gru_bench.laws.law import Law
from gru_bench.laws.telling.outcome import (
    FAILED,
    NO_STEP,
    NOT_APPLICABLE,
    NOT_TRIED,
    STOPS,
    Outcome,
    Report,
)
from gru_bench.subjects.inputs import Inputs

#: Bytes that a check may use beyond what TensorFlow takes.
MEMORY = 4 * 2**30

#: Seconds in which a process has to import TensorFlow, and then to make the cell.
START = 120.0

#: Seconds between the last thing that a process can say and its end.
GRACE = 5.0

#: The worker. Not by `-m`, which looks for modules in the current folder first, so that a file
#: there would stand in for the standard library's; and it is of this very package.
_WORKER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("gru_bench", sys.argv[1])
package = sys.modules["gru_bench"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from gru_bench.laws.running.worker import main
main()
"""


class _DiedError(Exception):
    """The process ended, or was stopped, before it had told all; the message says how."""


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
        inputs: that the cell takes; None for any.
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
    inputs: Inputs | None = None
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
            try:
                with contextlib.closing(self._one_process(left)) as outcomes:
                    for outcome in outcomes:
                        self._keep(outcome, tell)
                        left.remove(outcome.law)
                        stops += outcome.stopped
                        if stops == STOPS:
                            break
            except _DiedError as death:
                if not left:
                    self.report.notes.append(f"after the last law {death}")
                    break
                stops += 1
                self._keep(self._ended(left.pop(0), FAILED, str(death)), tell)
        for name in left:
            self._keep(self._ended(name, FAILED, NOT_TRIED), tell)
        return self.report

    def _keep(self, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        self.report.add(outcome)
        tell(outcome)

    def _ended(self, name: str, status: str, reason: str) -> Outcome:
        law = LAWS[name]
        outcome = Outcome(name, law.family, law.statement, status, reason)
        return outcome.expected(self.expected.get(name))

    def _one_process(self, left: Sequence[str]) -> Generator[Outcome]:
        """Yield outcomes.

        Raises:
            UsageError: the cell cannot be imported, made or built.
            BenchError: the process cannot start, or is wrong itself.
            _DiedError: it ended during a law, or after the last one.
        """
        started = time.perf_counter()
        reached = ""
        with tempfile.TemporaryFile() as words, self._process(words) as process:
            try:
                self._send(process, list(left))
                for message in self._messages(process, words):
                    reached = message["kind"]
                    if reached == "refused":
                        raise UsageError(message["message"])
                    if reached == "broken":
                        raise BenchError(message["message"])
                    if reached == "made":
                        self._made(message, time.perf_counter() - started)
                    elif reached == "done":
                        self.report.notes = message["notes"]
                        yield Outcome(**message["outcome"])
            except _DiedError as death:
                if reached == "":
                    raise BenchError(f"no process that checks laws can start: {death}") from None
                if reached == "ready":
                    told = f"cell {self.cell!r} cannot be imported: {death}"
                    raise UsageError(told) from None
                if reached != "imported":
                    raise
                yield from self._without_a_step(left, str(death))

    def _without_a_step(self, left: Sequence[str], death: str) -> Iterator[Outcome]:
        """Yield outcomes for a cell that no law can be asked of: its first step ends it all."""
        basic = next((name for name in left if LAWS[name].basic), left[0])
        for name in list(left):
            if name == basic:
                why = f"when the cell was made or took its first step, {death}"
                yield self._ended(name, FAILED, why)
            else:
                yield self._ended(name, NOT_APPLICABLE, NO_STEP)

    @contextlib.contextmanager
    def _process(self, words: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Give a worker, and end it."""
        package = str(Path(errors.__file__).with_name("__init__.py"))
        with subprocess.Popen(
            [sys.executable, "-P", "-c", _WORKER, package],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            start_new_session=True,  # an interrupt is this process's to handle
        ) as process:
            try:
                yield process
            finally:
                process.kill()

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
            "inputs": None if self.inputs is None else asdict(self.inputs),
        }
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died; its last words say why
            # It stays open: the worker ends when it is closed.
            process.stdin.write(json.dumps(task).encode() + b"\n")

    def _made(self, message: Mapping[str, Any], seconds: float) -> None:
        spent = self.report.seconds
        cell = message["seconds"]
        starting = f"starting {message['started']}"
        spent[starting] = spent.get(starting, 0.0) + seconds - cell
        spent["making the cell"] = spent.get("making the cell", 0.0) + cell

    def _messages(
        self, process: subprocess.Popen[bytes], words: IO[bytes]
    ) -> Iterator[dict[str, Any]]:
        """Yield messages until the process says that it has told all.

        Raises:
            _DiedError: it does not say so.
        """
        allowed = profiles.LAW_SECONDS[self.profile] if self.limit is None else self.limit
        assert process.stdout is not None
        pipe, held = process.stdout, b""
        patience = START
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not selector.select(patience):
                    raise _DiedError(f"the process was stopped after {patience:g} s")
                chunk = os.read(pipe.fileno(), 2**16)
                if not chunk:
                    raise _DiedError(_ending(process) + _last_words(words))
                *lines, held = (held + chunk).split(b"\n")
                for message in map(json.loads, lines):
                    if message["kind"] == "end":
                        return
                    yield message
                    if message["kind"] in ("made", "done"):
                        # The worker's own alarm rings first, unless Python is not running at all.
                        patience = 1.5 * allowed + 5


def _ending(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(GRACE)
    except subprocess.TimeoutExpired:
        return "the process fell silent"
    if code >= 0:
        return f"the process ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"the process died of {name}"


def _last_words(words: IO[bytes]) -> str:
    words.seek(0)
    lines = [line for line in words.read().decode(errors="replace").splitlines() if line.strip()]
    return f": {lines[-1].strip()[:200]}" if lines else ""
