"""What the report's statistics promise, for all inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gru_bench.learning.evaluation import binomial_interval
from gru_bench.report.statistics import (
    mean_share,
    share_interval,
    solved_share,
    solving,
)
from gru_bench.report.table import entry, share_text
from gru_bench.runs.solving import solved_at

shares = st.lists(st.floats(0, 1), min_size=1, max_size=40)
checkpoints = st.lists(st.integers(1, 1000), min_size=1, max_size=12, unique=True)
LAST = 1000
times = st.lists(st.none() | st.integers(1, LAST), min_size=1, max_size=40)


@settings(deadline=None)
@given(shares)
def test_the_interval_holds_the_mean_and_lies_in_0_to_1(values):
    found = mean_share(values)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.mean == pytest.approx(math.fsum(values) / len(values))
    assert found.seeds == len(values)


@settings(deadline=None)
@given(shares)
def test_the_interval_never_has_zero_width(values):
    found = mean_share(values)
    assert found.high - found.low > 0.5 / len(values)


@settings(deadline=None)
@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_whole_counts_is_the_exact_binomial_one(counts):
    assert share_interval(*counts) == pytest.approx(binomial_interval(*counts), abs=1e-9)


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_the_interval_rises_with_the_total(seeds, one, other):
    small, large = sorted((one, other))
    lows, highs = zip(
        share_interval(small * seeds, seeds), share_interval(large * seeds, seeds), strict=True
    )
    assert lows[0] <= lows[1] + 1e-9
    assert highs[0] <= highs[1] + 1e-9


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0, 1))
def test_more_confidence_and_fewer_seeds_widen_the_interval(seeds, mean):
    low, high = share_interval(mean * seeds, seeds, 0.95)
    wider = share_interval(mean * seeds, seeds, 0.99)
    fewer = share_interval(2 * mean * seeds, 2 * seeds, 0.95)
    assert wider[0] <= low
    assert high <= wider[1]
    assert fewer[1] - fewer[0] < high - low


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0, 1))
def test_right_and_wrong_are_treated_alike(seeds, mean):
    low, high = share_interval(mean * seeds, seeds)
    mirrored = share_interval(seeds - mean * seeds, seeds)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


@pytest.mark.parametrize("seeds", [2, 5, 16, 32])
@pytest.mark.parametrize(
    "distribution",
    [
        stats.bernoulli(0.5),
        stats.bernoulli(0.9),
        stats.bernoulli(0.03),
        stats.uniform(),
        stats.beta(0.2, 0.2),
        stats.beta(5, 0.5),
        stats.beta(0.1, 1.5),
    ],
    ids=lambda d: f"{d.dist.name}{d.args}",
)
def test_the_interval_covers_the_true_mean_as_often_as_it_says(distribution, seeds):
    """Of 2,000 experiments at least 95 % cover, less three standard errors of the share."""
    drawn = distribution.rvs((2000, seeds), random_state=np.random.default_rng(2))
    true = distribution.mean()
    covered = np.mean([(m := mean_share(row)).low <= true <= m.high for row in drawn])
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 2000)


@settings(deadline=None)
@given(checkpoints.flatmap(lambda c: st.fixed_dictionaries({i: st.integers(0, 2) for i in c})))
def test_solved_at_is_the_first_checkpoint_with_no_error_from_there_on(errors):
    expected = [i for i in errors if all(errors[j] == 0 for j in errors if j >= i)]
    assert solved_at(errors) == min(expected, default=None)


@settings(deadline=None)
@given(times)
def test_the_solved_share_counts_seeds_and_never_falls(solved):
    grid, cumulative = solved_share(solved, LAST)
    for iteration, share in zip(grid, cumulative, strict=True):
        by_then = sum(t is not None and t <= iteration for t in solved)
        assert share == pytest.approx(by_then / len(solved))
    assert (np.diff(cumulative) >= 0).all()


@settings(deadline=None)
@given(times)
def test_the_median_is_reached_by_half_the_seeds_and_lies_in_its_interval(solved):
    found = solving(solved, [t or LAST for t in solved], LAST)
    ranked = sorted(math.inf if t is None else t for t in solved)
    median = ranked[(len(ranked) - 1) // 2]
    assert found.median == (None if median == math.inf else median)
    low, high = (math.inf if t is None else t for t in (found.low, found.high))
    assert low <= median <= high


@settings(deadline=None)
@given(times)
def test_failures_cost_iterations_in_the_expected_time(solved):
    spent = [t or LAST for t in solved]
    found = solving(solved, spent, LAST)
    successes = [t for t in solved if t is not None]
    assert found.solved == len(successes)
    if successes:
        failures = len(solved) - len(successes)
        expected = (sum(successes) + failures * LAST) / len(successes)
        assert found.expected == pytest.approx(expected)
    else:
        assert found.expected is None


def test_the_median_s_interval_covers_as_often_as_it_says():
    """Times are geometric on a grid of checkpoints and censored at the last one."""
    rng = np.random.default_rng(3)
    true = math.ceil(math.log(0.5) / math.log(1 - 0.15))
    covered = 0
    for _ in range(1000):
        drawn = rng.geometric(0.15, 15)
        found = solving([int(t) if t <= 8 else None for t in drawn], [1] * 15, 8)
        low, high = (math.inf if t is None else t for t in (found.low, found.high))
        covered += low <= true <= high
    assert covered / 1000 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


@settings(deadline=None)
@given(st.floats(0, 1))
def test_only_certainty_reads_as_certainty(share):
    text = share_text(share)
    assert (text == "1.00") == (share == 1)
    assert (text == "0.00") == (share == 0)
    assert float(text.lstrip("<>")) == pytest.approx(share, abs=0.0051)


@settings(deadline=None)
@given(shares)
def test_printed_ends_are_rounded_outwards(values):
    found = mean_share(values)
    low, high = entry(found).partition("[")[2].rstrip("]").split(", ")
    assert float(low) <= found.low + 1e-9
    assert found.high <= float(high) + 1e-9
