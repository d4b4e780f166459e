"""A trained adder, as the thing it is used for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.learning.adder import Adder
from gru_bench.profiles import scaled
from gru_bench.task.transducer import ADDITION, FAMILIES
from properties.strategies import family_pairs, integer_pairs, lengths


@given(integer_pairs())
def test_it_adds(trained: Any, pair: tuple[int, int, int]) -> None:
    a, b, _ = pair
    assert trained.adder.add(a, b) == a + b


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_it_adds_in_every_family(trained: Any, family: str, data: st.DataObject) -> None:
    (a, b), _ = data.draw(family_pairs(ADDITION, family))
    assert trained.adder.add(a, b) == a + b


@pytest.mark.parametrize("family", FAMILIES)
@scaled(0.5)
@given(length=lengths())
def test_no_length_is_too_long(trained: Any, family: str, length: int) -> None:
    found = trained.evaluator.measure(trained.adder.theta, family, length)
    assert (found.exact, found.bits_right) == (found.pairs, found.bits)


@given(integer_pairs())
def test_addition_commutes(trained: Any, pair: tuple[int, int, int]) -> None:
    a, b, _ = pair
    assert trained.adder.add(a, b) == trained.adder.add(b, a)


@given(integer_pairs())
def test_zero_is_neutral(trained: Any, pair: tuple[int, int, int]) -> None:
    a = pair[0]
    assert trained.adder.add(a, 0) == a
    assert trained.adder.add(0, a) == a


@given(integer_pairs(longest=600), lengths(600))
def test_leading_zeros_change_no_sum(trained: Any, pair: tuple[int, int, int], more: int) -> None:
    a, b, n = pair
    assert trained.adder.compute(a, b, length=n + more) == trained.adder.compute(a, b)


@given(st.lists(integer_pairs(longest=200), min_size=1, max_size=4))
def test_pairs_added_together_are_added_alone(
    trained: Any, pairs: list[tuple[int, int, int]]
) -> None:
    a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert trained.adder.add(a, b) == [trained.adder.add(*pair[:2]) for pair in pairs]


@pytest.fixture(scope="module")
def loaded(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Adder:
    path = tmp_path_factory.mktemp("saved") / "adder.keras"
    trained.adder.save(path)
    return Adder.load(path)


@given(integer_pairs())
def test_a_saved_and_loaded_adder_answers_alike(
    trained: Any, loaded: Adder, pair: tuple[int, int, int]
) -> None:
    a, b, _ = pair
    assert loaded.add(a, b) == trained.adder.add(a, b)


def test_a_saved_and_loaded_adder_is_the_same(trained: Any, loaded: Adder) -> None:
    assert loaded.theta.tobytes() == trained.adder.theta.tobytes()
    assert loaded.threshold == trained.adder.threshold
    assert loaded.network.cell.get_config() | {"name": ""} == (
        trained.adder.network.cell.get_config() | {"name": ""}
    )


@scaled(0.15)
@given(data=st.data())
def test_wrong_weights_answer_alike_when_loaded(
    trained: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """An adder that is always right would hide a threshold or a weight that was lost."""
    network = trained.adder.network
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    theta = rng.normal(size=network.size).astype("float32")
    threshold = data.draw(st.sampled_from([0.0, 0.5, -0.75]))
    path = tmp_path_factory.mktemp("saved") / "adder.keras"
    adder = Adder(network, theta, threshold)
    adder.save(path)
    loaded = Adder.load(path)
    assert loaded.threshold == threshold
    assert loaded.theta.tobytes() == theta.tobytes()
    symbols = rng.integers(0, 4, (2, 40))
    np.testing.assert_array_equal(loaded.run(symbols), adder.run(symbols))
