"""The statistics of a comparison: bets, intervals, verdicts, and how often they err."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.comparison.evidence import STAKES, discoveries, log_mean, log_wealth
from gru_bench.comparison.interval import mean_interval
from gru_bench.comparison.rules import Rules
from gru_bench.comparison.scores import (
    ACCURACY,
    ITERATIONS,
    MEASURES,
    PROVED,
    SOLVED,
    Trial,
    iterations_score,
    mean_scores,
    score_pairs,
    score_places,
)
from gru_bench.comparison.verdict import (
    BETTER,
    EQUIVALENT,
    UNDECIDED,
    VERDICTS,
    WORSE,
    Evidence,
    decide,
    seeds_needed,
)
from gru_bench.errors import UsageError

RULES = Rules()

times = st.one_of(st.none(), st.integers(1, 5000))
score_lists = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=40)


def trial(seed=0, solved=None, accuracy=0.0, proved=None):
    return Trial(seed, solved, {("uniform", 8): accuracy}, proved)


# Scores.


@given(times, times)
def test_a_score_changes_its_sign_with_the_places_and_lies_within_one(base, candidate):
    score = iterations_score(base, candidate)
    assert -1 <= score <= 1
    assert score == -iterations_score(candidate, base)


@pytest.mark.parametrize(
    ("base", "candidate", "score"),
    [
        (100, 100, 0),
        (100, 200, 1),
        (100, 150, math.log2(1.5)),
        (100, 1000, 1),
        (100, None, 1),
        (None, 100, -1),
        (None, None, 0),
        (200, 100, -1),
        (0, 0, 0),
        (0, 1, 0),
    ],
)
def test_scores_of_iterations(base, candidate, score):
    assert iterations_score(base, candidate) == pytest.approx(score)


def test_a_candidate_that_is_worse_in_all_has_scores_of_one():
    found = score_pairs([trial(0, 100, 1.0, True)], [trial(0, None, 0.0, False)])
    assert {name: values.tolist() for name, values in found.items()} == {
        ITERATIONS: [1.0],
        SOLVED: [1.0],
        ACCURACY: [1.0],
        PROVED: [1.0],
    }
    assert tuple(found) == MEASURES


def test_proofs_count_only_where_both_were_judged():
    assert PROVED not in score_pairs([trial(0, 1, 1.0, True)], [trial(0, 1, 1.0)])


def test_places_are_scored_by_themselves():
    base = [Trial(0, 1, {("uniform", 8): 1.0, ("sparse", 8): 0.5})]
    candidate = [Trial(0, 1, {("uniform", 8): 0.25, ("sparse", 8): 0.75})]
    found = score_places([base], candidate)
    assert {place: y.tolist() for place, y in found.items()} == {
        ("uniform", 8): [0.75],
        ("sparse", 8): [-0.25],
    }


def test_seeds_that_are_no_pairs_are_not_compared():
    with pytest.raises(ValueError, match="zip"):
        score_pairs([trial(0)], [])


@given(st.lists(times, min_size=6, max_size=6), st.lists(times, min_size=3, max_size=3))
def test_the_score_beside_several_runs_of_the_base_is_their_mean(bases, candidate):
    one, two = (
        [trial(i, solved) for i, solved in enumerate(part)] for part in (bases[:3], bases[3:])
    )
    other = [trial(i, solved) for i, solved in enumerate(candidate)]
    found, first, second = (mean_scores(b, other) for b in ([one, two], [one], [two]))
    for name, y in found.items():
        np.testing.assert_allclose(y, (first[name] + second[name]) / 2)
        assert (abs(y) <= 1).all()


# Evidence.


def wealth_by_hand(y, least):
    """The definition, in exact fractions, with nothing of the bench."""
    total = Fraction(0)
    for stake in (Fraction(15, 100), Fraction(4, 10), Fraction(9, 10)):
        product = Fraction(1)
        for value in y:
            product *= 1 + stake * Fraction(value) / Fraction(least)
        total += product
    return total / 3


@given(score_lists, st.floats(1, 3))
def test_evidence_is_what_the_definition_says(y, least):
    found = log_wealth(np.array(y), least)
    for n in (1, len(y)):
        assert found[n - 1] == pytest.approx(math.log(wealth_by_hand(y[:n], least)), abs=1e-9)


#: Values, their probabilities, and how far below zero they may go; the means are at most zero.
GAMES = [
    ({-1: Fraction(1, 2), 1: Fraction(1, 2)}, 1),
    ({-1: Fraction(1, 10), 0: Fraction(8, 10), 1: Fraction(1, 10)}, 1),
    ({Fraction(-1, 4): Fraction(4, 5), 1: Fraction(1, 5)}, 1),
    ({-1: Fraction(3, 5), Fraction(1, 2): Fraction(2, 5)}, 1),
    ({Fraction(-9, 10): Fraction(1, 10), Fraction(1, 10): Fraction(9, 10)}, Fraction(9, 10)),
]


@pytest.mark.parametrize(("chances", "least"), GAMES)
def test_no_game_is_won_on_average_whatever_has_happened_before(chances, least):
    assert sum(chances.values()) == 1
    assert sum(value * chance for value, chance in chances.items()) <= 0
    for length in range(4):
        for past in itertools.product(chances, repeat=length):
            before = wealth_by_hand(past, least)
            after = sum(c * wealth_by_hand([*past, v], least) for v, c in chances.items())
            assert 0 <= after <= before


@pytest.mark.parametrize(("chances", "least"), GAMES)
def test_the_chance_of_ever_winning_twenty_times_the_stake_is_one_in_twenty_at_most(chances, least):
    """By all sequences of nine seeds, each with its chance: no sampling."""
    values = list(chances)
    paths = np.array(list(itertools.product(values, repeat=9)), np.float64)
    weights = [
        math.prod(map(float, path)) for path in itertools.product(chances.values(), repeat=9)
    ]
    for level in (2.0, 5.0, 20.0):
        ever = (log_wealth(paths, float(least)) >= math.log(level)).any(axis=1)
        assert float(np.dot(ever, weights)) <= 1 / level


def test_a_mean_of_evidence_is_a_mean():
    logs = [np.log([1.0, 4.0]), np.log([3.0, 0.5])]
    np.testing.assert_allclose(np.exp(log_mean(logs)), [2.0, 2.25])


def test_much_evidence_does_not_overflow():
    assert np.isfinite(log_wealth(np.ones(10_000), 1.0)).all()
    assert np.isfinite(log_wealth(-np.ones(10_000), 1.0)).all()


def test_no_stake_can_ruin():
    assert all(0 < stake < 1 for stake in STAKES)


@given(st.lists(st.floats(-3, 12), max_size=12), st.floats(0.01, 0.5))
def test_discoveries_are_those_of_the_definition(logs, alpha):
    values = np.exp(logs)
    count = len(logs)
    most = max(
        (k for k in range(1, count + 1) if sum(values >= count / (alpha * k)) >= k), default=0
    )
    expected = [bool(most) and value >= count / (alpha * most) for value in values]
    found = discoveries(np.array(logs, np.float64), alpha).tolist()
    # Where a value lies at the bound itself, rounding may decide.
    bounds = [count / (alpha * k) for k in range(1, count + 1)]
    if not any(math.isclose(v, b, rel_tol=1e-9) for v in values for b in bounds):
        assert found == expected


# Intervals.


@given(score_lists, st.sampled_from([0.01, 0.05, 0.3]))
def test_an_interval_holds_the_mean_and_what_no_bet_speaks_against(y, alpha):
    values = np.array(y)
    low, high = mean_interval(values, alpha)
    assert -1 <= low <= values.mean() + 1e-9
    assert values.mean() - 1e-9 <= high <= 1
    for mean in np.linspace(-0.999, 0.999, 41):
        against = max(
            log_wealth(values - mean, 1 + mean)[-1], log_wealth(mean - values, 1 - mean)[-1]
        )
        if abs(mean - low) > 1e-6 and abs(mean - high) > 1e-6:
            assert (low < mean < high) == (against < math.log(2 / alpha))


@given(score_lists)
def test_an_interval_turns_with_its_scores(y):
    low, high = mean_interval(np.array(y), 0.05)
    assert mean_interval(-np.array(y), 0.05) == pytest.approx((-high, -low), abs=1e-9)


def test_an_interval_of_equal_scores_shrinks_but_never_to_nothing():
    widths = [np.diff(mean_interval(np.zeros(n), 0.05))[0] for n in (1, 8, 32, 128, 512)]
    assert widths == sorted(widths, reverse=True)
    assert 1.8 < widths[0] <= 2
    assert 0 < widths[-1] < 0.03


def test_intervals_read_at_any_time_miss_the_mean_seldom():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        y = np.where(rng.random(64) < 0.3, 1.0, -0.25)
        ends = [mean_interval(y[:n], 0.05) for n in range(8, 65, 8)]
        missed += any(not low <= 0.125 <= high for low, high in ends)
    assert missed <= 10  # expected at most 10; found to be far fewer


# Verdicts.


def constant(score, seeds=300, **others):
    names = (ITERATIONS, SOLVED, ACCURACY)
    return {name: np.full(seeds, others.get(name, score), np.float64) for name in names}


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        (constant(1.0), WORSE),
        (constant(-1.0), BETTER),
        (constant(0.0), EQUIVALENT),
        (constant(0.0, iterations=0.5), WORSE),
        (constant(0.0, solved=0.3), WORSE),
        (constant(0.0, accuracy=0.3), WORSE),
        (constant(0.0, iterations=-0.5), BETTER),
        (constant(0.0, accuracy=-0.3), BETTER),
        (constant(0.0, iterations=0.05), EQUIVALENT),
        # Faster, but it solves the task less often: that is worse.
        (constant(0.0, iterations=-0.3, solved=0.5), WORSE),
        (constant(0.0, seeds=20), UNDECIDED),
    ],
)
def test_what_every_seed_says_is_the_verdict(scores, verdict):
    assert decide(scores, RULES)[0] == verdict


def test_turning_the_scores_turns_the_verdict():
    rng = np.random.default_rng(1)
    for shift in (-0.4, -0.1, 0.1, 0.4):
        scores = {n: np.clip(rng.normal(shift, 0.3, 200), -1, 1) for n in MEASURES[:3]}
        found, seeds = decide(scores, RULES)
        turned, as_many = decide({name: -y for name, y in scores.items()}, RULES)
        # `better` also asks that it is worse by a margin in nothing, so it may come later.
        if WORSE in (found, turned):
            assert BETTER in (found, turned)
            assert (seeds <= as_many) == (found == WORSE) or seeds == as_many
        else:
            assert (turned, as_many) == (found, seeds)


def test_what_comes_after_the_verdict_changes_nothing():
    rng = np.random.default_rng(2)
    scores = {name: rng.choice([0.0, 0.0, 1.0], 128) for name in MEASURES[:3]}
    verdict, seeds = decide(scores, RULES)
    assert verdict == WORSE
    for more in (0, 1, 50):
        found = decide({n: y[: int(seeds) + more] for n, y in scores.items()}, RULES)
        assert found == (verdict, seeds)
    assert decide({n: y[: int(seeds) - 1] for n, y in scores.items()}, RULES)[0] == UNDECIDED


def test_many_comparisons_at_once_are_decided_as_each_by_itself():
    rng = np.random.default_rng(3)
    scores = {n: rng.choice([-1.0, 0.0, 0.0, 1.0], (50, 90)) for n in MEASURES}
    verdicts, seeds = decide(scores, RULES)
    for i in range(50):
        assert decide({n: y[i] for n, y in scores.items()}, RULES) == (verdicts[i], seeds[i])


def verdict_by_hand(scores, rules, n):
    """The rules as they are written down, in fractions, with nothing of the bench."""
    first = {name: list(map(Fraction, y[:n])) for name, y in scores.items()}
    margins = {
        name: Fraction(math.log2(rules.margin) if name == "iterations" else rules.points / 100)
        for name in first
    }
    worse = sum(wealth_by_hand(y, 1) for y in first.values()) / len(first)
    better = sum(wealth_by_hand([-v for v in y], 1) for y in first.values()) / len(first)
    below = [wealth_by_hand([margins[n] - v for v in y], 1 - margins[n]) for n, y in first.items()]
    above = [wealth_by_hand([margins[n] + v for v in y], 1 - margins[n]) for n, y in first.items()]
    if worse >= 1 / Fraction(rules.alpha):
        return "worse"
    if better >= 1 / Fraction(rules.alpha) and min(below) >= 1 / Fraction(rules.beta):
        return "better"
    return "equivalent" if min(below + above) >= 1 / Fraction(rules.beta) else "undecided"


@pytest.mark.parametrize("shift", [-0.3, -0.1, 0.0, 0.1, 0.3])
@pytest.mark.parametrize("measures", [3, 4])
def test_verdicts_are_those_of_the_rules_written_down(shift, measures):
    rng = np.random.default_rng(round(100 * (shift + 4 * measures)))
    scores = {n: np.clip(rng.normal(shift, 0.2, 70), -1, 1) for n in MEASURES[:measures]}
    verdict, seeds = decide(scores, RULES)
    for n in range(1, int(seeds)):
        assert verdict_by_hand(scores, RULES, n) == "undecided"
    assert verdict_by_hand(scores, RULES, int(seeds)) == verdict


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.15, 0.4]))
def test_what_is_worse_in_a_measure_is_worse(seed, shift):
    rng = np.random.default_rng(seed)
    scores = {n: np.clip(rng.normal(shift, 0.3, 60), -1, 1) for n in MEASURES}
    evidence = Evidence(scores, RULES)
    lines = {evidence.verdict_in(name) for name in scores}
    assert WORSE not in lines or evidence.holds(WORSE)[-1]
    assert lines != {EQUIVALENT} or evidence.holds(EQUIVALENT)[-1]


# How often they err, by simulation with seeds that are fixed.


def world(rng, shape, solves, spread=0.3):
    """Runs of a cell: when they solve the task (infinite: never), and their accuracy."""
    solved = rng.random(shape) < solves
    return np.where(solved, np.exp(rng.normal(4.3, spread, shape)), np.inf)


def scores_of(base, candidate):
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.nan_to_num(np.log2(candidate / base), nan=0.0)
    lost = np.isinf(candidate).astype(float) - np.isinf(base).astype(float)
    return {ITERATIONS: np.clip(ratio, -1, 1), SOLVED: lost, ACCURACY: lost / 2}


@pytest.mark.parametrize("solves", [1.0, 0.8, 0.3])
def test_a_cell_against_itself_is_seldom_called_worse_or_better(solves):
    rng = np.random.default_rng(4)
    shape = (1000, 128)
    verdicts, _ = decide(scores_of(world(rng, shape, solves), world(rng, shape, solves)), RULES)
    assert (verdicts == WORSE).mean() <= 0.05
    assert (verdicts == BETTER).mean() <= 0.05


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("measure", [ITERATIONS, SOLVED])
def test_a_difference_exactly_at_a_margin_is_seldom_called_equivalent(direction, measure):
    rng = np.random.default_rng(5)
    shape, margin = (1000, 256), RULES.margin_of(measure)
    if measure == ITERATIONS:
        y = rng.choice([-0.5, 0.5], shape) + direction * margin
    else:
        y = direction * (rng.random(shape) < margin).astype(float)
    scores = {name: y if name == measure else np.zeros(shape) for name in MEASURES[:3]}
    verdicts, _ = decide(scores, RULES)
    assert (verdicts == EQUIVALENT).mean() <= 0.05


def test_a_slower_learner_and_one_that_solves_less_often_are_found():
    rng = np.random.default_rng(6)
    shape = (300, 128)
    base, other = world(rng, shape, 1.0), world(rng, shape, 1.0)
    slower, seeds = decide(scores_of(base, 1.3 * other), RULES)
    assert (slower == WORSE).mean() >= 0.99
    assert seeds.mean() < 40
    lost = np.where(rng.random(shape) < 0.15, np.inf, other)
    assert (decide(scores_of(base, lost), RULES)[0] == WORSE).mean() >= 0.99


def test_a_cell_as_good_is_mostly_called_equivalent():
    rng = np.random.default_rng(7)
    shape = (300, 128)
    verdicts, seeds = decide(scores_of(world(rng, shape, 1.0), world(rng, shape, 1.0)), RULES)
    assert (verdicts == EQUIVALENT).mean() >= 0.98
    assert seeds.mean() < 60


# What a verdict needs, and what rules accept.


@pytest.mark.parametrize("measures", [3, 4])
@pytest.mark.parametrize("rules", [RULES, Rules(alpha=0.2, beta=0.01, margin=1.05, points=30.0)])
def test_no_verdict_comes_earlier_than_what_it_needs(measures, rules):
    for verdict, score in ((WORSE, 1.0), (BETTER, -1.0), (EQUIVALENT, 0.0)):
        needed = seeds_needed(verdict, measures, rules)
        scores = {name: np.full(2000, score) for name in MEASURES[:measures]}
        found, seeds = decide(scores, rules)
        assert (found, seeds) == (verdict, needed)


def test_what_the_rules_need_by_default():
    needed = [seeds_needed(verdict, 3, RULES) for verdict in (WORSE, BETTER, EQUIVALENT)]
    assert needed == [7, 7, 42]


def test_a_verdict_that_no_number_of_seeds_can_give_is_none():
    assert seeds_needed(EQUIVALENT, 3, Rules(points=0.001)) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alpha": 0.0}, "alpha must be above 0, got 0.0"),
        ({"alpha": 0.6}, "alpha must be at most 0.5, got 0.6"),
        ({"beta": math.nan}, "beta must be a finite number, got nan"),
        ({"margin": 1.0}, "margin must be above 1, got 1.0"),
        ({"margin": 2.5}, "margin must be at most 1.9, got 2.5"),
        ({"points": 0}, "points must be above 0, got 0"),
        ({"points": 95}, "points must be at most 90, got 95"),
        ({"seeds": 0}, "max_seeds must be at least 1, got 0"),
        ({"seeds": True}, "max_seeds must be an integer, got True (bool)"),
        ({"block": -1}, "seed_block must be at least 0, got -1"),
    ],
)
def test_rules_outside_their_ranges_are_refused(changes, said):
    with pytest.raises(UsageError) as caught:
        Rules(**changes)
    assert str(caught.value) == said


def test_blocks_have_no_seeds_in_common():
    assert [Rules(block=b).first_seed for b in (0, 1, 7)] == [0, 10_000, 70_000]


def test_every_verdict_has_a_name_of_its_own():
    assert len(set(VERDICTS)) == 4
