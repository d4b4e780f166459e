from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.errors import UsageError
from gru_bench.subjects.keras.gru import (
    GRUCell,
    bias_names,
    from_keras,
    get_weights,
    gru_step,
    set_weights,
    to_keras,
)
from gru_bench.subjects.keras.loading import load_cell_class, make_cell
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.loading import cell_name
from properties.tolerance import gru_error

POLICIES = {
    "float32": "float32",
    "float64": "float64",
    "mixed_float16": "float16",
    "mixed_bfloat16": "bfloat16",
}


def half_exact(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return numbers that even bfloat16 can hold, so that no cast rounds."""
    return rng.integers(-16, 17, shape) / 16


def random_weights(reset: str, features: int = 2, units: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    shapes = {f"W_{g}": (features, units) for g in "zrh"} | {f"U_{g}": (units,) * 2 for g in "zrh"}
    shapes |= dict.fromkeys(bias_names(reset), (units,))
    return {name: half_exact(rng, *shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("reset", ["before", "after"])
def test_it_works_in_an_rnn_layer(reset: str, policy: str, mode: str) -> None:
    cell = GRUCell(3, reset=reset, dtype=policy)
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype=policy)
    x = half_exact(np.random.default_rng(4), 2, 5, 2)
    layer.build(x.shape)
    weights = random_weights(reset)
    set_weights(cell, weights)
    call = tf.function(layer, jit_compile=mode == "xla") if mode != "eager" else layer
    outputs, state = call(tf.constant(x, cell.compute_dtype))
    assert outputs.dtype == cell.compute_dtype == POLICIES[policy]

    dtype = tf.as_dtype(cell.compute_dtype).as_numpy_dtype
    h, error = np.zeros((2, 3)), np.zeros((2, 3))
    for t in range(5):
        bound = gru_error(weights, x[:, t], h, reset, dtype, state_error=error)
        error = bound.limit
        h = gru_step(weights, x[:, t], h, reset)
        bound += gru_error(weights, x[:, t], h, reset, "float64", state_error=0.0)
        bound.check(outputs[:, t], h, f"h_{t + 1}")
    np.testing.assert_array_equal(state, outputs[:, -1])


@pytest.mark.parametrize("reset", ["before", "after"])
def test_it_is_saved_and_loaded_in_a_keras_file(reset: str, tmp_path: Path) -> None:
    inputs = keras.Input((None, 2))
    cell = GRUCell(3, reset=reset, kernel_initializer="he_normal", name="mine")
    model = keras.Model(inputs, keras.layers.RNN(cell)(inputs))
    set_weights(cell, random_weights(reset))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    own = loaded.layers[-1].cell
    assert type(own) is GRUCell
    assert own.get_config() == cell.get_config()
    for name, array in get_weights(cell).items():
        np.testing.assert_array_equal(get_weights(own)[name], array)
    x = np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_its_config_rebuilds_it() -> None:
    cell = GRUCell(
        4,
        reset="after",
        use_bias=False,
        kernel_initializer="he_normal",
        recurrent_initializer="glorot_normal",
        bias_initializer="ones",
        name="mine",
        dtype="mixed_bfloat16",
    )
    config = cell.get_config()
    again = GRUCell.from_config(config)
    assert again.get_config() == config
    assert (again.units, again.reset, again.use_bias) == (4, "after", False)
    assert again.compute_dtype == "bfloat16"


def test_its_weights_keep_the_papers_names() -> None:
    cell = GRUCell(3, reset="after")
    cell.build((None, 2))
    names = ["W_z", "U_z", "W_r", "U_r", "W_h", "U_h", "b_z", "b_r", "b_h", "c_h"]
    assert [variable.name for variable in cell.weights] == names
    assert cell.W_z.shape == (2, 3)
    before = GRUCell(3, use_bias=False)
    before.build((None, 2))
    assert [variable.name for variable in before.weights] == names[:6]


def test_gates_start_with_different_weights_even_from_one_initialiser() -> None:
    cell = GRUCell(3, kernel_initializer=keras.initializers.GlorotUniform())
    cell.build((None, 2))
    w = get_weights(cell)
    for kind in "WU":
        assert not np.array_equal(w[f"{kind}_z"], w[f"{kind}_r"])
        assert not np.array_equal(w[f"{kind}_r"], w[f"{kind}_h"])


def test_a_bare_state_will_do() -> None:
    cell = GRUCell(3)
    x, h = tf.ones((1, 2)), tf.ones((1, 3))
    np.testing.assert_array_equal(cell(x, h)[0], cell(x, [h])[0])
    np.testing.assert_array_equal(cell.get_initial_state(2)[0], np.zeros((2, 3)))


def test_the_oracle_by_hand() -> None:
    one = np.ones((1, 1))
    w = {f"{kind}_{g}": 0 * one for g in "zrh" for kind in "WU"}
    x, h = one, 0.5 * one
    assert gru_step(w, x, h)[0, 0] == 0.25  # z = 1/2, candidate 0
    assert gru_step({**w, "W_z": 100 * one}, x, h)[0, 0] == 0  # z = 1 takes the candidate
    assert gru_step({**w, "W_z": -100 * one}, x, h)[0, 0] == 0.5  # z = 0 keeps the state
    shut = {**w, "W_z": 100 * one, "W_r": -100 * one, "U_h": one}
    assert gru_step(shut, x, h)[0, 0] == pytest.approx(0, abs=1e-40)
    c = {**shut, "c_h": one[0], "b_h": 2 * one[0]}
    assert gru_step(c, x, h, "after")[0, 0] == np.tanh(2.0)
    assert gru_step({**c, "W_r": 100 * one}, x, h, "after")[0, 0] == np.tanh(3.5)


def test_the_oracle_refuses_an_unknown_reset() -> None:
    with pytest.raises(UsageError, match="unknown reset 'between'"):
        gru_step(random_weights("before"), np.ones((1, 2)), np.ones((1, 3)), "between")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "units must be at least 1, got 0"),
        ({"units": -1}, "units must be at least 1, got -1"),
        ({"units": 2.5}, "units must be an integer, got 2.5 (float)"),
        (
            {"units": 2, "reset": "aftr"},
            "unknown reset 'aftr', did you mean 'after'? (known: before, after)",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        GRUCell(**arguments)
    assert str(caught.value) == message


def test_weights_of_other_names_are_refused() -> None:
    cell = GRUCell(3)
    cell.build((None, 2))
    with pytest.raises(UsageError, match=r"weights must be named .*'b_h'.*, got .*'c_h'"):
        set_weights(cell, random_weights("after"))


@pytest.mark.parametrize(
    "other",
    [
        lambda: keras.layers.LSTMCell(3),
        lambda: keras.layers.GRUCell(3),  # not built
        lambda: built(keras.layers.GRUCell(3, activation="relu")),
        lambda: built(keras.layers.GRUCell(3, recurrent_activation="hard_sigmoid")),
        lambda: built(keras.layers.GRUCell(3, dropout=0.1)),
    ],
)
def test_from_keras_refuses_what_has_no_equal(other: Any) -> None:
    with pytest.raises(UsageError, match="from_keras takes"):
        from_keras(other())


def built(cell: Any) -> Any:
    cell.build((None, 2))
    return cell


@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_zero_bias_keeps_its_sign_to_keras_and_back(reset: str) -> None:
    cell = built(GRUCell(3, reset=reset))
    cell.b_h.assign([0.0, -0.0, 1.0])
    found = get_weights(from_keras(to_keras(cell)))
    for name, array in get_weights(cell).items():
        assert found[name].tobytes() == array.tobytes(), name


def test_a_frozen_keras_cell_is_converted() -> None:
    cell = built(keras.layers.GRUCell(3, trainable=False))
    np.testing.assert_array_equal(
        to_keras(from_keras(cell)).get_weights()[0], cell.get_weights()[0]
    )


# ------------------------------------------------------------------ cells by name

MODULE = """
import keras

class Right(keras.layers.SimpleRNNCell):
    pass

class NoState(keras.layers.Layer):
    def call(self, inputs, states):
        return inputs, states

class NoStates(keras.layers.Layer):
    state_size = 3
    def call(self, inputs):
        return inputs

class Refuses(keras.layers.Layer):
    def __init__(self, units, dtype=None):
        raise ValueError("units must be\\n   lucky")

class NotALayer:
    pass

function = len
"""


@pytest.fixture
def cells_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cells_of_a_user.py").write_text(MODULE)
    (tmp_path / "broken_cells_of_a_user.py").write_text("import no_such_module_anywhere\n")
    (tmp_path / "worse_cells_of_a_user.py").write_text("def f(:\n")
    monkeypatch.chdir(tmp_path)


def test_names_are_classes_and_back() -> None:
    assert load_cell_class("gru_bench:GRUCell") is GRUCell
    assert load_cell_class("keras.layers:LSTMCell") is keras.layers.LSTMCell
    for name in ("gru_bench:GRUCell", "keras.layers:GRUCell", "keras.layers:SimpleRNNCell"):
        assert cell_name(load_cell_class(name)) == name


@pytest.mark.usefixtures("cells_here")
def test_a_module_in_the_current_folder_is_found() -> None:
    cell = make_cell("cells_of_a_user:Right", {"units": 3})
    assert cell.state_size == 3
    assert cell_name(type(cell)) == "cells_of_a_user:Right"


@pytest.mark.usefixtures("cells_here")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GRUCell", "a cell is named package.module:Name, for example keras.layers:GRUCell, got"),
        (":GRUCell", "a cell is named package.module:Name"),
        ("gru_bench:", "a cell is named package.module:Name"),
        ("no_such_module:Cell", "cannot be imported: ModuleNotFoundError: No module named"),
        ("broken_cells_of_a_user:Cell", "No module named 'no_such_module_anywhere'"),
        ("worse_cells_of_a_user:Cell", "cannot be imported: SyntaxError"),
        ("keras.layers:GRUCel", "has no 'GRUCel', did you mean 'GRUCell'?"),
        ("cells_of_a_user:Rigth", "has no 'Rigth', did you mean 'Right'?"),
        ("cells_of_a_user:zzzzz", "module 'cells_of_a_user' has no 'zzzzz'"),
        ("cells_of_a_user:function", "is not a recurrent cell: it must be a keras.layers.Layer"),
        ("cells_of_a_user:NotALayer", "is not a recurrent cell: it must be a keras.layers.Layer"),
        ("cells_of_a_user:Refuses", "refused units=3: ValueError: units must be lucky"),
        ("cells_of_a_user:NoState", "refused units=3: "),
        ("keras.layers:Dense", "is not a recurrent cell: it has no state_size"),
        ("keras.layers:GRU", "is a whole layer, not a cell: did you mean keras.layers:GRUCell?"),
    ],
)
def test_what_is_no_cell_is_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_cell(name, {"units": 3})
    assert message in str(caught.value)
    assert name in str(caught.value) or name.partition(":")[2] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("cells_here")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cells_of_a_user:NoState", "it has no state_size"),
        ("cells_of_a_user:NoStates", "it has no call(inputs, states)"),
        ("keras.layers:LSTMCell", "refused no arguments: TypeError"),
    ],
)
def test_what_is_no_cell_without_arguments_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_cell(name, {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_search_of_the_current_folder_leaves_no_trace() -> None:
    before = list(sys.path)
    load_cell_class("keras.layers:LSTMCell")
    assert sys.path == before
