"""Cells by other hands (`corpus/wild`) are told right; 0.1.0 did what their docstrings say."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench import Inputs, UsageError, check_gradients
from gru_bench.errors import NotSupportedError
from gru_bench.laws import LAWS
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED, Outcome
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import make_network, train
from gru_bench.subjects.inputs import read_inputs
from tests.corpus.styles import styles

FOLDER = Path(__file__).parent / "corpus" / "wild"

GRADIENTS = ("gradient-of-one-step", "gradient-by-inputs-and-states")
STEPS = ("same-call-after-call", "state-advances", "every-entry-matters", "gradient-reaches-back")
LOOPS = ("run-equals-steps", "unrolled-equals-looped", "layer-runs-the-cell", "layer-forgets")
SAVED = ("config-keeps-arguments", "config-same-function", "model-saved-and-loaded")
DTYPES = ("initial-state", "float64-supported", "half-precision")
CHANCE = ("masks-differ-between-calls", "mean-over-masks", "training-modes-agree")
STATEFUL = ("layer-default-is-initial", "layer-stateful", "layer-both-directions")
FINITE = ("finite-at-large-inputs", "finite-far-beyond", "gradients-finite")

#: A cell, what is given to it, the laws that are tried, and those that rightly fail.
CELLS: list[tuple[str, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = [
    ("float32_only:Phased", {"units": 4}, (GRADIENTS[1], *DTYPES), DTYPES),
    ("inf_limit_crash:RunningMean", {"units": 4}, (*STEPS, *LOOPS), ()),
    ("jump:ModReLU", {"units": 4}, GRADIENTS, ()),
    ("late_sublayers:Closed", {"units": 4}, (*LOOPS, *SAVED), ()),
    ("late_sublayers:Closed", {"units": 4}, ("weights-made-in-build",), ("weights-made-in-build",)),
    ("nan_equals_nan:Root", {"units": 4}, (*STEPS, *GRADIENTS, *LOOPS, *FINITE), FINITE),
    ("nan_equals_nan:Root", {"units": 4}, ("rounding-is-small", "second-derivatives"), ()),
    ("odd_shapes:Memory", {"units": 4}, LOOPS, ()),
    ("odd_shapes:Image", {"side": 3}, (*LOOPS, *SAVED), ()),
    ("odd_shapes:Named", {"units": 4}, (*STEPS, *LOOPS, *STATEFUL, *SAVED), ()),
    ("odd_shapes:Tuples", {"units": 4}, (*STATEFUL, "layer-forwards-dtype"), ()),
    ("odd_shapes:Ticking", {"units": 4}, (*STEPS, *DTYPES, *LOOPS, "layer-unrolled"), ()),
    ("odd_shapes:Highway", {"units": 4}, (*STEPS, *DTYPES), ()),
    ("odd_shapes:Bare", {"units": 4}, LOOPS, ()),
    ("odd_shapes:functional", {}, (*STEPS, *DTYPES, "weights-made-in-build"), ()),
    ("random_start:Drawn", {"units": 4, "seed": 3}, (*LOOPS, *STATEFUL, *SAVED), ()),
    ("relu_mixed:ReluMixed", {"units": 4}, GRADIENTS, ()),
    ("state_domain:Forward", {"units": 4}, (*STEPS, *GRADIENTS), ()),
    ("state_domain:Clockwork", {"units": 4}, (*STEPS, "second-derivatives"), ()),
    ("state_domain:Averaging", {"units": 4}, (*STEPS, *GRADIENTS), ()),
    ("tensor_array:Collecting", {"units": 4}, GRADIENTS, ()),
    ("train_differs:Leaky", {"units": 4}, CHANCE, ()),
    ("written_only_state:Bistable", {"units": 4}, STEPS, ()),
    ("once_differentiable:Square", {"units": 4}, GRADIENTS, ()),
    ("keras.layers:SimpleRNNCell", {"units": 4, "activation": "elu"}, GRADIENTS, ()),
    ("keras.layers:GRUCell", {"units": 4, "activation": "relu", "use_bias": False}, GRADIENTS, ()),
    ("more:NoKwargs", {"units": 4}, (*SAVED, *DTYPES, *STATEFUL), ("config-keeps-arguments",)),
    ("more:OwnConfig", {"units": 4}, (*SAVED, *DTYPES), ()),
    ("more:While", {"units": 2}, GRADIENTS[:1], ()),
    ("more:Mapped", {"units": 3}, ("empty-batch",), ()),
    ("more:Conditional", {"units": 3}, GRADIENTS[:1], ()),
    ("more:OwnGradient", {"units": 3}, GRADIENTS[:1], ()),
    ("more:Orthogonal", {"units": 3}, DTYPES, ()),
    ("more:Frozen", {"units": 3}, (*GRADIENTS, *STEPS), ()),
    ("more:NoWeights", {"units": 3}, (*GRADIENTS, *STEPS[:2]), ()),
    ("more:Normalised", {"units": 3}, (*STEPS, *GRADIENTS), ()),
    ("more:SharedMask", {"units": 3}, CHANCE, ()),
    ("more:Statistics", {"units": 3}, CHANCE, ()),
    ("more:LearnedStart", {"units": 3}, ("every-weight-learns", "every-entry-matters"), ()),
    ("more:Noisy", {"units": 3}, ("every-weight-learns", "every-entry-matters"), ()),
    ("more:Masked", {"units": 4}, ("every-entry-matters",), ()),
    ("more:Triangular", {"units": 4}, ("every-entry-matters",), ()),
    ("more:Gated", {"units": 4}, ("every-entry-matters",), ()),
    ("more:Window", {"units": 4}, (*STEPS, *LOOPS), ()),
    ("more:ResetNotApplied", {"units": 4}, ("every-entry-matters",), ("every-entry-matters",)),
    ("more:OnlyOwnState", {"units": 4}, ("units-hear-each-other",), ("units-hear-each-other",)),
]


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in [path.stem for path in FOLDER.glob("*.py")]:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("cell", "arguments", "laws", "failing"), CELLS, ids=[f"{c[0]}-{c[2][0]}" for c in CELLS]
)
def test_a_cell_is_told_right(
    cell: str, arguments: dict[str, Any], laws: tuple[str, ...], failing: tuple[str, ...]
) -> None:
    target = make_target(cell, arguments)
    outcomes = [run_law(target, LAWS[name], "quick", 0) for name in laws]
    assert {o.law: o.reason for o in outcomes if o.status == FAILED}.keys() == set(failing)


@pytest.mark.parametrize("bias", [True, False])
def test_a_state_that_grows_beyond_every_bound_is_no_fault(bias: bool) -> None:
    arguments = {"units": 4, "activation": "exponential", "reset_after": False, "use_bias": bias}
    target = make_target("keras.layers:GRUCell", arguments)
    for name in ("equations-one-step", "float32-agrees-with-float64"):
        outcome = run_law(target, LAWS[name], "ci", 0)
        assert outcome.status != FAILED, outcome


@pytest.mark.parametrize("style", ["gru_dense_each", "gru_functional"])
def test_layers_within_that_were_made_without_a_dtype_are_said_once(style: str) -> None:
    target = make_target(styles.STYLES[style], {"units": 4})
    laws = ("float64-supported", "half-precision", "layer-forwards-dtype", *STEPS)
    outcomes = [run_law(target, LAWS[name], "quick", 0) for name in laws]
    (failed,) = [o for o in outcomes if o.status == FAILED]
    assert failed.law == "float64-supported"
    assert "give them self.dtype_policy" in failed.reason


@pytest.mark.parametrize(
    ("cell", "arguments", "told"),
    [
        ("odd_shapes:TwoOutputs", {"units": 4}, "must be one tensor, got a dict of mean, scale"),
        ("odd_shapes:Pair", {"units": 4}, "takes pairs"),
        ("keras.layers:ConvLSTM2D", {"filters": 2, "kernel_size": 3}, "takes pictures"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_one_line(
    cell: str, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(NotSupportedError) as refused:
        make_target(cell, arguments)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sizes_of_inputs_are_found_by_trying_and_said() -> None:
    target = make_target("odd_shapes:Highway", {"units": 4})
    assert target.features == (4,)
    assert any("inputs of size" in note for note in target.notes)


def test_what_starts_from_reached_states_says_so() -> None:
    target = make_target("state_domain:Clockwork", {"units": 4})
    assert target.domain == ["", "whole numbers"]
    assert any("reaches by itself (state 1: whole numbers)" in note for note in target.notes)


def test_what_is_never_read_is_said() -> None:
    target = make_target("written_only_state:Bistable", {"units": 4})
    assert target.unread == [1, 2]
    assert "never read, only published: state 1, 2" in target.notes


DOMAINS = [
    ("more:LookUp", Inputs(0, 9, whole=True)),
    ("more:LookUp", read_inputs("integers", None)),
    ("more:Root", read_inputs(None, "0:2")),
]


@pytest.mark.parametrize(("cell", "inputs"), DOMAINS)
def test_a_cell_is_given_the_inputs_that_it_takes(cell: str, inputs: Inputs) -> None:
    target = make_target(cell, {"units": 3}, None, None, inputs)
    assert f"inputs: {inputs}" in target.notes
    laws = (*STEPS, *FINITE, GRADIENTS[1], "layer-padding")
    outcomes = [run_law(target, LAWS[name], "quick", 0) for name in laws]
    assert {o.law: o.reason for o in outcomes if o.status == FAILED} == {}


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.booleans())
def test_inputs_are_folded_into_their_domain(numbers: list[float], whole: bool) -> None:
    inputs = Inputs(-2, 5, whole)
    fitted = inputs.fit(np.array(numbers))
    assert ((fitted >= -2) & (fitted <= 5)).all()
    assert not whole or (fitted == np.round(fitted)).all()
    assert np.array_equal(inputs.fit(fitted), fitted)


@pytest.mark.parametrize("span", ["1:0", "a:b", "1", "0.5:2", "1:1"])
def test_a_range_that_is_none_is_refused(span: str) -> None:
    with pytest.raises(UsageError, match="--input-range"):
        read_inputs("integers", span)


def test_a_limit_that_is_not_finite_is_shown() -> None:
    facts = {"limit": "inf", "why": "it divides by zero"}
    outcome = Outcome("a-law", "time", "It holds.", FAILED, "it does not", facts=facts)
    assert "tolerance inf: it divides by zero" in str(outcome)


def test_a_script_for_a_cell_without_initial_states_repeats_the_failure() -> None:
    target = make_target("script_no_initial:Mixing", {"units": 3})
    outcome = run_law(target, LAWS["batch-row-alone"], "quick", 0)
    assert outcome.status == FAILED
    with pytest.raises(AssertionError), contextlib.redirect_stdout(io.StringIO()):
        exec(outcome.script, {"__name__": "__main__"})


def test_training_takes_what_check_takes() -> None:
    recipe = get_recipe("default", iterations=1)
    (run,) = train("odd_shapes:Ticking", recipe, 1, arguments={"units": 2})
    assert run.diverged is None
    bare = make_network("train_bare_state:Bare", recipe, {"units": 2})
    states = bare.initial_state(1)
    _, new = bare.step(bare.unpack(bare.initial_weights(0, None)), [], bare.encode([0]), states)
    assert [tuple(state.shape) for state in new] == [(1, 2)]


def test_training_says_what_it_does_not_count() -> None:
    with pytest.raises(UsageError, match=r"has a regulariser of its weights"):
        make_network("regular_train:Regular", get_recipe("default"), {"units": 4})
    with pytest.raises(UsageError, match=r"keras\.layers\.RNN does not take the cell"):
        make_network("odd_shapes:Named", get_recipe("default"), {"units": 4})


def test_gradients_of_what_a_function_returns_are_checked() -> None:
    functional = importlib.import_module("odd_shapes").functional
    assert callable(functional)
    assert check_gradients("odd_shapes:functional", input_size=3, steps=2).ok
