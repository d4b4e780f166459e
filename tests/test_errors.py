from __future__ import annotations

import numpy as np
import pytest

from gru_bench.errors import UsageError, check_integer, check_known, in_one_line, nearest


@pytest.mark.parametrize("value", [3, np.int64(3), 10**5000], ids=["int", "int64", "long"])
def test_integers_of_any_kind_become_ints(value: object) -> None:
    got = check_integer("n", value, 0)
    assert type(got) is int
    assert got == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "n must be an integer, got True (bool)"),
        (3.0, "n must be an integer, got 3.0 (float)"),
        ("3", "n must be an integer, got '3' (str)"),
        (None, "n must be an integer, got None (NoneType)"),
        (1, "n must be at least 2, got 1"),
        (-7, "n must be at least 2, got -7"),
    ],
)
def test_what_is_no_such_integer_is_refused_in_one_line(value: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_integer("n", value, 2)
    assert str(caught.value) == message


def test_a_negative_number_too_long_to_print_is_refused_as_any_other() -> None:
    with pytest.raises(UsageError, match="n must be at least 0, got"):
        check_integer("n", -(10**5000), 0)


def test_an_unknown_name_is_refused_with_the_nearest_and_all() -> None:
    assert check_known("colour", "red", ["red", "green"]) == "red"
    with pytest.raises(UsageError) as caught:
        check_known("colour", "gren", ["red", "green"])
    expected = "unknown colour 'gren', did you mean 'green'? (known: red, green)"
    assert str(caught.value) == expected


def test_a_name_near_nothing_gets_no_suggestion() -> None:
    assert nearest("xyz", ["red"]) == ""


def test_any_message_becomes_one_line() -> None:
    assert in_one_line(UsageError("a\n  b")) == "a b"
    assert in_one_line(KeyError("a")) == "KeyError: 'a'"
    assert in_one_line(RuntimeError("a\nb")) == "RuntimeError: a b"
    assert in_one_line(RuntimeError()) == "RuntimeError"


def test_of_what_a_layer_raises_the_message_is_its_own() -> None:
    wrapped = (
        "Exception encountered when calling A.call().\n\n\x1b[1mown\nwords\x1b[0m\n\nArguments"
    )
    assert in_one_line(ValueError(wrapped)) == "ValueError: own words"
    assert in_one_line(KeyError(wrapped)) == "KeyError: own words"
