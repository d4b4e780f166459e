"""Single cases of the gradient check: what must be found, what must not, and bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from gru_bench.cli import main
from gru_bench.cli.gradflow import BESIDE
from gru_bench.errors import UsageError
from gru_bench.gradients.check import cell_problem, check_gradients
from gru_bench.gradients.derivative import first_step, weights_of_levels
from gru_bench.gradients.gradflow import compare_flow, draw_flow, measure_flow
from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.making import make_subject
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.tensorflow import operations
from gru_bench.trace.tensorflow.sequence import CellProblem
from gru_bench.trace.tensorflow.traced import traced_step
from tests.corpus.styles import styles


@tf.custom_gradient
def tanh_wrong_term(x: Any) -> Any:
    y = tf.tanh(x)
    return y, lambda dy: dy * (1 - y)


@tf.custom_gradient
def tanh_once(x: Any) -> Any:
    y = tf.tanh(x)
    return y, lambda dy: dy * (1 - tf.stop_gradient(y) ** 2)


class OneEntryWrong(keras.layers.SimpleRNNCell):
    """A simple RNN whose gradient is off by a factor 1 + 1e-6 in recurrent_kernel[2, 1]."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        del training
        mask = np.ones((self.units, self.units))
        mask[2, 1] += 1e-6

        @tf.custom_gradient
        def same(w: Any) -> Any:
            return tf.identity(w), lambda dw: dw * mask

        U = same(tf.convert_to_tensor(self.recurrent_kernel.value))
        h = tf.tanh(sequence @ self.kernel.value + states[0] @ U + self.bias.value)
        return h, [h]


class Float32Inside(keras.layers.SimpleRNNCell):
    """A cell that goes through float32 whatever its dtype."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        del training
        a = sequence @ self.kernel.value + states[0] @ self.recurrent_kernel.value
        h = tf.cast(tf.tanh(tf.cast(a, tf.float32)), tf.float64)
        return h, [h]


class UnknownOperation(keras.layers.SimpleRNNCell):
    """A cell with an operation that is not replayed in NumPy."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        del training
        a = sequence @ self.kernel.value + states[0] @ self.recurrent_kernel.value
        h = tf.math.erf(tf.math.atan(a))
        return h, [h]


class Rolled(keras.layers.SimpleRNNCell):
    """Right, with an operation whose vectorised map in TensorFlow is wrong."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        output, _ = super().call(sequence, states, training=training)
        output = keras.ops.roll(output, 1, axis=-1)
        return output, [output]


class KeepsSome(keras.layers.SimpleRNNCell):
    """Right, with a mask that is drawn in float32."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.generator = keras.random.SeedGenerator(1)

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        output, _ = super().call(sequence, states, training=training)
        drawn = keras.random.uniform(keras.ops.shape(output), seed=self.generator, dtype="float32")
        output = keras.ops.where(drawn < 0.5, output, states[0])
        return output, [output]


class Forgetful(keras.layers.SimpleRNNCell):
    """A cell whose path through time is cut."""

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        return super().call(sequence, [tf.stop_gradient(states[0])], training=training)


def test_a_correct_gru_is_ok_entry_by_entry() -> None:
    check = check_gradients(GRUCell, constructor={"units": 4}, input_size=3, steps=5)
    n = 3 * (3 * 4 + 4 * 4 + 4) + 5 * 3 + 4
    assert check.ok, check
    assert check.entries == n * (5 * 4 + 4)
    assert check.path == "replay"
    assert check.coarse == check.kinks == 0


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_three_ways_agree_that_a_gru_is_right(method: str, reset: str) -> None:
    arguments = {"units": 3, "reset": reset}
    assert check_gradients(GRUCell, constructor=arguments, steps=4, method=method).ok


@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_three_ways_agree_that_a_wrong_term_is_wrong(method: str) -> None:
    arguments = {"units": 3, "activation": tanh_wrong_term}
    cell = keras.layers.SimpleRNNCell
    check = check_gradients(cell, constructor=arguments, steps=4, method=method)
    assert not check.ok
    assert check.worst is not None
    assert check.worst.kind == "wrong"


def test_a_factor_of_one_millionth_on_one_entry_is_named() -> None:
    check = check_gradients(OneEntryWrong, constructor={"units": 4}, steps=6)
    assert not check.ok
    assert {entry.argument for entry in check.listed} == {"recurrent_kernel[2, 1]"}
    assert check.worst is not None
    assert check.worst.autodiff / check.worst.numeric == pytest.approx(1 + 1e-6, abs=1e-8)
    assert check.worst.result in (f"output[{check.worst.step - 1}, 1]", "final_h_0[1]") or (
        check.worst.step > 1
    )


def test_a_path_cut_through_time_is_found_and_what_lies_before_it_is_right() -> None:
    check = check_gradients(Forgetful, constructor={"units": 3}, steps=3)
    wrong = {row.tensor: row.wrong for row in check.rows}
    assert wrong["h_0"] == 3 * 4 * 3
    assert wrong["x"] < check.rows[3].entries
    assert "h_0" in check.unconnected


def test_the_worst_entry_is_reported_with_all_that_was_asked_for() -> None:
    check = check_gradients(Forgetful, constructor={"units": 3}, steps=3)
    assert check.worst is not None
    line = str(check)
    for text in (check.worst.argument, "autodiff", "numeric", "±", "h =", "step"):
        assert text in line
    found = json.loads(check.to_json())
    assert found["ok"] is False
    assert found["wrong"] == check.wrong
    assert {row["tensor"] for row in found["rows"]} >= {"kernel", "x", "h_0"}


def test_the_script_repeats_the_check(tmp_path: Any) -> None:
    cell = GRUCell(3, dtype="float64")
    check = check_gradients(cell, input_size=2, steps=3)
    path = tmp_path / "again.py"
    path.write_text(check.script, encoding="utf-8")
    command = [sys.executable, "-W", "ignore", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert check.worst is not None
    assert f"{check.worst.numeric:.12g}" in done.stdout


def test_a_float32_cell_is_checked_in_float64_and_stays_as_it_is() -> None:
    cell = keras.layers.GRUCell(3)
    check = check_gradients(cell, input_size=2, steps=3)
    assert check.ok, check
    assert check.epsilon == np.finfo("float64").eps
    assert cell.compute_dtype == "float32"


def test_float32_inside_a_float64_cell_is_judged_by_what_float32_supports() -> None:
    check = check_gradients(Float32Inside, constructor={"units": 3}, steps=3)
    assert check.epsilon == np.finfo("float32").eps
    assert check.ok, check


def test_what_is_drawn_in_float32_and_held_does_not_blur_a_float64_cell() -> None:
    subject = make_subject(KeepsSome(3, dtype="float64"), input_size=2)
    assert traced_step(subject, 2).epsilon == 2.0**-52
    assert check_gradients(subject, steps=2).ok


def test_an_operation_that_cannot_be_replayed_is_left_to_tensorflow() -> None:
    check = check_gradients(UnknownOperation, constructor={"units": 3}, steps=3)
    assert check.path == "vectorized"
    assert check.ok, check


def test_a_complex_step_through_an_operation_that_cannot_be_replayed_is_refused() -> None:
    with pytest.raises(UsageError, match="method central can do without"):
        check_gradients(UnknownOperation, constructor={"units": 3}, steps=3, method="complex")


@pytest.mark.parametrize("axes", [2, 3], ids=["one point", "several points"])
def test_what_the_tables_cannot_do_with_some_operands_is_left_to_tensorflow(
    axes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tanh(_: Any, x: Any) -> Any:
        if x.ndim >= axes:
            raise IndexError("not expected")
        return np.tanh(x)

    monkeypatch.setitem(operations.ELEMENTWISE, "Tanh", tanh)
    cell = check_gradients(keras.layers.SimpleRNNCell, constructor={"units": 3}, steps=2)
    function = check_gradients(tf.tanh, [np.ones((2, 3))])
    for check in (cell, function):
        assert check.ok, check
        assert check.path == "vectorized"


def test_points_are_evaluated_one_by_one_where_tensorflow_mixes_them() -> None:
    found = check_gradients(Rolled(3), steps=2, input_size=2)
    assert found.ok, str(found)
    assert found.path == "vectorized"


def test_replay_and_tensorflow_evaluate_the_same_points() -> None:
    subject = make_subject(keras.layers.LSTMCell, {"units": 3}, 2)
    problem = cell_problem(subject, 4)
    index = np.arange(problem.arguments.size)
    replayed = problem.evaluate(index, np.full(len(index), 0.1))
    problem.use_framework()
    np.testing.assert_allclose(
        problem.evaluate(index, np.full(len(index), 0.1)), replayed, rtol=0, atol=1e-14
    )


def test_dropout_is_checked_with_its_mask_held_fixed() -> None:
    arguments = {"units": 4, "dropout": 0.5, "recurrent_dropout": 0.5, "seed": 1}
    cell = keras.layers.GRUCell
    with_mask = check_gradients(cell, constructor=arguments, steps=3, training=True)
    without = check_gradients(cell, constructor=arguments, steps=3)
    assert with_mask.ok, with_mask
    dead = [row.largest for row in with_mask.rows if row.tensor == "kernel"]
    assert without.ok
    assert dead != [row.largest for row in without.rows if row.tensor == "kernel"]


def test_second_order_finds_a_gradient_that_is_not_differentiable_itself() -> None:
    cell = keras.layers.SimpleRNNCell
    right = check_gradients(cell, constructor={"units": 3}, steps=2, order=2)
    assert right.ok, right
    assert right.symmetry is not None
    assert right.symmetry < 1e-13
    wrong = check_gradients(
        cell, constructor={"units": 3, "activation": tanh_once}, steps=2, order=2
    )
    assert not wrong.ok
    assert not wrong.wrong
    assert wrong.second is not None
    assert wrong.second.wrong


def test_forward_mode_is_checked() -> None:
    check = check_gradients(GRUCell, constructor={"units": 3}, steps=3, forward=True)
    assert check.ok, check
    assert check.forward is not None
    assert check.forward < 1


def test_forward_mode_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = CellProblem.push_forward
    monkeypatch.setattr(CellProblem, "push_forward", lambda self, d: right(self, d) * (1 + 1e-6))
    check = check_gradients(GRUCell, constructor={"units": 3}, steps=3, forward=True)
    assert not check.ok


def test_a_gradient_that_differs_when_asked_twice_is_found() -> None:
    calls = [0.0]

    def noise(dy: Any) -> Any:
        calls[0] += 1e-3
        return dy * (1 + calls[0])

    @tf.custom_gradient
    def flaky(x: Any) -> Any:
        return tf.tanh(x), lambda dy: tf.numpy_function(noise, [dy], tf.float64)

    check = check_gradients(flaky, [np.array([0.3, 0.4])])
    assert not check.repeats
    assert not check.ok


def test_kinks_are_reported_as_kinks_and_moved_away_from_on_request() -> None:
    point = [np.array([0.0, 1.0, -1.0, 1e-3, 3e-5])]
    check = check_gradients(tf.nn.relu, point)
    assert check.ok, check
    assert check.kinks == 1
    assert any(e.kind == "kink" and e.argument == "arg0[0]" for e in check.listed)
    moved = check_gradients(tf.nn.relu, point, kinks="move")
    assert moved.ok
    assert moved.moved
    assert moved.kinks == 0


def test_a_wrong_slope_at_a_kink_is_wrong() -> None:
    @tf.custom_gradient
    def slope_two_at_zero(x: Any) -> Any:
        slope = tf.cast(tf.where(x > 0, 1, tf.where(x < 0, 0, 2)), x.dtype)
        return tf.nn.relu(x), lambda dy: dy * slope

    assert not check_gradients(slope_two_at_zero, [np.array([0.0, 1.0])]).ok


def test_at_the_edge_of_a_domain_the_derivative_to_the_other_side_counts() -> None:
    point = [np.array([0.0, 1.0, 4.0])]
    right = check_gradients(lambda x: x**1.5, point)
    assert right.ok, right
    assert right.worst is not None
    assert (right.worst.argument, right.coarse) == ("arg0[0]", 1)

    @tf.custom_gradient
    def off_at_zero(x: Any) -> Any:
        slope = tf.where(x == 0, tf.constant(0.1, x.dtype), 1.5 * tf.sqrt(x))
        return x**1.5, lambda dy: dy * slope

    wrong = check_gradients(off_at_zero, point)
    assert (wrong.ok, wrong.wrong) == (False, 1)
    assert wrong.worst is not None
    assert wrong.worst.argument == "arg0[0]"


def test_a_derivative_that_is_no_number_is_the_worst() -> None:
    def alone(x: Any, y: Any) -> Any:
        return tf.sqrt(-x * x) + 1e-3 * y, tf.sin(y) + x  # sqrt: nowhere but at x = 0

    @tf.custom_gradient
    def with_gradient(x: Any, y: Any) -> Any:
        return alone(x, y), lambda dx, dy: (dy, 1e-3 * dx + tf.cos(y) * dy)

    check = check_gradients(with_gradient, [np.zeros(1), np.linspace(1, 2, 1)])
    assert (check.ok, check.wrong) == (False, 1)
    assert check.worst is not None
    assert check.worst.argument == "arg0[0]"
    assert check.worst.result == "output0[0]"
    assert np.isnan(check.worst.numeric)
    assert [row.ratio == np.inf for row in check.rows] == [True, False]


def test_directions_that_leave_the_domain_are_said_to_show_nothing() -> None:
    check = check_gradients(lambda x: x**1.5, [np.zeros(3)], method="directional", forward=True)
    assert check.ok, check
    assert (check.coarse, check.worst) == (3, None)
    notes = "\n".join(check.notes)
    assert "no step gives a numeric derivative by arg0 along direction 2" in notes
    assert "no step shows whether forward mode is right in all of arg0" in notes


def test_a_direction_shows_the_step_that_was_used() -> None:
    largest = first_step(2.0**-52)
    tame = check_gradients(tf.sin, [np.ones(2)], method="directional").worst
    wild = check_gradients(lambda x: tf.sin(1000 * x), [np.ones(2)], method="directional").worst
    assert tame is not None
    assert wild is not None
    assert tame.h == largest / 4
    assert wild.h in (largest / 4 / 64, largest / 4 / 512)


def test_without_any_tolerance_every_difference_is_infinitely_large() -> None:
    check = check_gradients(lambda x: x**1.5, [np.array([1.0, 4.0])], atol=0.0, rtol=0.0)
    assert not check.ok
    assert check.worst is not None
    assert check.worst.ratio == np.inf


def test_scalars_and_arguments_without_effect_are_checked() -> None:
    check = check_gradients(
        lambda a, b, c: a * tf.sin(b) + 0 * c, [np.float64(2), np.float64(0.3), np.ones(2)]
    )
    assert check.ok, check
    assert check.entries == 4 * 2


def test_own_tolerances_replace_the_estimate() -> None:
    assert check_gradients(OneEntryWrong, constructor={"units": 4}, rtol=1e-4, atol=1e-8).ok
    assert not check_gradients(OneEntryWrong, constructor={"units": 4}, rtol=1e-8, atol=0.0).ok


def test_only_the_arguments_asked_for_are_checked() -> None:
    check = check_gradients(GRUCell, constructor={"units": 2}, arguments=["U_z", "state"])
    assert [row.tensor for row in check.rows] == ["U_z", "h_0"]


def test_a_jacobian_that_does_not_fit_is_checked_by_directions_and_says_so() -> None:
    check = check_gradients(GRUCell, constructor={"units": 6}, steps=3, memory=1000)
    assert check.directions
    assert any("does not fit" in note for note in check.notes)
    assert check.ok
    wrong = check_gradients(Forgetful, constructor={"units": 6}, steps=3, memory=1000)
    assert not wrong.ok


def test_a_batch_is_checked_row_by_row() -> None:
    check = check_gradients(GRUCell, constructor={"units": 2}, steps=2, batch=3)
    assert check.ok, check
    assert check.worst is not None
    assert check.worst.result.count(",") == 2 or check.worst.result.startswith("final")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_gradients(GRUCell, constructor={"units": 2}, steps=0), "steps must be"),
        (lambda: check_gradients(GRUCell, constructor={"units": 2}, steps=1.5), "steps must be"),
        (lambda: check_gradients(tf.tanh, [np.array([1, 2])]), "int64"),
        (lambda: check_gradients(tf.tanh, []), "empty parameter list"),
        (lambda: check_gradients(tf.tanh), "empty parameter list"),
        (lambda: check_gradients(lambda x: x > 0, [np.ones(2)]), "no differentiable output"),
        (lambda: check_gradients(lambda x: 0 * tf.round(x), [np.ones(2)]), "no differentiable"),
        (lambda: check_gradients(lambda _: None, [np.ones(2)]), "no differentiable output"),
        (lambda: check_gradients(tf.math.log, [-np.ones(2)]), "nan at the point"),
        (lambda: check_gradients(keras.layers.GRU(2)), "whole layer"),
        (lambda: check_gradients(5), "not a recurrent cell"),
        (lambda: check_gradients(GRUCell, constructor={"units": 2}, order=3), "order must be"),
        (lambda: check_gradients(GRUCell, constructor={"units": 2}, atol=-1.0), "atol must be"),
        (lambda: check_gradients(GRUCell, constructor={"units": 2}, methd="x"), "methd"),
        (lambda: check_gradients(GRUCell, constructor={"units": 2}, arguments=[]), "empty list"),
        (
            lambda: check_gradients(
                GRUCell, constructor={"units": 2}, inputs=np.full((8, 1, 2), np.nan)
            ),
            "nan at the point",
        ),
    ],
)
def test_bad_input_is_one_line(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["gradcheck", "gru_bench:GRUCell", "--set", "units=2", "--steps", "0"],
        ["gradcheck", "gru_bench:GRUCel", "--set", "units=2"],
        ["gradcheck", "gru_bench:GRUCell", "--set", "units=2", "--method", "magic"],
        ["gradflow", "--steps", "0"],
        ["gradflow", "--adder", "nowhere.keras"],
    ],
)
def test_bad_input_on_the_command_line_is_exit_code_2(words: list[str], capsys: Any) -> None:
    assert main(words) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_gradcheck_prints_a_table_and_writes_json_and_script(tmp_path: Any, capsys: Any) -> None:
    files = [str(tmp_path / "a.json"), str(tmp_path / "a.py")]
    words = ["gradcheck", "gru_bench:GRUCell", "--set", "units=2", "--steps", "2"]
    assert main([*words, "--json", files[0], "--script", files[1]]) == 0
    printed = capsys.readouterr().out
    assert "U_z" in printed
    assert "ok" in printed
    with open(files[0], encoding="utf-8") as file:  # noqa: PTH123
        assert json.load(file)["ok"] is True


def test_gradcheck_of_a_wrong_cell_is_exit_code_1(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    source = (
        "import keras, tensorflow as tf\n"
        "class Cut(keras.layers.SimpleRNNCell):\n"
        "    def call(self, x, states, training=False):\n"
        "        return super().call(x, [tf.stop_gradient(states[0])], training=training)\n"
    )
    (tmp_path / "cut_cells.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["gradcheck", "cut_cells:Cut", "--set", "units=2", "--steps", "2"]) == 1
    assert "wrong" in capsys.readouterr().out


def test_richardson_weights_sum_to_one_and_remove_two_powers() -> None:
    weights = weights_of_levels(3)
    h = 2.0 ** -np.arange(3)
    assert weights.sum() == pytest.approx(1)
    for power in (2, 4):
        assert weights @ h**power == pytest.approx(0, abs=1e-14)


def test_with_its_update_gate_shut_a_gru_passes_the_gradient_unchanged() -> None:
    table = compare_flow(["gru_bench:GRUCell"], 64, {"units": 5})
    shut = table[table["condition"] == "gate shut"]
    assert list(shut["steps"]) == [1, 2, 4, 8, 16, 32, 64]
    assert np.abs(shut[["log10_norm", "log10_median", "log10_smallest"]].to_numpy()).max() < 1e-12
    start = table[table["condition"] == "initialised"]
    assert start["log10_norm"].iloc[-1] < -1


@pytest.mark.parametrize("style", ["gru_tf1", "lstm_fiog_ch", "gru_dense_each"])
def test_the_gate_of_a_cell_by_other_hands_is_shut_as_well(style: str) -> None:
    arguments, _ = styles.arguments(style, 4)
    name = f"tests.corpus.styles.styles:{style}"
    table = compare_flow([name, "keras.layers:SimpleRNNCell"], 8, arguments)
    shut = table[table["condition"] == "gate shut"]
    assert list(shut["steps"]) == [1, 2, 4, 8]
    # An LSTM's output, which is a state too, is not kept.
    assert np.abs(shut["log10_norm"]).max() < (0.1 if "lstm" in style else 1e-12)


def test_gradflow_gives_each_cell_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    name = "tests.corpus.styles.styles:gru_tf1"
    assert main(["gradflow", name, "--set", "num_units=3", "--steps", "2"]) == 0
    assert "gate" in capsys.readouterr().out


def test_gradflow_is_the_norm_of_the_jacobian_of_the_last_state() -> None:
    subject = make_subject(keras.layers.LSTMCell, {"units": 3}, 2)
    problem = cell_problem(subject, 8, outputs=False)
    exact = problem.jacobian()[-6:]
    flow = measure_flow(subject, 8)[-1]
    singular = np.linalg.svd(exact, compute_uv=False)
    assert 10**flow.log10_norm == pytest.approx(singular[0], rel=1e-10)
    assert 10**flow.log10_smallest == pytest.approx(singular[-1], rel=1e-6)


def test_gradflow_draws_and_knows_which_cells_have_a_gate(tmp_path: Any) -> None:
    table = compare_flow(list(BESIDE), 4, {"units": 2})
    draw_flow(table, tmp_path / "flow.svg")
    assert (tmp_path / "flow.svg").stat().st_size > 1000
    with_gate = set(table[table["condition"] == "gate shut"]["cell"])
    assert with_gate == {"gru_bench:GRUCell", "keras.layers:LSTMCell"}


def test_a_subject_runs_steps_and_rebuilds() -> None:
    subject = make_subject(GRUCell, {"units": 3}, 2)
    rng = np.random.default_rng(0)
    xs, states = rng.normal(size=(4, 2, 2)), [rng.normal(size=(2, 3))]
    outputs, final = subject.run(xs, states)
    stepped = states
    for x, output in zip(xs, outputs, strict=True):
        for mode in subject.modes:
            made, new = subject.step(x, stepped, mode)
            np.testing.assert_allclose(made, output, atol=1e-15)
        stepped = new
    np.testing.assert_allclose(final[0], stepped[0], atol=1e-15)
    again, _ = subject.rebuild().run(xs, states)
    np.testing.assert_array_equal(again, outputs)
    weights, by_x, by_state = subject.vjp(xs, states, np.ones_like(outputs), [np.zeros((2, 3))])
    assert weights["U_z"].shape == (3, 3)
    assert by_x.shape == xs.shape
    assert by_state[0].shape == (2, 3)


def test_an_unbuilt_cell_without_an_input_size_is_refused() -> None:
    with pytest.raises(UsageError, match="input_size"):
        KerasSubject(GRUCell(2))
