"""Integers to symbols and back, and what the transducers write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.task.transducer import (
    ADDITION,
    TASKS,
    Transducer,
    digit_count,
    from_digits,
    to_digits,
)
from properties.strategies import integer_pairs, lengths, operands

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@given(st.data(), st.sampled_from([2, 3, 10]))
def test_digits_spell_the_number(data: st.DataObject, base: int) -> None:
    n = data.draw(lengths())
    number = data.draw(st.integers(0, base**n - 1))
    digits = to_digits(number, n, base)
    assert digits.shape == (n,)
    assert from_digits(digits, base) == number
    # Python's own sum is the oracle, on a few places: all of them would take quadratic time.
    for place in {0, n // 2, n - 1}:
        assert digits[place] == number // base**place % base


@given(st.integers(0, 10**40), st.sampled_from([2, 3, 10]))
def test_a_number_has_as_many_digits_as_it_needs(number: int, base: int) -> None:
    count = digit_count(number, base)
    assert number < base**count
    assert number == 0 or number >= base ** (count - 1)


@every_task
@given(data=st.data())
def test_decoding_inverts_encoding(task: Transducer, data: st.DataObject) -> None:
    values, n = data.draw(operands(task))
    symbols = task.encode(values, n)
    assert symbols.shape == (n + task.flush,)
    assert symbols.min() >= 0
    assert symbols.max() < task.symbols
    assert task.decode(symbols) == values
    assert task.decode(task.encode(values)) == values


@every_task
@given(data=st.data())
def test_encoding_inverts_decoding(task: Transducer, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, task.symbols - 1), min_size=1, max_size=200))
    symbols = np.array([*drawn, *[0] * task.flush])
    np.testing.assert_array_equal(task.encode(task.decode(symbols), len(drawn)), symbols)


@every_task
@given(data=st.data())
def test_the_transducer_computes_like_python(task: Transducer, data: st.DataObject) -> None:
    values, n = data.draw(operands(task))
    written = task.labels(task.encode(values, n)[None])[0]
    assert task.value(written) == task.oracle(values, n)


@given(integer_pairs())
def test_the_addition_transducer_adds(pair: tuple[int, int, int]) -> None:
    a, b, n = pair
    assert ADDITION.value(ADDITION.labels(ADDITION.encode((a, b), n)[None])[0]) == a + b


@given(integer_pairs(longest=300), lengths(600))
def test_leading_zeros_change_no_written_bit(pair: tuple[int, int, int], more: int) -> None:
    a, b, n = pair
    short = ADDITION.labels(ADDITION.encode((a, b), n)[None])[0]
    long = ADDITION.labels(ADDITION.encode((a, b), n + more)[None])[0]
    np.testing.assert_array_equal(long[: n + 1], short)
    assert not long[n + 1 :].any()


@every_task
@given(data=st.data())
def test_rows_of_a_batch_do_not_meet(task: Transducer, data: st.DataObject) -> None:
    rows = data.draw(
        st.lists(
            st.lists(st.integers(0, task.symbols - 1), min_size=9, max_size=9),
            min_size=1,
            max_size=5,
        )
    )
    together = task.labels(np.array(rows))
    alone = [task.labels(np.array([row]))[0] for row in rows]
    np.testing.assert_array_equal(together, alone)
