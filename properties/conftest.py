"""Profiles of the search, and the adder that several properties share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from gru_bench import profiles
from gru_bench.learning.adder import Adder
from gru_bench.learning.compiled import Program
from gru_bench.learning.evaluation import Evaluator
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import make_network, train_network
from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.task.transducer import FAMILIES

# At the end, so that `tests.corpus` is found and gru_bench is still the installed one.
sys.path.append(str(Path(__file__).parents[1]))

profiles.register()


def pytest_configure(config: pytest.Config) -> None:
    # Hypothesis's own plugin loads what the option names.
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile(profiles.DEFAULT)


@dataclass(frozen=True)
class Trained:
    """An adder that the default recipe trained, and the evaluator of its network."""

    adder: Adder
    evaluator: Evaluator
    seed: int


@pytest.fixture(scope="session")
def trained() -> Trained:
    """Train the first seed that makes no error in any family, as `gru-bench train` does."""
    recipe = get_recipe("default")
    network = make_network("gru_bench:GRUCell", recipe)
    program = Program(network, recipe)
    evaluator = Evaluator(network, recipe.threshold, pairs=64)

    def fails(theta: Any) -> list[str]:
        found = evaluator.measure_all(theta, FAMILIES, (8, 256, 4096))
        return [f"{m.family} {m.length}: {m.exact}/{m.pairs}" for m in found if m.exact < m.pairs]

    failures = {}
    for seed in range(8):
        run = train_network(
            program, [seed], [recipe.iterations], None, lambda _: None, lambda _: None
        )[0]
        if run.diverged is None and np.isfinite(run.theta).all():
            failures[seed] = fails(run.theta)
            if not failures[seed]:
                return Trained(Adder(network, run.theta, recipe.threshold), evaluator, seed)
    raise AssertionError(f"none of 8 seeds of the default recipe learned to add: {failures}")


class UserCell(keras.layers.Layer):
    """A user's cell, whose step is a function of x, h and the weights W, U and b."""

    def __init__(self, step: Any, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step, self.state_size = step, units

    def build(self, input_shape: Any) -> None:
        n = self.state_size
        for name, shape in (("W", (input_shape[-1], 2 * n)), ("U", (n, 2 * n)), ("b", (2 * n,))):
            setattr(self, name, self.add_weight(name=name, shape=shape))
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        output, h = self.step(inputs, states[0], self.W, self.U, self.b)
        return output, [h]


def _gates(x: Any, h: Any, W: Any, U: Any, b: Any) -> tuple[Any, Any]:
    """Return what two gates see."""
    return keras.ops.split(x @ W + h @ U + b, 2, axis=1)


def _difference(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
    z, v = _gates(x, h, W, U, b)
    h = h + keras.ops.sigmoid(z) * (keras.ops.tanh(v) - h)
    return h, h


def _relu(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
    z, v = _gates(x, h, W, U, b)
    h = keras.ops.relu(z) - 0.5 * keras.ops.relu(-v)
    return 2.0 * h - 1.0, h


def _square(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
    ops = keras.ops
    both = ops.concatenate([x, h], axis=-1)
    v = ops.add(ops.matmul(both, ops.concatenate([W, U], axis=0)), b)
    even, odd = v[:, ::2], v[:, 1::2]
    h = ops.tanh(even) + ops.square(ops.sigmoid(odd))
    return ops.concatenate([h, ops.negative(h[:, -1:])], axis=1), h


def _moved(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
    ops, n = keras.ops, h.shape[1]
    v = x @ W[:, :n] + h @ U[:, n:] + b[n:]
    row = ops.squeeze(ops.expand_dims(ops.tanh(v), 1), 1)
    stacked = ops.transpose(ops.stack([row, h[:, ::-1]], axis=1), (0, 2, 1))
    folded = ops.reshape(stacked, (-1, 2 * n))
    h = ops.concatenate([folded[:, -1:], folded[:, : n - 1]], axis=1) * ops.sigmoid(b[:n])
    return folded, h


def _rooted(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
    z, v = _gates(x, h, W, U, b)
    z, v = keras.ops.sigmoid(z), keras.ops.tanh(v)
    h = v + (1.0 - z) * (h - v)
    return z * h, h


_LAYERS = keras.layers
_STEPS = (_difference, _relu, _square, _moved, _rooted)

#: Cells whose step can be lifted, by what they show.
LIFTABLE: dict[str, Callable[..., Any]] = {
    "gru": GRUCell,
    "gru-after": lambda n, **kwargs: GRUCell(n, reset="after", **kwargs),
    "gru-unbiased": lambda n, **kwargs: GRUCell(n, use_bias=False, **kwargs),
    "keras-gru": lambda n, **kwargs: _LAYERS.GRUCell(n, reset_after=False, **kwargs),
    "keras-gru-after": _LAYERS.GRUCell,
    "keras-gru-unbiased": lambda n, **kwargs: _LAYERS.GRUCell(n, use_bias=False, **kwargs),
    "lstm": _LAYERS.LSTMCell,
    "lstm-unbiased": lambda n, **kwargs: _LAYERS.LSTMCell(n, use_bias=False, **kwargs),
    "simple": _LAYERS.SimpleRNNCell,
    "simple-relu": lambda n, **kwargs: _LAYERS.SimpleRNNCell(n, activation="relu", **kwargs),
    **{
        f"user-{step.__name__[1:]}": lambda n, step=step, **kwargs: UserCell(step, n, **kwargs)
        for step in _STEPS
    },
}


@cache
def _subject(kind: str, units: int, features: int, dtype: str) -> KerasSubject:
    return KerasSubject(LIFTABLE[kind](units, dtype=dtype), features)


@pytest.fixture(scope="session", params=sorted(LIFTABLE))
def liftable(request: pytest.FixtureRequest) -> Callable[[int, int, str], KerasSubject]:
    """Return the maker of one cell's subjects, from units, features and dtype."""
    return lambda units, features, dtype: _subject(request.param, units, features, dtype)


@pytest.fixture(scope="session")
def user_cell() -> Callable[..., KerasSubject]:
    """Return the maker of a subject from a step."""
    return lambda step, units=3, dtype="float32": KerasSubject(
        UserCell(step, units, dtype=dtype), 2
    )
