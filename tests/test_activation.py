"""How exact TensorFlow's tanh and sigmoid are: the stored figures, and measuring them."""

from __future__ import annotations

import functools
import json
import math

import mpmath
import numpy as np
import pytest

from gru_bench.cli import main
from gru_bench.errors import UsageError
from gru_bench.program.activation import (
    ALLOWANCE,
    FUNCTIONS,
    activation_error,
    reference,
    stored,
)
from gru_bench.trace.tensorflow.activation import CHUNK, INPUTS, MODES, Measurement, compute

TRUE = {"tanh": mpmath.tanh, "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x))}

#: Numbers, as few as every mode takes.
UNIT = 3_584


computed = functools.cache(compute)


def sample(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return float32 numbers of all magnitudes, and many where the functions bend."""
    bits = rng.integers(0, 2**32, count // 2, dtype=np.uint32).view(np.float32)
    bent = rng.uniform(-20, 20, count - count // 2).astype(np.float32)
    both = np.concatenate([bits, bent])
    return np.where(np.isnan(both), np.float32(1), both)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_all_inputs_were_measured_in_every_mode(function):
    record = stored()
    assert (record.every, record.done) == (1, INPUTS)
    modes = record.functions[function].modes
    assert set(modes) == set(MODES)
    numbers = INPUTS - 2 * (2**23 - 1)  # all but the NaNs
    for mode, measured in modes.items():
        assert measured.inputs == numbers or mode == "tail"
        assert measured.inputs > 2**29
        low, high = float.fromhex(measured.lowest), float.fromhex(measured.highest)
        assert (low, high) == ((-1, 1) if function == "tanh" else (0, 1))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_bound_is_the_largest_error_and_what_the_references_may_err(function):
    measured = stored().functions[function]
    errors = [float.fromhex(mode.error) for mode in measured.modes.values()]
    bound = activation_error(function)
    assert bound > max(errors) + float.fromhex(measured.disagreement) + ALLOWANCE
    assert bound < max(errors) * 1.0001
    assert 2**-25 < bound < 2**-20


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_sample_stays_within_the_bound(function, mode):
    x = sample(np.random.default_rng(0), 16 * UNIT)
    y = computed(function, mode)(x)
    true, _ = reference(function, x.astype(np.float64))
    assert np.abs(y - true).max() <= activation_error(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_largest_error_is_there_where_it_is_said_to_be(function):
    """Against 50 digits, not against the references."""
    for mode, measured in stored().functions[function].modes.items():
        at = float.fromhex(measured.at)
        y = float(computed(function, mode)(np.full(UNIT, at, np.float32))[0])
        with mpmath.workdps(50):
            error = abs(mpmath.mpf(y) - TRUE[function](mpmath.mpf(at)))
        assert float(error) <= activation_error(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_references_agree_with_50_digits(function):
    x = sample(np.random.default_rng(1), 2000).astype(np.float64)
    for values in reference(function, x):
        with mpmath.workdps(50):
            apart = [
                abs(mpmath.mpf(float(y)) - TRUE[function](mpmath.mpf(float(v))))
                for v, y in zip(x, values, strict=True)
            ]
        assert float(max(apart)) <= ALLOWANCE


def test_infinities_and_nan():
    x = np.resize(np.array([np.inf, -np.inf, np.nan], np.float32), UNIT)
    for mode in MODES:
        np.testing.assert_array_equal(computed("tanh", mode)(x)[:3], [1, -1, np.nan])
        np.testing.assert_array_equal(computed("sigmoid", mode)(x)[:3], [1, 0, np.nan])


def test_a_wrong_function_is_found_out():
    """An error in one mode, at one input of a chunk, decides the bound."""
    measurement = Measurement(functions=("tanh",), modes=("eager", "graph"))
    right = measurement.compute["tanh"]["graph"]

    def wrong(x):
        y = right(x).copy()
        y[77] += 0.25
        return y

    measurement.compute["tanh"]["graph"] = wrong
    measurement.done = (0x3F000000 // CHUNK) * CHUNK
    measurement.advance()
    record = measurement.record("x")
    modes = record.functions["tanh"].modes
    assert float.fromhex(modes["graph"].error) == pytest.approx(0.25, abs=1e-6)
    assert float.fromhex(modes["eager"].error) < 1e-6
    bits = np.float32(float.fromhex(modes["graph"].at)).view(np.uint32)
    assert bits == 0x3F000000 + 77
    assert record.bound("tanh") > 0.25


def test_a_nan_out_of_a_number_is_an_error():
    measurement = Measurement(functions=("tanh",), modes=("eager",))
    measurement.compute["tanh"]["eager"] = lambda x: np.full_like(x, np.nan)
    with pytest.raises(ArithmeticError, match="NaN for the input"):
        measurement.advance()


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="unknown function 'tan', did you mean 'tanh'"):
        activation_error("tan")
    with pytest.raises(UsageError, match="unknown mode 'xl', did you mean 'xla'"):
        compute("tanh", "xl")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_measures_and_compares(capsys, tmp_path):
    out_file = tmp_path / "errors.json"
    options = ("--every", 20_000, "--function", "sigmoid", "--mode", "eager", "-o", out_file)
    code, out, _ = run(capsys, "activations", *options)
    assert code == 0
    assert "holds here" in out
    record = json.loads(out_file.read_text())
    assert record["done"] == INPUTS
    assert record["functions"]["sigmoid"]["modes"]["eager"]["inputs"] == pytest.approx(
        INPUTS / 20_000, rel=0.01
    )
    # What is done is not done again.
    assert run(capsys, "activations", *options)[:2] == (0, out)


def test_a_bound_that_does_not_hold_here_is_a_finding(capsys, monkeypatch):
    monkeypatch.setattr("gru_bench.program.activation.activation_error", lambda _: math.ulp(0.0))
    code, out, _ = run(capsys, "activations", "--every", 20_000, "--mode", "eager")
    assert code == 1
    assert "does NOT hold here" in out


def test_bad_input_is_one_line(capsys, tmp_path):
    other = tmp_path / "other.json"
    other.write_text("{}")
    for options, message in {
        ("--every", "0"): "--every must be at least 1, got 0",
        ("--mode", "fast"): "unknown mode 'fast'",
        ("--function", "relu"): "unknown function 'relu'",
        ("-o", "nowhere/x.json"): "there is no folder 'nowhere'",
        ("-o", str(other)): "holds no measured activation errors",
    }.items():
        code, out, err = run(capsys, "activations", *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
