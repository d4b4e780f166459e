"""Many checks one after the other, each kept as it ends: what is killed goes on where it was."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gru_bench.errors import UsageError
from gru_bench.laws.running.choice import choose
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED

#: Seconds for one law: the machine is shared, and a process may be halted for a while.
LIMIT = 3600.0


@dataclass(frozen=True)
class Job:
    """One check.

    Args:
        cell: a class, or a function that returns a cell.
        name: of the cell on the command line.
        arguments: for the class or the function.
        equations: that are claimed; None for no claim.
        profile: how many cases are tried.
        seed: of the cases.
        first: whether the first law that fails ends it.
        laws: only these; empty for all.
        without: laws that are left out, since they fail rightly whatever else is wrong.
    """

    cell: Any
    name: str
    arguments: Mapping[str, Any]
    equations: str | None = None
    profile: str = "quick"
    seed: int = 0
    first: bool = False
    laws: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What repeats it; it is also its name in the file."""
        words = ["gru-bench check", f"'{self.name}'"]
        words += [f"--set {k}={_value(v)}" for k, v in self.arguments.items()]
        words += [f"--equations {self.equations}"] if self.equations else []
        words += [f"--law {law}" for law in self.laws]
        return " ".join([*words, f"--profile {self.profile}", f"--seed {self.seed}"])


@dataclass
class Found:
    """How a check ended.

    Args:
        command: that repeats it.
        status: "passed", "failed", or "refused" where the cell or the claim is not taken.
        failed: reasons by the laws that failed.
        refused: why.
        seconds: of processor time.
    """

    command: str
    status: str = "passed"
    failed: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    seconds: float = 0.0


def checked(job: Job) -> Found:
    """Return how a check ends, the laws about equations first."""
    found, started = Found(job.command), time.process_time()
    laws = sorted(choose(job.laws or None), key=lambda law: law.family != "equations")
    try:
        target = make_target(job.cell, job.arguments, None, job.equations)
        for law in (one for one in laws if one.name not in job.without):
            outcome = run_law(target, law, job.profile, job.seed, limit=LIMIT)
            if outcome.status == FAILED:
                found.status = "failed"
                found.failed[law.name] = outcome.reason
                if job.first:
                    break
    except UsageError as error:
        found.status, found.refused = "refused", str(error)
    found.seconds = round(time.process_time() - started, 2)
    return found


def swept(jobs: Iterable[Job], kept: Path, part: str = "1/1") -> Iterator[tuple[Job, Found]]:
    """Yield each job with how it ended: read from the file where it is there, else checked.

    Args:
        jobs: all of them.
        kept: one line of JSON for each that has ended; several processes may add to it.
        part: k/n, the k-th of n processes that share the work.
    """
    known = read(kept)
    own, of = (int(n) for n in part.split("/"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    for place, job in enumerate(jobs):
        if job.command not in known and place % of == own - 1:
            known[job.command] = checked(job)
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(known[job.command])) + "\n")
            gc.collect()
        if job.command in known:
            yield job, known[job.command]


def read(kept: Path) -> dict[str, Found]:
    """Return what a file holds, by command."""
    if not kept.exists():
        return {}
    lines = kept.read_text(encoding="utf-8").splitlines()
    found = [Found(**json.loads(line)) for line in lines]
    return {one.command: one for one in found}


def _value(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
