from __future__ import annotations

import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from gru_bench.errors import UsageError
from gru_bench.learning.adder import Adder
from gru_bench.report.automaton import MOST_NODES, automaton, graph, zonotope
from gru_bench.report.certainty import beside, detail, seed_rows, share_table, summarise
from gru_bench.report.exhibit import find_exhibits
from gru_bench.report.facts import facts
from gru_bench.report.loss import loss_table
from gru_bench.report.report import make_report
from gru_bench.runs.execution import make_judge, plan_groups
from gru_bench.runs.experiment import make_experiment
from gru_bench.runs.run import read_run
from gru_bench.runs.solving import proof_time
from gru_bench.runs.verdict import AnyLength, Judgement
from gru_bench.task.transducer import TASKS, get_task
from tests.corpus.changed_files import signed
from tests.corpus.made_runs import without_code

SMALL = {
    "title": "How certain?",
    "seeds": 2,
    "checkpoints": [20],
    "lengths": [3, 9],
    "families": ["uniform", "long-carry"],
    "pairs": 20,
    "any_length": {"steps": 20_000, "regions": 64},
    "recipes": ["small", "wild"],
    "recipe": {
        "small": {
            "base": "provable",
            "iterations": 200,
            "worst_case_from": 0.3,
            "worst_case_ramp": 0.3,
        },
        "wild": {"iterations": 20, "learning_rate": 1e30, "loss": "quadratic"},
    },
    "cells": [{"name": "gru_bench:GRUCell", "label": "GRU", "arguments": {"units": 8}}],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("certainty") / "out"
    report = make_report(make_experiment(SMALL), out)
    return out, report


def runs_of(report, recipe="small"):
    return next(g for g in report.outcome.groups if g.recipe.name == recipe).runs


def proved(report):
    """The seeds that are proved in the end; a test of proofs must have one."""
    runs = [run for run in runs_of(report) if run.verdicts[-1].outcome == "PROVED"]
    assert runs, [run.verdicts[-1].reason for run in runs_of(report)]
    return runs


def test_each_checkpoint_has_a_verdict_that_can_be_checked(made):
    _, report = made
    group = report.outcome.groups[0]
    outcomes = set()
    for run in group.runs:
        assert [verdict.iteration for verdict in run.verdicts] == [20, 200]
        for verdict, weights in zip(run.verdicts, run.weights, strict=True):
            outcomes.add(verdict.outcome)
            if verdict.outcome != "REFUTED":
                continue
            adder = Adder(group.network, weights.theta, group.recipe.threshold)
            operands = [int(text, 0) for text in verdict.operands]
            said = adder.add(*operands, length=verdict.length)
            assert (said ^ sum(operands)) >> verdict.position & 1
    assert "REFUTED" in outcomes
    for run in proved(report):
        last = run.verdicts[-1]
        assert (last.margin > 0, last.regions > 1, len(last.theorem)) == (True, True, 64)
        assert last.operands is None


def test_the_same_weights_get_the_same_verdict_from_another_judge_and_from_threads(made):
    _, report = made
    group = report.outcome.groups[0]
    judge = make_judge(group)
    tasks = []
    for run in group.runs:
        for verdict, weights in zip(run.verdicts, run.weights, strict=True):
            rows = [row for row in run.measurements if row.iteration == verdict.iteration]
            wrong = sum(row.pairs - row.exact for row in rows)
            tasks.append((verdict, weights.theta, verdict.iteration, wrong))
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda task: judge.judge(*task[1:]), tasks))
    assert [verdict for verdict, _ in again] == [task[0] for task in tasks]
    assert [bool(proof) for _, proof in again] == [t[0].outcome == "PROVED" for t in tasks]


def test_weights_that_were_measured_wrong_are_not_proved(made):
    _, report = made
    run = proved(report)[0]
    judge = make_judge(report.outcome.groups[0])
    verdict, certificate = judge.judge(run.weights[-1].theta, 200, wrong=3)
    assert certificate is None
    assert verdict.outcome == "OPEN"
    assert "3 tested pairs are wrong" in verdict.reason


def test_shares_count_every_seed_once_and_a_diverged_one_apart(made):
    _, report = made
    shares = summarise(report.results).set_index(["recipe", "iteration"])
    counts = shares[["proved", "refuted", "open", "diverged"]]
    assert (counts.sum(axis=1) == shares["seeds"]).all()
    assert counts.loc[("wild", 20)].tolist() == [0, 0, 0, 2]
    assert counts.loc[("small", 200), "proved"] == len(proved(report))
    assert counts.loc[("small", 20), "proved"] == 0
    assert "diverged" in share_table(report.results)


def test_pages_data_and_terminal_show_the_same_verdicts(made):
    out, report = made
    entry = beside(report.results, "GRU", "small")["entry"][200]
    assert entry.startswith(f"{len(proved(report)) / 2:.2f} [")
    screen = io.StringIO()
    Console(file=screen, width=150).print(report.table)
    html = (out / "report.html").read_text(encoding="utf-8")
    markdown = (out / "report.md").read_text(encoding="utf-8")
    data = json.loads((out / "report.json").read_text(encoding="utf-8"))
    for text in (screen.getvalue(), without_code(html), markdown):
        assert "very length" in text or "ny length" in text
        assert entry in text
    row = next(r for r in data["any_length"] if (r["recipe"], r["iteration"]) == ("small", 200))
    assert (row["proved"], row["proved_entry"]) == (len(proved(report)), entry)
    verdicts = pd.read_csv(out / "verdicts.csv")
    assert len(verdicts) == 2 * (2 + 1)
    small = verdicts.query("recipe == 'small' and iteration == 200")
    assert (small["outcome"] == "PROVED").sum() == row["proved"]
    assert len(data["verdicts"]) == len(verdicts)
    assert "Both losses" not in markdown or "worst-case loss" in markdown


def test_a_seed_is_provable_from_the_iteration_after_which_it_stays_proved(made):
    _, report = made
    for run in proved(report):
        row = report.results.seeds.query(f"recipe == 'small' and seed == {run.inputs.seed}")
        assert row["proved_at"].item() == 200
    proving = report.results.proving.set_index("recipe")
    assert proving.loc["small", "solved"] == len(proved(report))
    assert proving.loc["wild", "expected_text"] == "none was proved"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["PROVED", "PROVED"], 10),
        (["OPEN", "PROVED"], 20),
        (["PROVED", "OPEN"], None),
        (["PROVED", "REFUTED"], None),
        ([], None),
    ],
)
def test_when_a_run_becomes_provable(outcomes, expected):
    verdicts = [
        SimpleNamespace(iteration=10 * k, outcome=outcome) for k, outcome in enumerate(outcomes, 1)
    ]
    assert proof_time(SimpleNamespace(diverged=None, verdicts=verdicts)) == expected
    assert proof_time(SimpleNamespace(diverged=15, verdicts=verdicts)) is None


def test_what_was_not_measured_is_not_open(made, tmp_path):
    _, report = made
    data = {key: value for key, value in SMALL.items() if key != "any_length"}
    data |= {"recipes": ["wild"], "checkpoints": [0]}
    plain = make_report(make_experiment(data), tmp_path)
    assert plain.results.verdicts.empty
    assert plain.results.proving.empty
    assert "proved_at" not in plain.results.seeds
    assert not (tmp_path / "verdicts.csv").exists()
    for path in plain.files:
        if path.suffix in {".md", ".html", ".json"}:
            text = without_code(path.read_text(encoding="utf-8"))
            assert "OPEN" not in text
            assert "any length" not in text.lower()
            assert "proved" not in text.lower()
    assert "any_length" in json.loads((tmp_path / "report.json").read_text())["experiment"]
    assert runs_of(report, "wild")[0].inputs.any_length == AnyLength(steps=20_000, regions=64)


def test_a_run_without_verdicts_does_not_stand_for_one_with_them(tmp_path):
    data = {key: value for key, value in SMALL.items() if key != "any_length"}
    data |= {"recipes": ["wild"], "checkpoints": [0]}
    make_report(make_experiment(data), tmp_path)
    path = sorted(tmp_path.glob("runs/*"))[0]
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["verdicts"], found["inputs"]["any_length"]) == ([], None)
    text = json.dumps(found["inputs"], sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] in path.name
    del found["verdicts"], found["digest"]
    path.write_bytes(signed(found))
    with pytest.raises(UsageError, match="'verdicts' is missing"):
        read_run(path)
    names = {
        asked: {i.name for i in plan_groups(make_experiment(data | asked_for))[0].inputs}
        for asked, asked_for in {
            "none": {},
            "true": {"any_length": True},
            "more": {"any_length": {"steps": 7}},
        }.items()
    }
    assert path.name in names["none"]
    assert not names["none"] & names["true"]
    assert not names["true"] & names["more"]


def test_a_run_that_lost_a_verdict_is_not_counted(made, tmp_path):
    out, _ = made
    source = next(out.glob("runs/*-small-0000-*"))
    data = json.loads(source.read_text(encoding="utf-8"))
    for change in ("lost", "theorem"):
        changed = json.loads(json.dumps(data))
        if change == "lost":
            changed["verdicts"].pop()
        else:
            changed["verdicts"][0] |= {"outcome": "PROVED", "theorem": None}
        path = tmp_path / source.name
        path.write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(UsageError, match="not counted"):
            read_run(path)


def test_the_proof_of_the_first_proved_seed_is_drawn(made, monkeypatch):
    out, report = made
    # It is in the run's file: nothing is looked for twice.
    monkeypatch.delattr("gru_bench.proof.verdict.Prover.judge")
    (exhibit,) = find_exhibits(report.outcome.groups)
    first = proved(report)[0]
    assert exhibit.certificate == first.certificate
    kept = read_run(next((out / "runs").glob(first.inputs.name)))
    assert kept.certificate == first.certificate
    assert (exhibit.seed, exhibit.iteration) == (first.inputs.seed, 200)
    assert len(exhibit.family.labels) == first.verdicts[-1].regions
    states, where = exhibit.sample()
    away = np.abs(states - exhibit.center[where]) - exhibit.radius[where]
    assert away.max() < 1e-3
    title = f"recipe small: seed {exhibit.seed} after 200 iterations"
    html = (out / "report.html").read_text(encoding="utf-8")
    assert title in html
    pictures = automaton(exhibit)
    assert len(pictures) == 1 + (len(exhibit.family.labels) <= MOST_NODES)
    assert all(picture in html for picture in pictures)
    (rows,) = facts(report.results, [exhibit])["exhibits"]
    assert {row["region"] for row in rows if row["kind"] == "region"} == set(
        range(len(exhibit.family.labels))
    )


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_the_automaton_of_a_task_writes_what_the_task_writes(name, merged):
    task = get_task(name)
    # A family with a region for each state and last symbol, as proofs often have.
    pairs = [(q, x) for q in range(task.states) for x in range(task.symbols)]
    reached = sorted({(task.next_state[q][x], x) for q, x in pairs} | {(0, 0)})
    start = reached.index((0, 0))
    labels = np.array([q for q, _ in reached])
    following = np.array(
        [[reached.index((task.next_state[q][x], x)) for x in range(task.symbols)] for q in labels]
    )
    if merged:
        start, labels, following = 0, np.arange(task.states), np.array(task.next_state)
    drawn = graph(task, following, labels)
    marks = [mark for _, _, found in drawn.edges(data="marks") for mark in found]
    assert len(marks) == following.size
    assert len(drawn.edges) == len({(k, j) for k, row in enumerate(following) for j in row})
    word = np.random.default_rng(3).integers(task.symbols, size=50)
    node, written = start, []
    for symbol in word:
        digits = "".join(map(str, task.digits(symbol)))
        found = [
            (target, mark.split("/")[1])
            for _, target, edge in drawn.out_edges(node, data="marks")
            for mark in edge
            if mark.split("/")[0] == digits
        ]
        ((node, digit),) = found
        written.append(int(digit))
    assert written == task.labels(word[None])[0].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_zonotope_is_as_far_as_its_generators_reach_in_every_direction(seed):
    rng = np.random.default_rng(seed)
    generators = rng.normal(size=(7, 2)) * rng.integers(0, 2, (7, 1))
    corners = zonotope(generators)
    for angle in np.linspace(0, 2 * np.pi, 37):
        direction = np.array([np.cos(angle), np.sin(angle)])
        reach = np.abs(generators @ direction).sum()
        assert (corners @ direction).max() == pytest.approx(reach, abs=1e-12)
    # In order: the outline of a convex set turns one way only.
    sides = np.diff(np.concatenate([corners, corners[:2]]), axis=0)
    turns = sides[:-1, 0] * sides[1:, 1] - sides[:-1, 1] * sides[1:, 0]
    assert turns.min() > -1e-12


def test_both_losses_are_medians_over_seeds():
    inputs = SimpleNamespace(checkpoints=(50, 100, 120))
    runs = [
        SimpleNamespace(
            inputs=inputs,
            curve=((50, plain, 0.5), (100, plain / 2, 1.0), (120, None, 1.0)),
            worst_curve=((50, 3 * plain), (100, 1.0), (120, None)),
        )
        for plain in (0.2, 0.4, 4.0)
    ]
    table = loss_table([SimpleNamespace(title="GRU, recipe x", runs=runs)])
    assert table["iteration"].tolist() == ["50", "100"]
    assert table["loss"].tolist() == ["0.4000", "0.2000"]
    assert table["worst-case loss"].tolist() == ["1.2000", "1.0000"]
    without = SimpleNamespace(title="x", runs=[SimpleNamespace(worst_curve=())])
    assert loss_table([without]).empty


def test_details_say_what_is_known_in_one_line(made):
    _, report = made
    rows = seed_rows(report.results)
    assert len(rows) == 4
    assert min(len(row["known"]) for row in rows) > 10
    long = {"outcome": "REFUTED", "operands": [hex(2**900), "3"], "length": 901, "position": 7}
    assert detail(long) == (
        "wrong for 0x10000000… (901 bits), 3 with 901 digits a number, at digit 7 counted from 0"
    )
    searched = {"outcome": "OPEN", "reason": "x", "steps": 5000, "exhaustive": 4, "longest": 900}
    assert "no counterexample in 5,000 steps" in detail(searched)
    assert detail(searched | {"steps": None}) == "x"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, AnyLength()),
        (False, None),
        ({"steps": 0}, AnyLength(steps=0)),
        ({"regions": 9}, AnyLength(regions=9)),
    ],
    ids=str,
)
def test_how_far_verdicts_go(given, expected):
    assert make_experiment(SMALL | {"any_length": given}).any_length == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"step": 1}, "unknown key 'any_length.step', did you mean 'steps'?"),
        ({"steps": -1}, "any_length.steps = -1"),
        ({"regions": 0}, "any_length.regions = 0"),
        (3, "any_length = 3"),
    ],
    ids=str,
)
def test_a_bad_effort_is_refused_in_one_line(given, message):
    with pytest.raises(UsageError) as refused:
        make_experiment(SMALL | {"any_length": given})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_verdict_must_be_whole():
    with pytest.raises(ValueError, match="theorem"):
        Judgement(iteration=1, outcome="OPEN", reason="", theorem="0")
    with pytest.raises(ValueError, match="operands"):
        Judgement(iteration=1, outcome="REFUTED", reason="")
