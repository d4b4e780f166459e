"""Searching for counterexamples: what is reported is wrong, and what is shrunk stays so."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from gru_bench.errors import UsageError
from gru_bench.learning.adder import Adder
from gru_bench.learning.network import Network
from gru_bench.profiles import scaled
from gru_bench.refutation.counterexample import number_length, replay
from gru_bench.refutation.falsify import Falsifier
from gru_bench.refutation.hunt import Hunt, Tree
from gru_bench.refutation.shrink import shrink
from gru_bench.refutation.stepper import Front
from gru_bench.subjects.keras.runtime import tf
from gru_bench.task.transducer import TASKS, get_task
from properties.strategies import arrays, symbols

#: Compiled once, and made outside of Hypothesis, since Keras draws initial weights at random.
FALSIFIERS = [
    Falsifier(Network(cell, {"units": 2}, get_task(task)), 0.0)
    for cell, task in (
        ("gru_bench:GRUCell", "addition"),
        ("keras.layers:SimpleRNNCell", "comparison"),
    )
]


@st.composite
def networks(draw: st.DrawFn) -> tuple[Falsifier, Adder]:
    """Return a small network with any weights, and its compiled searches."""
    searches = draw(st.sampled_from(FALSIFIERS))
    network = searches.stepper.network
    theta = draw(arrays(np.float32, (network.size,), 4.0))
    return searches, Adder(network, theta)


@scaled(0.2)
@given(networks(), st.integers(0, 2**31))
def test_what_is_reported_is_wrong_as_the_adder_is_used(
    drawn: tuple[Falsifier, Adder], seed: int
) -> None:
    searches, adder = drawn
    task = adder.network.task
    search = searches.falsify(adder.theta, seed, steps=20_000)
    found = search.counterexample
    assume(found is not None)
    assert found is not None
    said = adder.compute(*found.operands, length=found.length)
    true = task.oracle(found.operands, found.length)
    weight = task.outputs**found.position
    assert said // weight % task.outputs == found.said != found.true
    assert true // weight % task.outputs == found.true
    assert said % weight == true % weight
    assert task.encode(found.operands, found.length).size >= found.steps
    if found.shortest and found.steps > 1 and task.symbols ** (found.steps - 1) <= 4096:
        words = np.indices((task.symbols,) * (found.steps - 1)).reshape(found.steps - 1, -1).T
        np.testing.assert_array_equal(adder.run(words), task.labels(words))


@scaled(0.2)
@given(networks(), st.data())
def test_nothing_can_be_left_out_of_what_was_shrunk(
    drawn: tuple[Falsifier, Adder], data: st.DataObject
) -> None:
    searches, adder = drawn
    word = data.draw(symbols(adder.network.task, 1, 40))[0]
    assume(replay(adder, word) is not None)
    hunt = Hunt(
        searches.stepper,
        tf.constant(adder.theta),
        lambda candidate: replay(adder, candidate) is not None,
        np.random.default_rng(0),
        longest=100,
    )
    hunt.begin("shrinking", 10**7)
    short = shrink(hunt, word)
    assert len(short) <= len(word)
    found = replay(adder, short)
    assert found is not None
    assert found.steps == len(short)
    for place in range(len(short)):
        if len(short) > 1:
            left_out = replay(adder, np.delete(short, place))
            assert left_out is None or left_out.steps >= len(short)


@scaled(0.5)
@given(networks(), st.data())
def test_walks_and_expansions_say_what_the_adder_writes(
    drawn: tuple[Falsifier, Adder], data: st.DataObject
) -> None:
    """Three programs for the same step: read alone, many at once, all symbols at once."""
    searches, adder = drawn
    stepper, task = searches.stepper, adder.network.task
    words = data.draw(symbols(task, 3, 5))
    start = Front(np.repeat(stepper.initial.states, 3, axis=0), np.zeros(3, np.int32))
    theta = tf.constant(adder.theta)
    walk = stepper.walk(theta, start, words.T.astype(np.int32))
    # A score within rounding of the threshold may fall on either side of it.
    assume(np.abs(walk.margin).min() > 1e-4)
    wrong = adder.run(words) != task.labels(words)
    first = np.where(wrong.any(axis=1), wrong.argmax(axis=1), -1)
    np.testing.assert_array_equal(walk.wrong, first)
    assert ((walk.margin < 0) == (first >= 0)).all()
    front, least = start, np.full(3, np.inf)
    for t in range(5):
        rows = np.arange(3) * task.symbols + words[:, t]
        made, _, margin = stepper.expand(theta, front)
        front, least = made[rows], np.minimum(least, margin[rows])
    np.testing.assert_allclose(front.states, walk.front.states, atol=1e-4)
    np.testing.assert_array_equal(front.labels, walk.front.labels)
    np.testing.assert_allclose(least, walk.margin, atol=1e-3)


@given(st.data())
def test_a_tree_remembers_every_word(data: st.DataObject) -> None:
    tree, known = Tree(), {0: ()}
    for _ in range(data.draw(st.integers(1, 6))):
        count = data.draw(st.integers(1, 4))
        parents = np.array(data.draw(st.lists(st.sampled_from(sorted(known)), min_size=count)))
        if data.draw(st.booleans()):
            pieces: list[Any] = [
                np.array(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=5)))
                for _ in parents
            ]
            numbers = tree.add_words(parents, pieces)
        else:
            drawn = data.draw(symbols(get_task("addition"), 1, len(parents)))[0]
            pieces = [np.array([symbol]) for symbol in drawn]
            numbers = tree.add(parents, drawn)
        for number, parent, piece in zip(numbers.tolist(), parents, pieces, strict=True):
            known[number] = (*known[int(parent)], *piece.tolist())
    for number, word in known.items():
        assert tuple(tree.word(number).tolist()) == word
    numbers = np.array(sorted(known))
    np.testing.assert_array_equal(tree.lengths(numbers), [len(known[n]) for n in numbers])


@given(st.sampled_from(sorted(TASKS)), st.data())
def test_numbers_of_that_length_read_the_whole_word(name: str, data: st.DataObject) -> None:
    task = get_task(name)
    word = data.draw(symbols(task, 1, data.draw(st.integers(1, 12))))[0]
    length = number_length(task, word)
    read = task.encode(task.decode(word), length)
    np.testing.assert_array_equal(read[: len(word)], word)
    if length > 1:
        try:
            shorter = task.encode(task.decode(word), length - 1)
        except UsageError:
            return  # the numbers do not fit
        assert not np.array_equal(shorter[: len(word)], word)
