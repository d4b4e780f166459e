"""The recorded runs from which comparisons are simulated, and what is published of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import comparison
from gru_bench.comparison.rules import Rules
from gru_bench.comparison.scores import Trial, score_pairs
from gru_bench.comparison.verdict import EQUIVALENT, WORSE, decide

FOLDER = Path(__file__).parent.parent / "reports" / "comparison"


@pytest.fixture(scope="module")
def banks():
    frame = pd.read_csv(FOLDER / "bank.csv")
    return dict(iter(frame.groupby("bank", sort=False)))


def test_each_bank_has_seeds_enough_each_once(banks):
    assert {"gru", "lstm", "simple-rnn"} <= banks.keys()
    for bank in banks.values():
        assert len(bank) >= 64
        assert bank["seed"].is_unique
        assert bank["accuracy"].between(0, 1).all()
        assert (bank["solved"].dropna() <= bank["last"].iloc[0]).all()


def test_many_scores_at_once_are_those_of_single_seeds(banks):
    rng = np.random.default_rng(0)
    base, other = (comparison.draw(banks["lstm"], rng, 1, 40) for _ in range(2))
    found = comparison.scores_of(base, other)
    trials = [
        [
            Trial(i, None if np.isinf(t) else int(t), {("all", 0): float(a)})
            for i, (t, a) in enumerate(zip(runs.solved[0], runs.accuracy[0], strict=True))
        ]
        for runs in (base, other)
    ]
    for name, y in score_pairs(*trials).items():
        np.testing.assert_allclose(found[name][0], y)


@pytest.mark.parametrize("name", ["gru", "lstm", "simple-rnn"])
def test_a_cell_is_seldom_worse_than_itself(banks, name):
    rng = np.random.default_rng(1)
    base, other = (comparison.draw(banks[name], rng, 400, 128) for _ in range(2))
    verdicts, _ = decide(comparison.scores_of(base, other), Rules())
    assert (verdicts == WORSE).mean() <= 0.05


def test_a_slower_learner_is_found(banks):
    rng = np.random.default_rng(2)
    base, other = (comparison.draw(banks["gru"], rng, 200, 128) for _ in range(2))
    verdicts, _ = decide(comparison.scores_of(base, other.slower(1.3)), Rules())
    assert (verdicts == WORSE).mean() >= 0.9
    assert (verdicts == EQUIVALENT).sum() == 0


def test_the_published_page_says_how_it_is_made():
    text = (FOLDER / "report.md").read_text(encoding="utf-8")
    assert "python -m benchmarks.comparison" in text
    assert "1,000 comparisons each" in text
