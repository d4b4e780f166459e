from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_bench.equations import EQUATIONS, find_claim, weights_by_name
from gru_bench.errors import UsageError
from gru_bench.subjects.keras.gru import GRUCell, gru_step
from gru_bench.subjects.keras.runtime import keras
from tests.corpus.wrong_cells import base, gru

L = keras.layers

#: Cell, arguments, the equations it should be taken for, and whether its gate weighs the old state.
CELLS = [
    (GRUCell, {}, "gru-reset-before", False),
    (GRUCell, {"reset": "after"}, "gru-reset-after", False),
    (GRUCell, {"reset": "after", "use_bias": False}, "gru-reset-after", False),
    (L.GRUCell, {}, "gru-reset-after", True),
    (L.GRUCell, {"reset_after": False}, "gru-reset-before", True),
    (L.GRUCell, {"activation": "gelu"}, "gru-reset-after", True),
    (L.GRUCell, {"recurrent_activation": "hard_sigmoid"}, "gru-reset-after", True),
    (L.LSTMCell, {}, "lstm", False),
    (L.LSTMCell, {"use_bias": False, "activation": "softsign"}, "lstm", False),
    (L.SimpleRNNCell, {"activation": "relu"}, "simple-rnn", False),
    (base.LSTM, {"peephole": True, "cell_clip": 0.5, "forget_bias": 1.0}, "lstm", False),
    (base.LSTM, {}, "lstm", False),
    (base.MinimalGatedUnit, {}, "minimal-gated-unit", False),
    (base.MinGRU, {}, "min-gru", False),
    (base.LayerNormGRU, {"epsilon": 0.1}, "layer-norm-gru", False),
    (base.LayerNormLSTM, {}, "layer-norm-lstm", False),
    (base.Zoneout, {"zoneout": 0.25}, "gru-reset-after", True),
]


def built(make: Any, dtype: str = "float64", **arguments: Any) -> Any:
    cell = make(units=4, dtype=dtype, **arguments)
    cell.build((None, 3))
    rng = np.random.default_rng(0)
    for variable in cell.weights:
        variable.assign(rng.normal(size=variable.shape))
    return cell


def case(cell: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(1)
    count = len(keras.tree.flatten(cell.state_size))
    return rng.normal(size=(2, 3)), [rng.normal(size=(2, 4)) for _ in range(count)]


@pytest.mark.parametrize(("make", "arguments", "name", "keeps"), CELLS)
def test_a_cell_computes_the_equations_that_its_weights_suggest(
    make: Any, arguments: dict[str, Any], name: str, keeps: bool
) -> None:
    cell = built(make, **arguments)
    claim = find_claim(cell)
    assert claim is not None
    assert claim.equations is EQUATIONS[name]
    assert claim.keeps is keeps
    assert "guessed" in claim.describe()
    x, states = case(cell)
    output, new = cell(x, states)
    expected, wanted = claim.step(cell, x, states)
    np.testing.assert_allclose(output, expected, rtol=1e-13, atol=1e-13)
    for got, state in zip(new, wanted, strict=True):
        np.testing.assert_allclose(got, state, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_equations_of_the_gru_are_those_of_the_oracle(reset: str) -> None:
    cell = built(GRUCell, reset=reset)
    x, states = case(cell)
    claim = find_claim(cell, f"gru-reset-{reset}")
    assert claim is not None
    assert not claim.guessed
    expected = gru_step(weights_by_name(cell), x, states[0], reset)
    np.testing.assert_allclose(claim.step(cell, x, states)[0], expected, rtol=1e-14, atol=1e-14)


#: Cells with gates and biases to drive them; zoneout keeps some of the state whatever they do.
GATED = [
    (make, arguments, name)
    for make, arguments, name, _ in CELLS
    if EQUATIONS[name].gated and arguments.get("use_bias", True) and make is not base.Zoneout
]


@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize(("make", "arguments", "name"), GATED)
def test_gates_that_are_shut_keep_the_state_and_open_ones_let_go_of_it(
    make: Any, arguments: dict[str, Any], name: str, claimed: bool
) -> None:
    cell = built(make, **arguments)
    claim = find_claim(cell, name if claimed else None)
    assert claim is not None
    x, states = case(cell)
    named = claim.weights(cell)
    weights = claim.read(named)
    limit = arguments.get("cell_clip", np.inf)
    kept = np.clip(states[-1], -limit, limit)
    for shut in (True, False):
        for gate, value in claim.gates(shut).items():
            shift = next(k for k in (f"b_{gate}", f"β_W{gate}") if k in weights)
            weights[shift][...] = 2.0**14 if value else -(2.0**14)
        _, new = claim.function(cell)(named, x, states)
        assert np.array_equal(new[-1], kept) == shut


def test_a_simple_rnn_has_no_gates() -> None:
    assert [name for name, equations in EQUATIONS.items() if not equations.gated] == ["simple-rnn"]


def test_a_guess_leaves_the_weights_as_they_were() -> None:
    cell = built(L.GRUCell)
    before = cell.get_weights()
    find_claim(cell)
    for old, new in zip(before, cell.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_is_claimed_is_not_guessed_away() -> None:
    cell = built(gru.BlendExchanged)
    guessed, claimed = find_claim(cell), find_claim(cell, "gru-reset-before")
    assert guessed is not None
    assert claimed is not None
    assert guessed.keeps
    assert not claimed.keeps


def test_a_wrong_cell_is_taken_for_the_nearest_equations() -> None:
    claim = find_claim(built(gru.HiddenBiasOutsideReset))
    assert claim is not None
    assert claim.equations is EQUATIONS["gru-reset-after"]


def test_weights_that_suggest_nothing_are_taken_for_nothing() -> None:
    stack = L.StackedRNNCells([L.GRUCell(4), L.GRUCell(4)])
    stack.build((None, 3))
    assert find_claim(stack) is None
    assert find_claim(built(L.GRUCell), "none") is None


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'gru-reset-after'"):
        find_claim(built(L.GRUCell), "gru-reset-aftr")


def test_a_claim_that_the_cell_contradicts_fails_and_says_what_it_computes() -> None:
    claim = find_claim(built(L.GRUCell), "lstm")
    assert claim is not None
    assert "lstm was claimed" in claim.fails
    assert "it computes GRU" in claim.fails


def test_a_function_of_the_users_own_is_a_claim() -> None:
    def plus_one(weights: Any, x: Any, states: Any) -> Any:
        h = np.tanh(x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + 1)
        return h, [h]

    cell = built(L.SimpleRNNCell)
    x, states = case(cell)
    claim = find_claim(cell, plus_one)
    assert claim is not None
    assert claim.name == "plus_one"
    output, new = claim.step(cell, x, states)
    np.testing.assert_array_equal(output, new[0])


def test_a_function_is_found_by_its_name() -> None:
    claim = find_claim(built(L.SimpleRNNCell), "gru_bench.subjects.keras.gru:gru_step")
    assert claim is not None
    assert claim.given is gru_step
    with pytest.raises(UsageError, match="cannot be imported"):
        find_claim(built(L.SimpleRNNCell), "gru_bench.subjects.keras.gru:nothing")
