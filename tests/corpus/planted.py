"""Correct cells drawn at random, and the same cells with one error planted in their gradient.

The forward pass of a planted cell is the correct one; only what TensorFlow's tape sees is wrong.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject

#: Where users, and where Keras itself, look operations up.
OPERATIONS = (keras.ops, importlib.import_module("keras.src.ops"))

FAULTS = (
    "wrong term",
    "dropped path through time",
    "stop_gradient on one gate",
    "factor 1 + 1e-6 on one entry",
    "transposed product",
    "sign of a custom gradient",
)

VARIANTS: tuple[tuple[str, Callable[..., Any], dict[str, Any]], ...] = (
    ("GRU, reset before", GRUCell, {"reset": "before"}),
    ("GRU, reset after", GRUCell, {"reset": "after"}),
    ("GRU without biases", GRUCell, {"use_bias": False}),
    ("Keras GRU, reset after", keras.layers.GRUCell, {}),
    ("Keras GRU, reset before", keras.layers.GRUCell, {"reset_after": False}),
    ("Keras LSTM", keras.layers.LSTMCell, {}),
    ("Keras simple RNN", keras.layers.SimpleRNNCell, {}),
)


@dataclass
class Sample:
    """One generated cell and the point where it is checked.

    Args:
        variant: index into `VARIANTS`.
        units: 1 to 32.
        features: F, 1 to 6.
        steps: T, 1 to 20.
        scale: standard deviation of all weights, 0.001 to 10.
        seed: of weights and point.
    """

    variant: int
    units: int
    features: int
    steps: int
    scale: float
    seed: int

    @property
    def name(self) -> str:
        """All that makes the sample."""
        kind = VARIANTS[self.variant][0]
        return (
            f"{kind}, {self.units} units, {self.features} inputs, {self.steps} steps, "
            f"weights {self.scale:.3g}, seed {self.seed}"
        )

    def cell(self) -> Any:
        """Return the cell, built, in float64."""
        _, make, arguments = VARIANTS[self.variant]
        cell = make(self.units, dtype="float64", **arguments)
        cell.build((None, self.features))
        rng = np.random.default_rng([self.seed, 1])
        for variable in cell.trainable_variables:
            variable.assign(rng.normal(scale=self.scale, size=variable.shape))
        return cell

    def subject(self) -> KerasSubject:
        """Return the correct cell as a subject."""
        return KerasSubject(self.cell(), self.features)


def draw(seed: int) -> Sample:
    """Return the sample of a seed."""
    rng = np.random.default_rng([seed, 0])
    return Sample(
        variant=int(rng.integers(len(VARIANTS))),
        units=int(np.floor(np.exp(rng.uniform(0, np.log(33))))),
        features=int(rng.integers(1, 7)),
        steps=int(rng.integers(1, 21)),
        scale=float(10 ** rng.uniform(-3, 1)),
        seed=seed,
    )


class Planted(keras.layers.Layer):
    """A cell whose gradient has one error.

    Args:
        inner: the correct cell.
        fault: one of `FAULTS`.
        place: which weight, state, activation or product, and which entry.
    """

    def __init__(self, inner: Any, fault: str, place: tuple[int, int]) -> None:
        super().__init__(dtype="float64")
        self.inner, self.fault, self.place = inner, fault, place
        self.state_size = inner.state_size
        self.built = True

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return self.inner.get_initial_state(batch_size=batch_size)

    def call(self, inputs: Any, states: Any) -> Any:
        weights = [tf.convert_to_tensor(v.value) for v in self.inner.trainable_variables]
        frozen = [tf.convert_to_tensor(v.value) for v in self.inner.non_trainable_variables]
        states = list(states)
        k, entry = self.place
        if self.fault == "factor 1 + 1e-6 on one entry":
            weights[k] = scaled_gradient(weights[k], entry, 1 + 1e-6)
        elif self.fault == "sign of a custom gradient":
            weights[k] = scaled_gradient(weights[k], None, -1.0)
        elif self.fault == "dropped path through time":
            states[k] = tf.stop_gradient(states[k])
        with self._patched():
            made, _ = self.inner.stateless_call(weights, frozen, inputs, states)
        return made

    @contextlib.contextmanager
    def _patched(self) -> Iterator[None]:
        if self.fault == "transposed product":
            with patched_products(self.place[0], self.inner.units):
                yield
        elif self.fault in ("wrong term", "stop_gradient on one gate"):
            with patched_activations(self.place[0], self.fault):
                yield
        else:
            yield


def scaled_gradient(weight: Any, entry: int | None, factor: float) -> Any:
    """Return the weight, its gradient multiplied in one entry or in all."""
    mask = np.full(weight.shape, factor if entry is None else 1.0)
    if entry is not None:
        mask.reshape(-1)[entry] = factor

    @tf.custom_gradient
    def same(w: Any) -> Any:
        return tf.identity(w), lambda dw: dw * mask

    return same(weight)


@tf.custom_gradient
def wrong_tanh(x: Any) -> Any:
    y = tf.tanh(x)
    return y, lambda dy: dy * (1 - y)


@tf.custom_gradient
def wrong_sigmoid(x: Any) -> Any:
    y = tf.sigmoid(x)
    return y, lambda dy: dy * y


@tf.custom_gradient
def transposed_product(a: Any, b: Any) -> Any:
    def backward(dy: Any) -> Any:
        blocks = b.shape[1] // b.shape[0]
        parts = zip(tf.split(dy, blocks, axis=1), tf.split(b, blocks, axis=1), strict=True)
        return tf.add_n([g @ u for g, u in parts]), tf.matmul(a, dy, transpose_a=True)

    return a @ b, backward


@contextlib.contextmanager
def patched(names: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """Replace operations both where Keras and where users look them up."""
    with contextlib.ExitStack() as stack:
        for module in OPERATIONS:
            for name, function in names.items():
                stack.enter_context(mock.patch.object(module, name, function))
        yield


@contextlib.contextmanager
def patched_activations(place: int, fault: str) -> Iterator[list[str]]:
    """Give the activation number `place` a wrong gradient; yield the activations met."""
    met: list[str] = []
    right = {"tanh": keras.ops.tanh, "sigmoid": keras.ops.sigmoid}
    wrong = {"tanh": wrong_tanh, "sigmoid": wrong_sigmoid}

    def replaced(name: str) -> Callable[..., Any]:
        def activation(x: Any) -> Any:
            met.append(name)
            if len(met) - 1 != place:
                return right[name](x)
            return tf.stop_gradient(right[name](x)) if "stop" in fault else wrong[name](x)

        return activation

    with patched({name: replaced(name) for name in right}):
        yield met


@contextlib.contextmanager
def patched_products(place: int, units: int) -> Iterator[list[tuple[int, ...]]]:
    """Transpose the weight in the gradient of one product with a recurrent weight."""
    met: list[tuple[int, ...]] = []
    right = keras.ops.matmul

    def product(a: Any, b: Any) -> Any:
        if b.shape[0] != units or b.shape[1] % units:
            return right(a, b)
        met.append(tuple(b.shape))
        return transposed_product(a, b) if len(met) - 1 == place else right(a, b)

    with patched({"matmul": product}):
        yield met


def count_places(subject: KerasSubject) -> tuple[int, int]:
    """Return how many activations and recurrent products one step of a cell has."""
    weights, states = subject.weights, [tf.constant(s) for s in subject.initial_state()]
    x = tf.zeros((1, subject.input_size), "float64")
    with patched_activations(-1, "") as activations:
        subject.step_tensors(weights, subject.frozen, x, states)
    with patched_products(-1, subject.cell.units) as products:
        subject.step_tensors(weights, subject.frozen, x, states)
    return len(activations), len(products)
