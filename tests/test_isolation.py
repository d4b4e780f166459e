"""The process in which laws are checked: how it can end, what it may see, and who is to blame."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gru_bench.cli import main
from gru_bench.errors import BenchError, UsageError
from gru_bench.laws.case import Case
from gru_bench.laws.running import isolation
from gru_bench.laws.running.choice import choose
from gru_bench.laws.running.isolation import Isolated
from gru_bench.laws.running.runner import check_cell
from gru_bench.laws.telling.outcome import FAILED, NOT_APPLICABLE, PASSED, Outcome
from gru_bench.trace.unsupported import UnsupportedOperationError
from tests.corpus.wrong_cells.gru import BuiltInCall, SqueezedBatch

LAWS = ["one-step-runs", "shapes-promised", "batch-permuted"]

CELLS = """
import os, re, sys, time
from pathlib import Path
import keras

def ends_by(leave):
    class Ends(keras.layers.SimpleRNNCell):
        def call(self, inputs, states, training=False):
            if inputs.shape[0] == 3 or self.always:
                leave()
            return super().call(inputs, states, training=training)
        always = False
    return Ends

Exits, Leaves = ends_by(lambda: os._exit(0)), ends_by(sys.exit)

class ExitsAlways(Exits):
    always = True

class LeavesAlways(Leaves):
    always = True

class LeavesWhenMade(keras.layers.SimpleRNNCell):
    def __init__(self, *args, **kwargs):
        sys.exit(1)

class LeavesWhenAsked(keras.layers.SimpleRNNCell):
    @property
    def state_size(self):
        if hasattr(self, "asked"):
            sys.exit(1)
        self.asked = True
        return self.units
    @state_size.setter
    def state_size(self, size):
        pass

class DiesLate(keras.layers.SimpleRNNCell):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        end, self.end = os._exit, os._exit
        if end.__name__ == "_exit":
            os._exit = lambda code: end(3)

def mark():
    Path("pid").write_text(str(os.getpid()))

class Loops(keras.layers.SimpleRNNCell):
    def call(self, inputs, states, training=False):
        mark()
        while True:
            pass

class LoopsInC(keras.layers.SimpleRNNCell):
    def call(self, inputs, states, training=False):
        mark()
        re.match("(a|a)*b", 100 * "a")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current folder in which there are cells."""
    (tmp_path / "some_cells.py").write_text(CELLS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def isolated(cell, laws=LAWS, **options):
    """Return what becomes of laws in a process of their own."""
    given = {"equations": None, "input_size": None, "seed": 0, "expected": {}, **options}
    return Isolated(cell, {"units": 2}, profile="quick", laws=choose(laws), **given).run()


def statuses(report):
    return [outcome.status for outcome in report.outcomes]


# How it can end


@pytest.mark.parametrize(
    ("cell", "why"), [("Exits", "the process ended with exit code 0"), ("Leaves", "SystemExit")]
)
def test_a_cell_that_ends_the_process_with_code_0_breaks_the_law_that_is_tried(cell, why):
    report = isolated(f"some_cells:{cell}")
    # What it raises is said once; what ends a process leaves nothing to compare.
    last = NOT_APPLICABLE if why == "SystemExit" else FAILED
    assert statuses(report) == [PASSED, FAILED, last]
    assert why in report["shapes-promised"].reason


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("ExitsAlways", "took its first step, the process ended with exit code 0"),
        ("LeavesAlways", "cannot run one step: SystemExit"),
    ],
)
def test_a_cell_that_ends_it_in_its_first_step_cannot_run_one(cell, why):
    report = isolated(f"some_cells:{cell}", [*LAWS[1:], LAWS[0]])
    assert statuses(report) == [NOT_APPLICABLE, NOT_APPLICABLE, FAILED]
    assert why in report["one-step-runs"].reason
    assert report["batch-permuted"].reason == "the cell cannot run one step"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(0)", "the process ended with exit code 0"),
        ("import sys; sys.exit(1)", "SystemExit: 1"),
        ("import os; os.abort()", "the process died of SIGABRT"),
    ],
)
def test_a_module_that_ends_it_cannot_be_imported(folder, capfd, code, why):
    (folder / "ending.py").write_text(code)
    assert main(["check", "ending:Cell"]) == 2
    told = capfd.readouterr().err
    assert told == f"gru-bench: cell 'ending:Cell' cannot be imported: {why}\n"


@pytest.mark.parametrize(
    ("cell", "why"),
    [("LeavesWhenMade", "refused units=2"), ("LeavesWhenAsked", "cannot be made")],
)
def test_a_cell_that_leaves_when_it_is_made_is_refused(cell, why):
    with pytest.raises(UsageError, match=f"{why}.*SystemExit: 1"):
        isolated(f"some_cells:{cell}")


def test_in_this_process_too_leaving_is_a_failure_of_the_cell():
    report = check_cell("some_cells:Leaves", {"units": 2}, profile="quick", law=LAWS)
    assert statuses(report) == [PASSED, FAILED, NOT_APPLICABLE]  # the second says what the first


def test_a_process_that_dies_after_its_last_law_has_told_everything():
    report = isolated("some_cells:DiesLate")
    assert report.ok, report


def test_a_process_that_dies_before_it_says_that_it_has_told_everything(monkeypatch):
    def dying(_, left):
        yield from [Outcome(law, "", "", PASSED) for law in left]
        raise isolation._DiedError("the process died of SIGKILL")

    monkeypatch.setattr(Isolated, "_one_process", dying)
    report = isolated("gru_bench:GRUCell")
    assert report.ok, report
    assert report.notes == ["after the last law the process died of SIGKILL"]


def gone(pid):
    """Return whether a process ends within some seconds; a zombie has."""
    until = time.perf_counter() + 30
    while time.perf_counter() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    return False


def marked(folder, process):
    """Return the process number that a cell leaves in a file."""
    until = time.perf_counter() + 120
    mark = folder / "pid"
    while time.perf_counter() < until and process.poll() is None:
        if mark.exists() and (text := mark.read_text()):
            return int(text)
        time.sleep(0.2)
    raise AssertionError("the cell was not called")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks Linux for processes")
@pytest.mark.parametrize("cell", ["Loops", "LoopsInC"])
def test_a_worker_ends_when_its_parent_is_killed(folder, cell):
    command = [sys.executable, "-m", "gru_bench", "check", f"some_cells:{cell}"]
    process = subprocess.Popen([*command, "--set", "units=2"])
    worker = marked(folder, process)
    process.kill()
    process.wait()
    assert gone(worker)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks Linux for processes")
def test_a_worker_ends_when_nobody_holds_its_other_end(folder):
    check = Isolated("some_cells:Loops", {"units": 2}, None, None, "quick", 0, choose(LAWS), {})
    with open(os.devnull, "wb") as nothing, check._process(nothing) as process:  # noqa: PTH123
        check._send(process, LAWS)
        worker = marked(folder, process)
        process.stdin.close()
        assert gone(worker)


# What it may see

SHADOWS = ("code", "json", "keras", "random", "selectors", "threading", "types")

NEIGHBOURS = """
import code, json, random, sys, threading, types
import keras
import my_helpers

assert json.dumps([code.interact, random.random, types.FunctionType], default=repr)

class Mine(keras.layers.SimpleRNNCell):
    def call(self, inputs, states, training=False):
        import my_other_helpers
        assert sys.stdin.read() == ""
        return super().call(inputs, states, training=training)
"""


def test_a_cell_sees_its_neighbours_and_no_orders_and_no_file_stands_in_for_a_library(folder):
    for name in SHADOWS:
        (folder / f"{name}.py").write_text("raise RuntimeError('not this one')")
    (folder / "my_helpers.py").touch()
    (folder / "my_other_helpers.py").touch()
    (folder / "my_cells.py").write_text(NEIGHBOURS)
    report = isolated("my_cells:Mine")
    assert report.ok, report


# Who is to blame


@pytest.mark.parametrize("command", [["check", "gru_bench:GRUCell"], ["train"]])
def test_a_backend_that_does_not_work_is_nobodys_fault(command):
    environment = {**os.environ, "KERAS_BACKEND": "nothing-of-the-kind"}
    done = subprocess.run(
        [sys.executable, "-m", "gru_bench", *command, "--set", "units=2"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cannot be imported with KERAS_BACKEND=nothing-of-the-kind: " in done.stderr


def test_a_process_that_cannot_start_is_nobodys_fault(monkeypatch, folder):
    program = folder / "python"
    program.write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(isolation.sys, "executable", str(program))
    with pytest.raises(BenchError, match="can start: the process ended with exit code 1: no such"):
        isolated("gru_bench:GRUCell")


def test_a_worker_that_fails_in_our_code_says_so():
    with pytest.raises(BenchError, match=r"the bench itself fails: TypeError: .*\(gru_bench/"):
        isolated("gru_bench:GRUCell", memory="much")


def test_on_the_command_line_too_a_mistake_of_ours_is_exit_code_2(monkeypatch, capfd):
    monkeypatch.setattr("gru_bench.laws.running.choice.choose", None)
    assert main(["check", "gru_bench:GRUCell"]) == 2
    told = capfd.readouterr().err
    assert told.startswith("gru-bench: the bench itself fails: TypeError: 'NoneType' object")
    assert "(gru_bench/cli/check.py:" in told
    assert told.count("\n") == 1


def test_what_the_bench_raises_does_not_apply(monkeypatch):
    monkeypatch.setattr(Case, "agree", None)
    report = check_cell("gru_bench:GRUCell", {"units": 2}, profile="quick", law=LAWS)
    assert statuses(report) == [PASSED, PASSED, NOT_APPLICABLE]
    reason = report["batch-permuted"].reason
    assert "the bench itself fails: TypeError: 'NoneType' object is not callable" in reason
    assert "(gru_bench/laws/" in reason


def test_an_operation_that_is_not_known_does_not_apply(monkeypatch):
    def unknown(*_, **__):
        raise UnsupportedOperationError("Fold")

    monkeypatch.setattr(Case, "agree", unknown)
    report = check_cell("gru_bench:GRUCell", {"units": 2}, profile="quick", law=LAWS)
    assert report["batch-permuted"].status == NOT_APPLICABLE
    assert report["batch-permuted"].reason == "the bench does not know the operation Fold"


@pytest.mark.parametrize(
    ("cell", "law", "why"),
    [
        (SqueezedBatch, "gate-permuted-units", "the outputs of a run have shape (1, 3), expected"),
        (BuiltInCall, "layer-mask", "the cell has 0 weights when it is built, 9 after a call"),
    ],
)
def test_where_the_bench_stumbles_over_what_a_cell_returned_that_is_told(cell, law, why):
    outcome = check_cell(cell, {"units": 3}, profile="quick", law=law)[law]
    assert outcome.status == FAILED
    assert outcome.reason.startswith(why)
    assert outcome.traceback == ""
    assert json.dumps(outcome.case)
