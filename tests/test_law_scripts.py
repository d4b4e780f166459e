"""The scripts that repeat failures: on a cell that obeys a law its script finds nothing."""

import numpy as np
import pytest

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import lacking
from gru_bench.laws.running.strategies import Sketch
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED, Outcome
from gru_bench.laws.telling.script import script_for
from tests.corpus.wrong_cells.base import TimeMajor
from tests.corpus.wrong_cells.laws import LAWS

CELLS = {
    "GRU": ("keras.layers:GRU", {"units": 2, "dropout": 0.5, "recurrent_dropout": 0.5}),
    "LSTMCell": ("keras.layers:LSTMCell", {"units": 2}),
}

#: What a failing law would have said of its case, for scripts that cannot do without.
SAID = {"place": 0, "entry": (0, 0), "result": 0, "where": (0, 0, 0)}


@pytest.fixture(scope="module", params=CELLS)
def target(request):
    return make_target(*CELLS[request.param])


@pytest.mark.parametrize("name", LAWS)
def test_a_script_finds_nothing_where_its_law_holds(target, name):
    law = LAWS[name]
    why = [w for w in (lacking(target, need) for need in law.needs) if w is not None]
    if why:
        pytest.skip(f"not applicable: {why[0]}")
    wants = law.wants
    sketch = Sketch(
        target.features[0], wants.batch[-1], wants.steps[-1], wants.scales[0], "ordinary", False, 7
    )
    case = sketch.case(target, wants)
    # Means over masks are as exact as there are masks.
    case.note(**SAID, limit=0.05 if law.family == "randomness" else 1e-6)
    try:
        law.check(case)
    except NotApplicable as reason:
        pytest.skip(f"not applicable: {reason}")
    run(law, case)


def run(law, case):
    """Run the script of a law that this case does not break."""
    outcome = Outcome(law.name, law.family, law.statement, FAILED, "made up")
    script = script_for(law, case, outcome)
    exec(compile(script, law.name, "exec"), {"__name__": "__script__", "np": np})


def test_the_script_about_time_before_the_batch_finds_nothing_where_its_law_holds():
    target, law = make_target(TimeMajor, {"units": 2}), LAWS["layer-time-major"]
    case = Sketch(target.features[0], 3, 4, 1.0, "ordinary", False, 7).case(target, law.wants)
    law.check(case)
    run(law, case)


#: A cell whose layers a call builds, and one that counts its steps in a state of whole numbers.
ODD = ["late_sublayers:Closed", "odd_shapes:Ticking"]


@pytest.mark.parametrize("cell", ODD)
def test_scripts_find_nothing_in_odd_cells_for_which_their_laws_hold(cell):
    target = make_target(f"tests.corpus.wild.{cell}", {"units": 2})
    for name in ("run-equals-steps", "instances-agree", "gradient-of-one-step", "state-advances"):
        law = LAWS[name]
        case = Sketch(target.features[0], 1, 3, 1.0, "ordinary", False, 7).case(target, law.wants)
        case.note(**SAID, limit=1e-6)
        law.check(case)
        run(law, case)
