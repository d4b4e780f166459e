"""Laws on cells that are written otherwise than ours: correct ones pass, wrong ones do not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from gru_bench import check_cell
from gru_bench.cli import main
from gru_bench.equations import find_claim
from gru_bench.gradients import check_gradients
from gru_bench.gradients.check import cell_problem
from gru_bench.gradients.derivative import central, first_step
from gru_bench.laws import LAWS
from gru_bench.laws.cells.time import TRIES, attempts
from gru_bench.laws.keras.idle import idle
from gru_bench.laws.running.strategies import Sketch
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED, NOT_APPLICABLE, PASSED
from gru_bench.subjects.keras.subject import KerasSubject
from tests.corpus.styles import own
from tests.corpus.wrong_cells.base import Registered
from tests.corpus.wrong_cells.strangers import Leaky, MadeOfLayers

LEARNING = ["gradient-of-one-step", "gradient-by-weights", "second-derivatives"]


def check(cell, laws, **arguments):
    return check_cell(cell, {"units": 3, **arguments}, profile="quick", law=laws)


class AlwaysDrops(MadeOfLayers):
    """Drops at inference too."""

    def dropped(self, h):
        return self.drop(h, training=True)


class Single(Leaky):
    """Computes in float32 only, since it was given a float32 number where it squashes."""

    def squashed(self, drive):
        return super().squashed(drive) * tf.ones((), "float32")


class Narrowed(Leaky):
    """Takes the long way through float32 wherever it computes in float64."""

    def squashed(self, drive):
        return ops.cast(super().squashed(ops.cast(drive, "float32")), self.compute_dtype)


@tf.custom_gradient
def _stretched(x):
    return tf.identity(x), lambda gradient: 1.01 * gradient


class Stretched(Single):
    """Its gradient is too large by a hundredth."""

    def squashed(self, drive):
        return super().squashed(_stretched(drive))


class Normalised(MadeOfLayers):
    """Normalises by the mean and the variance of the batch."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.drop = keras.layers.BatchNormalization(dtype=self.dtype_policy)


# Layers within a cell


def test_a_layer_within_is_told_that_it_trains():
    assert make_target(MadeOfLayers, {"units": 3}).not_random is None
    assert (
        "training gives what inference gives"
        in make_target(MadeOfLayers, {"units": 3, "rate": 0.0}).not_random
    )
    laws = ["inference-repeats", "masks-differ-between-calls", "training-modes-agree",
            "gradient-in-training", "traced-masks-are-drawn-anew"]  # fmt: skip
    report = check(MadeOfLayers, laws)
    assert [report[law].status for law in laws] == [PASSED] * len(laws), report


def test_a_layer_within_that_drops_at_inference_is_caught():
    assert check(AlwaysDrops, ["inference-repeats"])["inference-repeats"].status == FAILED


def test_statistics_of_a_batch_are_not_taken_for_masks():
    laws = ["masks-differ-between-calls", "mean-over-masks"]
    report = check(Normalised, laws)
    assert {outcome.status for outcome in report.outcomes} == {NOT_APPLICABLE}
    assert "statistics" in report[laws[0]].reason


def test_a_training_step_is_the_same_function_with_weights_given_and_in_the_cell():
    cell = MadeOfLayers(3, dtype="float64")
    subject = KerasSubject(cell, 2, training=True, batch=4)
    x, h = tf.random.normal((4, 2), dtype="float64"), tf.ones((4, 3), "float64")
    before = [float(tf.reduce_sum(tf.cast(v, "float64"))) for v in subject.frozen]
    first, _, frozen = subject.step_tensors(subject.weights, subject.frozen, x, [h])
    again, _, _ = subject.step_tensors(subject.weights, subject.frozen, x, [h])
    other, _, _ = subject.step_tensors(subject.weights, frozen, x, [h])
    assert (first.numpy() == again.numpy()).all()
    assert (first.numpy() != other.numpy()).any()
    # The generator's state is handed over and comes back; the cell's own stays.
    assert before == [float(tf.reduce_sum(tf.cast(v, "float64"))) for v in subject.frozen]


def test_weights_of_a_layer_within_are_not_taken_for_those_of_equations():
    cell = MadeOfLayers(4)
    cell.build((None, 3))
    claim = find_claim(cell, None, 3)
    assert claim is not None
    assert claim.reading is not None
    assert {slot.weight for slot in claim.reading.reading.slots} == {"kernel", "bias"}
    report = check(MadeOfLayers, ["equations-one-step", "gate-open-replaces"], units=4)
    assert [outcome.status for outcome in report.outcomes] == [PASSED, NOT_APPLICABLE]


# Weights with constraints


def test_weights_are_generated_within_their_constraints():
    for seed in range(3):
        report = check_cell(
            Leaky, {"units": 3}, profile="quick", seed=seed, law=[*LEARNING, "gradients-finite"]
        )
        assert report.ok, report


@pytest.mark.parametrize(
    ("constraint", "value", "allowed"),
    [
        (None, [-1.0, 2.0], [-1.0, 2.0]),
        (keras.constraints.NonNeg(), [-1.0, 2.0], [1.0, 2.0]),
        (keras.constraints.UnitNorm(), [-3.0, 4.0], [-0.6015625, 0.80078125]),
    ],
)
def test_a_constraint_leaves_a_weight_or_its_size_alone_or_projects_it(constraint, value, allowed):
    cell = keras.layers.SimpleRNNCell(2, bias_constraint=constraint, dtype="float64")
    cell.build((None, 2))
    subject = KerasSubject(cell, 2)
    given = {**subject.parameters, "bias": tf.constant(value, "float64").numpy()}
    found = subject.allowed(given)
    assert found["bias"].tolist() == allowed
    assert (found["kernel"] == given["kernel"]).all()


class AtLeast(keras.constraints.Constraint):
    """Keeps a weight away from zero."""

    def __call__(self, w):
        return ops.maximum(w, 0.25)


class Lossy(Leaky):
    """Divides by the root of one number: there is none where it is negative or zero."""

    def build(self, input_shape):
        self.loss = self.add_weight(shape=(), name="loss", initializer="ones", constraint=AtLeast())
        super().build(input_shape)

    def squashed(self, drive):
        return super().squashed(drive) / ops.sqrt(self.loss)


def test_a_weight_may_be_a_single_number_and_what_is_tried_of_it_is_allowed():
    target = make_target(Lossy, {"units": 3})
    law = LAWS["input-matters"]
    first, *others = attempts(Sketch(4, 1, 2, 1.0, "ordinary", False, 7).case(target, law.wants))
    assert len(others) == TRIES - 1
    for case in (first, *others):
        assert [w.shape for w in case.weights.values()] == [(), (4, 3), (3, 3), (3,), (3,)]
        loss, _, _, capacity, leak = case.weights.values()
        assert loss >= 0.25
        assert min(*capacity, *leak) >= 0


def test_laws_about_gradients_leave_a_weight_of_zero_to_cells_that_allow_it():
    names = [name for name, law in LAWS.items() if law.family in ("time", "learning")]
    report = check(Lossy, names)
    assert report.ok, report


# One precision only


def test_what_cannot_run_in_other_dtypes_is_said_once():
    laws = ["initial-state", "float64-supported", "half-precision"]
    report = check(Single, laws)
    assert [report[law].status for law in laws] == [PASSED, FAILED, NOT_APPLICABLE]
    assert report["half-precision"].reason.startswith("the cell raises what float64-supported")


def test_gradients_in_single_precision_are_compared_with_derivatives_in_double():
    assert check(Single, LEARNING[:2]).ok
    report = check(Stretched, LEARNING[:2])
    assert [report[law].status for law in LEARNING[:2]] == [FAILED] * 2


def test_numeric_derivatives_of_a_float32_cell_are_as_precise_as_those_of_a_float64_one():
    found = []
    for make, dtype in ((Single, "float32"), (Leaky, "float64")):
        cell = make(3, dtype=dtype)
        cell.build((None, 2))
        rng = np.random.default_rng(0)
        cell.set_weights([np.abs(rng.normal(size=w.shape)).astype("float32") for w in cell.weights])
        problem = cell_problem(KerasSubject(cell, 2), steps=2)
        columns = np.arange(problem.arguments.size)
        steps = np.full(len(columns), first_step(problem.numeric_epsilon) / 4)
        found.append(central(problem, columns, steps).value)
    single, double = found
    np.testing.assert_allclose(single, double, rtol=1e-6, atol=1e-9)


def test_float32_within_a_float64_cell_is_not_taken_for_a_wrong_gradient():
    report = check(Narrowed, [*LEARNING, "float64-is-precise"])
    failed = [outcome.law for outcome in report.failed]
    assert failed == ["float64-is-precise"], report


def test_steps_that_leave_the_domain_of_a_function_are_made_smaller():
    found = check_gradients(tf.sqrt, [np.array([1e-5, 1.0])])
    assert found.ok, found


def test_differences_around_a_kink_that_agree_by_chance_are_measured_again():
    # With a kink at 4/9 of the largest step, extrapolation from h, h/2 and h/4 is consistent.
    h = first_step(2.0**-52)
    found = check_gradients(lambda x: tf.nn.relu(x + 4 / 9 * h), [np.zeros(1)])
    assert found.ok, found


def test_derivatives_of_a_step_with_casts_are_those_of_the_function_without():
    found = check_gradients(Narrowed, constructor={"units": 3}, steps=2)
    assert found.ok
    assert found.path == "replay"


# A layer that makes its cell anew


class Wrapping(Registered, keras.layers.RNN):
    """Its configuration shows its cell, and it makes another of the same arguments."""

    more = 0

    def __init__(self, units, **kwargs):
        super().__init__(Leaky(units, dtype=kwargs.get("dtype")), **kwargs)

    def get_config(self):
        return {**super().get_config(), "units": self.cell.units}

    @classmethod
    def from_config(cls, config):
        kept = {key: value for key, value in config.items() if key not in ("cell", "units")}
        return cls(config["units"] + cls.more, **kept)


class Forgetful(Wrapping):
    """Makes its cell anew with one unit more."""

    more = 1


def test_the_name_of_a_cell_within_a_layer_is_no_argument():
    assert check(Wrapping, ["config-keeps-arguments"]).ok
    report = check(Forgetful, ["config-keeps-arguments"])
    assert "in that of the cell made of it" in report.failed[0].reason


# What the command prints


def test_reasons_are_readable_in_a_narrow_window(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    laws = ["one-step-runs", "inference-without-dropout", "dropout-drops"]
    cell = "tests.corpus.wrong_cells.strangers:Leaky"
    flags = [f"--law={law}" for law in laws]
    assert main(["check", cell, "--set", "units=3", "--profile", "quick", "-v", *flags]) == 0
    out = capfd.readouterr().out
    assert "not applicable: the cell has no dropout rate above zero\n" in out
    assert "\n  inference-without-dropout, dropout-drops\n" in out
    table, _, _ = out.partition("tests.corpus.wrong_cells.strangers:Leaky: 3 laws planned")
    assert max(map(len, table.splitlines())) <= 72


# Arguments that do nothing


class Deaf(Leaky):
    """Takes an activation, a bound and a regulariser, and heeds the bound."""

    def __init__(self, units, activation="tanh", bound=50.0, weight_regularizer=None, **kwargs):
        super().__init__(units, **kwargs)
        self.activation, self.bound = activation, bound
        self.weight_regularizer = weight_regularizer

    def squashed(self, drive):
        return ops.clip(super().squashed(drive), -self.bound, self.bound)

    def get_config(self):
        own = {"activation": self.activation, "bound": self.bound}
        return {**super().get_config(), **own, "weight_regularizer": self.weight_regularizer}


def test_arguments_without_an_effect_are_said_and_no_failure():
    report = check(Deaf, ["config-keeps-arguments"], bound=0.5)
    assert report.ok
    told = "no effect was seen of the constructor's arguments: activation, weight_regularizer"
    assert told in report.notes


@pytest.mark.parametrize("bias", [True, False])
def test_no_argument_of_kerass_cells_is_said_to_do_nothing(bias):
    for cell in (keras.layers.GRUCell, keras.layers.LSTMCell, keras.layers.SimpleRNNCell):
        target = make_target(cell, {"units": 3, "use_bias": bias})
        assert idle(target) == []


@pytest.mark.parametrize("kind", [own.TowardsNew, own.TowardsOld])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_update_written_as_an_interpolation_rounds(kind, seed):
    laws = ["gate-shut-keeps", "gate-open-replaces", "gate-reset-forgets"]
    report = check_cell(kind, {"units": 4}, profile="quick", seed=seed, law=laws)
    assert [outcome.status for outcome in report.outcomes] == [PASSED] * 3, report
