"""What became of each law, and of all of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

PASSED, FAILED = "passed", "failed"
EXPECTED, NOT_APPLICABLE = "expected failure", "not applicable"

#: Laws that were stopped, or ended their process, after which those left are not tried.
STOPS = 3
NOT_TRIED = f"not tried: {STOPS} laws before were stopped or ended the process"

#: Why most laws say nothing of a cell whose first step fails.
NO_STEP = "the cell cannot run one step"

STATUSES = (PASSED, FAILED, EXPECTED, NOT_APPLICABLE)


@dataclass
class Outcome:
    """What became of one law.

    Args:
        law: its name.
        family: its family.
        statement: what it says.
        status: one of `STATUSES`.
        reason: what is wrong, why it is expected or does not apply; empty where it passed.
        case: the smallest failing case in a few words.
        facts: `what`, `index`, `got`, `expected`, `limit`, `why`, as far as there are any.
        script: plain Keras and NumPy that repeats the failure.
        traceback: where the cell raised, trimmed to the user's file.
        examples: cases tried.
        seconds: it took.
        stopped: whether its time was up.
    """

    law: str
    family: str
    statement: str
    status: str
    reason: str = ""
    case: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    script: str = ""
    traceback: str = ""
    examples: int = 0
    seconds: float = 0.0
    stopped: bool = False

    def expected(self, reason: str | None) -> Outcome:
        """Return the outcome where a failure is expected for this reason (None: it is not).

        What is expected to fail has to fail.
        """
        if reason is None:
            return self
        if self.status == FAILED:
            return replace(self, status=EXPECTED, reason=f"{reason} [{self.reason}]")
        return replace(
            self, status=FAILED, reason=f"expected to fail ({reason}), but it ended: {self.status}"
        )

    def __str__(self) -> str:
        told = self.told()
        return f"{told}\n  {self.repeated()}\n\n{self.script}" if self.script else told

    def repeated(self) -> str:
        """Return what stands before the script."""
        # Only the published equations are taken from the package.
        without = "its runner" if "gru_bench" in self.script else "gru_bench"
        return f"to repeat it without {without}, paste:"

    @property
    def raised(self) -> tuple[str, str] | None:
        """The last frame in which the cell raised, and the head of what; None where it did not."""
        frames = re.findall(r'^ *File "(.*)", line (\d+)', self.traceback, re.MULTILINE)
        if not frames:
            return None
        said = self.traceback.rstrip().rpartition("\n")[2].strip()
        # What follows are names and numbers of the case.
        return ":".join(frames[-1]), re.split(r"[\d(\[]", said, maxsplit=1)[0].strip()

    def told(self) -> str:
        """Return what is wrong, without the script."""
        if self.status != FAILED:
            return f"{self.law}: {self.status}" + (f" ({self.reason})" if self.reason else "")
        lines = [f"{self.law}: {self.statement}", f"  {self.reason}"]
        if self.facts.get("why"):
            # It comes as text where it is not finite: JSON has no such numbers.
            limit = float(self.facts["limit"])
            lines.append(f"  tolerance {limit:.3g}: {self.facts['why']}")
        if self.case:
            lines.append("  case: " + ", ".join(f"{k}={v}" for k, v in self.case.items()))
        if self.traceback:
            lines += [f"  {line}" for line in self.traceback.splitlines()]
        return "\n".join(lines)


@dataclass
class Report:
    """What became of all laws that were planned.

    Args:
        name: of the cell.
        profile: how long each law was tried.
        seed: of the cases.
        planned: names of the laws.
        outcomes: one for each law that finished, in order.
        notes: what else there is to say, such as a guess of the equations.
        seconds: in all, by what they went to.
    """

    name: str
    profile: str
    seed: int
    planned: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome, and what its time went to.

        Where a cell raises, all laws that come by there raise: the first of them says it.
        """
        cause = outcome.raised if outcome.status == FAILED else None
        first = next((one for one in self.failed if cause and one.raised == cause), None)
        if first is not None:
            reason = f"the cell raises what {first.law} says: {cause[1] if cause else ''}"
            outcome = replace(
                outcome, status=NOT_APPLICABLE, reason=reason, script="", traceback=""
            )
        self.outcomes.append(outcome)
        spent = self.seconds.get(outcome.family, 0.0)
        self.seconds[outcome.family] = spent + outcome.seconds

    @property
    def ok(self) -> bool:
        """Whether every planned law finished and none failed."""
        return len(self.outcomes) == len(self.planned) and not self.failed

    @property
    def failed(self) -> list[Outcome]:
        """The laws that do not hold."""
        return [outcome for outcome in self.outcomes if outcome.status == FAILED]

    @property
    def counts(self) -> dict[str, int]:
        """How many laws ended in each status."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in STATUSES}

    def __getitem__(self, law: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.law == law)

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.counts.items())
        head = f"{self.name}: {len(self.planned)} laws planned, {len(self.outcomes)} run: {counts}"
        return "\n\n".join([head, *map(str, self.failed)])

    def to_json(self) -> str:
        """Return everything as JSON; numbers that are not finite become strings."""
        everything = {"ok": self.ok, "counts": self.counts, **asdict(self)}
        return json.dumps(plain(everything), indent=2, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; numbers that are not finite become strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
