"""Comparing two cells: runs that are stored, verdicts, what is said of them, and bad input."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

from gru_bench import assert_not_worse, compare_cells
from gru_bench.cli import main
from gru_bench.cli.contest import ContestView, curve
from gru_bench.comparison import telling
from gru_bench.comparison.account import make_account
from gru_bench.comparison.checkpoints import spread_checkpoints
from gru_bench.comparison.contest import BATCH, Contest
from gru_bench.comparison.junit import to_junit
from gru_bench.comparison.markdown import MARK, to_markdown
from gru_bench.comparison.record import Comparison
from gru_bench.comparison.rules import Rules
from gru_bench.comparison.side import Side
from gru_bench.comparison.survival import log_rank, solved_by
from gru_bench.comparison.trial import make_trial
from gru_bench.comparison.watch import ComparisonWatch
from gru_bench.errors import UsageError
from gru_bench.learning.evaluation import Measurement
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import Interrupted, TrainedRun
from gru_bench.outside.writing import write_whole
from gru_bench.runs.provenance import machine, versions
from gru_bench.runs.run import Inputs, Measured, find_runs, make_run, write_run
from gru_bench.runs.verdict import Judgement

RECIPE = get_recipe("default", iterations=100)
CHECKPOINTS = (10, 50, 75, 100)

#: Few seeds are enough at these rates.
QUICK = {"alpha": 0.5, "beta": 0.5, "points": 40.0, "max_seeds": 16}


# Sides that only pretend to train.


def inputs_of(cell, arguments=None):
    return Inputs(
        cell=cell,
        arguments=arguments or {},
        source="0" * 16,
        recipe=RECIPE,
        task="addition",
        seed=0,
        checkpoints=CHECKPOINTS,
        lengths=(8, 64),
        families=("uniform", "long-carry"),
        pairs=20,
        evaluation_seed=0,
        any_length=None,
        versions=versions(),
    )


class Pretender:
    """Makes runs of which it is said when each solves the task; None for never."""

    def __init__(self, solves, accuracy=0.5, diverges=None):
        self.solves, self.accuracy, self.diverges = solves, accuracy, diverges
        self.trained = []

    def train(self, missing, folder, watch, found, workers):
        del watch, workers
        for inputs in missing:
            run = self.make(inputs)
            write_run(folder, run)
            found[run.inputs.name] = run
            self.trained.append(inputs.seed)
        return len(missing)

    def make(self, inputs):
        trained = TrainedRun(inputs.cell, {}, RECIPE, "addition", inputs.seed)
        trained.curve = [(100, 0.5, 0.25)]
        solved = self.solves(inputs.seed)
        trained.diverged = self.diverges
        for iteration in inputs.checkpoints:
            if self.diverges is not None and iteration > self.diverges:
                break
            right = 20 if solved is not None and iteration >= solved else round(20 * self.accuracy)
            rows = [
                Measurement(family, n, 20, right, 20 * (n + 1), 20 * (n + 1) - (20 - right))
                for family in inputs.families
                for n in inputs.lengths
            ]
            verdict = self.judge(inputs, iteration)
            proof = {} if verdict is not None and verdict.outcome == "PROVED" else None
            trained.measurements[iteration] = Measured(rows, verdict, proof)
            trained.weights[iteration] = np.zeros(1, np.float32)
        return make_run(trained, inputs, machine())

    def judge(self, inputs, iteration):
        if inputs.any_length is None:
            return None
        if self.solves(inputs.seed) is None:
            return Judgement(iteration=iteration, outcome="OPEN", reason="none")
        return Judgement(iteration=iteration, outcome="PROVED", reason="", theorem="0" * 64)


def side_of(cell, solves, **options):
    side = Side(inputs_of(cell))
    vars(side)["trainer"] = Pretender(solves, **options)
    return side


def contest_of(folder, base, candidate, rules=None, **options):
    return Contest(
        side_of("a:Base", base),
        side_of("b:Candidate", candidate),
        rules or Rules(),
        folder,
        **options,
    )


def account_of(folder, base, candidate, rules=None):
    contest = contest_of(folder, base, candidate, rules)
    contest.play()
    return make_account(contest)


def late(seed):
    return 75 if seed % 2 else 100


# What a run came to.


def test_a_run_is_a_trial():
    found = make_trial(Pretender(lambda _: 75).make(inputs_of("a:Base")))
    assert (found.solved, found.mean_accuracy, found.proved) == (75, 1.0, None)
    never = make_trial(Pretender(lambda _: None, accuracy=0.25).make(inputs_of("a:Base")))
    assert (never.solved, never.mean_accuracy) == (None, 0.25)
    assert set(never.accuracy) == {(f, n) for f in ("uniform", "long-carry") for n in (8, 64)}


@pytest.mark.parametrize("diverges", [5, 60, 100])
def test_a_run_that_diverged_is_wrong_throughout(diverges):
    found = make_trial(Pretender(lambda _: 10, diverges=diverges).make(inputs_of("a:Base")))
    assert (found.solved, found.mean_accuracy) == (None, 0.0)


def test_runs_that_are_the_same_have_the_same_digest_whatever_they_are_called():
    first, second = (
        make_trial(Pretender(lambda _: 75).make(inputs_of(cell))) for cell in ("a:Base", "b:Other")
    )
    other = make_trial(Pretender(lambda _: 50).make(inputs_of("a:Base")))
    assert first.digest == second.digest != other.digest


@pytest.mark.parametrize("iterations", [1, 9, 10, 11, 100, 300, 400, 5000, 100_000])
def test_checkpoints_are_a_tenth_apart_at_most(iterations):
    points = spread_checkpoints(iterations)
    assert points[-1] == iterations
    assert all(a < b <= 1.1 * a for a, b in itertools.pairwise(points))
    assert points[0] <= max(10, iterations / 16)


# Contests.


def test_a_slower_candidate_is_worse_and_no_more_seeds_are_used_than_it_takes(tmp_path):
    found = account_of(tmp_path, lambda _: 50, lambda _: 100)
    assert found.verdict == "worse"
    assert found.fails()
    assert not found.not_worse
    lines = {line.measure: line for line in found.lines}
    assert lines["iterations"].effect == 2
    assert (lines["iterations"].base, lines["iterations"].candidate) == (50, 100)
    assert lines["solved"].effect == lines["accuracy"].effect == 0
    assert found.moments[-1].seeds == found.seeds == len(found.moments)
    assert found.moments[-1].worse >= 20 > found.moments[-2].worse


def test_a_faster_candidate_is_better(tmp_path):
    found = account_of(tmp_path, lambda _: 100, lambda _: 50)
    assert (found.verdict, found.not_worse, found.fails(True)) == ("better", True, False)
    assert {line.measure: line.verdict for line in found.lines} == {
        "iterations": "better",
        "solved": "equivalent",
        "accuracy": "equivalent",
    }


def test_a_candidate_that_never_solves_it_is_worse(tmp_path):
    found = account_of(tmp_path, lambda _: 50, lambda _: None)
    assert found.verdict == "worse"
    assert found.lines[0].candidate is None
    assert "50" in telling.rows(found)[0]
    assert "never" in telling.rows(found)[0]


def test_where_accuracy_differs_is_told_once_there_are_seeds_enough(tmp_path):
    contest = contest_of(tmp_path, lambda _: 50, lambda _: None)
    contest.bases[0], contest.trials = (
        [make_trial(side.trainer.make(side.inputs_of(seed))) for seed in range(32)]
        for side in (contest.base, contest.candidate)
    )
    for seeds, differs in ((8, False), (32, True)):
        contest.seeds = seeds
        found = make_account(contest)
        assert [place.differs for place in found.places] == [differs] * 4
    assert "uniform pairs of 8 bits 100 % -> 50 %" in telling.places(found)


def test_the_same_runs_are_told_to_be_identical(tmp_path):
    found = account_of(tmp_path, late, late)
    assert found.is_identical
    assert found.verdict == "equivalent"
    assert telling.sentence(found).startswith("Identical bit for bit: all 42 runs of b:Candidate()")
    assert telling.next_step(found).startswith("Next: nothing")


def test_what_cannot_be_told_apart_is_undecided(tmp_path):
    def odd(seed):
        return 50 if seed % 2 else 100

    found = account_of(tmp_path, odd, lambda seed: odd(seed + 1), Rules(seeds=24))
    assert (found.verdict, found.seeds) == ("undecided", 24)
    assert (found.fails(), found.fails(undecided=True)) == (False, True)
    assert "--max-seeds 48" in telling.next_step(found)
    assert telling.sentence(found).startswith("Undecided after 24 seeds of at most 24")


def test_runs_that_are_there_are_not_trained_again(tmp_path):
    first = contest_of(tmp_path, lambda _: 50, lambda _: 100)
    first.play()
    again = contest_of(tmp_path, lambda _: 50, lambda _: 100)
    again.play()
    assert again.base.trainer.trained == []
    assert again.base.stored == len(first.base.trainer.trained)
    assert again.candidate.trainer.trained == []
    assert (again.verdict, again.seeds) == (first.verdict, first.seeds)


def test_a_run_file_that_was_changed_is_told_and_trained_again(tmp_path):
    first = contest_of(tmp_path, lambda _: 50, lambda _: 100)
    first.play()
    path = tmp_path / first.base.inputs_of(3).name
    write_whole(path, path.read_bytes().replace(b"0.25", b"0.75"))
    told = []
    again = contest_of(tmp_path, lambda _: 50, lambda _: 100, tell=told.append)
    again.play()
    assert again.base.trainer.trained == [3]
    (line,) = told
    assert "it was changed since it was written" in line
    assert (again.verdict, again.seeds) == (first.verdict, first.seeds)


def test_an_interrupted_contest_goes_on_where_it_stopped(tmp_path):
    contest = contest_of(tmp_path, lambda _: 50, lambda _: 50)
    pretender, most = contest.candidate.trainer, 3
    whole = Pretender.train

    def interrupted(missing, *rest):
        whole(pretender, missing[:most], *rest)
        raise Interrupted([])

    pretender.train = interrupted
    with pytest.raises(Interrupted):
        contest.play()
    again = contest_of(tmp_path, lambda _: 50, lambda _: 50)
    again.play()
    assert again.base.trainer.trained[0] == BATCH
    assert again.candidate.trainer.trained[0] == most
    assert again.verdict == "equivalent"


def test_blocks_have_their_own_seeds(tmp_path):
    contest = contest_of(tmp_path, lambda _: 50, lambda _: 100, Rules(block=2))
    contest.play()
    assert contest.base.trainer.trained == list(range(20_000, 20_008))
    assert make_account(contest).first_seed == 20_000


def test_several_runs_of_the_base_stand_beside_one_of_the_candidate(tmp_path):
    contest = contest_of(tmp_path, late, lambda _: 100, Rules(base_runs=2))
    contest.play()
    used = set(contest.base.trainer.trained)
    assert used == {i + 1250 * j for j in (0, 1) for i in contest.candidate.trainer.trained}
    found = make_account(contest)
    assert (found.base_runs, found.first_seed) == (2, 0)
    assert "2 runs of the base for each" in telling.describe(found)
    one = account_of(tmp_path, late, lambda _: 100)
    assert one.base.trained == 0
    with pytest.raises(UsageError, match="max_seeds must be at most 1250"):
        Rules(base_runs=2, seeds=1251)


def test_nothing_measured_is_no_verdict(tmp_path):
    sides = [side_of(cell, lambda _: None, accuracy=0.05) for cell in ("a:Base", "b:Candidate")]
    with pytest.raises(UsageError, match="nothing was measured: none of 96 runs solves the task"):
        Contest(*sides, Rules(), tmp_path).play()


def test_a_watch_hears_of_the_evidence_after_each_batch(tmp_path):
    heard = []

    class Listening(ComparisonWatch):
        def weigh(self, evidence, seeds):
            heard.append((seeds, evidence.worse.shape))

    contest_of(tmp_path, lambda _: 50, lambda _: 50, watch=Listening()).play()
    assert heard == [(n, (n,)) for n in range(8, 49, 8)]


def test_proofs_are_a_measure_where_they_are_asked_for(tmp_path):
    contest = contest_of(tmp_path, lambda _: 100, lambda _: 100, prove=True)
    ways = (lambda _: 100), (lambda seed: 100 if seed % 3 else None)
    for proof, proves in zip(contest._proofs, ways, strict=True):
        assert proof.inputs.checkpoints == (100,)
        vars(proof)["trainer"] = Pretender(proves)
    contest.play()
    found = make_account(contest)
    assert found.verdict == "worse"
    proved = found.lines[-1]
    assert (proved.measure, proved.verdict, proved.base) == ("proved", "worse", 1.0)
    assert 0.5 < proved.candidate < 0.8
    assert found.lines[0].verdict != "worse"


def test_only_the_runs_asked_for_are_read(tmp_path):
    (tmp_path / "other.json").write_text("no run", encoding="utf-8")
    run = Pretender(late).make(inputs_of("a:Base"))
    write_run(tmp_path, run)
    assert find_runs(tmp_path, [run.inputs.name, "missing.json"]) == ({run.inputs.name: run}, [])


# Survival.


def test_survival_is_scipys_and_counts_seeds():
    assert solved_by([50, None, 80, 100], 100)[-1] == (100, 0.75)
    assert dict(solved_by([50, None, 80, 100], 100))[50] == 0.25
    assert log_rank([None, None], [None], 100) is None
    assert log_rank([50] * 10, [100] * 10, 100) < 0.01
    assert log_rank([50] * 3, [50] * 3, 100) == 1


# What is said of it.


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("accounts")
    cases = {
        "worse": (lambda _: 50, lambda _: 100),
        "better": (lambda _: 100, lambda _: 50),
        "equivalent": (late, late),
        "undecided": (lambda seed: 50 + 50 * (seed % 2), lambda seed: 100 - 50 * (seed % 2)),
    }
    rules = Rules(seeds=48)
    return {v: account_of(folder / v, *sides, rules) for v, sides in cases.items()}


VERDICTS = ("worse", "better", "equivalent", "undecided")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_verdict_is_told_in_each_form(accounts, verdict):
    found = accounts[verdict]
    assert found.verdict == verdict
    for text in (to_markdown(found), telling.describe(found)):
        assert "Next: " in text
        assert "b:Candidate()" in text
    again = Comparison.model_validate_json(found.model_dump_json())
    assert again == found


@pytest.mark.parametrize("verdict", VERDICTS)
def test_junit_counts_worse_as_failure_and_undecided_as_skipped(accounts, verdict):
    found = accounts[verdict]
    suite = ET.fromstring(to_junit(found))
    names = [case.get("name") for case in suite]
    assert names == ["verdict", "iterations", "solved", "accuracy"]
    told = [verdict, *(line.verdict for line in found.lines)]
    for case, each in zip(suite, told, strict=True):
        child = {"worse": "failure", "undecided": "skipped"}.get(each, "system-out")
        assert [part.tag for part in case] == [child]
    assert suite.get("failures") == str(told.count("worse"))
    assert suite.get("skipped") == str(told.count("undecided"))


def test_markdown_has_a_mark_by_which_a_comment_is_found_again(accounts):
    text = to_markdown(accounts["worse"])
    assert text.startswith(MARK)
    assert len(text.encode()) < 64 * 1024


def test_names_that_would_be_obeyed_are_shown(tmp_path):
    contest = contest_of(tmp_path, lambda _: 50, lambda _: 100)
    evil = {"x": "<script>`|*\x1b[31m"}
    contest.candidate.inputs = contest.candidate.inputs.model_copy(update={"arguments": evil})
    contest.play()
    found = make_account(contest)
    text = to_markdown(found)
    assert "\x1b" not in text + to_junit(found) + telling.describe(found)
    outside = "".join(text.split("`")[::2]) if text.count("`") == 2 else text
    assert "<script>" not in outside.replace("``b:Candidate", "")[200:]
    ET.fromstring(to_junit(found))


def test_shares_are_rounded_to_all_or_nothing_only_where_they_are():
    line = SimpleNamespace(measure="solved")
    said = [telling.value(line, share) for share in (0, 1e-6, 0.5, 1 / 3, 0.99999, 1)]
    assert said == ["0 %", "<0.1 %", "50 %", "33.3 %", ">99.9 %", "100 %"]


def test_intervals_are_rounded_outwards(accounts):
    for found in accounts.values():
        for line in found.lines:
            low, high = telling.effect(line).split("[")[1].rstrip("]").split(", ")
            scale = 1 if line.measure == "iterations" else 100
            assert float(low) <= scale * line.low + 1e-9
            assert scale * line.high - 1e-9 <= float(high)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_live_view_shows_the_evidence_at_any_width(tmp_path, width):
    view = ContestView(128)
    contest_of(tmp_path, lambda _: 50, lambda _: 50, watch=view).play()
    screen = io.StringIO()
    Console(file=screen, width=width).print(view.render())
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "evidence after 48 of at most 128 seeds" in lines[0]
    (equivalent,) = [line for line in lines if line.startswith("equivalent")]
    assert "█" in equivalent
    assert "of 20" in equivalent


def test_a_curve_is_empty_at_one_and_full_at_what_is_enough():
    assert curve([-1.0, 0.0, 0.5, 1.0, 2.0], 1.0) == "  ▄██"
    assert len(curve([0.0] * 200, 1.0)) <= 32


# Cells that are really trained.

CELL = "gru_bench:GRUCell"
SMALL = {"iterations": 120, "lengths": [2], "pairs": 20, **QUICK}
UNITS = {"units": 12}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cell against itself, which leaves runs of the base."""
    folder = tmp_path_factory.mktemp("trained")
    options = {"base_arguments": UNITS, "candidate_arguments": UNITS}
    found = compare_cells(CELL, CELL, runs=folder / "runs", **options, **SMALL)
    return folder, found


def test_a_cell_is_identical_with_itself(trained):
    folder, found = trained
    assert found.verdict == "equivalent"
    assert found.is_identical
    assert (found.base.trained, found.candidate.trained) == (8, 0)
    assert len(list((folder / "runs").glob("*.json"))) == 8
    assert any("the same: one cell" in notice for notice in found.notices)


def test_with_the_base_in_the_store_a_comparison_trains_the_candidate_alone(trained):
    folder, _ = trained
    found = compare_cells(
        CELL,
        "keras.layers:SimpleRNNCell",
        base_arguments=UNITS,
        candidate_arguments=UNITS,
        speed=True,
        runs=folder / "runs",
        **SMALL,
    )
    assert (found.base.trained, found.base.stored) == (0, found.candidate.trained)
    assert found.base.speed > 0
    assert found.candidate.speed > 0
    assert "seed-iterations/s" in telling.describe(found)


WORDS = ["--iterations", "120", "--lengths", "2", "--pairs", "20", "--alpha", "0.5"]
WORDS += ["--beta", "0.5", "--points", "40", "--max-seeds", "16", "--no-speed"]
BOTH = ["--base-set", "units=12", "--candidate-set", "units=12"]


def test_the_command_tells_and_writes_what_it_found(trained, tmp_path, monkeypatch, capsys):
    folder, found = trained
    monkeypatch.setenv("COLUMNS", "80")
    files = [tmp_path / name for name in ("c.md", "c.json", "c.xml")]
    outputs = ["--markdown", str(files[0]), "--json", str(files[1]), "--junit", str(files[2])]
    runs = ["--runs", str(folder / "runs")]
    assert main(["compare", CELL, CELL, *WORDS, *BOTH, *runs, *outputs]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Identical bit for bit: ")
    assert "Median iterations to solve the task, share of 5 seeds" in out
    table = out.split("\n\n")[1].splitlines()
    assert len(table) == 2 + len(found.lines)
    assert max(map(len, table)) <= 80
    data = json.loads(files[1].read_text(encoding="utf-8"))
    assert data["verdict"] == found.verdict
    assert data["lines"] == json.loads(found.model_dump_json())["lines"]
    assert files[0].read_text(encoding="utf-8").startswith(MARK)
    ET.parse(files[2])


def test_a_folder_of_runs_is_a_base(trained, tmp_path, capsys):
    folder, _ = trained
    kept, other = tmp_path / "kept", tmp_path / "other"
    kept.mkdir()
    for path in (folder / "runs").glob("GRUCell-*.json"):
        shutil.copy(path, kept)
    words = ["compare", str(kept), CELL, "--candidate-set", "units=12", "--runs"]
    quick = [*WORDS[6:], "--base-set", "units=12", "--recipe", "default"]
    assert main([*words, str(other), *quick]) == 0
    assert "Identical" in capsys.readouterr().out
    assert len(list(other.glob("*.json"))) == 8
    assert main([*words, str(other), *quick, "--iterations", "121"]) == 2
    assert "have iterations 120, 121 was asked for" in capsys.readouterr().err
    assert main([*words, str(other), *quick, "--task", "parity"]) == 2
    assert "have task addition, parity was asked for" in capsys.readouterr().err
    assert main([*words, str(other), *quick, "--prove"]) == 2
    assert "have no verdicts" in capsys.readouterr().err


def test_runs_of_another_format_are_no_base(trained, tmp_path, capsys):
    folder, _ = trained
    shutil.copytree(folder / "runs", tmp_path / "runs")
    for path in (tmp_path / "runs").glob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"gru_bench run 2", b"gru_bench run 1"))
    assert main(["compare", str(tmp_path / "runs"), CELL]) == 2
    assert "its form is not 'gru_bench run 2'" in capsys.readouterr().err


def test_a_test_fails_where_the_candidate_is_worse(trained):
    folder, _ = trained
    same = {"base_arguments": UNITS, "candidate_arguments": UNITS, "runs": folder / "runs"}
    assert assert_not_worse(CELL, CELL, **same, **SMALL).is_identical
    strict = {**same, **SMALL, "beta": 1e-6}
    with pytest.raises(AssertionError, match=r"^Identical bit for bit: .*\n  iterations to"):
        assert_not_worse(CELL, CELL, fail_on="undecided", **strict)
    with pytest.raises(UsageError, match="unknown fail_on 'wrose'"):
        assert_not_worse(CELL, CELL, fail_on="wrose")


CELLS = """
from gru_bench import GRUCell

class Mine(GRUCell):
    def call(self, inputs, states):
        h, _ = super().call(inputs, states)
        return SCALE * h, [SCALE * h]

SCALE = """


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository in which a cell was changed in the last commit."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine_in_git.py"
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    for scale in ("1.0", "0.5"):
        path.write_text(CELLS + scale + "\n", encoding="utf-8")
        subprocess.run(["git", "add", path.name], check=True)
        subprocess.run(["git", *who, "commit", "-q", "-m", scale], check=True)
    yield tmp_path
    sys.modules.pop("mine_in_git", None)


def test_a_revision_of_the_same_file_is_a_base(repository, capsys):
    words = ["compare", "mine_in_git:Mine", *WORDS, *BOTH, "--json", "found.json"]
    assert main([*words, "--base-rev", "HEAD~1"]) in (0, 1)
    data = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert data["base"]["cell"].startswith("mine_in_git_at_")
    assert data["candidate"]["cell"] == "mine_in_git:Mine"
    assert data["base"]["source"] != data["candidate"]["source"]
    assert data["identical"] == 0
    assert not [name for name in sys.modules if name.startswith("mine_in_git_at_")]
    assert {path.name for path in repository.iterdir()} >= {"gru_bench_runs", "found.json"}
    capsys.readouterr()
    for revision, said in (
        ("HEAD~9", "--base-rev takes a git revision"),
        ("--output=x", "--base-rev takes a git revision"),
        ("HEAD:mine_in_git.py", "has no file 'mine_in_git.py'"),
    ):
        assert main([*words, f"--base-rev={revision}"]) == 2
        assert said in capsys.readouterr().err


def test_a_file_that_no_revision_has_is_no_base(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_nowhere.py").write_text(CELLS + "1.0\n", encoding="utf-8")
    assert main(["compare", "mine_nowhere:Mine", "--base-rev", "HEAD"]) == 2
    assert "is not in a git repository" in capsys.readouterr().err
    sys.modules.pop("mine_nowhere", None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([CELL], "compare takes a base and a candidate"),
        ([CELL, CELL, "--base", CELL], "the base is given twice: as BASE and as --base"),
        (["nonsense", "--base", CELL], "a cell is named package.module:Name"),
        ([CELL, "nonsense"], "a cell is named package.module:Name"),
        (["nonsense", CELL], "the base must be a cell, package.module:Name, or a folder of runs"),
        ([CELL, CELL, "--alpha", "0.7"], "--alpha must be at most 0.5, got 0.7"),
        ([CELL, CELL, "--beta", "0"], "--beta must be above 0, got 0"),
        ([CELL, CELL, "--margin", "1"], "--margin must be above 1, got 1"),
        ([CELL, CELL, "--margin", "2"], "--margin must be at most 1.9, got 2"),
        ([CELL, CELL, "--points", "99"], "--points must be at most 90, got 99"),
        ([CELL, CELL, "--seed-block", "-1"], "--seed-block must be at least 0, got -1"),
        ([CELL, CELL, "--fail-on", "better"], "--fail-on takes worse or undecided, got 'better'"),
        ([CELL, CELL, "--lengths", "8;9"], "--lengths takes bits, for example 8,64,256, got '8;9'"),
        ([CELL, CELL, "--lengths", "0"], "a length must be at least 1, got 0"),
        ([CELL, CELL, "--recipe", "nosuch"], "unknown recipe 'nosuch'"),
        ([CELL, CELL, "--task", "nosuch"], "unknown task 'nosuch'"),
        ([CELL, CELL, "--prove", "--base-rev", "HEAD"], "--prove cannot be given with --base-rev"),
        (
            [CELL, CELL, "--max-seeds", "6"],
            "no verdict can be given with 6 seeds: at these rates worse needs 7, better needs 7, "
            "equivalent needs 42",
        ),
        ([CELL, "keras.layers:GRU"], "did you mean"),
        ([CELL, "nowhere_at_all:Cell"], "cannot be imported"),
    ],
)
def test_bad_input_is_told_in_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_runs_that_learn_nothing_are_no_comparison(tmp_path, capsys):
    words = ["compare", CELL, CELL, *BOTH, "--runs", str(tmp_path), "--iterations", "1"]
    words += ["--pairs", "4", "--lengths", "64", "--max-seeds", "8", "--no-speed"]
    assert main(words) == 2
    assert "nothing was measured: none of 16 runs solves the task" in capsys.readouterr().err


def test_where_neither_solves_it_accuracy_alone_counts_and_that_is_said(tmp_path):
    found = account_of(tmp_path, lambda _: None, lambda _: None)
    assert found.verdict == "equivalent"
    assert "Note: neither ever solves the task, so accuracy alone" in telling.describe(found)
