"""PyTorch modules under the laws; run where PyTorch is and TensorFlow is not: `tox -e torch`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

if "tensorflow" in sys.modules:
    pytest.skip("PyTorch and TensorFlow share no process: tox -e torch", allow_module_level=True)
torch = pytest.importorskip("torch", reason="PyTorch is not installed: tox -e torch")

from gru_bench import UsageError, check_cell, check_gradients, identify  # noqa: E402
from gru_bench.cli import main  # noqa: E402
from gru_bench.laws import LAWS  # noqa: E402
from gru_bench.laws.law import OF_KERAS, OF_TORCH  # noqa: E402
from gru_bench.laws.running.runner import run_law  # noqa: E402
from gru_bench.laws.target import make_target  # noqa: E402
from gru_bench.laws.telling.outcome import FAILED  # noqa: E402
from gru_bench.laws.torch import plain  # noqa: E402
from gru_bench.laws.written import missed_by  # noqa: E402
from gru_bench.subjects.making import make_subject  # noqa: E402
from tests.corpus.torch_cells import wrong  # noqa: E402
from tests.corpus.torch_cells.correct import CORRECT  # noqa: E402

FOUR = {"hidden_size": 4}
HERE = "tests.corpus.torch_cells"

#: Wrong modules of which only what they claim says that they are wrong.
CLAIMED = (
    "UpdateAddsUp",
    "ActivationsExchanged",
    "OutputByCandidate",
    "AfterSigmoid",
    "BlendsNewState",
    "ZeroState",
)


@pytest.mark.parametrize("name", CORRECT)
def test_correct_modules_are_accused_of_nothing(name):
    report = check_cell(name, CORRECT[name], profile="quick")
    assert [str(outcome) for outcome in report.failed] == []
    assert [o.reason for o in report.outcomes if "the bench itself" in o.reason] == []
    assert report.notes[0].startswith("the module is called as cell(")


@pytest.mark.parametrize("kind", wrong.WRONG, ids=lambda kind: kind.__name__)
def test_wrong_modules_are_caught_and_their_scripts_fail(kind):
    family = "lstm" if issubclass(kind, wrong.LSTM) else "gru"
    claimed = {"equations": family} if kind.__name__ in CLAIMED else {}
    name = f"{HERE}.wrong:{kind.__name__}"
    target = make_target(name, {"hidden_size": 2}, equations=claimed.get("equations"))
    outcomes = (run_law(target, law, "quick", 0) for law in LAWS.values())
    outcome = next((one for one in outcomes if one.status == FAILED), None)
    assert outcome is not None, "no law fails"
    told = ""
    for _ in range(10 if kind is wrong.DropoutAtInference else 1):
        try:
            exec(outcome.script, {"__name__": "__script__"})
        except AssertionError as error:
            told = str(error)
            break
    assert told, outcome.law


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (wrong.LayersInAList, "others[0] is a module that is not registered"),
        (wrong.PlainTensor, "scale is a tensor that is neither a parameter nor a buffer"),
    ],
)
def test_what_is_not_registered_is_named(kind, told):
    report = check_cell(kind, FOUR, profile="quick", law="module-registers-all")
    assert told in report["module-registers-all"].reason


def test_most_laws_of_any_cell_run_on_modules():
    """What does not: graphs and XLA, and what asks for arguments that only Keras's cells take."""
    of_any = {n for n, law in LAWS.items() if law.family not in (*OF_KERAS, *OF_TORCH)}
    tried = set()
    for name, arguments in (("GRUCell", FOUR), ("LSTMCell", FOUR)):
        report = check_cell(f"torch.nn:{name}", arguments, profile="quick")
        tried |= {o.law for o in report.outcomes if o.status == "passed"}
    arguments = {**FOUR, "dropout": 0.3}
    report = check_cell(f"{HERE}.correct:Dropped", arguments, profile="quick")
    tried |= {o.law for o in report.outcomes if o.status == "passed"}
    assert len(tried & of_any) >= 0.6 * len(of_any), sorted(of_any - tried)


def test_scripts_are_whole():
    assert missed_by(plain) == set()
    ast.parse(Path(plain.__file__).read_text(encoding="utf-8"))


def test_a_module_is_checked_without_tensorflow():
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from gru_bench import check_cell\n"
        "report = check_cell('torch.nn:RNNCell', {'hidden_size': 3}, profile='quick')\n"
        "print(report.ok, report.counts['passed'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ok, passed = done.stdout.split()
    assert ok == "True"
    assert int(passed) > 30


@pytest.mark.parametrize(
    ("module", "title"),
    [
        ("torch.nn:GRUCell", "GRU (Cho et al. 2014, arXiv 1406.1078v1), reset after"),
        ("torch.nn:LSTMCell", "LSTM (Gers et al. 2000"),
        (f"{HERE}.correct:PairLSTM", "LSTM (Gers et al. 2000"),
        (f"{HERE}.correct:Functional", "GRU (Cho et al. 2014, arXiv 1406.1078v3), reset before"),
    ],
)
def test_modules_are_read(module, title):
    assert str(identify(module, CORRECT[module])).startswith(title)


def test_the_same_weights_give_what_the_equations_give():
    """A GRU of PyTorch beside one in NumPy."""
    subject = make_subject("torch.nn:GRUCell", {"input_size": 3, "hidden_size": 4}, 3)
    w = subject.parameters
    rng = np.random.default_rng(0)
    xs, h = rng.normal(size=(5, 2, 3)), rng.normal(size=(2, 4))
    outputs, (last,) = subject.run(xs, [h])

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    for t, x in enumerate(xs):
        a = x @ w["weight_ih"].T + w["bias_ih"]
        b = h @ w["weight_hh"].T + w["bias_hh"]
        r, z = sigmoid(a[:, :4] + b[:, :4]), sigmoid(a[:, 4:8] + b[:, 4:8])
        h = (1 - z) * np.tanh(a[:, 8:] + r * b[:, 8:]) + z * h
        np.testing.assert_allclose(outputs[t], h, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(outputs[-1], last)


def test_gradients_are_compared():
    found = check_gradients("torch.nn:LSTMCell", steps=3, constructor=FOUR, input_size=3)
    assert found.ok, found
    kind = f"{HERE}.wrong:WrongGradient"
    assert not check_gradients(kind, steps=2, constructor=FOUR, input_size=3).ok


def test_forward_mode():
    found = check_gradients(
        f"{HERE}.correct:SplitGRU", steps=2, constructor=FOUR, input_size=3, forward=True
    )
    assert found.ok, found


def test_the_command_line(capfd, tmp_path):
    everything = tmp_path / "found.json"
    code = main(
        ["check", "torch.nn:RNNCell", "--set", "hidden_size=4", "--profile", "quick",
         "--json", str(everything)]
    )  # fmt: skip
    out = capfd.readouterr().out
    assert code == 0, out
    assert "of which starting PyTorch" in out
    assert json.loads(everything.read_text())["ok"]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("torch.nn:Linear", {"out_features": 4}, "no way was found to call one step"),
        ("torch.nn:GRU", {"hidden_size": 4}, "runs whole sequences: give a cell, such as torch"),
        ("torch.nn:GRUCell", {"hidden_size": "x"}, "refused"),
    ],
)
def test_bad_input_is_one_line(name, arguments, told):
    with pytest.raises(UsageError, match=told) as raised:
        make_target(name, arguments)
    assert "\n" not in str(raised.value)
