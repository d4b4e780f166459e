"""Runs laws in this process: each is a Hypothesis property, a failure is shrunk and scripted."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings

from gru_bench import profiles
from gru_bench.errors import UsageError, check_integer, check_known, in_one_line
from gru_bench.laws import LAWS
from gru_bench.laws.broken import Broken, NotApplicable
from gru_bench.laws.capability import lacking
from gru_bench.laws.case import Case
from gru_bench.laws.failure import reason_of, trimmed_traceback
from gru_bench.laws.law import Law
from gru_bench.laws.outcome import (
    EXPECTED,
    FAILED,
    NOT_APPLICABLE,
    PASSED,
    Outcome,
    Report,
)
from gru_bench.laws.script import script_for
from gru_bench.laws.shrink import shrink
from gru_bench.laws.strategies import Sketch, sketches
from gru_bench.laws.target import Target


class _StopError(Exception):
    """Ends Hypothesis's search at the first failure; the shrinker has a budget of its own."""


def check_cell(
    cell: Any,
    arguments: Mapping[str, Any] | None = None,
    *,
    equations: Any = None,
    input_size: int | None = None,
    profile: str = "ci",
    seed: int = 0,
    law: str | Sequence[str] | None = None,
    expected: Mapping[str, str] | None = None,
) -> Report:
    """Check a recurrent cell, or a layer around one, against the laws.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance.
        arguments: for the class or the function.
        equations: name of the equations that the cell claims, or a NumPy function; guessed from
            its weights where None.
        input_size: F, for a cell that works with one input size only.
        profile: "quick", "ci" or "thorough".
        seed: of the cases; the same seed gives the same result.
        law: name or names of laws, to check only these.
        expected: law and reason of each failure that is expected; one that passes is a failure.

    Returns:
        What became of each law; its `ok` says whether all hold. The cell's own faults are in it,
        they are not raised.

    Raises:
        UsageError: the cell cannot be made, or a law, equations name or profile is unknown.
    """
    started = time.perf_counter()
    chosen = choose(law)
    check_known("profile", profile, profiles.LAW_EXAMPLES)
    check_integer("seed", seed, 0)
    expected = check_expected(expected or {})
    target = Target(cell, arguments, input_size, equations)
    report = Report(target.name, profile, seed, [one.name for one in chosen])
    report.seconds["making the cell"] = time.perf_counter() - started
    for outcome in run_laws(target, chosen, profile, seed, expected):
        report.outcomes.append(outcome)
        spent = report.seconds.get(outcome.family, 0.0)
        report.seconds[outcome.family] = spent + outcome.seconds
    report.notes += target.notes
    return report


def choose(law: str | Sequence[str] | None) -> list[Law]:
    """Return the laws of these names; all of them for None.

    Raises:
        UsageError: a name is unknown.
    """
    if law is None:
        return list(LAWS.values())
    names = [law] if isinstance(law, str) else law
    return [LAWS[check_known("law", name, LAWS)] for name in names]


def check_expected(expected: Mapping[str, str]) -> dict[str, str]:
    """Return expected failures, law and reason.

    Raises:
        UsageError: a law is unknown, or a reason is missing.
    """
    for name, reason in expected.items():
        check_known("law", name, LAWS)
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"expected failure of {name!r} needs a reason, got {reason!r}")
    return dict(expected)


def run_laws(
    target: Target, laws: Sequence[Law], profile: str, seed: int, expected: Mapping[str, str]
) -> Iterator[Outcome]:
    """Yield what becomes of each law, one after the other."""
    for law in laws:
        yield run_law(target, law, profile, seed, expected.get(law.name))


def run_law(
    target: Target, law: Law, profile: str, seed: int, expected: str | None = None
) -> Outcome:
    """Return what becomes of one law.

    Args:
        target: what is checked.
        law: the law.
        profile: how many cases are tried.
        seed: of the cases; each law draws its own from it.
        expected: why the law is expected to fail, where it is.
    """
    started = time.perf_counter()
    outcome = _tried(target, law, profile, seed)
    if expected is not None and outcome.status == FAILED:
        outcome.status, outcome.reason = EXPECTED, f"{expected} [{outcome.reason}]"
    elif expected is not None:
        outcome.reason = f"expected to fail ({expected}), but it {outcome.status}"
        outcome.status = FAILED
    outcome.seconds = time.perf_counter() - started
    return outcome


def _tried(target: Target, law: Law, profile: str, seed: int) -> Outcome:
    outcome = Outcome(law.name, law.family, law.statement, PASSED)
    try:
        missing = [why for why in (lacking(target, need) for need in law.needs) if why is not None]
        if missing:
            outcome.status, outcome.reason = NOT_APPLICABLE, "; ".join(missing)
            return outcome
        failed = _search(target, law, profile, seed, outcome)
    except NotApplicable as error:
        outcome.status, outcome.reason = NOT_APPLICABLE, str(error)
        return outcome
    except Exception as error:  # a user's cell can fail in any way, also while cases are drawn
        outcome.status, outcome.reason = FAILED, in_one_line(error)
        outcome.traceback = trimmed_traceback(error)
        return outcome
    if failed is not None:
        _explain(law, outcome, *shrink(law, *failed))
    return outcome


def _search(
    target: Target, law: Law, profile: str, seed: int, outcome: Outcome
) -> tuple[Case, Exception] | None:
    """Return the first failing case and what it raised, None where there is none."""
    found: list[tuple[Case, Exception]] = []

    def attempt(sketch: Sketch) -> None:
        if found:  # Hypothesis repeats a failure; once is enough
            raise _StopError
        outcome.examples += 1
        case = sketch.case(target, law.wants)
        try:
            law.check(case)
        except NotApplicable:
            raise
        except Exception as error:  # a user's cell can fail in any way
            found.append((case, error))
            raise _StopError from error

    # crc32: the same on every machine and in every process, and different for each law.
    number = zlib.crc32(f"{seed} {law.name}".encode())
    searching = hypothesis.seed(number)(
        settings(
            max_examples=law.examples(profiles.LAW_EXAMPLES[profile]),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(hypothesis.given(sketches(target, law.wants))(attempt))
    )
    try:
        searching()
    except _StopError:
        return found[0]
    return None


def _explain(law: Law, outcome: Outcome, case: Case, error: Exception) -> None:
    """Write a failure into the outcome."""
    outcome.status, outcome.reason = FAILED, reason_of(error)
    outcome.case = case.describe()
    outcome.facts = error.facts if isinstance(error, Broken) else {}
    outcome.traceback = "" if isinstance(error, Broken) else trimmed_traceback(error)
    outcome.script = script_for(law, case, outcome)
