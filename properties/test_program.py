"""The lifted program computes what the cell computes; convex combinations are recognised."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.lifting import LiftingError, lift
from gru_bench.profiles import scaled
from gru_bench.program.program import Floats, Program
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject
from properties.strategies import Sizes, arrays, dtypes, inputs, scales, sizes

ops = keras.ops

Make = Callable[..., KerasSubject]


@cache
def lifted(subject: KerasSubject) -> Program:
    return lift(subject)


def draw_weights(
    data: st.DataObject, subject: KerasSubject, scale: float
) -> dict[str, np.ndarray[Any, Any]]:
    """Return weights for a subject, each drawn on its own."""
    shapes = {name: w.shape for name, w in subject.parameters.items()}
    counts = [int(np.prod(shape)) for shape in shapes.values()]
    flat = data.draw(arrays(subject.dtype, (sum(counts),), scale))
    parts = np.split(flat, np.cumsum(counts)[:-1])
    return {name: p.reshape(s) for (name, s), p in zip(shapes.items(), parts, strict=True)}


def tolerance(dtype: Any, scale: float, x: Any, states: Any) -> float:
    """Return more than the roundings of two orders of summation can differ by."""
    mass = scale * (1 + np.abs(x).sum(axis=-1).max() + np.abs(np.stack(states)).sum())
    return float(16 * np.finfo(dtype).eps * (1 + mass) ** 2)


@given(data=st.data(), size=sizes(), dtype=dtypes(), scale=scales())
@scaled(0.25)
def test_the_program_computes_the_cell(
    liftable: Make, data: st.DataObject, size: Sizes, dtype: np.dtype[Any], scale: float
) -> None:
    subject = liftable(size.units, size.features, dtype.name)
    parameters = draw_weights(data, subject, scale)
    subject.assign(parameters)
    x = data.draw(inputs(dtype, size))
    states = [data.draw(arrays(dtype, (size.batch, *shape), 2.0)) for shape in subject.state_shapes]
    output, new = subject.step(x, states)
    program = lifted(subject)
    got, made = program.evaluate(Floats(dtype), x, states, list(parameters.values()))
    allowed = tolerance(dtype, scale, x, states)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, output, rtol=allowed, atol=allowed)
    for ours, theirs in zip(made, new, strict=True):
        shape = theirs.shape
        np.testing.assert_allclose(np.broadcast_to(ours, shape), theirs, allowed, allowed)


@given(data=st.data(), size=sizes())
@scaled(0.125)
def test_the_program_runs_as_the_cell_does(
    liftable: Make, data: st.DataObject, size: Sizes
) -> None:
    subject = liftable(size.units, size.features, "float64")
    parameters = draw_weights(data, subject, 0.5)
    subject.assign(parameters)
    xs = data.draw(arrays("float64", (3, size.batch, size.features), 1.0))
    outputs, states = subject.run(xs)
    got, made = lifted(subject).run(xs, list(parameters.values()))
    np.testing.assert_allclose(got, outputs, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(made, states, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


#: Ways to write (1-z)a + zb, and what only looks like it.
CONVEX: dict[str, Callable[..., Any]] = {
    "published": lambda z, a, b: (1 - z) * a + z * b,
    "exchanged": lambda z, a, b: z * b + (1 - z) * a,
    "right factors": lambda z, a, b: a * (1 - z) + b * z,
    "crossed factors": lambda z, a, b: a * (1.0 - z) + z * b,
    "towards b": lambda z, a, b: a + z * (b - a),
    "towards b, sum first": lambda z, a, b: z * (b - a) + a,
    "towards b, gate last": lambda z, a, b: a + (b - a) * z,
    "away from a": lambda z, a, b: a - z * (a - b),
    "away from a, gate last": lambda z, a, b: a - (a - b) * z,
    "back to a": lambda z, a, b: b + (1 - z) * (a - b),
    "with ones": lambda z, a, b: (ops.ones_like(z) - z) * a + z * b,
    "inner": lambda z, a, b: ops.tanh((1 - z) * a + z * b),
}
OTHER: dict[str, Callable[..., Any]] = {
    "two gates": lambda z, a, b: (1 - z) * a + ops.tanh(z) * b,
    "two less": lambda z, a, b: (2 - z) * a + z * b,
    "no complement": lambda z, a, b: (1 + z) * a + z * b,
    "less one": lambda z, a, b: (z - 1) * a + z * b,
    "difference": lambda z, a, b: (1 - z) * a - z * b,
    "from elsewhere": lambda z, a, b: a + z * (b - ops.tanh(a)),
    "away from b": lambda z, a, b: a + z * (a - b),
    "away from elsewhere": lambda z, a, b: a - z * (ops.tanh(a) - b),
    "away, turned": lambda z, a, b: a - z * (b - a),
    "turned": lambda z, a, b: z * (a - b) - a,
    "sum": lambda z, a, b: a + z * (b + a),
    "both complements": lambda z, a, b: (1 - z) * a + (1 - z) * b,
}


def mixed(mix: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step that mixes h and a candidate."""

    def step(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
        z, v = ops.split(x @ W + h @ U + b, 2, axis=1)
        h = mix(ops.sigmoid(z), h, ops.tanh(v))
        return h, h

    return step


@pytest.mark.parametrize("writing", [*CONVEX, *OTHER])
def test_convex_combinations_are_recognised_and_nothing_else(writing: str, user_cell: Make) -> None:
    subject = user_cell(mixed((CONVEX | OTHER)[writing]), dtype="float64")
    program = lift(subject)
    found = [operation.name for operation in program.operations].count("lerp")
    assert found == (writing in CONVEX)
    rng = np.random.default_rng(0)
    subject.assign({name: rng.normal(size=w.shape) for name, w in subject.parameters.items()})
    x, h = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    output, _ = subject.step(x, [h])
    got, _ = program.evaluate(Floats(), x, [h], list(subject.parameters.values()))
    np.testing.assert_allclose(got, output, rtol=1e-13, atol=1e-13)


#: What is not elementary: the name TensorFlow gives it, and what does it to a state.
UNSUPPORTED: dict[str, Callable[..., Any]] = {
    "Exp": ops.exp,
    "Softmax": ops.softmax,
    "RealDiv": lambda h: h / (2.0 + ops.square(h)),
    "Softsign": ops.softsign,
    "Mean": lambda h: h - ops.mean(h, axis=1, keepdims=True),
    "Sum": lambda h: h * ops.sum(h, axis=1, keepdims=True),
    "Maximum": lambda h: ops.maximum(h, 0.5),
    "MatMul of two values": lambda h: h @ ops.concatenate([h, h, h], axis=0),
    "Cast": lambda h: ops.cast(ops.cast(h, "float64"), "float32"),
}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_what_is_not_elementary_is_named(kind: str, user_cell: Make) -> None:
    with pytest.raises(LiftingError, match=f"^operation {kind}\\b"):
        lift(user_cell(lambda _x, h, *_: (UNSUPPORTED[kind](h), h)))


def test_a_layer_norm_is_named() -> None:
    class Normed(keras.layers.Layer):
        state_size = 3

        def build(self, input_shape: Any) -> None:
            self.norm = keras.layers.LayerNormalization()
            self.norm.build((None, 3))
            super().build(input_shape)

        def call(self, inputs: Any, states: Any) -> Any:
            h = self.norm(ops.tanh(states[0]) + inputs[:, :1])
            return h, [h]

    with pytest.raises(LiftingError, match=r"^operation [A-Z]"):
        lift(KerasSubject(Normed(), 2))


def test_states_that_are_no_vectors_are_refused() -> None:
    class Image(keras.layers.Layer):
        state_size = 6

        def get_initial_state(self, batch_size: Any = None) -> Any:
            return [ops.zeros((batch_size, 2, 3))]

        def call(self, inputs: Any, states: Any) -> Any:
            h = ops.tanh(states[0] + inputs[:, :1, None])
            return ops.reshape(h, (-1, 6)), [h]

    with pytest.raises(LiftingError, match=r"states of shape .*\(2, 3\).* are not vectors"):
        lift(KerasSubject(Image(), 2))
