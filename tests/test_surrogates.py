"""Gradients of step functions are no derivatives; those of other functions still have to be."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from gru_bench import UsageError, check_gradients
from gru_bench.laws.running.runner import check_cell
from gru_bench.trace.tensorflow.surrogate import surrogate
from tests.corpus.wild import trained_steps

DERIVATIVES = (
    "gradient-of-one-step",
    "gradient-by-weights",
    "gradient-by-inputs-and-states",
    "second-derivatives",
)


def outcomes(kind: type, law: str | None = None) -> dict[str, str]:
    laws = DERIVATIVES if law is None else (law,)
    found = (check_cell(kind, {"units": 3}, profile="quick", law=law)[law] for law in laws)
    return {outcome.law: f"{outcome.status}: {outcome.reason}" for outcome in found}


@pytest.mark.parametrize("kind", [trained_steps.Spiking, trained_steps.StraightThrough])
def test_a_gradient_that_stands_in_is_not_compared(kind):
    for said in outcomes(kind).values():
        assert said.startswith("not applicable: ")
        assert "step function" in said


def test_a_rectifier_with_its_own_gradient_is_compared():
    assert outcomes(trained_steps.Honest, "gradient-of-one-step") == {
        "gradient-of-one-step": "passed: "
    }


def test_a_wrong_gradient_of_what_is_no_step_is_found():
    (said,) = outcomes(trained_steps.WrongByHand, "gradient-of-one-step").values()
    assert said.startswith("failed: ")


def test_gradcheck_says_why_it_compares_nothing():
    with pytest.raises(UsageError, match="step function"):
        check_gradients(trained_steps.Binary, steps=2, constructor={"units": 2}, input_size=2)


@tf.custom_gradient
def rounded(v):
    return tf.round(v), lambda dy: dy


@tf.custom_gradient
def halved(v):
    return tf.where(v > 0, v, 0.5 * v), lambda dy: dy


@tf.custom_gradient
def both(v):
    return (tf.round(v), 2 * v), lambda dy, dz: dy + dz


def graph_of(function):
    return tf.function(function).get_concrete_function(tf.TensorSpec((2,), tf.float64)).graph


@pytest.mark.parametrize(
    ("function", "step"),
    [
        (lambda v: rounded(2 * v), "Round"),
        (tf.function(lambda u: rounded(3 * u)), "Round"),  # within a call
        (lambda v: both(v)[1], "Round"),
        (halved, ""),  # only which of two branches is a step
        (lambda v: halved(tf.round(v)), ""),  # the step lies before it
        (lambda v: v + tf.stop_gradient(tf.sign(v) - v), "Sign"),
        (lambda v: v * tf.stop_gradient(v), ""),
        (tf.round, ""),
    ],
)
def test_which_graphs_have_one(function, step):
    assert surrogate(graph_of(function)) == step


def test_right_gradients_beside_a_step_are_right():
    """What agrees with the numeric derivative is never refused."""
    found = check_gradients(lambda v: rounded(v) * 0 + v**2, [np.array([0.3, 0.7])])
    assert found.ok
