"""Streaming evaluation against a direct one in Python, on the same symbols."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gru_bench.learning.evaluation import Evaluator, Measurement, binomial_interval
from gru_bench.learning.family import CHUNK, Pairs, Stream
from gru_bench.learning.network import TEST_PAIRS, Network
from gru_bench.subjects.keras.gru import gru_step
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import FAMILIES, TASKS
from gru_bench.trace.tolerance import gamma
from properties.strategies import arrays, lengths
from properties.tolerance import gru_error

PAIRS, UNITS = 5, 3

#: One score and a threshold, and a score for each of three outputs.
CASES = {"addition": 0.0, "subtraction": 0.5, "comparison": 0.0}


@lru_cache
def evaluator(task: str) -> Evaluator:
    network = Network("gru_bench:GRUCell", {"units": UNITS}, TASKS[task], "float64")
    return Evaluator(network, CASES[task], PAIRS, seed=3)


@lru_cache(maxsize=512)
def symbols_of(task: str, family: str, length: int) -> NDArray[Any]:
    """Return the symbols that the evaluator of a task draws, `(PAIRS, length + flush)`."""
    index = length * len(FAMILIES) + FAMILIES.index(family)
    pairs = Pairs(
        TASKS[task],
        PAIRS,
        tf.constant(length),
        FAMILIES.index(family),
        Stream(tf.constant(3, tf.int64), TEST_PAIRS),
        tf.constant(index, tf.int64),
    )
    steps = length + TASKS[task].flush
    parameters = pairs.parameters()
    chunks = [pairs.chunk(parameters, tf.constant(k)) for k in range(-(-steps // CHUNK))]
    return np.concatenate([chunk.numpy() for chunk in chunks], axis=1)[:, :steps]


def direct(task: str, theta: NDArray[Any], family: str, length: int) -> tuple[Any, Any]:
    """Return which digits are wrong, and which are too close to call, `(PAIRS, T)` each."""
    network = evaluator(task).network
    weights = [np.asarray(part) for part in network.unpack(tf.constant(theta))]
    named = {v.name: w for v, w in zip(network.cell.weights, weights[:-2], strict=True)}
    V, c = weights[-2:]
    symbols = symbols_of(task, family, length)
    h = np.zeros((PAIRS, UNITS))
    error = np.zeros_like(h)
    written, unsure = [], []
    for t in range(symbols.shape[1]):
        x = TASKS[task].features[symbols[:, t]]
        error = gru_error(named, x, h, "before", "float64", state_error=error).limit
        h = gru_step(named, x, h)
        scores = h @ V + c
        slack = error @ np.abs(V) + gamma(UNITS + 2, "float64") * (np.abs(h) @ np.abs(V) + abs(c))
        if scores.shape[1] == 1:
            written.append(scores[:, 0] > CASES[task])
            unsure.append(abs(scores[:, 0] - CASES[task]) <= 2 * slack[:, 0])
        else:
            written.append(scores.argmax(axis=1))
            first, second = np.sort(scores, axis=1).T[[-1, -2]]
            unsure.append(first - second <= 4 * slack.max(axis=1))
    wrong = np.stack(written, 1).astype(int) != TASKS[task].labels(symbols)
    return wrong, np.stack(unsure, 1)


@pytest.mark.parametrize("task", CASES)
@given(data=st.data(), family=st.sampled_from(FAMILIES), length=lengths(50))
def test_streaming_counts_what_python_counts(
    task: str, data: st.DataObject, family: str, length: int
) -> None:
    network = evaluator(task).network
    # Saturated scores make whole pairs right now and then, so that both counts are tried.
    theta = data.draw(arrays("float64", (network.size,), 1.0))
    found = evaluator(task).measure(theta, family, length)
    wrong, unsure = direct(task, theta, family, length)
    digits = PAIRS * (length + TASKS[task].flush)
    assert (found.family, found.length, found.pairs, found.bits) == (family, length, PAIRS, digits)
    surely_wrong = wrong & ~unsure
    assert surely_wrong.sum() <= digits - found.bits_right <= (wrong | unsure).sum()
    least, most = surely_wrong.any(axis=1).sum(), (wrong | unsure).any(axis=1).sum()
    assert least <= PAIRS - found.exact <= most


@given(family=st.sampled_from(FAMILIES), length=lengths(60), bit=st.sampled_from([0, 1]))
def test_a_network_that_always_writes_one_digit_is_right_where_the_sum_has_it(
    family: str, length: int, bit: int
) -> None:
    theta = np.zeros(evaluator("addition").network.size)
    theta[-1] = 1.0 if bit else -1.0
    found = evaluator("addition").measure(theta, family, length)
    labels = TASKS["addition"].labels(symbols_of("addition", family, length))
    assert found.bits_right == (labels == bit).sum()
    assert found.exact == (labels == bit).all(axis=1).sum()


@given(data=st.data(), tried=st.integers(1, 5000), confidence=st.sampled_from([0.8, 0.95]))
def test_the_interval_holds_the_share(data: st.DataObject, tried: int, confidence: float) -> None:
    right = data.draw(st.integers(0, tried))
    low, high = binomial_interval(right, tried, confidence)
    assert 0 <= low <= right / tried <= high <= 1
    assert (low == 0) == (right == 0)
    assert (high == 1) == (right == tried)
    found = Measurement("uniform", 8, tried, right, 9 * tried, 9 * right)
    assert found.interval(confidence) == (low, high)
    assert found.exact_accuracy == found.bit_accuracy == right / tried
    mirrored = binomial_interval(tried - right, tried, confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_the_interval_covers_as_often_as_it_says(share: float) -> None:
    tried, confidence = 40, 0.95
    right = np.random.default_rng(0).binomial(tried, share, 4000)
    intervals = {int(k): binomial_interval(int(k), tried, confidence) for k in set(right)}
    covered = np.mean([intervals[int(k)][0] <= share <= intervals[int(k)][1] for k in right])
    assert covered >= confidence - 4 * np.sqrt(confidence * (1 - confidence) / 4000)
