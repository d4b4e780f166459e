from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from gru_bench.errors import UsageError
from gru_bench.learning.evaluation import Evaluator, binomial_interval
from gru_bench.learning.network import Network
from gru_bench.task.transducer import FAMILIES, get_task

PARITY = get_task("parity")


@lru_cache
def evaluator() -> Evaluator:
    network = Network("keras.layers:SimpleRNNCell", {"units": 1}, PARITY, "float64")
    return Evaluator(network, 0.0, pairs=3)


def always_zero() -> np.ndarray:
    theta = np.zeros(evaluator().network.size)
    theta[-1] = -1.0
    return theta


def test_all_families_and_lengths_are_measured() -> None:
    found = evaluator().measure_all(always_zero(), FAMILIES, (1, 40))
    assert [(m.family, m.length) for m in found] == [(f, n) for f in FAMILIES for n in (1, 40)]
    assert all(m.pairs == 3 and m.bits == 3 * m.length for m in found)
    assert any(m.bits_right < m.bits for m in found)


def test_the_same_pairs_are_drawn_again() -> None:
    first = evaluator().measure(always_zero(), "uniform", 100)
    assert evaluator().measure(always_zero(), "uniform", 100) == first


@pytest.mark.parametrize(
    ("family", "length", "message"),
    [
        ("unifrom", 5, "unknown family 'unifrom', did you mean 'uniform'?"),
        ("uniform", 0, "length must be at least 1, got 0"),
        ("uniform", 2.5, "length must be an integer, got 2.5 (float)"),
    ],
)
def test_bad_input_is_refused(family: str, length: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        evaluator().measure(always_zero(), family, length)
    assert message in str(caught.value)


def test_bad_sizes_are_refused() -> None:
    network = evaluator().network
    with pytest.raises(UsageError, match="pairs must be at least 1, got 0"):
        Evaluator(network, 0.0, pairs=0)
    with pytest.raises(UsageError, match="seed must be at least 0, got -1"):
        Evaluator(network, 0.0, pairs=1, seed=-1)


def test_intervals_by_hand() -> None:
    assert binomial_interval(10, 10) == (pytest.approx(0.025**0.1), 1.0)
    assert binomial_interval(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
