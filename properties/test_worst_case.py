"""What training takes for the worst case bounds what any disturbed network does."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.learning.intervals import Interval, Intervals, Share
from gru_bench.learning.network import Network
from gru_bench.learning.worst_case import WorstCase
from gru_bench.profiles import scaled
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import TASKS

#: One score and several; two transducer states and three; cells with one state and with two; gates
#: that leave [0, 1] upwards, and both ways.
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "addition": ("gru_bench:GRUCell", "addition", {}),
    "comparison": ("keras.layers:LSTMCell", "comparison", {}),
    "decimal": ("gru_bench:GRUCell", "decimal-addition", {}),
    "relu-gated": ("keras.layers:GRUCell", "addition", {"recurrent_activation": "relu"}),
    "tanh-gated": ("keras.layers:GRUCell", "addition", {"recurrent_activation": "tanh"}),
}
#: Rows, few enough that now and then no row is in some transducer state.
B = 5
RADIUS = 0.125
#: Of values in float32 that a product of a few dozen terms has gone into, relative to their size
#: where that is above one.
ROOM = 1e-4

every_kind = pytest.mark.parametrize("kind", KINDS)
seeds = st.integers(0, 2**32 - 1)
shares = st.sampled_from([None, 0.0, 0.25, 1.0])


@lru_cache
def worst_case(kind: str) -> WorstCase:
    cell, task, arguments = KINDS[kind]
    return WorstCase(Network(cell, {"units": 3, **arguments}, TASKS[task]), RADIUS)


def merging(kind: str, share: float | None) -> WorstCase:
    case = worst_case(kind)
    return case if share is None else case.merging(tf.constant(share))


def drawn(case: WorstCase, rng: np.random.Generator) -> tuple[list[Any], Any, Any]:
    """Return weights, symbols `(T, B)` and what they are encoded as."""
    theta = rng.normal(size=case.network.size).astype(np.float32)
    symbols = rng.integers(0, case.network.task.symbols, (4, B))
    return case.unpack(tf.constant(theta)), symbols, case.network.encode(symbols)


def labels_before(case: WorstCase, symbols: Any) -> Any:
    """Return the transducer's states before each symbol, `(T, B)`, without TensorFlow."""
    following, states = np.array(case.network.task.next_state), [np.zeros(B, int)]
    for x in symbols[:-1]:
        states.append(following[states[-1], x])
    return np.stack(states)


def room(*arrays: Any) -> float:
    return ROOM * max(1.0, *(float(np.abs(a).max()) for a in arrays))


def widths(ends: list[Any]) -> Any:
    low, high = ends
    return np.asarray(high) - np.asarray(low)


@every_kind
@scaled(0.5)
@given(seed=seeds, share=shares)
def test_disturbed_states_stay_inside(kind: str, seed: int, share: float | None) -> None:
    case, rng = merging(kind, share), np.random.default_rng(seed)
    weights, symbols, x = drawn(case, rng)
    task = case.network.task
    written = task.labels(symbols.T).T
    states = case.initial_state(B)
    own = [np.asarray(s) for s in states[1]]
    for t in range(len(symbols)):
        outputs, states, _ = case.cell_step(weights[:-2], case.network.frozen(0), x[t], states)
        moved = [s + rng.uniform(-RADIUS, RADIUS, s.shape).astype(np.float32) for s in own]
        nested = moved if len(moved) > 1 else moved[:1]
        output, after, _ = case.network.cell_step(
            weights[:-2], case.network.frozen(0), x[t], nested
        )
        own = [np.asarray(s) for s in after]
        for low, s, high in zip(states[1], own, states[2], strict=True):
            assert np.all(low - room(low, high) <= s)
            assert np.all(s <= high + room(low, high))
        scores = np.asarray(case.network.read_out(weights[-2:], output))
        _, worst = case.scores(case.read_out(weights[-2:], outputs), tf.constant(written[t]))
        worst, rows = np.asarray(worst), np.arange(B)
        if scores.shape[1] == 1:
            one = written[t][:, None] == 1
            assert np.all(np.where(one, worst - scores, scores - worst) <= room(worst))
        else:
            apart = scores - scores[rows, written[t]][:, None]
            assert np.all(apart <= worst + room(worst))


@every_kind
@scaled(0.5)
@given(seed=seeds, share=shares)
def test_the_transducer_runs_beside(kind: str, seed: int, share: float | None) -> None:
    case, rng = merging(kind, share), np.random.default_rng(seed)
    weights, symbols, x = drawn(case, rng)
    before = labels_before(case, symbols)
    states = case.initial_state(B)
    for t in range(len(symbols)):
        np.testing.assert_array_equal(states[3], before[t])
        _, states, _ = case.cell_step(weights[:-2], case.network.frozen(0), x[t], states)


@every_kind
@scaled(0.5)
@given(seed=seeds, share=shares)
def test_merged_is_the_way_to_the_hull_of_a_label(
    kind: str, seed: int, share: float | None
) -> None:
    case, rng = merging(kind, share), np.random.default_rng(seed)
    low = rng.normal(size=(B, 3)).astype(np.float32)
    high = low + rng.uniform(0, 1, low.shape).astype(np.float32)
    q = rng.integers(0, case.network.task.states, B)
    merged = case._merged(Interval(tf.constant(low), tf.constant(high)), tf.constant(q, tf.int32))
    least = np.stack([low[q == label].min(axis=0) for label in q])
    most = np.stack([high[q == label].max(axis=0) for label in q])
    way = share or 0.0
    np.testing.assert_allclose(merged.low, low + way * (least - low), atol=1e-6)
    np.testing.assert_allclose(merged.high, high + way * (most - high), atol=1e-6)


def intervals(rng: np.random.Generator, low: float, high: float) -> Interval:
    """Return intervals of float32 numbers, `(B, 3)`."""
    ends = np.sort(rng.uniform(low, high, (2, B, 3)).astype(np.float32), axis=0)
    return Interval(tf.constant(ends[0]), tf.constant(ends[1]))


@given(seed=seeds, span=st.sampled_from([(-3, 3), (-1, 0), (0, 1), (1, 2), (-0.5, 0.5), (0.5, 9)]))
def test_a_mixture_has_its_exact_range_whatever_the_gate(
    seed: int, span: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    z, a, b = intervals(rng, *span), intervals(rng, -2, 2), intervals(rng, -2, 2)
    found = Intervals(tf.float32).lerp(z, a, b)
    # Linear in each of the three: its ends are taken at corners.
    corners = [(1 - np.float64(t)) * u + t * v for t in z for u in a for v in b]
    size = np.float32(1 + np.abs(corners).max())
    np.testing.assert_allclose(found.low, np.min(corners, axis=0), rtol=0, atol=1e-6 * size)
    np.testing.assert_allclose(found.high, np.max(corners, axis=0), rtol=0, atol=1e-6 * size)


@given(seed=seeds)
def test_a_share_needs_no_signs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, a, b = intervals(rng, 0, 1), intervals(rng, -2, 2), intervals(rng, -2, 2)
    found = []
    for gate in (z, Share(*z)):
        with tf.GradientTape() as tape:
            tape.watch([*z, *a, *b])
            low, high = Intervals(tf.float32).lerp(gate, a, b)
            total = tf.reduce_sum(2 * high - low)
        found.append([low, high, *tape.gradient(total, [*z, *a, *b])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_a_sigmoid_gives_is_a_share_and_so_is_what_is_cut_or_put_together_of_it() -> None:
    algebra, rng = Intervals(tf.float32), np.random.default_rng(0)
    z = algebra.sigmoid(intervals(rng, -3, 3))
    assert isinstance(algebra.concat([algebra.slice(z, 0, 2), algebra.slice(z, 2, 3)]), Share)
    for other in (algebra.sub(algebra.constant(1.0), z), algebra.mul(z, z), algebra.relu(z)):
        assert not isinstance(algebra.concat([z, other]), Share)


def test_gradients_reach_the_weights_where_no_row_has_a_label() -> None:
    # The hull of nothing is an extreme float; it must not turn a gradient into NaN.
    case = merging("comparison", 0.5)
    weights, _, _ = drawn(case, np.random.default_rng(0))
    x = case.network.encode(np.full((3, B), 3))  # equal digits: one label only
    with tf.GradientTape() as tape:
        tape.watch(weights)
        states = case.initial_state(B)
        for t in range(3):
            outputs, states, _ = case.cell_step(weights[:-2], case.network.frozen(0), x[t], states)
        total = tf.reduce_sum(case.read_out(weights[-2:], outputs))
    for gradient in tape.gradient(total, weights):
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient)
