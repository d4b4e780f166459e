"""Laws as pytest tests: one for each, named after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import pytest

from gru_bench import profiles
from gru_bench.errors import check_integer, check_known
from gru_bench.laws.law import Law
from gru_bench.laws.running.choice import choose
from gru_bench.laws.running.expectation import check_expected
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import Target, make_target
from gru_bench.laws.telling.outcome import EXPECTED, FAILED, NOT_APPLICABLE


class Session:
    """What the tests of one cell share; the cell is made when the first of them runs.

    Args:
        cell: as `check_cell` takes it.
        arguments: likewise.
        **options: the other keyword arguments of `check_cell`.
    """

    def __init__(
        self,
        cell: Any,
        arguments: Mapping[str, Any] | None = None,
        *,
        equations: Any = None,
        input_size: int | None = None,
        profile: str = "ci",
        seed: int = 0,
        law: str | Sequence[str] | None = None,
        expected: Mapping[str, str] | None = None,
    ) -> None:
        self._given = cell, arguments, input_size, equations
        self.laws = choose(law)
        self._profile = check_known("profile", profile, profiles.LAW_EXAMPLES)
        self._seed = check_integer("seed", seed, 0)
        self._expected = check_expected(expected or {})

    @cached_property
    def _target(self) -> Target:
        return make_target(*self._given)

    def check(self, law: Law) -> None:
        """Fail, skip or expect to fail, as pytest does, by what becomes of a law."""
        __tracebackhide__ = True
        expected = self._expected.get(law.name)
        outcome = run_law(self._target, law, self._profile, self._seed, expected)
        if outcome.status == FAILED:
            pytest.fail(str(outcome), pytrace=False)
        if outcome.status == NOT_APPLICABLE:
            pytest.skip(f"not applicable: {outcome.reason}")
        if outcome.status == EXPECTED:
            pytest.xfail(outcome.reason)


def parametrize_laws(
    cell: Any, arguments: Mapping[str, Any] | None = None, **options: Any
) -> Callable[[Callable[..., None]], Any]:
    """Make one pytest test for each law of a function with an argument `check`, which it calls.

        @parametrize_laws(MyGRU, {"units": 8})
        def test_my_gru(check):
            check()

    Args:
        cell: as `check_cell` takes it.
        arguments: likewise.
        **options: the other keyword arguments of `check_cell`.

    Raises:
        UsageError: a law or profile is unknown.
    """
    session = Session(cell, arguments, **options)
    checks = [pytest.param(partial(session.check, law), id=law.name) for law in session.laws]
    return pytest.mark.parametrize("check", checks)
