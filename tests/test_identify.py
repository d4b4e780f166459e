"""What a cell computes is found out from what it computes, whatever its weights are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from gru_bench import check_cell, identify
from gru_bench.cli import main
from gru_bench.equations import EQUATIONS, Settings, Weights, find_claim
from gru_bench.equations.expression import read_lines, show
from gru_bench.equations.formulas import FORMULAS
from gru_bench.equations.hypothesis import Hypothesis
from gru_bench.equations.mutation import mutants
from gru_bench.equations.words import hints_of, named_in
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED, NOT_APPLICABLE, PASSED
from tests.corpus.styles import styles
from tests.corpus.styles.own import OWN, BiasRow, OneTensor, Parallel, Peepholes, StackedGates

#: What of the nearest reading's words says which mistake it is.
TOLD = {
    "gate-unused": "as if the reset gate r were 1",
    "reset-on-input": "the reset gate r multiplies (x W_h + b_h), not h U_h",
    "candidate-sigmoid": "the φ of the candidate h̃ is a sigmoid",
    "gate-linear": "the update gate z has no σ",
    "bias-forgotten": "the bias of the update gate z is never added",
    "bias-twice": "b_z is added twice",
    "stale-state": "the state is overwritten too early",
    "copied-matrix": "the update gate z reads U_r, and U_z is not used",
    "factor-missing": "h is missing from r ∘ h",
    "no-complement": "as if 1 - z were 1",
    "candidate-returned": "the state handed on is the candidate h̃",
    "wrong-output": "the output is the candidate h̃",
    "batch-summed": "reads the sum of the whole batch's inputs",
    "input-left-out": "the update gate z does not read the input",
    "state-left-out": "the update gate z does not read the state",
    "transposed-recurrent": "U_z is transposed in `U`",
}
LSTM_TOLD = {
    "gate-unused": "as if the forget gate f were 1",
    "gates-swapped": "the input gate i has the number that the forget gate f should have",
    "output-without-tanh": "c' is not squashed",
    "forget-on-candidate": "the forget gate f multiplies (i ∘ c̃ + c)",
    "stale-state": "reads the old cell state c where the new cell state c' is meant",
    "wrong-output": "the output is the new cell state c'",
}


def made(name: str, mistake: str | None = None) -> Any:
    return identify(styles.made(name, mistake), styles.arguments(name, 4, 5)[0])


@pytest.mark.parametrize("name", styles.STYLES)
def test_styles_are_read_exactly_and_each_weight_where_it_lies(name: str) -> None:
    arguments = styles.arguments(name, 4, 5)[0]
    found = identify(styles.STYLES[name], arguments)
    (reading,) = found.readings
    assert reading.key == styles.claim_of(name)
    assert found.seconds < 20  # of a busy machine; benchmarks/identify.py measures it
    cell = styles.STYLES[name](**arguments)
    cell.build((None, 5))
    rng = np.random.default_rng(0)
    for variable in cell.weights:
        variable.assign(rng.normal(size=variable.shape))
    named = dict(zip(found.names, (np.asarray(v.value) for v in cell.weights), strict=True))
    read = reading.weights(named, 5, 4)
    shift = reading.hypothesis.constants.get("k_f", 0.0)
    for gate, (w, u, *biases) in cell.parts().items():
        letter = {"g": "c"}.get(gate, gate)
        np.testing.assert_allclose(read[f"W_{letter}"], w, rtol=1e-6)
        np.testing.assert_allclose(read[f"U_{letter}"], u, rtol=1e-6)
        if biases:
            total = sum(read.get(f"{kind}_{letter}", 0.0) for kind in "bc")
            total = total + (shift if gate == "f" else 0.0)
            np.testing.assert_allclose(total, sum(biases), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", OWN, ids=lambda cell: cell.__name__)
def test_other_styles_families_functions_and_numbers_are_read_exactly(cell: Any) -> None:
    found = identify(cell, {"units": 4})
    assert OWN[cell] in [reading.key for reading in found.readings], str(found)


@pytest.mark.parametrize(
    ("cell", "arguments", "key"),
    [
        (keras.layers.GRUCell, {"units": 4}, "gru-reset-after"),
        (keras.layers.GRUCell, {"units": 3, "reset_after": False}, "gru-reset-before"),
        (keras.layers.LSTMCell, {"units": 4, "activation": "elu"}, "lstm"),
        (keras.layers.SimpleRNNCell, {"units": 2, "use_bias": False}, "simple-rnn"),
        (styles.STYLES["lstm_tf1"], {"num_units": 32}, "lstm"),
        (styles.STYLES["gru_torch"], {"input_size": 4, "hidden_size": 32}, "gru-reset-after"),
    ],
)
def test_cells_of_other_sizes_are_read_too(cell: Any, arguments: Any, key: str) -> None:
    found = identify(cell, arguments)
    assert [reading.key for reading in found.readings] == [key], str(found)


class Squashed(styles.STYLES["gru_torch"]):
    """A gated recurrent unit; what squashes the candidate is written out."""

    phi = staticmethod(lambda a: a / keras.ops.sqrt(1 + keras.ops.square(a)))


class Softer(Squashed):
    phi = staticmethod(lambda a: a / (1 + keras.ops.abs(a)))


@pytest.mark.parametrize(
    ("cell", "told"), [(Squashed, "φ is x / sqrt(1 + x²)"), (Softer, "φ is softsign")]
)
def test_a_function_that_is_written_out_is_read_off_what_it_computes(cell: Any, told: str) -> None:
    arguments = styles.arguments("gru_torch")[0]
    (reading,) = identify(cell, arguments, input_size=3).readings
    assert reading.key == "gru-reset-after"
    assert told in reading.title()
    made = make_target(cell, arguments, 3, "gru")
    assert not made.claim.fails


def test_a_cell_that_is_too_large_is_bad_input(capsys: Any) -> None:
    words = ["identify", "keras.layers:GRUCell", "--set", "units=500"]
    assert main(words) == 2
    assert "at most 128 units" in capsys.readouterr().err


def test_a_reading_is_said_in_words() -> None:
    assert str(identify(StackedGates, {"units": 3})) == (
        "GRU (Cho et al. 2014, arXiv 1406.1078v3), reset before the product, z weighs the old "
        "state, φ is relu; gates r, z, h̃ side by side in `A` (of the input); gates r, z, h̃ side by "
        "side in `B` (of the state); gates r, z, h̃ side by side in `bias` (bias)"
    )
    told = str(identify(Peepholes, {"units": 3}))
    assert "LSTM with peepholes" in told
    assert "(h and x joined, transposed)" in told
    assert told.endswith("states (c, h)")
    told = str(identify(OneTensor, {"units": 3}))
    assert "forget bias 1.5" in told
    assert "clip 0.8" in told


@pytest.mark.parametrize(
    ("name", "mistake", "words"),
    [
        *(("gru_W_U_b_zrh", mistake, words) for mistake, words in TOLD.items()),
        *(("lstm_tf1", mistake, words) for mistake, words in LSTM_TOLD.items()),
    ],
)
def test_the_nearest_reading_names_the_mistake(name: str, mistake: str, words: str) -> None:
    found = made(name, mistake)
    assert not found.exact
    assert words in "; ".join(found.nearest[0].differs), str(found)
    assert "every step compared agrees" in found.nearest[0].sure


@pytest.mark.parametrize("mistake", ["update-exchanged", "gates-swapped"])
def test_a_renaming_of_weights_is_another_exact_reading(mistake: str) -> None:
    assert made("gru_W_U_b_zrh", mistake).readings[0].key == "gru-reset-before"


def test_what_is_drawn_at_inference_is_said() -> None:
    found = made("gru_bare", "dropout-always")
    assert not found.exact
    assert "two equal steps differ" in str(found)


def test_layers_that_compute_in_another_dtype_are_compared_as_exactly_as_that_is() -> None:
    cell = styles.STYLES["gru_functional"](units=4, dtype="float64")
    cell.build((None, 3))
    claim = find_claim(cell, "gru", 3)
    assert claim is not None
    assert not claim.fails
    assert claim.precision == "float32"


def test_a_cell_has_its_own_weights_again_afterwards() -> None:
    cell = styles.STYLES["gru_d2l"](size=4)
    cell.build((None, 3))
    before = cell.get_weights()
    find_claim(cell, "gru", 3)
    for old, new in zip(before, cell.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# The equations


@pytest.mark.parametrize(
    "name",
    [
        "gru-reset-before",
        "gru-reset-after",
        "lstm",
        "simple-rnn",
        "minimal-gated-unit",
        "layer-norm-gru",
        "layer-norm-lstm",
    ],
)
def test_equations_as_data_are_those_that_are_written_out(name: str) -> None:
    formula = next(f for f in FORMULAS if f.key == name)
    rng = np.random.default_rng(0)
    weights = {p: rng.normal(size=formula.shape_of(p, 5, 4)) for p in formula.parts}
    weights = {p: w for p, w in weights.items() if not p.startswith("c_W") and p[:3] != "c_U"}
    x, states = rng.normal(size=(3, 5)), [rng.normal(size=(3, 4)) for _ in formula.states]
    order = tuple(range(len(states)))
    numbers = dict.fromkeys(formula.constants, 0.5)
    made = Hypothesis(formula, order, constants=numbers)
    keeps = "z weighs the old state" in formula.says
    settings = Settings(keeps=keeps, forget_bias=0.5)
    if name == "layer-norm-gru":  # as published it has no biases beside the shifts
        weights = {p: w for p, w in weights.items() if p[0] != "b"}
    output, new = made.step(weights, x, states)
    expected, wanted = EQUATIONS[name].step(Weights(weights), x, states, settings)
    np.testing.assert_allclose(output, expected, rtol=1e-12)
    for got, state in zip(new, wanted, strict=True):
        np.testing.assert_allclose(got, state, rtol=1e-12)


def test_equations_are_shown_as_people_write_them() -> None:
    (line,) = read_lines("h1 = (1 - z) * h + z * phi(x @ W_h + (r * h) @ U_h - b_h)")
    assert show(line.node) == "(1 - z) ∘ h + z ∘ φ(x W_h + (r ∘ h) U_h - b_h)"


def test_each_mistake_changes_the_equations() -> None:
    for formula in FORMULAS[:5]:
        told = [mutant.says for mutant in mutants(formula)]
        assert len(told) > 10
        assert all(mutant.formula != formula for mutant in mutants(formula))


# Claims


def laws(cell: Any, arguments: dict[str, Any], **given: Any) -> dict[str, Any]:
    named = [
        "equations-one-step",
        "equations-several-steps",
        "gate-shut-keeps",
        "gate-open-replaces",
        "gate-state-bounded",
        "gate-permuted-units",
    ]
    report = check_cell(cell, arguments, profile="quick", law=named, **given)
    return {outcome.law: outcome for outcome in report.outcomes} | {"": report}


def test_a_claim_is_held_to_the_reading_and_gates_are_driven_through_it() -> None:
    for equations in ("gru", "gru-reset-after", None):
        found = laws(
            styles.STYLES["gru_torch"],
            {"input_size": 3, "hidden_size": 4},
            equations=equations,
            input_size=3,
        )
        report = found.pop("")
        assert {outcome.status for outcome in found.values()} == {PASSED}, str(report)
        assert "in `weight_hh` (of the state, transposed)" in report.notes[0]
    found = laws(styles.STYLES["lstm_fiog_ch"], {"num_units": 4}, equations="lstm")
    assert {found[law].status for law in found if law} == {PASSED}


def test_states_in_one_tensor_are_taken_apart() -> None:
    found = laws(OneTensor, {"units": 3}, equations="lstm")
    statuses = {law: outcome.status for law, outcome in found.items() if law}
    assert statuses["equations-several-steps"] == PASSED
    assert FAILED not in statuses.values()


@pytest.mark.parametrize("equations", ["gru", "gru-reset-before", None])
def test_a_wrong_cell_of_unknown_names_fails_with_the_nearest_reading(equations: Any) -> None:
    cell = styles.made("gru_W_U_b_zrh", "gate-unused")
    found = laws(cell, {"units": 4}, equations=equations)
    one = found["equations-one-step"]
    assert one.status == FAILED
    assert "as if the reset gate r were 1" in one.reason
    assert found["equations-several-steps"].status == NOT_APPLICABLE
    if equations is None:
        assert "its docstring says 'GRU" in one.reason or "its class is called gru" in one.reason
        assert "ask for equations none" in one.reason
    with pytest.raises(AssertionError, match="as if the reset gate r were 1"):
        exec(compile(one.script, "script", "exec"), {})


def test_a_variant_that_was_claimed_is_not_another_that_fits() -> None:
    claim = laws(
        styles.STYLES["gru_torch"],
        {"input_size": 3, "hidden_size": 4},
        equations="gru-reset-before",
        input_size=3,
    )["equations-one-step"]
    assert claim.status == FAILED
    assert "reset after the product" in claim.reason


class Antisymmetric(keras.layers.Layer):
    """Weights that are called as everybody's, and equations of its own."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units,) * 2, name="recurrent_kernel")
        self.bias = self.add_weight(shape=(self.units,), name="bias")
        self.built = True

    def call(self, x: Any, states: Any) -> Any:
        u = self.recurrent - ops.transpose(self.recurrent)
        h = states[0] + 0.2 * ops.tanh(x @ self.kernel + states[0] @ u + self.bias)
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def test_who_claims_nothing_is_not_accused_by_names_that_everybody_uses() -> None:
    found = laws(Antisymmetric, {"units": 4})
    report = found.pop("")
    assert {outcome.status for outcome in found.values()} == {NOT_APPLICABLE}
    assert any("none that are published are computed exactly" in note for note in report.notes)


def test_a_familys_name_in_a_hedged_sentence_is_no_claim() -> None:
    kinds = {
        "MyGRU": (("gru",), ""),
        "Cell": (("lstm",), "An LSTM with weights of its own."),
        "Like": ((), "A GRU-like cell."),
        "Both": ((), "Between LSTM and GRU."),
        "MinGRUCell": (("min-gru",), ""),
        "Congruent": ((), "Ends in agreement."),
    }
    for name, (families, text) in kinds.items():
        made = type(name, (keras.layers.Layer,), {"__doc__": text})
        assert hints_of(made())[0] == families, name
    assert named_in("gru_W_U_b_zrh") == ("gru",)


# The command line


def test_identify_at_the_command_line(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "reading.json"
    here = "tests.corpus.styles.styles"
    words = [f"{here}:lstm_fiog_ch", "--set", "num_units=4"]
    assert main(["identify", *words, "--json", str(path), "-v"]) == 0
    told = capsys.readouterr().out
    assert "gates f, i, o, c̃ side by side in `kernel`" in told
    assert "c' = f ∘ c + i ∘ c̃" in told
    law = ["--profile", "quick", "--law", "equations-one-step"]
    assert main(["check", *words, "--reading", str(path), *law, "-v"]) == 0
    assert "states (c, h)" in " ".join(capsys.readouterr().out.split())
    other = [f"{here}:lstm_W_U_b_ifgo", "--set", "units=4"]
    assert main(["check", *other, "--reading", str(path), *law]) == 1
    assert "reading.json says LSTM" in capsys.readouterr().out
    data = json.loads(path.read_text())
    data["readings"] *= 2
    path.write_text(json.dumps(data))
    assert main(["check", *words, "--reading", str(path), *law]) == 2
    assert "holds 2 readings" in capsys.readouterr().err
    assert main(["check", *words, "--reading", str(path), "--equations", "lstm"]) == 2
    assert main(["identify", f"{__name__}:Antisymmetric", "--set", "units=4"]) == 1
    assert "nothing that is published fits" in capsys.readouterr().out
    assert main(["identify", f"{here}:gru_W_U_b_zrh", "--set", "unit=4"]) == 2


def test_a_reading_in_a_file_follows_other_input_sizes(tmp_path: Path) -> None:
    path = tmp_path / "reading.json"
    found = identify(Parallel, {"units": 4}, input_size=6)
    path.write_text(json.dumps(found.to_json()))
    one = laws(Parallel, {"units": 4}, equations=str(path))["equations-several-steps"]
    assert one.status == PASSED, one.reason


class ForgetsNothing(BiasRow):
    """An LSTM that forgets its forget gate."""

    forget = staticmethod(ops.ones_like)


def test_a_bias_may_be_a_row_of_the_matrix():
    found = identify(BiasRow, {"units": 3}).readings
    assert [reading.key for reading in found] == ["lstm"]
    assert "h and x joined, and the bias" in str(found[0].layout())
    laws = ["equations-one-step", "equations-several-steps"]  # with inputs of other sizes
    report = check_cell(BiasRow, {"units": 4}, equations="lstm", profile="quick", law=laws)
    assert [outcome.status for outcome in report.outcomes] == [PASSED, PASSED]


def test_a_mistake_beside_a_bias_in_the_matrix_is_named():
    found = identify(ForgetsNothing, {"units": 3})
    assert not found.exact
    assert "as if the forget gate f were 1" in str(found)
