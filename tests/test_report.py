from __future__ import annotations

import importlib
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from gru_bench.errors import UsageError
from gru_bench.report.report import make_report
from gru_bench.runs.execution import plan_groups
from gru_bench.runs.experiment import load_experiment, make_experiment
from gru_bench.runs.provenance import source_hash
from gru_bench.runs.run import Weights, read_run, read_runs
from gru_bench.runs.watch import Watch
from tests.corpus.made_runs import without_code

SMALL = """
title = "A small <experiment>"
claim = "It learns at once & for ever"
seeds = 2
checkpoints = [0, 30]
lengths = [3, 5]
pairs = 20
recipes = ["small", "wild"]

[recipe.small]
iterations = 60

[recipe.wild]
iterations = 60
learning_rate = 1e30
loss = "quadratic"

[[cells]]
name = "gru_bench:GRUCell"
label = "GRU"
arguments = {units = 4}

[[claims]]
text = "any length"
iteration = 60
length = 5
"""


def experiment_from(folder, text=SMALL):
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return load_experiment(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An experiment that was interrupted after its first run and then made to the end."""
    folder = tmp_path_factory.mktemp("report")
    experiment, out = experiment_from(folder), folder / "out"

    class Interrupting(Watch):
        def step(self, progress):
            del progress
            if list(out.glob("runs/*.json")):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_report(experiment, out, watch=Interrupting(), workers=1)
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("runs/*.json")}
    report = make_report(experiment, out, command="gru-bench report x.toml")
    return experiment, out, report, kept


def data_of(out):
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def test_an_interrupted_experiment_keeps_its_finished_runs_and_goes_on_from_there(made):
    _, out, report, kept = made
    assert len(kept) == 1
    (name, when), *_ = kept.items()
    assert "-small-0000-" in name
    assert (out / "runs" / name).stat().st_mtime_ns == when
    assert report.outcome.trained == 3


def test_the_report_writes_every_file(made):
    _, out, report, _ = made
    names = {path.name for path in out.iterdir()}
    texts = {"report.html", "report.md", "report.json", "results.csv"}
    assert names == {"runs"} | texts
    assert {path.name for path in report.files} == texts
    assert report.files[0].name == "report.html"


def test_with_every_run_on_disk_nothing_is_trained_and_the_report_is_the_same(made):
    experiment, out, report, _ = made
    before = {path.name: path.read_bytes() for path in report.files}
    again = make_report(experiment, out, command="gru-bench report x.toml")
    assert again.outcome.trained == 0
    assert {path.name: path.read_bytes() for path in again.files} == before


def test_a_deleted_run_is_trained_again_alone_to_the_same_bits(made, tmp_path):
    experiment, out, _, _ = made
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    lost = next(copy.glob("runs/*-small-0001-*"))
    before, others = read_run(lost), {p: p.stat().st_mtime_ns for p in copy.glob("runs/*")}
    lost.unlink()
    told = []

    class Telling(Watch):
        def plan(self, *numbers):
            told.append(numbers)

        def begin(self, title, *numbers):
            told.append((title, *numbers))

    assert make_report(experiment, copy, watch=Telling()).outcome.trained == 1
    assert told == [(4, 3, 60), ("GRU, recipe small", 1, 60, None)]
    assert {p: p.stat().st_mtime_ns for p in others if p != lost} == {
        p: when for p, when in others.items() if p != lost
    }
    after = read_run(lost)
    assert after.model_dump(exclude={"seconds"}) == before.model_dump(exclude={"seconds"})


def test_a_diverged_seed_is_recorded_counted_as_wrong_and_named(made):
    _, out, report, _ = made
    runs = [read_run(path) for path in out.glob("runs/*-wild-*")]
    assert all(run.diverged is not None and run.diverged < 30 for run in runs)
    assert {row.iteration for run in runs for row in run.measurements} == {0}
    wild = report.results.long.query("recipe == 'wild'")
    assert (wild[wild["iteration"] > 0][["exact", "bits_right"]] == 0).all(axis=None)
    assert wild["measured"].tolist() == (wild["iteration"] == 0).tolist()
    assert len(report.diverged) == 2
    for name in ("report.html", "report.md"):
        text = (out / name).read_text(encoding="utf-8")
        assert f"recipe wild: seed 1 diverged at iteration {runs[0].diverged}" in text
    assert f"diverged at {runs[0].diverged}" in (out / "report.html").read_text(encoding="utf-8")
    seeds = [row for row in data_of(out)["seeds"] if row["recipe"] == "wild"]
    assert {row["outcome"] for row in seeds} == {f"diverged at {run.diverged}" for run in runs}
    assert [row["solved_at"] for row in seeds] == [None, None]
    solving = {row["recipe"]: row for row in data_of(out)["solving"]}
    assert (solving["wild"]["solved"], solving["wild"]["diverged"]) == (0, 2)
    assert solving["small"]["diverged"] == 0


def test_a_run_file_holds_the_weights_it_measured(made):
    experiment, out, _, _ = made
    run = read_run(next(out.glob("runs/*-small-0000-*")))
    group = plan_groups(experiment)[0]
    assert [weights.iteration for weights in run.weights] == [0, 30, 60]
    assert all(weights.theta.shape == (group.network.size,) for weights in run.weights)
    start = group.network.initial_weights(0, group.recipe.stddev)
    np.testing.assert_array_equal(run.weights[0].theta, start)
    assert (run.weights[0].theta != run.weights[2].theta).any()


def test_weights_survive_the_file():
    theta = np.array([1.5, -0.0, np.nan, 1e-40], np.float32)
    kept = Weights.of(3, theta.astype(">f4"))
    assert kept.dtype == "<f4"
    np.testing.assert_array_equal(kept.theta, theta)


def test_a_run_file_has_a_row_on_a_line(made):
    _, out, _, _ = made
    lines = next(out.glob("runs/*-small-0000-*")).read_text(encoding="utf-8").splitlines()
    assert sum('"bits_right"' in line for line in lines) == 3 * 4 * 2


class Rows(HTMLParser):
    """The texts of table rows, by the id of the division around the table."""

    def __init__(self):
        super().__init__()
        self.tables, self.addresses, self.cell = {}, [], None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.addresses += [v for k, v in attributes.items() if k in {"src", "href", "srcset"}]
        if tag in {"script", "link", "iframe"}:
            self.addresses.append(tag)
        if tag == "div" and "id" in attributes:
            self.rows = self.tables.setdefault(attributes["id"], [])
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self.rows[-1].append(self.cell.strip())
            self.cell = None


def html_of(out):
    text = (out / "report.html").read_text(encoding="utf-8")
    parser = Rows()
    parser.feed(text)
    return text, parser


def test_the_html_is_one_self_contained_file(made):
    _, out, _, _ = made
    text, parser = html_of(out)
    outside = [a for a in parser.addresses if not a.startswith("#")]
    assert outside == ["data:,", "link", *["script"] * 4]
    assert not re.search(r"@import|url\((?!data:)|https?://", without_code(text))


def test_pages_escape_what_users_write_and_say_what_they_must(made):
    _, out, _, _ = made
    text, _ = html_of(out)
    assert "A small &lt;experiment&gt;" in text
    assert "It learns at once &amp; for ever" in text
    markdown = (out / "report.md").read_text(encoding="utf-8")
    assert "# A small &lt;experiment>" in markdown
    for page in (text, markdown):
        assert "2 seeds, 20 pairs at each length and family" in page
        assert "95% intervals" in page
        assert "gru-bench report x.toml" in page
        assert re.search(r"tensorflow \d+\.\d+", page)
        assert re.search(r"\d+ cores?, Linux", page)


def test_csv_json_tables_and_terminal_say_the_same(made):
    _, out, report, _ = made
    long = pd.read_csv(out / "results.csv")
    assert len(long) == 2 * 2 * 3 * 4 * 2
    accuracy = (long["exact"] / long["pairs"]).groupby(
        [long[key] for key in ("recipe", "family", "iteration", "length")]
    )
    means = accuracy.mean()
    summary = data_of(out)["accuracy"]
    assert len(summary) == len(means)
    assert means.max() > 0
    screen = io.StringIO()
    Console(file=screen, width=200).print(report.table)
    _, parser = html_of(out)
    markdown = (out / "report.md").read_text(encoding="utf-8")
    for number, recipe in enumerate(("small", "wild"), 1):
        families = _families(parser.tables[f"accuracy-{number}"])
        (line_of,) = re.findall(rf"^\| GRU, recipe {recipe}: 5 bits.*", markdown, re.M)
        printed = screen.getvalue().split(f"GRU, recipe {recipe}")[1]
        for row in (row for row in summary if row["recipe"] == recipe):
            key = (recipe, row["family"], row["iteration"], row["length"])
            assert row["mean"] == pytest.approx(means[key])
            # Half a digit of the two that are shown; which way a half is rounded is free.
            assert float(row["entry"].split()[0]) == pytest.approx(row["mean"], abs=0.0051)
            column = 1 + [3, 5].index(row["length"])
            assert families[row["family"]][str(row["iteration"])][column] == row["entry"]
            if (row["iteration"], row["length"]) == (60, 5):
                assert row["entry"] in line_of
            line = re.search(rf"^ +{row['iteration']} .*", printed.split(row["family"])[1], re.M)
            assert re.findall(r"\S+ \[\S+ \S+\]", line.group())[column - 1] == row["entry"]


def _families(rows):
    """Rows of an accuracy table by family and iteration."""
    found = {}
    for row in rows:
        if len(row) == 1 and "bits" not in row[0]:
            inner = found.setdefault(row[0], {})
        elif len(row) == 3 and row[0].isdigit() and found:
            inner[row[0]] = row
    return found


def test_what_is_claimed_stands_beside_what_was_measured(made):
    _, out, _, _ = made
    _, parser = html_of(out)
    claims = parser.tables["claims"]
    assert claims[0][:4] == ["claimed", "cell", "iteration", "bits"]
    assert claims[1][:4] == ["any length", "GRU, recipe small", "60", "5"]
    row = next(
        r
        for r in data_of(out)["accuracy"]
        if (r["recipe"], r["iteration"], r["length"], r["family"]) == ("small", 60, 5, "uniform")
    )
    assert claims[1][4].replace("\xa0", " ") == f"{row['entry']}; {row['flawless']} of 2"


def test_failures_to_solve_are_shown_as_failures(made):
    _, out, _, _ = made
    rows = {row["run"]: row for row in data_of(out)["seeds"]}
    for path in out.glob("runs/*-small-*"):
        run = read_run(path)
        last = [r for r in run.measurements if r.iteration == 60]
        solved = all(r.exact == r.pairs for r in last)
        assert (rows[path.name]["solved_at"] is not None) == solved
        assert solved or rows[path.name]["outcome"] == "not solved by 60"


def test_files_that_are_not_finished_runs_are_named_and_not_counted(made, tmp_path):
    _, out, _, _ = made
    source = next(out.glob("runs/*-small-0000-*"))
    text = source.read_text(encoding="utf-8")
    (tmp_path / source.name).write_text(text, encoding="utf-8")
    wrong = {
        "a-truncated.json": text[:-200],
        "b-foreign.json": "{}",
        "c-list.json": "[1]",
        "d-renamed.json": text,
        "e-other-form.json": text.replace("gru_bench run 2", "gru_bench run 9"),
        "f-row-lost.json": re.sub(r'    \{"bits": .*\n', "", text, count=1),
        "g-binary.json": "\x00\x01",
        "h-impossible.json": re.sub(r'"exact": \d+', '"exact": 21', text, count=1),
    }
    for name, content in wrong.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    runs, notices = read_runs(tmp_path)
    assert list(runs) == [source.name]
    assert len(notices) == len(wrong)
    for name, notice in zip(wrong, notices, strict=True):
        assert name in notice
        assert "not counted" in notice
        assert "\n" not in notice


def test_a_truncated_run_is_reported_and_trained_again(made, tmp_path):
    experiment, out, _, _ = made
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    broken = next(copy.glob("runs/*-wild-0000-*"))
    broken.write_text(broken.read_text(encoding="utf-8")[:100], encoding="utf-8")
    told = []
    report = make_report(experiment, copy, tell=told.append)
    assert report.outcome.trained == 1
    assert len(told) == 1
    assert broken.name in told[0]
    assert read_run(broken).inputs.seed == 0


@pytest.mark.parametrize(
    "change",
    [
        {"pairs": 21},
        {"evaluation_seed": 1},
        {"lengths": [3, 6]},
        {"families": ["uniform"]},
        {"checkpoints": [0, 31]},
        {"cells": [{"name": "gru_bench:GRUCell", "arguments": {"units": 5}}]},
        {"cells": [{"name": "keras.layers:GRUCell", "arguments": {"units": 4}}]},
        {"recipe": {"small": {"iterations": 60, "learning_rate": 0.02}, "wild": {}}},
        {"task": "subtraction"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_run_s_name_depends_on_what_the_run_depends_on(made, change):
    experiment, _, _, _ = made
    other = make_experiment(experiment.model_dump(exclude={"claims"}) | change)
    names = [{i.name for i in plan_groups(e)[0].inputs} for e in (experiment, other)]
    assert len(names[0]) == len(names[1]) == 2
    assert not names[0] & names[1]


def test_a_run_s_name_does_not_depend_on_titles_and_labels(made):
    experiment, _, _, _ = made
    data = experiment.model_dump()
    data["title"], data["cells"][0]["label"], data["seeds"] = "Other", "Other", [1]
    other = plan_groups(make_experiment(data))[0].inputs
    assert [other[0].name] == [plan_groups(experiment)[0].inputs[1].name]


def test_the_source_hash_follows_the_module_of_the_cell_and_of_its_bases(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "base_of_cell.py").write_text("class Base: pass\n")
    (tmp_path / "my_cell.py").write_text(
        "from base_of_cell import Base\nclass Mine(Base): pass\ndef helper(): return 1\n"
    )
    cell = importlib.import_module("my_cell").Mine
    first = source_hash(cell)
    assert first == source_hash(cell)
    (tmp_path / "my_cell.py").write_text((tmp_path / "my_cell.py").read_text() + "# changed\n")
    second = source_hash(cell)
    (tmp_path / "base_of_cell.py").write_text("class Base: x = 1\n")
    assert len({first, second, source_hash(cell)}) == 3


def test_the_source_hash_follows_helpers_through_the_modules_that_use_them(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "package_of_helpers"
    package.mkdir()
    texts = {
        package / "__init__.py": "",
        package / "near.py": "from . import far\ndef near(): return far.far()\n",
        package / "far.py": "import json, numpy\ndef far(): return 1\n",
        tmp_path / "late_helper.py": "x = 1\n",
        tmp_path / "cell_with_helpers.py": "from package_of_helpers.near import near\n"
        "class Mine:\n    def call(self):\n        import late_helper\n        return near()\n",
        tmp_path / "not_used.py": "x = 1\n",
    }
    for path, text in texts.items():
        path.write_text(text)
    cell = importlib.import_module("cell_with_helpers").Mine
    cell().call()
    importlib.import_module("not_used")
    first = source_hash(cell)
    for path, text in texts.items():
        path.write_text(text + "# changed\n")
        assert (source_hash(cell) == first) == (path.name == "not_used.py"), path.name
        path.write_text(text)
    assert source_hash(cell) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sede = 1\n", "unknown key 'sede', did you mean 'seeds'?"),
        ("pairs = 'many'\n", "pairs = 'many'"),
        ("seeds = 0\n", "seeds must be at least 1, got 0"),
        ("seeds = 1.5\n", "seeds must be an integer, got 1.5"),
        ("seeds = [1, 1]\n", "seeds must differ, got 1"),
        ("seeds = [-1]\n", "-1"),
        ("seeds = []\n", "seeds"),
        ("lengths = [0]\n", "lengths.0 = 0"),
        ("lengths = []\n", "lengths"),
        ("families = ['unifrom']\n", "'uniform'"),
        ("recipes = ['defualt']\n", "unknown recipe 'defualt', did you mean 'default'?"),
        ("task = 'additon'\n", "unknown task 'additon', did you mean 'addition'?"),
        ("checkpoints = [50, 99999]\n", "checkpoints must be at most"),
        ("recipes = ['mine']\n[recipe.mine]\nbatchs = 1\n", "did you mean 'batch'?"),
        ("recipes = ['mine']\n[recipe.mine]\nbase = 'defalt'\n", "did you mean 'default'?"),
        ("[recipe.default]\nbatch = 1\n", "'default' is one of the bench's own"),
        ("claims = [{text = 'x', iteration = 7, length = 8}]\n", "iteration must be one of"),
        ("claims = [{text = 'x', iteration = 50, length = 7}]\n", "length must be one of"),
        ("cells = [{name = 'x', lable = 'y'}]\n", "'cells.0.lable', did you mean 'label'?"),
        ("cells = [{label = 'x'}]\n", "'cells.0.name' is missing"),
        ("cells = [{name = 'a:B'}, {name = 'a:B'}]\n", "labels of cells must differ"),
        ("title = \n", "is not TOML"),
    ],
)
def test_a_bad_experiment_is_refused_in_one_line(tmp_path, change, message):
    given = change.partition("=")[0].strip()
    lines = [
        "title = 'x'",
        "seeds = 2",
        "checkpoints = [50]",
        "lengths = [8]",
        "cells = [{name = 'gru_bench:GRUCell'}]",
    ]
    text = "\n".join(line for line in lines if not line.startswith(given)) + "\n" + change
    with pytest.raises(UsageError) as refused:
        experiment_from(tmp_path, text)
    assert message in str(refused.value)
    assert "experiment.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_experiment_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"there is no file '.*nowhere\.toml'"):
        load_experiment(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, below):
    (tmp_path / "file").write_text("kept")
    out = tmp_path / "file" / below

    class Refusing(Watch):
        def begin(self, title, *numbers):
            pytest.fail(f"training began: {title}, {numbers}")

    with pytest.raises(UsageError, match=r"the output folder .* cannot be written") as refused:
        make_report(experiment_from(tmp_path), out, watch=Refusing())
    assert "\n" not in str(refused.value)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_cell_that_does_not_work_is_refused_before_anything_is_written(tmp_path):
    text = SMALL.replace("units = 4", "unist = 4")
    with pytest.raises(UsageError, match="unist"):
        make_report(experiment_from(tmp_path, text), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_packaged_default_is_the_one_in_reports():
    folder = Path(__file__).parents[1] / "reports"
    assert load_experiment() == load_experiment(folder / "adder.toml")
    assert load_experiment(folder / "tutorial.toml").recipes == ("tutorial",)


def test_numbers_and_lists_of_seeds():
    base = {"title": "x", "lengths": [8], "cells": [{"name": "a:B"}]}
    assert make_experiment(base | {"seeds": 3}).seeds == (0, 1, 2)
    assert make_experiment(base | {"seeds": [5, 2]}).seeds == (5, 2)


def test_a_narrow_terminal_breaks_entries_between_mean_and_interval(made):
    screen = io.StringIO()
    Console(file=screen, width=48).print(made[2].table)
    lines = screen.getvalue().splitlines()
    assert any(re.fullmatch(r"( +\[\d\.\d\d, \d\.\d\d\]){2} *", line) for line in lines)


def test_many_rows_leave_the_hardest_family_to_the_terminal(made, monkeypatch):
    def shown():
        screen = io.StringIO()
        Console(file=screen, width=120).print(made[2].table)
        return screen.getvalue()

    family = re.compile(r"^ *(uniform|long-carry|periodic|sparse) *$", re.MULTILINE)
    assert len(family.findall(shown())) == 8
    monkeypatch.setattr("gru_bench.report.terminal.MOST_ROWS", 4)
    brief = shown()
    summary = made[2].results.summary
    last = summary[summary["iteration"] == 60].groupby(["recipe", "family"])["mean"].mean()
    found = family.findall(brief)
    assert len(found) == 2
    assert last["small", found[0]] == last["small"].min()
    assert "Only the hardest family is shown." in brief
