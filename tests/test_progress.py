"""What a terminal shows while many runs train."""

import io
import re

import pytest
from rich.console import Console

from gru_bench.cli import main
from gru_bench.cli.progress import View
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import Progress, TrainedRun

WIDTHS = pytest.mark.parametrize("width", [60, 80, 200])


def drawn(view, width):
    """Return the lines that a terminal shows."""
    screen = io.StringIO()
    Console(file=screen, width=width).print(view.render())
    return screen.getvalue().splitlines()


def trained(seed):
    return TrainedRun("gru_bench:GRUCell", {}, get_recipe("default"), "addition", seed)


@pytest.fixture
def view():
    """Four of ten runs were kept; six are to do, three of them in the group that has begun."""
    view = View()
    view.plan(10, 4, 600)
    view.begin("GRU, reset before the product, recipe provable", 3, 100, workers=2)
    return view


def test_before_the_first_block_it_compiles(view):
    text = " ".join(drawn(view, 200))
    assert "4 of 10 runs finished, time left not known yet" in text
    assert "recipe provable: compiling" in text


def test_after_the_last_run_no_group_is_named(view):
    for seed in range(3):
        view.finish(trained(seed))
    with view.doing("writing the report"):
        head, line = drawn(view, 200)
    assert "7 of 10 runs finished" in head
    assert line == "writing the report"


@WIDTHS
def test_everything_is_shown_at_any_width(view, width):
    view.step(Progress(0, 50, 0.25, 0.5, worst_loss=1.5))
    lines = drawn(view, width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for said in (
        "4 of 10 runs finished",
        r"about \d:\d\d:\d\d left",
        "GRU, reset before the product, recipe provable: training",
        r"[\d,]+ iterations/s, loss 0.2500 \(worst case 1.5000\), accuracy 0.50 \(seed 0\)",
    ):
        assert re.search(said, text), text


def test_a_finished_run_counts_and_one_that_is_measured_nearly(view):
    view.step(Progress(0, 100, 0.25, 0.5))
    assert view.share == pytest.approx(0.9 * 100 / 600)
    view.finish(trained(0))
    assert view.share == pytest.approx(100 / 600)
    assert "5 of 10 runs finished" in " ".join(drawn(view, 200))


def test_what_is_done_instead_of_training_is_said(view):
    view.step(Progress(0, 50, 0.25, 0.5))
    with view.doing("measuring"):
        assert "training, measuring" in " ".join(drawn(view, 200))
        view.finish(trained(1))
        view.finish(trained(0))
        with view.doing("proving"):
            assert "recipe provable: proving" in " ".join(drawn(view, 200))
        assert "recipe provable: measuring" in " ".join(drawn(view, 200))
    assert "recipe provable: training" in " ".join(drawn(view, 200))


def test_train_shows_it_in_a_terminal(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert main(["train", "--set", "units=2", "--iterations", "1"]) == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "0 of 1 runs finished" in shown
    assert "gru_bench:GRUCell by 'default': compiling" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 60
