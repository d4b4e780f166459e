from __future__ import annotations

import numpy as np
import pytest

from gru_bench.learning.family import Pairs, Stream
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import FAMILIES, get_task


def draw(purpose: int = 1, family: str = "uniform", count: int = 4, length: int = 12) -> np.ndarray:
    stream = Stream(tf.constant(5, tf.int64), purpose)
    index = tf.constant(0, tf.int64)
    task = get_task("addition")
    pairs = Pairs(task, count, tf.constant(length), FAMILIES.index(family), stream, index)
    return pairs.chunk(pairs.parameters(), tf.constant(0)).numpy()


def test_streams_of_different_purposes_differ() -> None:
    assert (draw(purpose=1) != draw(purpose=2)).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_index_may_be_a_tensor(family: str) -> None:
    stream = Stream(tf.constant(5, tf.int64), 1)
    index = tf.constant(0, tf.int64)
    pairs = Pairs(
        get_task("addition"),
        4,
        tf.constant(12),
        tf.constant(FAMILIES.index(family)),
        stream,
        index,
    )
    got = pairs.chunk(pairs.parameters(), tf.constant(0)).numpy()
    np.testing.assert_array_equal(got, draw(family=family))


def test_rows_of_a_batch_differ() -> None:
    for family in FAMILIES:
        assert len({row.tobytes() for row in draw(family=family, count=32)}) > 4


def test_long_carries_start_at_once_and_later() -> None:
    rows = draw(family="long-carry", count=64)[:, :12]
    starts = [int(np.flatnonzero(row == 3)[-1]) for row in rows]
    assert starts[0] == 0
    assert 16 < sum(start == 0 for start in starts) < 56
    assert max(starts) > 6
