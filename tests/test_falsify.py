"""Searching for integers that an adder gets wrong."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from gru_bench import ADDITION, Adder, Network, get_recipe, get_task, train
from gru_bench.cli import main
from gru_bench.errors import UsageError
from gru_bench.learning.evaluation import Evaluator
from gru_bench.refutation import falsify as module
from gru_bench.refutation.counterexample import Counterexample
from gru_bench.refutation.falsify import Falsifier, falsify
from gru_bench.refutation.pump import lyndon_words
from gru_bench.task.transducer import FAMILIES

#: A cell that adds with exact arithmetic, but loses a carry that is older than `memory` steps,
#: and after more than `patience` zeros in a row writes the wrong digit.
FORGETFUL = """
import keras
from keras import ops


class Forgetful(keras.layers.Layer):
    state_size = 3

    def __init__(self, memory=None, patience=None, **kwargs):
        super().__init__(**kwargs)
        self.memory, self.patience = memory, patience

    def build(self, input_shape):
        super().build(input_shape)

    def call(self, inputs, states):
        carry, age, idle = ops.unstack(states[0], axis=1)
        total = inputs[:, 0] + inputs[:, 1] + carry
        written = ops.where((total == 1) | (total == 3), 1.0, -1.0)
        carried = ops.cast(total >= 2, "float32")
        if self.memory is not None:
            waits = (inputs[:, 0] + inputs[:, 1] == 1) & (total >= 2)
            age = ops.where(waits, ops.minimum(age + 1, self.memory + 1.0), 0.0)
            carried = ops.where(age > self.memory, 0.0, carried)
        if self.patience is not None:
            silent = inputs[:, 0] + inputs[:, 1] == 0
            idle = ops.where(silent, ops.minimum(idle + 1, self.patience + 1.0), 0.0)
            written = ops.where(idle > self.patience, -written, written)
        return ops.stack([written, 0 * age, 0 * age], axis=1), [
            ops.stack([carried, age, idle], axis=1)
        ]

    def get_config(self):
        return {**super().get_config(), "memory": self.memory, "patience": self.patience}
"""


@pytest.fixture
def forgetful(tmp_path, monkeypatch):
    """Return the maker of forgetful adders."""
    (tmp_path / "forgetful_cells.py").write_text(FORGETFUL)
    monkeypatch.chdir(tmp_path)

    def make(memory=None, patience=None):
        arguments = {"memory": memory, "patience": patience}
        network = Network("forgetful_cells:Forgetful", arguments, ADDITION)
        return Adder(network, [1.0, 0.0, 0.0, 0.0])

    return make


@pytest.fixture(scope="module")
def honest():
    """An adder of the default recipe."""
    (run,) = train("gru_bench:GRUCell", seeds=[0])
    return run.adder()


@pytest.fixture(scope="module")
def falsifier(honest):
    return Falsifier(honest.network, honest.threshold)


#: The module of the cell that most of these adders have.
TRUST = ("--trust", "forgetful_cells")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def all_words(length):
    return np.array(list(itertools.product(range(4), repeat=length)))


def check(adder: Adder, found: Counterexample) -> None:
    """It is wrong as the adder is used, where and how it says, and nowhere before."""
    task = adder.network.task
    said = adder.compute(*found.operands, length=found.length)
    true = task.oracle(found.operands, found.length)
    base = task.outputs**found.position
    assert (said // base % task.outputs, true // base % task.outputs) == (found.said, found.true)
    assert found.said != found.true
    assert said % base == true % base
    assert found.length + task.flush >= found.steps == found.position + 1


def test_a_half_trained_adder_is_refuted_by_a_shortest_pair():
    (run,) = train("gru_bench:GRUCell", get_recipe("tutorial", iterations=1500), seeds=[0])
    adder = run.adder()
    found = falsify(adder).counterexample
    check(adder, found)
    assert found.shortest
    for length in range(1, found.steps):
        words = all_words(length)
        np.testing.assert_array_equal(adder.run(words), ADDITION.labels(words))


def test_an_honest_adder_is_not_refuted(honest, falsifier):
    search = falsifier.falsify(honest.theta, steps=2 * 10**6)
    assert search.counterexample is None
    assert search.margin > 0
    assert search.exhaustive >= 8
    assert search.longest > 10**4
    assert search.steps <= 2 * 10**6
    assert not search.closed
    assert [effort.search for effort in search.efforts][-1] == "streams"


def test_one_changed_weight_is_found_out(honest, falsifier):
    """A weight is made larger until some pair comes out wrong: then one must be found."""
    evaluator, refuted = Evaluator(honest.network, honest.threshold, pairs=64), 0
    # The largest ones: an adder that is provable bears much change of the others.
    for place in np.argsort(-np.abs(honest.theta))[:4]:
        theta, broken = honest.theta.copy(), False
        for change in (-1, -10, 30):
            theta[place] = honest.theta[place] * change
            measured = evaluator.measure_all(theta, FAMILIES, (64, 1024))
            broken = any(m.exact < m.pairs for m in measured)
            if broken:
                break
        found = falsifier.falsify(theta, steps=10**6).counterexample
        if broken:
            assert found is not None
        if found is not None:
            check(Adder(honest.network, theta, honest.threshold), found)
            refuted += 1
    assert refuted >= 2


@pytest.mark.parametrize("memory", [12, 40, 1000])
def test_a_lost_carry_is_found_and_made_as_short_as_can_be(forgetful, memory):
    adder = forgetful(memory)
    found = falsify(adder, steps=10**6).counterexample
    check(adder, found)
    # A carry, memory + 1 places it has to pass, and the place that misses it.
    assert found.steps == memory + 3
    assert found.symbols.count(0) <= 1


def test_finitely_many_states_are_all_tried(forgetful):
    search = falsify(forgetful())
    assert search.closed
    assert search.counterexample is None
    assert search.steps < 100


def test_equal_states_are_read_on_from_once(forgetful):
    """The states are the carry and its age, so there are few, and the search ends."""
    search = falsify(forgetful(5))
    assert search.counterexample.shortest
    assert search.counterexample.steps == 8
    assert search.steps < 1000


@pytest.mark.parametrize("task", ["subtraction", "comparison", "parity", "decimal-addition"])
def test_every_task_is_searched(task):
    network = Network("keras.layers:SimpleRNNCell", {"units": 2}, get_task(task))
    theta = np.random.default_rng(1).normal(size=network.size)
    adder = Adder(network, theta)
    found = falsify(adder, steps=10**5).counterexample
    check(adder, found)
    assert found.shortest


def test_several_states_and_float64():
    network = Network("keras.layers:LSTMCell", {"units": 3}, ADDITION, "float64")
    adder = Adder(network, np.random.default_rng(1).normal(size=network.size))
    check(adder, falsify(adder, steps=10**5).counterexample)


def test_weights_that_are_not_numbers_are_refuted(honest, falsifier):
    theta = np.full_like(honest.theta, np.nan)
    assert falsifier.falsify(theta, steps=10**5).counterexample is not None


def test_leading_zeros_are_asked_for_where_they_are_needed(capsys, forgetful):
    forgetful(patience=4).save("adder.keras")
    code, out, _ = run(capsys, "falsify", "adder.keras", *TRUST)
    assert code == 1
    assert (
        "see it: gru-bench add 0 0 --bits 4 --model adder.keras --trust forgetful_cells --check"
        in out
    )
    assert run(capsys, "add", 0, 0, "--model", "adder.keras", *TRUST, "--check")[0] == 0
    code, _, err = run(
        capsys, "add", 0, 0, "--bits", 4, "--model", "adder.keras", *TRUST, "--check"
    )
    assert code == 1
    assert "wrong: bit 4 " in err


def test_same_seed_same_search(falsifier, honest):
    theta = honest.theta.copy()
    theta[:40] *= -1
    first, second = (falsifier.falsify(theta, seed=3, steps=10**5).to_json() for _ in range(2))
    for record in (first, second):
        del record["seconds"]
        for effort in record["searches"]:
            del effort["seconds"]
    assert first == second


def test_every_word_is_tried_once():
    words = list(itertools.takewhile(lambda word: len(word) < 5, lyndon_words(3)))
    classes = set()
    for length in range(1, 5):
        for word in itertools.product(range(3), repeat=length):
            if all(word != word[:k] * (length // k) for k in range(1, length) if length % k == 0):
                classes.add(min(word[k:] + word[:k] for k in range(length)))
    assert sorted(words) == sorted(classes)
    assert words == sorted(words, key=len)


def test_depth_beyond_what_is_held_is_exhaustive(forgetful, monkeypatch):
    """With little memory the same word is found as with much."""
    monkeypatch.setattr("gru_bench.refutation.exhaustive._STORED", 4)
    monkeypatch.setattr(module, "_SHARES", {"exhaustive": 1.0})
    search = falsify(forgetful(2), steps=10**6)
    assert search.counterexample.steps == 5
    assert search.exhaustive == 4


def test_a_second_is_enough_to_stop(falsifier, honest):
    search = falsifier.falsify(honest.theta, steps=10**9, seconds=0.5)
    assert search.counterexample is None
    assert search.steps < 10**8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"longest": 0}, "longest must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seconds": 0}, "seconds must be above 0, got 0"),
        ({"seconds": float("nan")}, "seconds must be above 0, got nan"),
    ],
)
def test_bad_options(falsifier, honest, options, message):
    with pytest.raises(UsageError, match=message):
        falsifier.falsify(honest.theta, **options)


def test_a_word_right_when_read_alone_is_not_reported(falsifier, honest, monkeypatch):
    monkeypatch.setattr(module, "replay", lambda *_: None)
    theta = -honest.theta
    search = falsifier.falsify(theta, steps=10**5)
    assert search.counterexample is None
    assert search.unconfirmed > 0
    assert not search.closed


def test_what_it_prints_shows_the_wrong_bit(capsys, forgetful):
    forgetful(9).save("adder.keras")
    code, out, err = run(capsys, "falsify", "adder.keras", *TRUST, "--json", "found.json")
    assert (code, err) == (1, "")
    assert "REFUTED: addition of " in out
    assert "bit 11 (counted from 0, least significant first) is 0, but should be 1" in out
    assert "no shorter word is wrong (every one was tried, many at once)" in out
    (line,) = [line for line in out.splitlines() if line.startswith("see it: gru-bench ")]
    code, _, err = run(capsys, *line.removeprefix("see it: gru-bench ").split())
    assert code == 1
    assert "wrong: bit 11 " in err
    found = json.loads(Path("found.json").read_text())["counterexample"]
    assert (found["steps"], found["position"], found["shortest"]) == (12, 11, True)


def test_nothing_found_says_how_far_it_was_searched(capsys, forgetful):
    forgetful().save("adder.keras")
    code, out, _ = run(capsys, "falsify", "adder.keras", *TRUST)
    assert code == 0
    assert "no counterexample found in " in out
    assert "finitely many" in out


def test_interrupted_says_how_far_it_was_searched(capsys, forgetful, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    forgetful(10**6).save("adder.keras")
    monkeypatch.setattr(module, "pump", interrupt)
    code, out, err = run(capsys, "falsify", "adder.keras", *TRUST, "--steps", 10**4)
    assert code == 130
    assert "exhaustive" in out
    assert "no counterexample found in " in out
    assert err == "gru-bench: interrupted\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("falsify", "Missing argument 'MODEL'"),
        ("falsify nothing.keras", "there is no model file 'nothing.keras'"),
        ("falsify nothing.keras --steps 0", "--steps must be at least 1, got 0"),
        ("falsify nothing.keras --seconds 0", "--seconds must be above 0, got 0.0"),
        ("falsify nothing.keras --longest 0", "--longest must be at least 1, got 0"),
        ("falsify nothing.keras --seed -1", "--seed must be at least 0, got -1"),
        ("falsify nothing.keras --json nowhere/a.json", "there is no folder 'nowhere'"),
        ("add 1 2 --bits 0", "--bits must be at least 1, got 0"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, line, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *line.split())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
