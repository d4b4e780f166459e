"""Five right cells, each in the style of another author."""

from __future__ import annotations

import numpy as np


def sigmoid(x):
    """Do not overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


class GRU:
    """The reset gate before the product; gates apart."""

    def __init__(self, units, input_size, dtype="float64", seed=0):
        self.units, self.dtype = units, dtype
        rng = np.random.default_rng(seed)
        self.parameters = {}
        for gate in ("z", "r", "h"):
            self.parameters[f"W_{gate}"] = self.drawn(rng, input_size, units)
            self.parameters[f"U_{gate}"] = self.drawn(rng, units, units)
            self.parameters[f"b_{gate}"] = np.zeros(units, dtype)

    def drawn(self, rng, rows, columns):
        return (rng.normal(size=(rows, columns)) / np.sqrt(rows)).astype(self.dtype)

    def initial_state(self, batch):
        return [np.zeros((batch, self.units), self.dtype)]

    def gate(self, name, x, h):
        p = self.parameters
        return x @ p[f"W_{name}"] + h @ p[f"U_{name}"] + p[f"b_{name}"]

    def step(self, x, states):
        (h,) = states
        z, r = sigmoid(self.gate("z", x, h)), sigmoid(self.gate("r", x, h))
        h_tilde = np.tanh(self.gate("h", x, r * h))
        h = (1 - z) * h + z * h_tilde
        return h, [h]


class ResetAfterGRU:
    """The reset gate after the product; gates side by side, and no dtype of its own."""

    def __init__(self, units, n_in):
        rng = np.random.default_rng(1)
        self.n = units
        self.parameters = {
            "kernel": rng.normal(size=(n_in, 3 * units)) * 0.3,
            "recurrent": rng.normal(size=(units, 3 * units)) * 0.3,
            "biases": np.zeros((2, 3 * units)),
        }

    def initial_state(self, batch):
        return [np.zeros((batch, self.n))]

    def step(self, x, states):
        h = states[0]
        p = self.parameters
        of_x = np.split(x @ p["kernel"] + p["biases"][0], 3, axis=-1)
        of_h = np.split(h @ p["recurrent"] + p["biases"][1], 3, axis=-1)
        z, r = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
        h_tilde = np.tanh(of_x[2] + r * of_h[2])
        new = z * h + (1 - z) * h_tilde
        return new, [new]


class LSTM:
    """Two states; one matrix for input and state; a tuple of states."""

    def __init__(self, hidden_size, features, dtype=np.float64):
        rng = np.random.default_rng(2)
        self.hidden_size, self.dtype = hidden_size, dtype
        rows = features + hidden_size
        self.parameters = {
            "A": (rng.normal(size=(rows, 4 * hidden_size)) / np.sqrt(rows)).astype(dtype),
            "a": np.zeros(4 * hidden_size, dtype),
        }

    def initial_state(self, batch):
        zero = np.zeros((batch, self.hidden_size), self.dtype)
        return [zero, zero.copy()]

    def step(self, x, states):
        h, c = states
        joined = np.concatenate([x, h], axis=1) @ self.parameters["A"] + self.parameters["a"]
        i, f, o, g = np.split(joined, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h, (h, c)


class SimpleRNN:
    """Makes its weights when it sees its first input; float32 unless it is told otherwise."""

    def __init__(self, units, dtype="float32"):
        self.units, self.dtype, self.parameters = units, np.dtype(dtype), {}

    def initial_state(self, batch):
        return [np.zeros((batch, self.units), self.dtype)]

    def build(self, features):
        rng = np.random.default_rng(3)
        self.parameters["W"] = rng.normal(size=(features, self.units)).astype(self.dtype)
        self.parameters["U"] = 0.5 * np.eye(self.units, dtype=self.dtype)
        self.parameters["b"] = np.zeros(self.units, self.dtype)

    def step(self, x, states):
        if not self.parameters:
            self.build(x.shape[-1])
        p = self.parameters
        h = np.tanh(x @ p["W"] + states[0] @ p["U"] + p["b"])
        return h, [h]


class MinimalGatedUnit(GRU):
    """One gate; for three inputs only."""

    def __init__(self, units, dtype="float64"):
        super().__init__(units, 3, dtype)
        for name in ("W_z", "U_z", "b_z"):
            del self.parameters[name]

    def step(self, x, states):
        (h,) = states
        f = sigmoid(self.gate("r", x, h))
        h = (1 - f) * h + f * np.tanh(self.gate("h", x, f * h))
        return h, [h]


CORRECT = {
    GRU: {"units": 4},
    ResetAfterGRU: {"units": 4},
    LSTM: {"hidden_size": 4},
    SimpleRNN: {"units": 4},
    MinimalGatedUnit: {"units": 4},
}
