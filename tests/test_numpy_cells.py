"""Cells written in NumPy: checked without any framework, found out from their signatures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.equations import identify
from gru_bench.errors import UsageError
from gru_bench.laws import LAWS
from gru_bench.laws.capability import lacking
from gru_bench.laws.law import Law
from gru_bench.laws.numpy.target import NumpyTarget
from gru_bench.laws.running.runner import check_cell
from gru_bench.laws.running.strategies import Sketch
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED, NOT_APPLICABLE, PASSED, Outcome
from gru_bench.laws.telling.script import script_for
from gru_bench.laws.written import foreign
from gru_bench.subjects.loading import framework_of
from gru_bench.subjects.numpy.maker import NumpyMaker
from gru_bench.subjects.numpy.subject import NumpySubject
from gru_bench.subjects.protocol import NotOffered
from tests.corpus.numpy_cells.correct import CORRECT, GRU, LSTM, ResetAfterGRU, SimpleRNN
from tests.corpus.numpy_cells.wrong import WRONG, BiasUnused, MixesRows, SquareOnly

HERE = Path(__file__).parent.parent

#: Lets no framework be imported, in this process and in those that it starts.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "torch", "jax"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
"""

#: Laws that say something of every cell, whatever it is written in.
OF_ANY = {
    "one-step-runs",
    "shapes-promised",
    "empty-batch",
    "initial-state",
    "float64-all-through",
    "same-call-after-call",
    "first-call-as-second",
    "no-memory-between-calls",
    "instances-agree",
    "weights-are-read",
    "arguments-unchanged",
    "batch-row-alone",
    "batch-permuted",
    "chunks-equal-whole",
    "later-inputs-do-not-matter",
    "run-equals-steps",
    "state-carries-information",
    "input-matters",
    "state-advances",
    "every-weight-learns",
    "gradient-reaches-back",
    "finite-at-large-inputs",
    "finite-far-beyond",
    "inference-repeats",
    "equations-one-step",
    "equations-several-steps",
    "gate-permuted-units",
}

ALL = """
import json, sys
from gru_bench import check_cell
from tests.corpus.numpy_cells.correct import CORRECT, LSTM
from tests.corpus.numpy_cells.wrong import WRONG

def told(cell, arguments, **options):
    report = check_cell(cell, arguments, profile="quick", **options)
    return [[o.law, o.status, o.reason] for o in report.outcomes]

right = {}
for cell, arguments in CORRECT.items():
    right[cell.__name__] = told(cell, {**arguments})
    if cell.__name__ != "ResetAfterGRU":
        right[f"{cell.__name__} in float32"] = told(cell, {**arguments, "dtype": "float32"})
    else:
        right["ResetAfterGRU in float32"] = told(narrow := __import__("narrow").Narrow, arguments)
wrong = {}
for cell, law in WRONG.items():
    units = "hidden_size" if issubclass(cell, LSTM) else "units"
    wrong[cell.__name__] = told(cell, {units: 2}, law=law)
frameworks = sorted({"tensorflow", "keras", "torch", "jax"} & set(sys.modules))
print(json.dumps({"right": right, "wrong": wrong, "frameworks": frameworks}))
"""

#: The same cell with weights of float32, which it is not told.
NARROW = """
import numpy as np
from tests.corpus.numpy_cells.correct import ResetAfterGRU

class Narrow(ResetAfterGRU):
    def __init__(self, units, n_in):
        super().__init__(units, n_in)
        self.parameters = {k: v.astype(np.float32) for k, v in self.parameters.items()}
"""


def blocked(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder where no framework can be imported."""
    (folder / "sitecustomize.py").write_text(BLOCKER)
    (folder / "narrow.py").write_text(NARROW)
    path = f"{folder}:{HERE}"
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all cells of the corpus come to, with every framework blocked."""
    done = blocked(tmp_path_factory.mktemp("blocked"), "-c", ALL)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_no_framework_is_imported(found: dict[str, Any]) -> None:
    assert found["frameworks"] == []


def test_correct_cells_hold_all_laws_that_apply(found: dict[str, Any]) -> None:
    assert len(found["right"]) == 2 * len(CORRECT) == 10
    for cell, outcomes in found["right"].items():
        assert [row for row in outcomes if row[1] == FAILED] == [], cell
        passed = {law for law, status, _ in outcomes if status == PASSED}
        assert passed >= OF_ANY, (cell, OF_ANY - passed)


def test_what_does_not_apply_says_why(found: dict[str, Any]) -> None:
    for outcomes in found["right"].values():
        reasons = {reason for _, status, reason in outcomes if status == NOT_APPLICABLE}
        assert all(reasons)
        assert not any("bench" in reason or "Error" in reason for reason in reasons), reasons


def test_wrong_cells_are_caught_by_their_laws(found: dict[str, Any]) -> None:
    assert len(WRONG) >= 12
    missed = [cell for cell, rows in found["wrong"].items() if rows[0][1] != FAILED]
    assert missed == []


def test_the_command_checks_them_without_a_framework(tmp_path: Path) -> None:
    (tmp_path / "my_cells.py").write_text(
        "from tests.corpus.numpy_cells.correct import GRU as NumpyGRU\n"
        "from tests.corpus.numpy_cells.wrong import MixesRows\n"
    )
    command = ("-m", "gru_bench", "check", "--set", "units=4", "--profile", "quick")
    done = blocked(tmp_path, *command, "my_cells:NumpyGRU")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all that apply hold" in done.stdout
    done = blocked(tmp_path, *command, "my_cells:MixesRows", "--law", "batch-row-alone")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "import tensorflow" not in done.stdout


def test_a_script_repeats_the_failure_in_plain_numpy() -> None:
    outcome = check_cell(MixesRows, {"units": 4}, profile="quick", law="batch-row-alone").failed[0]
    assert "keras" not in outcome.script
    assert "tensorflow" not in outcome.script
    with pytest.raises(AssertionError, match=r"got .*, expected"):
        exec(outcome.script, {"__name__": "__script__"})
    right = outcome.script.replace("wrong import MixesRows", "correct import GRU as MixesRows")
    exec(right, {"__name__": "__script__"})


def test_laws_speak_in_verbs_only() -> None:
    for name, law in LAWS.items():
        assert foreign(law.check) == set(), name


@pytest.mark.parametrize(("cell", "law"), WRONG.items(), ids=[c.__name__ for c in WRONG])
def test_a_law_that_is_written_once_is_its_own_script(cell: Any, law: str) -> None:
    units = "hidden_size" if issubclass(cell, LSTM) else "units"
    outcome = check_cell(cell, {units: 4}, profile="quick", law=law)[law]
    with pytest.raises(AssertionError) as caught:
        exec(outcome.script, {"__name__": "__script__"})
    told = str(caught.value)
    assert told.startswith("the cell raises ") == bool(outcome.traceback), told
    assert outcome.traceback or "got" not in outcome.facts or "expected np.float64(" in told
    assert LAWS[law].check.__name__ in outcome.script


def test_the_script_of_a_law_that_is_written_once_finds_nothing_where_it_holds() -> None:
    check_scripts(LAWS.values())


def check_scripts(laws: Iterable[Law]) -> int:
    """Run the scripts of laws that hold; return how many there are."""
    target, count = make_target(GRU, {"units": 3}), 0
    for law in laws:
        if law.name in target.silent or any(lacking(target, need) for need in law.required):
            continue
        sizes = max(law.wants.batch), max(law.wants.steps)
        case = Sketch(5, *sizes, 1.0, "ordinary", False, 0).case(target, law.wants)
        try:
            law.check(case)
        except NotOffered:
            continue
        case.facts.setdefault("limit", 1e-6)
        script = script_for(law, case, Outcome(law.name, "", "", FAILED))
        exec(script, {"__name__": "__script__"})
        count += bool(script)
    return count


def test_every_script_in_plain_numpy_finds_nothing_where_its_law_holds() -> None:
    assert check_scripts(LAWS.values()) >= 14


# What a constructor takes


class Keyword:
    """Has its weights behind a property, and its sizes behind keywords."""

    def __init__(self, *, hidden: int, dims_of_input: int, scale: float = 1.0) -> None:
        self._weights = {"w": scale * np.ones((dims_of_input, hidden))}

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self._weights)

    @parameters.setter
    def parameters(self, given: dict[str, Any]) -> None:
        self._weights = dict(given)

    def initial_state(self, batch: int) -> list[Any]:
        return [np.zeros((batch, self._weights["w"].shape[1]))]

    def step(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        h = np.tanh(x @ self._weights["w"] + states[0])
        return h, [h]


def made_by_a_function(units: int, inputs: int) -> GRU:
    """Return a cell."""
    return GRU(units, inputs)


@pytest.mark.parametrize(
    ("cell", "arguments", "size_name", "sizes"),
    [
        (GRU, {"units": 4}, "input_size", (3, 5)),
        (GRU, {"units": 2, "input_size": 7}, None, (7,)),
        (ResetAfterGRU, {"units": 2}, "n_in", (4, 3)),
        (LSTM, {"hidden_size": 4}, "features", (3, 5)),
        (Keyword, {"hidden": 6}, "dims_of_input", (3, 7)),
        (SimpleRNN, {"units": 4}, None, (3, 5)),
        (made_by_a_function, {"units": 4}, "inputs", (3, 5)),
        (GRU(3, 6), {}, None, (6,)),
    ],
)
def test_the_size_of_an_input_is_found_out(
    cell: Any, arguments: dict[str, Any], size_name: str | None, sizes: tuple[int, ...]
) -> None:
    maker = NumpyMaker(cell, arguments)
    assert maker.size_name == size_name
    assert maker.sizes() == sizes


def test_all_kinds_of_cells_find_their_target() -> None:
    for cell in (GRU, made_by_a_function):
        assert isinstance(make_target(cell, {"units": 2}), NumpyTarget)
    assert isinstance(make_target(GRU(2, 3)), NumpyTarget)
    assert framework_of(int) is None

    class Module(GRU):
        def parameters(self):
            return []

    assert framework_of(Module) is None


def test_a_cell_that_runs_with_one_size_only_though_it_takes_any_cannot_run_one_step() -> None:
    report = check_cell(SquareOnly, {"units": 4}, profile="quick")
    assert [outcome.law for outcome in report.failed] == ["one-step-runs"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [({}, "missing 1 required .* 'units'"), ({"units": 2, "size": 3}, "unexpected keyword")],
)
def test_a_constructor_that_refuses_is_quoted(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        make_target(GRU, arguments)


def test_what_a_cell_returns_must_have_the_form() -> None:
    class One(GRU):
        def step(self, x, states):
            return super().step(x, states)[0]

    report = check_cell(One, {"units": 3}, profile="quick", law=["one-step-runs", "input-matters"])
    assert "step must return an output and new states" in report["one-step-runs"].reason
    assert report["input-matters"].status == NOT_APPLICABLE


# The adapter


def subject_of(cell: Any = GRU, features: int = 3) -> NumpySubject:
    return NumpyMaker(cell, {"units": 4}).subject("float64", features)


def test_parameters_are_replaced_wherever_they_are_kept() -> None:
    for cell, arguments in ((GRU, {"units": 4}), (Keyword, {"hidden": 4})):
        subject = NumpyMaker(cell, arguments).subject("float64", 3)
        wanted = {name: w + 1 for name, w in subject.parameters.items()}
        subject.assign(wanted)
        assert all(np.array_equal(subject.parameters[name], w) for name, w in wanted.items())
    with pytest.raises(UsageError, match="weights must be named"):
        subject.assign({})


def test_numeric_gradients_are_right_within_their_errors_and_a_transpose() -> None:
    subject, rng = subject_of(), np.random.default_rng(0)
    xs, states = rng.normal(size=(3, 2, 3)), [rng.normal(size=(2, 4))]
    outputs, finals = rng.normal(size=(3, 2, 4)), [rng.normal(size=(2, 4))]
    before = subject.parameters
    (by_name, by_xs, by_states), errors = subject.vjp_with_error(xs, states, outputs, finals)
    assert max(error.max() for error in errors[0].values()) < 1e-8
    along = {name: rng.normal(size=w.shape) for name, w in before.items()}
    along_xs, along_states = rng.normal(size=xs.shape), [rng.normal(size=(2, 4))]
    made, last, error = subject.jvp(xs, states, along, along_xs, along_states)
    left = np.sum(outputs * made) + np.sum(finals[0] * last[0])
    right = sum(np.sum(by_name[name] * along[name]) for name in along)
    right += np.sum(by_xs * along_xs) + np.sum(by_states[0] * along_states[0])
    size = sum(np.abs(a).sum() for a in (outputs, finals[0]))
    moved = sum(np.abs(a).sum() for a in (*along.values(), along_xs, along_states[0]))
    worst = max(e.max() for e in (*errors[0].values(), errors[1], *errors[2]))
    assert abs(left - right) <= error * size + worst * moved
    assert all(np.array_equal(subject.parameters[name], w) for name, w in before.items())


def test_a_gradient_that_cannot_be_told_from_zero_is_zero() -> None:
    rng = np.random.default_rng(0)
    shapes = ((2, 3, 3), (3, 4), (2, 3, 4), (3, 4))
    xs, state, outputs, final = (rng.normal(size=shape) for shape in shapes)
    by_name, _, _ = subject_of(BiasUnused).vjp(xs, [state], outputs, [final])
    assert not by_name["b_h"].any()
    assert all(by_name[name].all() for name in ("W_h", "U_h", "b_z"))


def test_what_plain_cells_have_not_is_not_offered() -> None:
    subject = subject_of()
    x, states = np.zeros((1, 3)), [np.zeros((1, 4))]
    with pytest.raises(NotOffered, match="one mode"):
        subject.step(x, states, "xla")
    with pytest.raises(NotOffered, match="no weights as arguments"):
        subject.step_with([], x, states)


def test_a_rebuilt_cell_is_the_same_function() -> None:
    subject, rng = subject_of(), np.random.default_rng(0)
    xs, states = rng.normal(size=(3, 2, 3)), [rng.normal(size=(2, 4))]
    subject.assign({name: rng.normal(size=w.shape) for name, w in subject.parameters.items()})
    again = subject.rebuild()
    assert np.array_equal(again.run(xs, states)[0], subject.run(xs, states)[0])
    assert subject.rebuild("float32").dtype == "float32"


def test_a_function_that_misses_the_size_of_an_input_is_known_by_what_it_returns() -> None:
    code = (
        "import keras, tests.test_numpy_cells as t; from gru_bench.laws.target import make_target;"
        "print(make_target(t.made_by_a_function, {'units': 2}).started)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE
    )
    assert done.stdout.splitlines()[-1] == "the process"


def test_equations_are_read_off_cells_written_in_numpy() -> None:
    found = identify(LSTM, {"hidden_size": 3})
    assert [reading.family for reading in found.readings] == ["lstm"]
    report = check_cell(LSTM, {"hidden_size": 3}, profile="quick", law=GATES)
    assert {outcome.law for outcome in report.outcomes if outcome.status == PASSED} == set(GATES)


def test_a_cell_written_in_numpy_is_held_to_what_it_claims() -> None:
    law = "equations-one-step"
    outcome = check_cell(GRU, {"units": 3}, equations="lstm", profile="quick", law=law)[law]
    assert outcome.status == FAILED
    assert "lstm was claimed" in outcome.reason


#: What gates that are open or shut do, where there are some.
GATES = ("gate-shut-keeps", "gate-open-replaces", "gate-state-bounded", "equations-one-step")
