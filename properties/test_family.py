"""Pairs and labels made inside a compiled program, against Python."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.learning.family import CHUNK, Pairs, Stream, below, run_transducer
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import ADDITION, FAMILIES, TASKS, Transducer
from properties.strategies import family_pairs, lengths

COUNT = 6

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
every_family = pytest.mark.parametrize("family", FAMILIES)
seeds = st.integers(0, 2**40)


@lru_cache
def compiled(task: Transducer) -> Any:
    """Return a compiled chunk of pairs and labels, as training and evaluation make them."""

    def chunk(seed: Any, family: Any, length: Any, index: Any, number: Any, state: Any) -> Any:
        pairs = Pairs(task, COUNT, length, family, Stream(seed, 4), index)
        symbols = pairs.chunk(pairs.parameters(), number)
        return symbols, *run_transducer(task, state, symbols)

    return tf.function(chunk, jit_compile=True, autograph=False)


def drawn(task: Transducer, seed: int, family: str, length: int, index: int = 0) -> Any:
    """Return symbols and labels, `(COUNT, length + flush)`, made chunk by chunk."""
    state, symbols, labels = tf.zeros((COUNT,), tf.int32), [], []
    for number in range(-(-(length + task.flush) // CHUNK)):
        made, state, written = compiled(task)(
            tf.constant(seed, tf.int64),
            tf.constant(FAMILIES.index(family)),
            tf.constant(length),
            tf.constant(index, tf.int64),
            tf.constant(number),
            state,
        )
        symbols.append(made.numpy())
        labels.append(written.numpy())
    steps = length + task.flush
    return np.concatenate(symbols, axis=1)[:, :steps], np.concatenate(labels, axis=1)[:, :steps]


@every_task
@given(seed=seeds, family=st.sampled_from(FAMILIES), length=lengths(2000))
def test_labels_in_the_graph_are_pythons(
    task: Transducer, seed: int, family: str, length: int
) -> None:
    symbols, labels = drawn(task, seed, family, length)
    np.testing.assert_array_equal(labels, task.labels(symbols))
    for row, written in zip(symbols, labels, strict=True):
        assert task.value(written) == task.oracle(task.decode(row), length)


@every_task
@given(data=st.data())
def test_a_transducer_in_the_graph_goes_on_from_any_state(
    task: Transducer, data: st.DataObject
) -> None:
    symbols = data.draw(
        st.lists(st.integers(0, task.symbols - 1), min_size=2 * CHUNK, max_size=2 * CHUNK)
    )
    cut = data.draw(st.integers(1, 2 * CHUNK - 1))
    whole = tf.constant([symbols])
    start = tf.zeros((1,), tf.int32)
    end, labels = run_transducer(task, start, whole)
    state, head = run_transducer(task, start, whole[:, :cut])
    last, tail = run_transducer(task, state, whole[:, cut:])
    np.testing.assert_array_equal(tf.concat([head, tail], 1), labels)
    np.testing.assert_array_equal(last, end)


@every_task
@given(seed=seeds, family=st.sampled_from(FAMILIES), length=lengths(200))
def test_symbols_are_the_tasks_and_end_with_the_number(
    task: Transducer, seed: int, family: str, length: int
) -> None:
    symbols, _ = drawn(task, seed, family, length)
    assert symbols.min() >= 0
    assert symbols.max() < task.symbols
    assert not symbols[:, length:].any()


@given(seed=seeds, length=lengths(500), index=st.integers(0, 2**20))
def test_the_first_long_carry_is_all_ones_plus_one(seed: int, length: int, index: int) -> None:
    symbols, labels = drawn(ADDITION, seed, "long-carry", length, index)
    assert ADDITION.decode(symbols[0]) == ((1 << length) - 1, 1)
    assert ADDITION.value(labels[0]) == 1 << length


@given(seed=seeds, length=lengths(500))
def test_every_long_carry_is_carried_to_the_end(seed: int, length: int) -> None:
    _, labels = drawn(ADDITION, seed, "long-carry", length)
    np.testing.assert_array_equal(labels[:, -1], 1)


@given(seed=seeds, length=lengths(500))
def test_periodic_pairs_repeat_a_word_of_at_most_8(seed: int, length: int) -> None:
    symbols, _ = drawn(ADDITION, seed, "periodic", length)
    for row in symbols[:, :length]:
        assert any((row[p:] == row[:-p]).all() for p in range(1, 9) if p < length) or length <= 8


@given(seed=seeds, length=st.integers(400, 2000))
def test_sparse_pairs_are_sparse_and_uniform_ones_are_not(seed: int, length: int) -> None:
    sparse, _ = drawn(ADDITION, seed, "sparse", length)
    uniform, _ = drawn(ADDITION, seed, "uniform", length)
    # 8 of n are expected at most, and 40 or more have a chance below 1e-15; likewise below.
    assert ((sparse > 0).sum(axis=1) < 40).all()
    for symbol in range(4):
        assert ((uniform == symbol).mean(axis=1) > 0.05).all()


@every_family
@given(seed=seeds, length=st.integers(20, 200), index=st.integers(0, 1000))
def test_draws_follow_the_seed_and_the_batch(
    family: str, seed: int, length: int, index: int
) -> None:
    symbols, _ = drawn(ADDITION, seed, family, length, index)
    again, _ = drawn(ADDITION, seed, family, length, index)
    np.testing.assert_array_equal(again, symbols)
    if family == "uniform":  # other families have few pairs of one length
        for other in ((seed + 1, index), (seed, index + 1)):
            assert (drawn(ADDITION, other[0], family, length, other[1])[0] != symbols).any()


@given(seed=seeds, family=st.sampled_from(FAMILIES), length=lengths(100))
def test_pairs_are_the_same_eagerly_and_compiled(seed: int, family: str, length: int) -> None:
    pairs = Pairs(
        ADDITION,
        COUNT,
        tf.constant(length),
        FAMILIES.index(family),
        Stream(tf.constant(seed, tf.int64), 4),
        tf.constant(0, tf.int64),
    )
    chunks = -(-(length + ADDITION.flush) // CHUNK)
    eager = [pairs.chunk(pairs.parameters(), tf.constant(k)).numpy() for k in range(chunks)]
    symbols, _ = drawn(ADDITION, seed, family, length)
    np.testing.assert_array_equal(np.concatenate(eager, 1)[:, : symbols.shape[1]], symbols)


@every_family
@given(data=st.data())
def test_hypothesis_draws_the_same_families(family: str, data: st.DataObject) -> None:
    values, n = data.draw(family_pairs(ADDITION, family, longest=500))
    symbols = ADDITION.encode(values, n)[:n]
    if family == "long-carry":
        assert ADDITION.labels(ADDITION.encode(values, n)[None])[0, -1] == 1
    elif family == "sparse":
        assert (symbols > 0).sum() <= 8
    elif family == "periodic":
        assert n <= 8 or any((symbols[p:] == symbols[:-p]).all() for p in range(1, 9))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1), st.integers(1, 2**31 - 1))
def test_below_maps_words_evenly_into_its_range(words: list[int], bound: int) -> None:
    mapped = below(tf.constant(words, tf.uint32), tf.constant(bound)).numpy()
    np.testing.assert_array_equal(mapped, [word * bound >> 32 for word in words])
