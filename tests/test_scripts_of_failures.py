"""The script of a failure fails in the same way, for every law.

A wrong cell that the law catches is taken for each, first those that few laws catch.
"""

from __future__ import annotations

import re

import pytest

from gru_bench.laws.keras import plain as plain_keras
from gru_bench.laws.numpy import plain as plain_numpy
from gru_bench.laws.running.runner import check_cell
from gru_bench.laws.telling.outcome import FAILED, Outcome
from gru_bench.laws.written import missed_by
from tests.corpus.wrong_cells.catching import cells_for
from tests.corpus.wrong_cells.laws import LAWS

#: Times that a script of a cell that draws by chance is run: what is drawn may agree by chance.
DRAWS = 20


def failure(law: str) -> Outcome:
    """Return how a law fails for the first such cell."""
    for wrong in cells_for(law):
        report = check_cell(
            wrong.make, wrong.arguments, equations=wrong.equations, profile="quick", law=law
        )
        outcome = report[law]
        if outcome.status == FAILED:
            return outcome
    raise AssertionError(f"none of {len(cells_for(law))} wrong cells fails {law} alone")


def told_by(script: str) -> str:
    """Return what a script says where it finds that the law does not hold, else nothing."""
    try:
        exec(script, {"__name__": "__script__"})
    except AssertionError as error:
        return str(error)
    return ""


def test_what_scripts_call_is_whole() -> None:
    assert missed_by(plain_keras) == missed_by(plain_numpy) == set()


@pytest.mark.parametrize("law", LAWS)
def test_the_script_of_a_failure_raises_with_its_figures(law: str) -> None:
    outcome = failure(law)
    runs = DRAWS if "import DropoutAtInference" in outcome.script else 1
    told = next(filter(None, (told_by(outcome.script) for _ in range(runs))), "")
    assert told, "the script finds nothing"
    # What the cell itself raises has a traceback; what the law says has figures.
    assert told.startswith("the cell raises ") == bool(outcome.traceback), told
    assert outcome.traceback or re.search(r"\d|nan|inf|changes the list", told), told
