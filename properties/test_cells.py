"""The Keras cell against the equations in NumPy, and against Keras's own cell."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.numbers import sigmoid
from gru_bench.profiles import scaled
from gru_bench.subjects.keras.gru import (
    RESETS,
    GRUCell,
    bias_names,
    from_keras,
    get_weights,
    gru_step,
    set_weights,
    to_keras,
)
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.trace.tolerance import ACTIVATION_EPSILONS, Bound, epsilon, gamma
from properties.strategies import Sizes, arrays, dtypes, gru_weights, inputs, sizes, states
from properties.tolerance import gru_error

WIDER = {"float16": "float64", "float32": "float64", "float64": "longdouble"}

every_reset = pytest.mark.parametrize("reset", RESETS)
every_mode = pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@lru_cache
def built(reset: str, policy: str, size: Sizes, use_bias: bool = True) -> GRUCell:
    """Return a cell whose weights the compiled steps replace."""
    cell = GRUCell(size.units, reset=reset, use_bias=use_bias, dtype=policy)
    cell.build((None, size.features))
    return cell


@lru_cache
def stepper(cell: Any, mode: str) -> Any:
    """Return h_t of a cell as a function of weights, x and h, in one mode."""

    def step(weights: Any, x: Any, h: Any) -> Any:
        # `stateless_call` leaves out the casts of mixed precision.
        with keras.StatelessScope(list(zip(cell.weights, weights, strict=True))):
            output, new = cell(x, [h])
        return output, new[0]

    if mode == "eager":
        return step
    return tf.function(step, jit_compile=mode == "xla", autograph=False)


def run(cell: GRUCell, mode: str, weights: Any, x: Any, h: Any) -> Any:
    """Return the output of one step with weights by name; check that it is the new state too."""
    ordered = [weights[variable.name] for variable in cell.trainable_variables]
    tensors = [tf.constant(w, v.dtype) for w, v in zip(ordered, cell.weights, strict=True)]
    dtype = cell.compute_dtype
    output, state = stepper(cell, mode)(tensors, tf.constant(x, dtype), tf.constant(h, dtype))
    assert output.dtype == state.dtype == dtype
    np.testing.assert_array_equal(output, state)
    return output.numpy()


def exact(weights: Any, x: Any, h: Any, reset: str, dtype: str) -> tuple[Any, Bound]:
    """Return the oracle in a wider dtype, and how far it and one in `dtype` may differ."""
    wide = np.dtype(WIDER[dtype])
    cast = {name: array.astype(wide) for name, array in weights.items()}
    expected = gru_step(cast, x.astype(wide), h.astype(wide), reset)
    bound = gru_error(weights, x, h, reset, np.dtype(dtype))
    return expected, bound + gru_error(weights, x, h, reset, wide)


@every_mode
@every_dtype
@every_reset
@given(data=st.data(), size=sizes())
def test_the_cell_computes_the_published_equations(
    reset: str, dtype: str, mode: str, data: st.DataObject, size: Sizes
) -> None:
    weights = data.draw(gru_weights(dtype, size, bias_names(reset)))
    x, h = data.draw(inputs(dtype, size)), data.draw(states(dtype, size))
    expected, bound = exact(weights, x, h, reset, dtype)
    bound.check(run(built(reset, dtype, size), mode, weights, x, h), expected, "h_t")


@every_mode
@every_reset
@given(data=st.data(), size=sizes())
def test_the_cell_without_biases_computes_the_published_equations(
    reset: str, mode: str, data: st.DataObject, size: Sizes
) -> None:
    weights = data.draw(gru_weights("float32", size, ()))
    x, h = data.draw(inputs("float32", size)), data.draw(states("float32", size))
    expected, bound = exact(weights, x, h, reset, "float32")
    bound.check(run(built(reset, "float32", size, False), mode, weights, x, h), expected, "h_t")


@every_mode
@every_reset
@given(data=st.data(), size=sizes())
def test_the_cell_in_half_precision_computes_the_published_equations(
    reset: str, mode: str, data: st.DataObject, size: Sizes
) -> None:
    # Weights are kept in float32; these are numbers that float16 can hold, so only the
    # computation rounds.
    weights = data.draw(gru_weights("float16", size, bias_names(reset), scale=1.0))
    x, h = data.draw(inputs("float16", size)), data.draw(states("float16", size))
    expected, bound = exact(weights, x, h, reset, "float16")
    got = run(built(reset, "mixed_float16", size), mode, weights, x, h)
    assert got.dtype == np.float16
    bound.check(got, expected, "h_t")


@every_reset
@given(data=st.data(), size=sizes(), dtype=st.sampled_from(["float16", "float32", "float64"]))
def test_the_oracle_keeps_the_dtype_and_agrees_with_itself_in_a_wider_one(
    reset: str, data: st.DataObject, size: Sizes, dtype: str
) -> None:
    weights = data.draw(gru_weights(dtype, size, bias_names(reset), scale=1.0))
    x, h = data.draw(inputs(dtype, size)), data.draw(states(dtype, size))
    got = gru_step(weights, x, h, reset)
    assert got.dtype == dtype
    expected, bound = exact(weights, x, h, reset, dtype)
    bound.check(got, expected, "h_t")


@every_reset
@given(data=st.data(), size=sizes(), dtype=dtypes())
def test_a_state_lies_between_the_old_one_and_the_candidates_range(
    reset: str, data: st.DataObject, size: Sizes, dtype: np.dtype[Any]
) -> None:
    weights = data.draw(gru_weights(dtype, size, bias_names(reset)))
    x, h = data.draw(inputs(dtype, size)), data.draw(states(dtype, size))
    got = gru_step(weights, x, h, reset)
    largest = np.maximum(1, np.abs(h))
    assert (np.abs(got) <= largest * (1 + gamma(4, dtype))).all()


@given(arrays("float64", (20,), 800.0), st.sampled_from(["float16", "float32", "float64"]))
def test_the_oracles_sigmoid_is_the_logistic_function(x: Any, dtype: str) -> None:
    x = x.astype(dtype)
    got = sigmoid(x)
    assert got.dtype == dtype
    wide = np.clip(x.astype(np.longdouble), -11000, 11000)
    why = f"{ACTIVATION_EPSILONS} ε"
    Bound(ACTIVATION_EPSILONS * epsilon(dtype), why).check(got, 1 / (1 + np.exp(-wide)), "σ")
    assert ((got >= 0) & (got <= 1)).all()


@lru_cache
def built_keras(reset_after: bool, dtype: str, size: Sizes, use_bias: bool) -> Any:
    cell = keras.layers.GRUCell(size.units, reset_after=reset_after, dtype=dtype, use_bias=use_bias)
    cell.build((None, size.features))
    return cell


@every_dtype
@every_reset
@scaled(0.5)
@given(data=st.data(), size=sizes(), use_bias=st.booleans())
def test_to_keras_and_back_keeps_every_bit(
    reset: str, dtype: str, data: st.DataObject, size: Sizes, use_bias: bool
) -> None:
    weights = data.draw(gru_weights(dtype, size, bias_names(reset) if use_bias else ()))
    cell = built(reset, dtype, size, use_bias)
    set_weights(cell, weights)
    back = from_keras(to_keras(cell))
    assert (back.reset, back.use_bias, back.dtype_policy) == (reset, use_bias, cell.dtype_policy)
    found = get_weights(back)
    assert list(found) == list(get_weights(cell))
    for name, array in weights.items():
        assert found[name].tobytes() == array.tobytes(), name  # the sign of zero counts


@every_dtype
@every_reset
@scaled(0.5)
@given(data=st.data(), size=sizes(), use_bias=st.booleans())
def test_to_keras_computes_the_same_function(
    reset: str, dtype: str, data: st.DataObject, size: Sizes, use_bias: bool
) -> None:
    weights = data.draw(gru_weights(dtype, size, bias_names(reset) if use_bias else ()))
    x, h = data.draw(inputs(dtype, size)), data.draw(states(dtype, size))
    cell = built(reset, dtype, size, use_bias)
    set_weights(cell, weights)
    output, _ = to_keras(cell)(tf.constant(x), [tf.constant(h)])
    expected, bound = exact(weights, x, h, reset, dtype)
    bound.check(output, expected, "Keras's h_t")


@every_dtype
@pytest.mark.parametrize("reset_after", [False, True])
@scaled(0.5)
@given(data=st.data(), size=sizes(), use_bias=st.booleans())
def test_from_keras_computes_the_same_function(
    reset_after: bool, dtype: str, data: st.DataObject, size: Sizes, use_bias: bool
) -> None:
    cell = built_keras(reset_after, dtype, size, use_bias)
    shapes = [tuple(variable.shape) for variable in cell.trainable_variables]
    total = sum(int(np.prod(shape)) for shape in shapes)
    scale = data.draw(st.sampled_from([0.25, 1.0, 4.0]))
    flat = data.draw(arrays(dtype, (total,), scale))
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    values = [part.reshape(s) for part, s in zip(np.split(flat, cuts), shapes, strict=True)]
    cell.set_weights(values)
    x, h = data.draw(inputs(dtype, size)), data.draw(states(dtype, size))

    own = from_keras(cell)
    assert own.reset == ("after" if reset_after else "before")
    weights = get_weights(own)
    expected, _ = cell(tf.constant(x), [tf.constant(h)])
    # Where Keras adds two biases to one gate, it rounds relative to both, not to their sum.
    apart = gamma(2 * size.features + 2 * size.units + 6, dtype) * 2 * scale
    bound = gru_error(weights, x, h, own.reset, np.dtype(dtype), gate_error=apart)
    bound += bound
    bound.check(expected, gru_step(weights, x, h, own.reset), "Keras's h_t")
    output, _ = own(tf.constant(x), [tf.constant(h)])
    bound.check(output, expected, "h_t")


@every_dtype
@every_reset
@scaled(0.5)
@given(data=st.data(), size=sizes())
def test_from_keras_and_back_keeps_every_kernel(
    reset: str, dtype: str, data: st.DataObject, size: Sizes
) -> None:
    cell = built_keras(reset == "after", dtype, size, True)
    shapes = [tuple(variable.shape) for variable in cell.trainable_variables]
    cell.set_weights([data.draw(arrays(dtype, shape, 1.0)) for shape in shapes])
    back = to_keras(from_keras(cell))
    kernels = zip(cell.get_weights()[:2], back.get_weights()[:2], strict=True)
    for before, after in kernels:
        assert before.tobytes() == after.tobytes()
    total = [np.atleast_2d(c.get_weights()[2]).sum(axis=0) for c in (cell, back)]
    np.testing.assert_array_equal(*total)
