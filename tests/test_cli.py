"""The command line, as a user types it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gru_bench import ADDITION, Adder, Network, UsageError
from gru_bench.cli import main
from gru_bench.learning import recipe


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """A saved adder that always writes 0 bits."""
    network = Network("gru_bench:GRUCell", {"units": 2}, ADDITION)
    path = tmp_path_factory.mktemp("models") / "zeros.keras"
    Adder(network, np.zeros(network.size), threshold=0.5).save(path)
    return str(path)


def run(capsys, *arguments):
    """Return exit code, standard output and standard error of one command."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def fresh(*arguments):
    """Run the command line in a process of its own."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_help_does_not_import_tensorflow():
    done = fresh(
        "-c",
        "import sys, gru_bench.cli as c; c.main(['--help']); c.main(['train', '--help']);"
        "print('tensorflow' in sys.modules)",
    )
    assert "Commands:" in done.stdout
    assert done.stdout.endswith("False\n")


def test_version_is_the_package_version(capsys):
    code, out, _ = run(capsys, "--version")
    assert (code, out) == (0, "gru-bench, version 0.2.0\n")


def test_train_then_add_says_the_sum_and_nothing_else(tmp_path):
    """Two processes: what TensorFlow chats at its start must not reach the user."""
    model = str(tmp_path / "adder.keras")
    trained = fresh("-m", "gru_bench", "train", "-o", model)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert "saved seed 0" in trained.stdout
    added = fresh("-m", "gru_bench", "add", "1024", "16", "--model", model, "--check")
    assert (added.returncode, added.stdout, added.stderr) == (0, "1040\n", "")


def test_train_saves_the_most_accurate_and_says_it_does_not_solve_the_task(capsys, tmp_path):
    model = tmp_path / "adder.keras"
    code, out, _ = run(capsys, "train", "--iterations", 2, "--seeds", 2, "-o", model)
    assert code == 0
    assert "0 of 2 seeds solve the task after 2 iterations" in out
    assert "the most accurate" in out
    assert model.is_file()


def test_train_another_cell_by_name_and_arguments(capsys, tmp_path):
    model = tmp_path / "lstm.keras"
    code, _, _ = run(
        capsys, "train", "--cell", "keras.layers:LSTMCell", "--set", "units=3",
        "--iterations", 1, "-o", model,
    )  # fmt: skip
    assert code == 0
    assert Adder.load(model).network.arguments == {"units": 3}


def test_train_finds_a_cell_in_the_current_folder(capsys, tmp_path, monkeypatch):
    (tmp_path / "my_own_cells.py").write_text(
        "import keras\nclass Mine(keras.layers.SimpleRNNCell):\n    pass\n"
    )
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "train", "--cell", "my_own_cells:Mine", "--iterations", 1)
    assert code == 0
    assert "saved seed 0" in out
    with pytest.raises(UsageError, match="trust its module first"):
        Adder.load("adder.keras")
    loaded = Adder.load("adder.keras", trust=["my_own_cells"])
    assert loaded.network.cell_name == "my_own_cells:Mine"


def test_check_names_the_lowest_wrong_bit(capsys, untrained):
    code, out, err = run(capsys, "add", 5, 7, "--model", untrained, "--check")
    assert (code, out) == (1, "0\n")
    assert "bit 2 " in err
    assert "the sum is 12" in err


def test_check_is_quiet_when_right(capsys, untrained):
    assert run(capsys, "add", 0, 0, "--model", untrained, "--check") == (0, "0\n", "")


def test_addends_may_be_hexadecimal_and_huge(capsys, untrained):
    code, out, _ = run(capsys, "add", hex(1 << 20000), "9" * 6000, "--model", untrained)
    assert (code, out) == (0, "0\n")


BAD = {
    "add -5 3": "an addend must be a non-negative integer, got '-5'",
    "add 2.5 3": "an addend must be a non-negative integer, got '2.5'",
    "add 1": "Missing argument 'B'",
    "add 1 2 --model nothing.keras": "there is no model file 'nothing.keras'",
    "nonsense": "unknown command 'nonsense'",
    "train --seeds 0": "--seeds must be at least 1, got 0",
    "train --seeds many": "'many' is not a valid integer",
    "train --iterations 0": "--iterations must be at least 1, got 0",
    "train --recipe defualt": "unknown recipe 'defualt', did you mean 'default'?",
    "train --task additon": "unknown task 'additon', did you mean 'addition'?",
    "train --cell GRUCell": "a cell is named package.module:Name",
    "train --cell nowhere:Cell": "No module named 'nowhere'",
    "train --cell keras.layers:GRUCel": "did you mean 'GRUCell'?",
    "train --cell keras.layers:GRU": "is a whole layer, not a cell",
    "train --cell keras.layers:Dense": "has no state_size",
    "train --cell math:sqrt": "is not a recurrent cell",
    "train --set units": "--set takes name=value",
    "train --set units=0": "units must be at least 1, got 0",
    "train -o adder.h5": "a model file must end in .keras, got 'adder.h5'",
    "train -o nowhere/adder.keras": "there is no folder 'nowhere'",
    "train --sedes 3": "'--seeds'",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line_and_writes_nothing(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *line.split())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert BAD[line] in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "folder", "flipped"])
def test_a_damaged_model_is_one_line(damage, capsys, tmp_path, untrained):
    whole = Path(untrained).read_bytes()
    path = tmp_path / "adder.keras"
    middle = len(whole) // 2
    flipped = bytes([whole[middle] ^ 255])
    contents = {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "text": b"not a model",
        "flipped": whole[:middle] + flipped + whole[middle + 1 :],
    }
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(contents[damage])
    code, out, err = run(capsys, "add", 1, 2, "--model", path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "adder.keras" in err


def test_a_model_of_another_task_says_so(capsys, tmp_path):
    model = tmp_path / "parity.keras"
    assert run(capsys, "train", "--task", "parity", "--iterations", 1, "-o", model)[0] == 0
    code, _, err = run(capsys, "add", 1, 2, "--model", model)
    assert code == 2
    assert "trained for parity, not to add" in err


def test_every_seed_diverging_is_said(capsys, tmp_path, monkeypatch):
    wild = recipe.get_recipe("default", name="wild", learning_rate=1e38, iterations=60)
    monkeypatch.setitem(recipe.RECIPES, "wild", wild)
    model = tmp_path / "adder.keras"
    code, _, err = run(capsys, "train", "--recipe", "wild", "-o", model)
    assert code == 2
    assert "every seed diverged, the first at iteration" in err
    assert not model.exists()


@pytest.mark.parametrize("command", ["prove", "falsify", "add 1 2 --model", "gradflow --adder"])
def test_what_is_no_model_is_told_before_tensorflow_starts(command):
    words = [*command.split(), "nothing.keras"]
    run = f"import sys; from gru_bench.cli import main; main({words!r})"
    run += "; print(sorted({'tensorflow', 'keras'} & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert ran.stderr == "gru-bench: there is no model file 'nothing.keras'\n"
    assert ran.stdout == "[]\n"


def test_a_cell_in_the_wrong_place_is_told_where_it_belongs(capsys):
    assert main(["train", "keras.layers:GRUCell"]) == 2
    assert capsys.readouterr().err.endswith("a cell is given as --cell package.module:Name\n")
