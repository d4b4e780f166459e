"""A certificate is compared with the model: exactly, and by running the model in all ways."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench import ADDITION, Adder, Network, Rejected, UsageError, prove
from gru_bench.checker.certificate import read
from gru_bench.learning.deployment import Deployment
from gru_bench.proof.comparison import compare
from gru_bench.subjects.keras.purity import check_pure
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.trace.tensorflow import reader
from tests.corpus import handmade, patching

SimpleRNN = keras.layers.SimpleRNNCell


@pytest.fixture(scope="module")
def honest() -> tuple[dict[str, Any], Adder, Deployment]:
    """A certificate, the adder that it is about, and that adder's deployment."""
    document = handmade.keras_certificate()
    adder = patching.adder_of(document)
    return document, adder, Deployment(adder.network)


def test_an_honest_certificate_is_believed_of_its_model(honest: Any, tmp_path: Path) -> None:
    document, adder, deployment = honest
    assert patching.judge(document, adder, deployment, tmp_path) == "BELIEVED"


def test_no_patched_program_is_believed_of_the_model(honest: Any, tmp_path: Path) -> None:
    """A sample; `python -m tests.corpus.patching` tries 1,000."""
    document, adder, deployment = honest
    for kind, found in patching.patched(document, 80, seed=1):
        assert patching.judge(found, adder, deployment, tmp_path) != "BELIEVED", kind


@pytest.mark.parametrize("patch", patching.PATCHES, ids=lambda patch: patch.__name__)
def test_every_kind_of_patch_is_refused(
    patch: Callable[..., None], honest: Any, tmp_path: Path
) -> None:
    document, adder, deployment = honest
    found = json.loads(json.dumps(document))
    patch(found, random.Random(3))
    sealed = patching.sealed(found)
    assert patching.judge(sealed, adder, deployment, tmp_path) != "BELIEVED"


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_a_model_of_another_precision_is_refused(policy: str, honest: Any, tmp_path: Path) -> None:
    document, adder, _ = honest
    network = Network("keras.layers:SimpleRNNCell", {"units": 3}, ADDITION, policy)
    other = Adder(network, adder.theta, adder.threshold)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match=f"deployed in float32, this one is {policy}"):
        compare(read(path), other)


@keras.saving.register_keras_serializable(package="tests")
class Lowered(SimpleRNN):
    """An output a little lower than the state."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        output, states = super().call(sequence, states, training)
        return output - 0.001, states


def test_a_wrong_rule_of_lifting_is_noticed(honest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, adder, _ = honest
    network = Network(Lowered, {"units": 3}, ADDITION)
    lowered = Adder(network, adder.theta, adder.threshold)
    assert prove(lowered, steps=0).outcome == "PROVED"
    monkeypatch.setitem(reader.ELEMENTARY, "Sub", "add")
    verdict = prove(lowered, steps=0)
    assert verdict.outcome == "OPEN"
    assert "does not do what the program does" in verdict.reason
    assert verdict.certificate is None


@keras.saving.register_keras_serializable(package="tests")
class Damped(SimpleRNN):
    """Its output is multiplied by a frozen weight, which is drawn without a seed."""

    def build(self, shape: Any) -> None:
        super().build(shape)
        draw = keras.initializers.RandomUniform(0.5, 1.5)
        self.factor = self.add_weight(name="f", shape=(), initializer=draw, trainable=False)

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        output, states = super().call(sequence, states, training)
        return output * self.factor, states


def rnn_cell(adder: Adder) -> Any:
    return adder.to_model().get_layer("rnn").cell


def test_frozen_weights_are_saved_and_restored(honest: Any) -> None:
    _, adder, _ = honest
    network = Network(Damped, {"units": 3}, ADDITION)
    network.keep([np.float32(0.75) if value.ndim == 0 else value for value in network.kept])
    damped = Adder(network, adder.theta, adder.threshold)
    kept = [network.again().kept, [np.asarray(v.value) for v in rnn_cell(damped).variables]]
    assert all(0.75 in [value.item() for value in values if value.ndim == 0] for values in kept)
    drawn = [Network(Damped, {"units": 3}, ADDITION).kept for _ in range(2)]
    assert all(map(np.array_equal, *drawn))
    assert prove(damped, steps=0).outcome == "PROVED"


@keras.saving.register_keras_serializable(package="tests")
class Started(SimpleRNN):
    """Its initial state is a weight."""

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.h_0 = self.add_weight(name="h_0", shape=(self.units,), initializer="zeros")

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.tile(tf.convert_to_tensor(self.h_0)[None], [batch_size, 1])]


def test_a_learned_initial_state_is_used_everywhere_and_not_proved() -> None:
    network = Network(Started, {"units": 3}, ADDITION)
    assert network.learns_start
    theta = network.initial_weights(0, 1.0).numpy()
    started = Adder(network, theta, 0.0)
    symbols = np.random.default_rng(0).integers(0, 4, (8, 12))
    scores = started.to_model().predict_on_batch(ADDITION.features[symbols].astype("float32"))
    np.testing.assert_array_equal(started.run(symbols), (scores[..., 0] > 0).astype(int))
    assert "initial state depends on weights" in prove(started, steps=0).reason


class Counting(SimpleRNN):
    """Counts its calls, in one of several places."""

    where = "attribute"
    by_class = 0
    queue = itertools.count()
    generator = np.random.default_rng(0)

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        if self.where == "attribute":
            self.calls = getattr(self, "calls", 0) + 1
        elif self.where == "class":
            Counting.by_class += 1
        elif self.where == "list":
            KEPT.append(1)
        elif self.where == "iterator":
            next(self.queue)
        elif self.where == "generator":
            self.generator.random()
        elif self.where == "Python":
            random.random()
        elif self.where == "NumPy":
            np.random.rand()  # noqa: NPY002
        return super().call(sequence, states, training)


KEPT: list[int] = []


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("attribute", "'calls' of Counting"),
        ("class", "'by_class' of class Counting"),
        ("list", "'KEPT' of Counting.call"),
        ("iterator", "'queue' of class Counting"),
        ("generator", "'generator' of class Counting"),
        ("Python", "Python's random numbers"),
        ("NumPy", "NumPy's random numbers"),
        ("nowhere", None),
    ],
)
def test_a_step_that_changes_what_python_keeps_is_no_function(
    where: str, named: str | None
) -> None:
    cell = Counting(3)
    cell.where = where
    cell.build((None, 2))
    states, x = [tf.zeros((1, 3))], tf.zeros((1, 2))
    if named is None:
        check_pure(cell, lambda: cell(x, states))
        return
    with pytest.raises(UsageError) as caught:
        check_pure(cell, lambda: cell(x, states))
    assert str(caught.value).endswith(f"it changes {named}")


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.layers.GRUCell(3, dropout=0.5, recurrent_dropout=0.5),
        lambda: keras.layers.LSTMCell(3, seed=1),
        lambda: keras.layers.StackedRNNCells([SimpleRNN(3), SimpleRNN(3)]),
    ],
)
def test_cells_of_keras_keep_nothing(make: Callable[[], Any]) -> None:
    cell = make()
    cell.build((None, 2))
    states = cell.get_initial_state(batch_size=1)
    check_pure(cell, lambda: cell(tf.zeros((1, 2)), states))


def test_a_rejected_certificate_says_what_differs(honest: Any, tmp_path: Path) -> None:
    document, adder, deployment = honest
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    theta = adder.theta.copy()
    theta[3] += 1
    with pytest.raises(Rejected, match="the model's weights, their names or shapes are"):
        compare(read(path), Adder(adder.network, theta, adder.threshold), deployment)


class Column(SimpleRNN):
    """Adds a column, which `keras.ops.add` takes for a row where rows equal units."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        output, states = super().call(sequence, states, training)
        return keras.ops.add(output, output[:, :1]), states


def test_a_batch_as_large_as_another_size_is_tried() -> None:
    adder = patching.adder_of(handmade.keras_certificate())
    verdict = prove(Adder(Network(Column, {"units": 3}, ADDITION), adder.theta, 0.5), steps=0)
    assert "changes with the batch (3 rows)" in verdict.reason
