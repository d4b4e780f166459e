"""Laws: what the runner promises, on cells that are right, wrong, and badly behaved."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import keras
import numpy as np
import pytest

from gru_bench import UsageError, check_cell, parametrize_laws
from gru_bench.cli import main
from gru_bench.laws import LAWS
from gru_bench.laws.law import FAMILIES
from gru_bench.laws.running.alarm import TimeIsUpError, alarm
from gru_bench.laws.running.choice import choose
from gru_bench.laws.running.isolation import Isolated
from gru_bench.laws.running.strategies import Sketch
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import EXPECTED, FAILED, NOT_APPLICABLE, PASSED, Outcome, Report
from gru_bench.laws.telling.script import literal, script_for

HERE = Path(__file__).parent
OWN = "gru_bench:GRUCell"
FEW = ["one-step-runs", "batch-row-alone", "batch-permuted"]


@pytest.fixture
def cells(monkeypatch):
    """Let `law_cells:Name` be found, in this process and in others."""
    monkeypatch.chdir(HERE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in (str(HERE), *sys.path) if p))
    return "law_cells:"


def isolated(cell, laws=FEW, profile="quick", **options):
    """Return what became of laws in a process of their own."""
    given = {"equations": None, "input_size": None, "seed": 0, "expected": {}, **options}
    arguments = given.pop("arguments", {"units": 2})
    return Isolated(cell, arguments, profile=profile, laws=choose(laws), **given).run()


# What a law is


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_says_what_it_says_in_one_sentence(law):
    assert law.statement.endswith(".")
    assert law.statement.count(". ") == 0
    assert law.family in FAMILIES
    assert law.script.strip()
    assert all(address.startswith("https://") for address in law.caught)


def test_laws_are_in_the_order_of_their_families():
    places = [FAMILIES.index(law.family) for law in LAWS.values()]
    assert places == sorted(places)


def test_every_script_is_python():
    for law in LAWS.values():
        compile(law.script.strip(), law.name, "exec")


def test_modules_of_laws_do_not_start_tensorflow():
    code = "import sys, gru_bench.laws; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# The result


@pytest.fixture(scope="module")
def honest():
    """What became of our own cell at `quick`."""
    return check_cell(OWN, {"units": 3}, profile="quick")


def test_an_honest_cell_obeys_every_law(honest):
    assert [str(outcome) for outcome in honest.failed] == []
    assert honest.ok


def test_nothing_is_silently_not_run(honest):
    assert [outcome.law for outcome in honest.outcomes] == list(LAWS) == honest.planned
    for outcome in honest.outcomes:
        assert outcome.status in (PASSED, NOT_APPLICABLE)
        assert outcome.examples >= 1 if outcome.status == PASSED else outcome.reason
    assert sum(honest.counts.values()) == len(LAWS)


def test_the_report_says_where_the_time_went(honest):
    assert set(honest.seconds) >= {"batch", "learning", "making the cell"}
    assert "laws planned" in str(honest)


def test_a_wrong_cell_fails_with_the_smallest_case_index_and_tolerance(cells):
    report = check_cell(cells + "MixesRows", {"units": 2}, profile="quick", law=FEW)
    assert not report.ok
    outcome = report["batch-row-alone"]
    assert outcome.status == FAILED
    assert outcome.case["steps"] == 1
    assert {"what", "index", "got", "expected", "limit", "why"} <= set(outcome.facts)
    assert "float64" in outcome.facts["why"]
    shown = str(outcome)
    assert LAWS["batch-row-alone"].statement in shown
    assert f"expected {outcome.facts['expected']!r}" in shown


def test_the_same_seed_gives_the_same_result(cells):
    def once(seed):
        report = check_cell(cells + "MixesRows", {"units": 2}, profile="quick", law=FEW, seed=seed)
        return [(o.law, o.status, o.script, o.examples) for o in report.outcomes]

    assert once(1) == once(1)
    assert once(1) != once(2)


def test_a_law_draws_the_same_cases_alone_and_among_others(cells):
    def script(laws):
        report = check_cell(cells + "MixesRows", {"units": 2}, profile="quick", law=laws)
        return report["batch-permuted"].script

    assert script(FEW) == script("batch-permuted")


def paste(script):
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_a_script_repeats_the_failure_without_this_package(cells):
    report = check_cell(cells + "MixesRows", {"units": 2}, profile="quick", law="batch-row-alone")
    script = report["batch-row-alone"].script
    assert "gru_bench" not in script
    done = paste(script)
    assert done.returncode == 1
    assert "AssertionError: output of the row alone (0, 0): got " in done.stderr
    honest = script.replace("from law_cells import MixesRows", "from keras.layers import GRUCell")
    done = paste(honest.replace("MixesRows(", "GRUCell("))
    assert (done.returncode, done.stderr.count("Error")) == (0, 0)


@pytest.mark.parametrize(
    "value",
    [0.1, float("nan"), -float("inf"), True, "looped", (1, 2), [np.arange(3.0), np.pi]],
)
def test_a_literal_is_the_value_exactly(value):
    again = eval(literal(value), {"np": np})
    assert str(again) == str(value)


def test_an_array_in_a_script_is_not_cut_short():
    array = np.random.default_rng(0).normal(size=(40, 60))
    again = eval(literal(array), {"np": np})
    assert np.array_equal(array, again)


# A cell that misbehaves


def test_what_the_cell_raises_is_a_failed_law_with_the_users_lines(cells):
    report = check_cell(cells + "Raises", {"units": 2}, profile="quick", law=FEW)
    outcome = report["one-step-runs"]
    assert (outcome.status, report["batch-row-alone"].status) == (FAILED, NOT_APPLICABLE)
    assert outcome.reason.endswith("ValueError: my own mistake")
    assert "in _helper" in outcome.traceback
    assert "site-packages" not in outcome.traceback
    assert "gru_bench" not in outcome.traceback.replace(str(HERE), "")


def loop_for_ever():
    while True:
        pass


def test_in_this_process_a_loop_for_ever_is_interrupted():
    with pytest.raises(TimeIsUpError), alarm(0.1):
        loop_for_ever()


@pytest.mark.parametrize(
    ("name", "why", "limits"),
    [
        ("LoopsForEver", "stopped after 3 s", {"limit": 3.0}),
        ("HangsInC", "the process was stopped after", {"limit": 2.0}),
        ("EndsTheProcess", "exit code 3", {}),
        ("EatsMemory", "MemoryError", {"memory": 2**29}),
    ],
)
def test_a_badly_behaved_cell_does_not_take_the_other_results_with_it(cells, name, why, limits):
    laws = ["one-step-runs", "shapes-promised", "input-matters"]
    report = isolated(cells + name, laws, **limits)
    assert report["shapes-promised"].status == FAILED
    assert why in report["shapes-promised"].reason
    assert [report[law].status for law in ("one-step-runs", "input-matters")] == [PASSED, PASSED]


def test_after_a_few_stops_the_rest_is_not_tried_and_says_so(cells):
    laws = ["shapes-promised", "batch-row-alone", "batch-permuted", "chunks-equal-whole"]
    laws += ["same-call-after-call", "run-equals-steps", "one-step-runs"]
    report = isolated(cells + "NeverReturns", laws, limit=1.0)
    reasons = [report[law].reason for law in laws]
    assert sum("stopped after 1 s" in reason for reason in reasons) == 3
    assert all("not tried" in reason for reason in reasons[-3:])
    assert len(report.outcomes) == len(report.planned) == len(laws)


def test_an_interrupt_keeps_what_is_finished(cells, tmp_path, monkeypatch):
    mark = tmp_path / "looping"
    monkeypatch.setenv("LAW_CELLS_MARK", str(mark))
    command = [sys.executable, "-m", "gru_bench", "check", cells + "LoopsForEver"]
    command += ["--set", "units=2", "--time-limit", "600", "--json", str(tmp_path / "r.json")]
    command += ["--law", "one-step-runs", "--law", "input-matters", "--law", "shapes-promised"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background hand on that interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    until = time.perf_counter() + 120
    while not mark.exists() and process.poll() is None and time.perf_counter() < until:
        time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    found = json.loads((tmp_path / "r.json").read_text())
    assert [o["status"] for o in found["outcomes"]] == ["passed", "passed"]
    assert len(found["planned"]) == 3


# What can be checked


def stacked(units=2):
    """Return cells that are one cell."""
    return keras.layers.StackedRNNCells([keras.layers.GRUCell(units), keras.layers.LSTMCell(3)])


@pytest.mark.parametrize(
    ("cell", "arguments"),
    [
        (stacked, {"units": 3}),
        (stacked(), {}),
        (keras.layers.StackedRNNCells, {"cells": [keras.layers.SimpleRNNCell(2)]}),
        ("keras.layers:GRU", {"units": 2}),
        (keras.layers.Bidirectional, {"layer": keras.layers.SimpleRNN(2)}),
        ("law_cells:make_stacked", {"units": 2}),
    ],
)
@pytest.mark.usefixtures("cells")
def test_classes_functions_instances_and_layers_can_be_checked(cell, arguments):
    report = check_cell(cell, arguments, profile="quick", law=[*FEW, "float64-all-through"])
    assert report.ok, str(report)
    assert report.counts["passed"] == 4


@pytest.mark.parametrize("name", ["make_wrong", "make_wrong_layer"])
def test_a_script_makes_what_a_function_made(cells, name):
    report = check_cell(cells + name, profile="quick", law="batch-row-alone")
    done = paste(report["batch-row-alone"].script)
    assert "AssertionError: output of the row alone (0, " in done.stderr


#: Laws that make other cells of the one they are given, in each way in which they do.
COPIES = ["instances-agree", "run-equals-steps", "gradient-of-one-step", "layer-runs-the-cell"]
NAMED = [*FEW, "weights-have-names", "gradient-of-one-step", "instances-agree"]
COPIES += ["float32-agrees-with-float64", "layer-both-directions", "gate-permuted-units"]


def test_weights_that_do_not_learn_are_the_same_in_every_copy(cells):
    report = check_cell(cells + "Reservoir", {"units": 3}, profile="quick", law=COPIES)
    assert report.ok, str(report)
    assert report.counts["passed"] == len(COPIES)


def test_a_script_knows_the_weights_that_do_not_learn(cells):
    target = make_target(cells + "Reservoir", {"units": 3})
    law = LAWS["one-step-runs"]
    case = Sketch(5, 1, 1, 1.0, "ordinary", False, 7).case(target, law.wants)
    script = script_for(law, case, Outcome(law.name, law.family, law.statement, FAILED, "made up"))
    names = {}
    exec(script, names)
    expected = case.subject().call(case.xs[0], case.states)[0]
    cell = names["make"]("float64")
    assert np.array_equal(names["call"](cell, case.xs[0], case.states)[0], expected)


def test_a_cell_that_computes_in_another_dtype_than_was_asked_for_is_held_to_that(cells):
    laws = ["float64-supported", "batch-row-alone", "float64-all-through"]
    report = check_cell(cells + "AlwaysFloat32", {"units": 2}, profile="quick", law=laws)
    found = [report[law].status for law in laws]
    assert found == [FAILED, PASSED, NOT_APPLICABLE]
    assert "computes in float32" in report["float64-supported"].reason


def test_weights_of_one_name_break_the_law_about_names_only(cells):
    report = check_cell(cells + "SameNames", {"units": 2}, profile="quick", law=NAMED)
    assert [outcome.law for outcome in report.failed] == ["weights-have-names"]


# Expected failures


def test_an_expected_failure_is_one_and_a_stale_expectation_is_a_failure(cells):
    report = check_cell(
        cells + "MixesRows",
        {"units": 2},
        profile="quick",
        law=FEW,
        expected={"batch-row-alone": "known", "one-step-runs": "stale"},
    )
    assert report["batch-row-alone"].status == EXPECTED
    assert report["batch-row-alone"].reason.startswith("known [")
    assert report["one-step-runs"].status == FAILED
    assert "expected to fail (stale), but it ended: passed" in report["one-step-runs"].reason


# The command line


def test_check_prints_a_table_and_writes_junit_and_json(capfd, tmp_path, cells):
    junit, everything = tmp_path / "r.xml", tmp_path / "r.json"
    expect = tmp_path / "expected.toml"
    expect.write_text('batch-permuted = "it mixes rows"\n')
    laws = [f"--law={law}" for law in (*FEW, "seed-repeats")]
    code = main(
        ["check", cells + "MixesRows", "--set", "units=2", "--profile", "quick", *laws,
         "--junit", str(junit), "--json", str(everything), "--expect", str(expect)]
    )  # fmt: skip
    out = capfd.readouterr().out
    assert code == 1
    assert "4 laws planned, 4 run: 1 passed, 1 failed, 1 expected failure, 1 not applicable" in out
    assert "to repeat it without gru_bench, paste:" in out
    suite = ET.parse(junit).getroot()
    found = {k: suite.get(k) for k in ("tests", "failures", "skipped", "errors")}
    assert found == {"tests": "4", "failures": "1", "skipped": "2", "errors": "0"}
    assert [case.get("name") for case in suite] == [*FEW, "seed-repeats"]
    loaded = json.loads(everything.read_text())
    assert (loaded["ok"], loaded["counts"]["failed"]) == (False, 1)


def test_of_several_failures_one_script_is_shown_and_all_are_written(capfd, tmp_path, cells):
    laws = [f"--law={law}" for law in ("batch-row-alone", "batch-permuted")]
    given = ["check", cells + "MixesRows", "--set", "units=2", "--profile", "quick", *laws]
    assert main(given) == 1
    out = capfd.readouterr().out
    assert "batch-row-alone: A row" in out
    assert "batch-permuted: " in out
    assert out.count("to repeat it without gru_bench, paste:") == 1
    assert out.index("batch-permuted: ") < out.index("to repeat it")  # failures come first
    folder = tmp_path / "new" / "scripts"
    assert main([*given, "--scripts", str(folder)]) == 1
    out = capfd.readouterr().out
    assert f"script: {folder / 'batch-row-alone.py'}" in out
    assert "paste:" not in out
    for law in ("batch-row-alone", "batch-permuted"):
        # As a user runs it, where the cells are.
        run = [sys.executable, str(folder / f"{law}.py")]
        alone = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        ran = subprocess.run(run, cwd=HERE, env=alone, capture_output=True, text=True, check=False)
        assert "AssertionError: " in ran.stderr.splitlines()[-1]


def test_what_a_cell_raises_is_said_once():
    """Layers around a cell whose initial states Keras cannot make."""

    class Mixed(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units, self.state_size, self.output_size = units, [(2, units), units], units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
            self.built = True

        def call(self, x, states):
            many, h = states
            h = keras.ops.tanh(x @ self.w + many[:, 0] + h)
            return h, [many, h]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    laws = ["layer-runs-the-cell", "layer-stateful", "layer-forgets"]
    report = check_cell(Mixed, {"units": 2}, profile="quick", law=laws)
    first, *others = report.outcomes
    assert (first.status, first.law) == (FAILED, "layer-runs-the-cell")
    for outcome in others:
        assert outcome.status == NOT_APPLICABLE
        assert outcome.reason.startswith("the cell raises what layer-runs-the-cell says: ValueErr")
    assert not report.ok


def test_different_faults_are_each_said():
    found = Report("cell", "quick", 0, ["a", "b", "c", "d"])
    at = '  File "cells.py", line {}, in call\n    x\n{}'
    told = [(3, "ValueError: shape 3"), (4, "ValueError: shape 3"), (3, "TypeError: shape 3")]
    for name, (line, said) in zip("abc", told, strict=True):
        found.add(Outcome(name, "f", "s", FAILED, said, traceback=at.format(line, said)))
    found.add(Outcome("d", "f", "s", FAILED, "it differs"))
    assert [outcome.law for outcome in found.failed] == ["a", "b", "c", "d"]


def test_laws_lists_every_law(capsys):
    assert main(["laws"]) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"{len(LAWS)} laws\n")
    for law in LAWS.values():
        assert law.statement in out


BAD = {
    "check nowhere:Cell": "No module named 'nowhere'",
    "check keras.layers:GRUCel": "did you mean 'GRUCell'?",
    "check keras.layers:Dense --set units=2": "is not a recurrent cell: it has no state_size",
    f"check {OWN} --set units=2 --json no/such/r.json": "there is no folder ",
    "check json:JSONDecoder": "is not a recurrent cell",
    "check json:loads": "refused no arguments: TypeError",
    f"check {OWN}": "refused no arguments: TypeError",
    f"check {OWN} --set units=-1": "units must be at least 1, got -1",
    f"check {OWN} --set units": "--set takes name=value",
    f"check {OWN} --set units=2 --law batch-row-alon": "did you mean 'batch-row-alone'?",
    f"check {OWN} --set units=2 --profile fast": "unknown profile 'fast'",
    f"check {OWN} --set units=2 --equations gru-reset-befor": "did you mean 'gru-reset-before'?",
    f"check {OWN} --set units=2 --expect nothing.toml": "nothing.toml",
    f"check {OWN} --set units=2 --seed -1": "--seed must be at least 0",
    f"check {OWN} --set units=2 --time-limit 0": "--time-limit",
    f"check {OWN} --set units=2 --inputs 0": "--inputs must be at least 1",
    "check law_cells:CannotBeBuilt --set units=2": "no weights today",
}


@pytest.mark.parametrize("line", BAD)
@pytest.mark.usefixtures("cells")
def test_bad_input_is_one_line_and_exit_code_2(capfd, line):
    code = main(line.split())
    captured = capfd.readouterr()
    assert (code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert BAD[line] in captured.err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('batch-row-alon = "why"', "did you mean 'batch-row-alone'?"),
        ('batch-row-alone = ""', "needs a reason, got ''"),
        ("batch-row-alone", 'are lines such as law = "reason"'),
    ],
)
def test_a_bad_file_of_expected_failures_is_refused(capfd, tmp_path, text, complaint):
    path = tmp_path / "expected.toml"
    path.write_text(text)
    assert main(["check", OWN, "--set", "units=2", "--expect", str(path)]) == 2
    assert complaint in capfd.readouterr().err


def test_check_cell_raises_for_bad_input_only():
    with pytest.raises(UsageError, match="unknown law 'nothing'"):
        check_cell(OWN, {"units": 2}, law="nothing")
    with pytest.raises(UsageError, match="refused no arguments"):
        check_cell(OWN)


# pytest


@parametrize_laws("keras.layers:SimpleRNNCell", {"units": 2}, profile="quick", law=FEW)
def test_decorated(check):
    check()


PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
]


def test_the_plugin_collects_laws_without_a_test_file(cells, tmp_path):
    options = ["--gru-set", "units=2", "--gru-profile", "quick"]
    options += [f"--gru-law={law}" for law in (*FEW, "seed-repeats")]
    command = [*PYTEST, "--rootdir", str(tmp_path), str(tmp_path), "-rA", *options]
    command += ["--gru-cell", cells + "MixesRows"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed, 1 skipped" in done.stdout
    assert "MixesRows::batch-row-alone" in done.stdout
    assert "output of the row alone[0, 0] = " in done.stdout


def test_the_plugin_does_not_start_tensorflow_unasked(tmp_path):
    (tmp_path / "test_nothing.py").write_text(
        "import sys\ndef test_it():\n    assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [*PYTEST, "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_refuses_bad_input(tmp_path):
    command = [*PYTEST, "--rootdir", str(tmp_path), str(tmp_path)]
    command += ["--gru-cell", OWN, "--gru-law", "batch-row-alon"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "did you mean 'batch-row-alone'?" in done.stderr
