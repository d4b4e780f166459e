"""Runs laws in this process: each is a Hypothesis property, a failure is shrunk and scripted."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, settings

from gru_bench import profiles
from gru_bench.errors import FAULTS, NotSupportedError, check_integer, check_known
from gru_bench.laws.broken import Broken
from gru_bench.laws.capability import lacking
from gru_bench.laws.case import Case
from gru_bench.laws.cells.missing import missing_kernel
from gru_bench.laws.chance import same_chance
from gru_bench.laws.law import Law
from gru_bench.laws.running.alarm import TimeIsUpError, alarm
from gru_bench.laws.running.choice import choose
from gru_bench.laws.running.expectation import check_expected
from gru_bench.laws.running.form import malformed
from gru_bench.laws.running.shrink import shrink
from gru_bench.laws.running.strategies import Sketch, sketches
from gru_bench.laws.target import Target, make_target
from gru_bench.laws.telling.failure import (
    is_own,
    own_reason_of,
    reason_of,
    trimmed_traceback,
)
from gru_bench.laws.telling.outcome import (
    FAILED,
    NOT_APPLICABLE,
    NOT_TRIED,
    PASSED,
    STOPS,
    Outcome,
    Report,
)
from gru_bench.laws.telling.script import script_for
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.protocol import NotOffered


class _StopError(Exception):
    """Ends Hypothesis's search at the first failure; the shrinker has a budget of its own."""


def check_cell(
    cell: Any,
    arguments: Mapping[str, Any] | None = None,
    *,
    equations: Any = None,
    input_size: int | None = None,
    inputs: Inputs | None = None,
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
        inputs: that the cell takes, `gru_bench.Inputs(0, 1)`; None for any.
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
    target = make_target(cell, arguments, input_size, equations, inputs)
    report = Report(target.name, profile, seed, [one.name for one in chosen])
    report.seconds["making the cell"] = time.perf_counter() - started
    for outcome in run_laws(target, chosen, profile, seed, expected):
        report.add(outcome)
    report.notes += target.notes
    return report


def run_laws(
    target: Target, laws: Sequence[Law], profile: str, seed: int, expected: Mapping[str, str]
) -> Iterator[Outcome]:
    """Yield what becomes of each law, one after the other."""
    stops = 0
    for law in laws:
        reason = expected.get(law.name)
        if stops == STOPS:
            given_up = Outcome(law.name, law.family, law.statement, FAILED, NOT_TRIED)
            yield given_up.expected(reason)
            continue
        outcome = run_law(target, law, profile, seed, reason)
        stops += outcome.stopped
        yield outcome


def run_law(
    target: Target,
    law: Law,
    profile: str,
    seed: int,
    expected: str | None = None,
    limit: float | None = None,
) -> Outcome:
    """Return what becomes of one law.

    Args:
        target: what is checked.
        law: the law.
        profile: how many cases are tried.
        seed: of the cases; each law draws its own from it.
        expected: why the law is expected to fail, where it is.
        limit: seconds after which it is stopped; the profile's where None.
    """
    started = time.perf_counter()
    limit = profiles.LAW_SECONDS[profile] if limit is None else limit
    outcome = Outcome(law.name, law.family, law.statement, PASSED)
    try:
        with alarm(limit), same_chance(_number(law, seed)), target.watching():
            _try_law(target, law, profile, seed, outcome)
    except TimeIsUpError:
        outcome.status, outcome.reason = FAILED, f"stopped after {limit:g} s"
        outcome.stopped = True
    outcome = outcome.expected(expected)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _try_law(target: Target, law: Law, profile: str, seed: int, outcome: Outcome) -> None:
    try:
        needs = law.required
        if law.name in target.silent:
            raise NotOffered(target.silent[law.name])
        # One after the other: a cell that cannot run one step cannot be asked for its weights.
        missing = next((why for need in needs if (why := lacking(target, need)) is not None), None)
        if missing is not None:
            outcome.status, outcome.reason = NOT_APPLICABLE, missing
            return
        if "random" in law.needs:
            target.reseed(_number(law, seed))
        failed = _search(target, law, profile, seed, outcome)
    except (NotOffered, NotSupportedError) as error:
        outcome.status, outcome.reason = NOT_APPLICABLE, str(error)
        return
    except FAULTS as error:  # a user's cell can fail in any way, also while cases are drawn
        _judge(target, law, outcome, None, error)
        return
    if failed is not None:
        _judge(target, law, outcome, *failed)


def _judge(
    target: Target, law: Law, outcome: Outcome, case: Case | None, error: BaseException
) -> None:
    """Write what was raised into the outcome: the cell's failure, or the bench's own."""
    missing = None if isinstance(error, Broken) else missing_kernel(error)
    if missing is not None and not law.basic:
        outcome.status, outcome.reason = NOT_APPLICABLE, missing
        return
    wrong = malformed(target, case) if is_own(error) else reason_of(error)
    if wrong is None:
        outcome.status, outcome.reason = NOT_APPLICABLE, own_reason_of(error)
        outcome.traceback = trimmed_traceback(error)
        return
    outcome.status, outcome.reason = FAILED, wrong
    if case is not None:
        _explain(law, outcome, *shrink(law, case, error))
        return
    outcome.traceback = trimmed_traceback(error)
    if law.basic:  # the cell has not shown its weights and states: a script calls it as it is made
        nothing = np.zeros((1, 1, target.features[0]))
        bare = target.case_type(target, {}, nothing, [], dtype=target.dtype)
        outcome.script = script_for(law, bare, outcome)


def _number(law: Law, seed: int) -> int:
    """Return the seed of a law's own cases: the same on every machine and in every process."""
    return zlib.crc32(f"{seed} {law.name}".encode())


def _search(
    target: Target, law: Law, profile: str, seed: int, outcome: Outcome
) -> tuple[Case, BaseException] | None:
    """Return the first failing case and what it raised, None where there is none."""
    found: list[tuple[Case, BaseException]] = []

    def attempt(sketch: Sketch) -> None:
        if found:  # Hypothesis repeats a failure; once is enough
            raise _StopError
        outcome.examples += 1
        case = sketch.case(target, law.wants)
        try:
            law.check(case)
        except (NotOffered, NotSupportedError):
            raise
        except FAULTS as error:  # a user's cell can fail in any way
            found.append((case, error))
            raise _StopError from error

    number = _number(law, seed)
    searching = hypothesis.seed(number)(
        settings(
            max_examples=law.examples(profiles.LAW_EXAMPLES[profile]),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(hypothesis.given(sketches(target, law.wants, number))(attempt))
    )
    try:
        searching()
    except _StopError:
        return found[0]
    return None


def _explain(law: Law, outcome: Outcome, case: Case, error: BaseException) -> None:
    """Write the smallest failing case found into the outcome."""
    outcome.case = case.describe()
    outcome.facts = error.facts if isinstance(error, Broken) else {}
    if not is_own(error):
        outcome.reason = reason_of(error)
        outcome.traceback = "" if isinstance(error, Broken) else trimmed_traceback(error)
    outcome.script = script_for(law, case, outcome)
