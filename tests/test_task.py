from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gru_bench.errors import UsageError
from gru_bench.task.transducer import ADDITION, TASKS, Transducer, get_task, to_digits


def test_the_readmes_sum() -> None:
    symbols = ADDITION.encode((1024, 16))
    assert symbols.size == 11 + 1
    assert ADDITION.value(ADDITION.labels(symbols[None])[0]) == 1040


def test_addition_is_the_full_adder() -> None:
    assert (ADDITION.symbols, ADDITION.states, ADDITION.outputs) == (4, 2, 2)
    assert ADDITION.next_state == ((0, 0, 0, 1), (0, 1, 1, 1))
    assert ADDITION.output == ((0, 1, 1, 0), (1, 0, 0, 1))
    np.testing.assert_array_equal(ADDITION.features, [[0, 0], [1, 0], [0, 1], [1, 1]])
    assert ADDITION.departing == (3,)
    assert ADDITION.carrying == (1, 2)


def test_the_first_operands_digit_is_the_lowest_of_a_symbol() -> None:
    np.testing.assert_array_equal(ADDITION.encode((1, 0)), [1, 0])
    np.testing.assert_array_equal(ADDITION.encode((0, 1)), [2, 0])
    np.testing.assert_array_equal(ADDITION.encode((2, 3)), [2, 3, 0])
    np.testing.assert_array_equal(get_task("decimal-addition").encode((12, 40)), [2, 41, 0])


def test_digits_other_than_bits_are_one_hot() -> None:
    features = get_task("decimal-addition").features
    assert features.shape == (100, 20)
    assert features[37].nonzero()[0].tolist() == [7, 13]


def test_zero_has_one_digit() -> None:
    assert ADDITION.encode((0, 0)).size == 2
    assert to_digits(0, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "operands", "length", "expected"),
    [
        ("subtraction", (5, 3), 4, 2),
        ("subtraction", (3, 5), 4, 14),
        ("parity", (0b1011,), 4, 0b1001),  # after 1, 2, 2 and 3 ones
        ("decimal-addition", (999, 1), 3, 1000),
    ],
)
def test_other_tasks_by_hand(
    name: str, operands: tuple[int, ...], length: int, expected: int
) -> None:
    task = get_task(name)
    assert task.value(task.labels(task.encode(operands, length)[None])[0]) == expected


@pytest.mark.parametrize(("a", "b", "last"), [(4, 4, 0), (3, 4, 1), (5, 4, 2), (4, 3, 2)])
def test_comparison_ends_with_the_order(a: int, b: int, last: int) -> None:
    task = get_task("comparison")
    assert task.labels(task.encode((a, b))[None])[0, -1] == last


@pytest.mark.parametrize(
    ("operands", "length", "message"),
    [
        ((1,), None, "task 'addition' takes 2 integers, got 1"),
        ((1, 2, 3), None, "task 'addition' takes 2 integers, got 3"),
        ((-1, 2), None, "an addend must be at least 0, got -1"),
        ((1, 2.0), None, "an addend must be an integer, got 2.0 (float)"),
        ((1, True), None, "an addend must be an integer, got True (bool)"),
        ((1, 2), 0, "length must be at least 1, got 0"),
        ((1, 4), 2, "length 2 is too small, these integers need 3"),
        ((1, 2), 2.5, "length must be an integer, got 2.5 (float)"),
    ],
)
def test_bad_operands_are_refused(operands: tuple[int, ...], length: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        ADDITION.encode(operands, length)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"next_state": ((0, 0, 0, 1),)}, "must have shape"),
        ({"next_state": ((0, 0, 0, 1), (0, 1, 1))}, "next_state must have shape"),
        ({"output": ((0, 1, 1, 0),)}, "output must have shape (2, 4)"),
        ({"output": ((0, 1), (1, 0))}, "output must have shape (2, 4)"),
        ({"base": 3}, "next_state must have shape (2, 9)"),
        ({"next_state": ((0, 0, 0, 2), (0, 1, 1, 1))}, "next_state must be in [0, 2)"),
        ({"next_state": ((0, 0, 0, -1), (0, 1, 1, 1))}, "next_state must be in [0, 2)"),
        ({"output": ((0, 1, 1, 0), (1, 0, 0, -1))}, "output must not be negative"),
    ],
)
def test_tables_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match="task 'addition': ") as caught:
        replace(ADDITION, **changes)
    assert message in str(caught.value)


def test_a_task_of_ones_own_is_a_few_lines() -> None:
    def rule_or(values: tuple[int, ...], _: int) -> int:
        return values[0] | values[1]

    task = Transducer("or", 2, 2, ((0, 0, 0, 0),), ((0, 1, 1, 1),), 0, rule_or)
    assert task.departing == task.carrying == (0, 1, 2, 3)
    assert task.value(task.labels(task.encode((12, 10))[None])[0]) == 14


def test_an_unknown_task_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown task 'substraction', did you mean 'subtraction'"):
        get_task("substraction")
    assert set(TASKS) == {task.name for task in TASKS.values()}
