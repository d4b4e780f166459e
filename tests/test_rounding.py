"""Running error: bounds hold what they promise, and promise something."""

import keras
import numpy as np
import pytest
from keras import ops

from gru_bench.laws.law import Wants
from gru_bench.laws.running.strategies import Sketch
from gru_bench.laws.target import make_target
from gru_bench.trace.tensorflow.rounding import imprecision
from gru_bench.trace.tolerance import run_error


class Sums(keras.layers.SimpleRNNCell):
    """Has an operation that no table knows."""

    def call(self, inputs, states, training=False):
        h, _ = super().call(inputs, states, training=training)
        h = ops.cumsum(h, axis=-1)
        return h, [h]


class Widened(keras.layers.SimpleRNNCell):
    """Has a constant that was rounded to float32."""

    def call(self, inputs, states, training=False):
        h, _ = super().call(inputs, states, training=training)
        h = h * ops.cast(np.float32(0.1), h.dtype)
        return h, [h]


class Narrowed(keras.layers.SimpleRNNCell):
    """Computes in float32 on its way."""

    def call(self, inputs, states, training=False):
        h, _ = super().call(inputs, states, training=training)
        h = ops.cast(ops.cast(h, "float32"), h.dtype)
        return h, [h]


class Clipped(keras.layers.SimpleRNNCell):
    """Its state lies on a clip, which is no number of float32."""

    def call(self, inputs, states, training=False):
        h, _ = super().call(inputs, states, training=training)
        h = ops.clip(h, -0.8, 0.8)
        return h, [h]


class ClippedSums(Clipped):
    """Likewise, with an operation that no table knows."""

    def call(self, inputs, states, training=False):
        h, _ = super().call(ops.cumsum(inputs, axis=-1), states, training=training)
        return h, [h]


CELLS = [
    ("gru_bench:GRUCell", {"units": 4}),
    ("keras.layers:LSTMCell", {"units": 3}),
    ("keras.layers:SimpleRNNCell", {"units": 3, "activation": "relu"}),
    ("keras.layers:GRUCell", {"units": 3, "activation": "softplus"}),
    (Sums, {"units": 3}),
]


@pytest.mark.parametrize(("cell", "arguments"), CELLS)
def test_float32_stays_within_the_running_error(cell, arguments):
    target = make_target(cell, arguments)
    rng = np.random.default_rng(0)
    for _ in range(20):
        scale, kind = float(rng.choice([0.25, 1, 4])), str(rng.choice(["ordinary", "bits"]))
        sketch = Sketch(3, 3, 4, scale, kind, bool(rng.integers(2)), int(rng.integers(2**31)))
        case = sketch.case(target, Wants())
        bounds = case.bounds("float32")
        wide, narrow = (
            case.subject(dtype).fast_run(case.xs, case.states)[0]
            for dtype in ("float64", "float32")
        )
        assert bounds.outputs.worst(narrow, wide) is None
        sharp = 1e-3 if "running error" in bounds.outputs.why else 1.0
        assert np.median(bounds.outputs.limit) < sharp * max(1.0, np.abs(wide).max())


@pytest.mark.parametrize("cell", [Clipped, ClippedSums])
def test_a_state_on_its_clip_may_lie_beside_it_in_float32(cell):
    target = make_target(cell, {"units": 3, "activation": "linear"})
    case = Sketch(3, 2, 4, 4.0, "ordinary", True, 1).case(target, Wants())
    wide, narrow = (
        case.subject(dtype).fast_run(case.xs, case.states)[0] for dtype in ("float64", "float32")
    )
    assert (np.abs(wide) == 0.8).any()
    bounds = case.bounds("float32")
    assert bounds.outputs.worst(narrow, wide) is None
    assert np.median(bounds.outputs.limit) < 1e-2


def test_of_what_the_dtype_cannot_hold_nothing_is_promised():
    target = make_target("keras.layers:SimpleRNNCell", {"units": 1, "activation": "exponential"})
    case = Sketch(3, 1, 1, 1.0, "ordinary", True, 0).case(target, Wants())
    case.weights = {name: 0 * w + 50.0 for name, w in case.weights.items()}
    case.xs = np.ones((1, 1, 3))
    wide, narrow = (
        case.subject(dtype).fast_run(case.xs, case.states)[0] for dtype in ("float64", "float32")
    )
    assert np.isinf(narrow).all()
    bounds = case.bounds("float32")
    assert bounds.outputs.worst(narrow, wide) is None
    assert case.bounds("float64").outputs.worst(wide + wide, wide) is not None


def test_roundings_that_leave_a_flat_place_are_seen():
    """Behind 1 + 2^-25 the function is steep: within rounding, not of the first moves."""
    edge, x = 1 + 2.0**-25, np.ones(1)

    def steep(arguments):
        return 1e6 * np.maximum(arguments[0] - edge, 0)

    error = float(run_error(steep, [x], 1, "float32").limit)
    assert error >= steep([x * (1 + 2.0**-24)])[0]


def test_the_running_error_sees_what_cancels():
    """H = relu(x - y) of nearly equal numbers keeps the error of both."""
    target = make_target("keras.layers:SimpleRNNCell", {"units": 1, "activation": "linear"})
    case = Sketch(3, 1, 1, 1.0, "ordinary", True, 0).case(target, Wants())
    weights = [np.array([[1.0], [-1.0], [0.0]]), np.zeros((1, 1)), np.zeros(1)]
    case.weights = dict(zip(case.weights, weights, strict=True))
    case.xs = np.array([[[1000.5, 1000.0, 0.0]]])
    limit = float(np.max(case.bounds("float32").outputs.limit))
    assert 2000 * 2.0**-24 <= limit <= 64 * 2000 * 2.0**-24


def test_an_exact_step_has_no_error_but_what_is_flushed():
    target = make_target("keras.layers:SimpleRNNCell", {"units": 1, "activation": "linear"})
    case = Sketch(3, 1, 1, 1.0, "zero", True, 0).case(target, Wants())
    case.weights = {name: np.zeros_like(w) for name, w in case.weights.items()}
    assert float(np.max(case.bounds("float32").outputs.limit)) < 1e-30


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("keras.layers:SimpleRNNCell", ""),
        (Widened, "a constant 0.10000000149011612"),
        (Narrowed, "an operation Cast in float32"),
    ],
)
def test_what_is_narrow_inside_a_float64_cell_is_named(cell, found):
    said = imprecision(make_target(cell, {"units": 2}).subject(3, "float64"), 1)
    assert said.startswith(found)
    assert bool(said) == bool(found)
