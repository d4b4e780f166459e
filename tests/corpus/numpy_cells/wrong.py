"""Wrong cells, and the law that catches each."""

from __future__ import annotations

import numpy as np

from tests.corpus.numpy_cells.correct import GRU, LSTM, sigmoid


class MixesRows(GRU):
    """Each row takes a little of its neighbour."""

    def step(self, x, states):
        h, _ = super().step(x, states)
        h = h + 0.01 * np.roll(h, 1, axis=0)
        return h, [h]


class NormalisesOverRows(GRU):
    """Takes the mean over the batch instead of the units."""

    def step(self, x, states):
        h, _ = super().step(x, states)
        h = h - h.mean(axis=0)
        return h, [h]


class StaleBuffer(GRU):
    """Writes into a buffer that only grows, and adds up what is left in it."""

    buffer = None

    def step(self, x, states):
        h, _ = super().step(x, states)
        if self.buffer is None or len(self.buffer) < len(h):
            self.buffer = np.zeros((len(h), self.units), h.dtype)
        self.buffer[: len(h)] = h
        h = h + 0.01 * self.buffer.sum(axis=0)
        return h, [h]


class OneBuffer(GRU):
    """Returns the same array at each step."""

    def step(self, x, states):
        h, _ = super().step(x, states)
        if getattr(self, "out", np.empty(0)).shape != h.shape:
            self.out = np.empty_like(h)
        self.out[...] = h
        return self.out, [h]


class FirstCallOtherwise(GRU):
    """Warms up in its first call."""

    called = False

    def step(self, x, states):
        h, _ = super().step(x, states)
        h = h if self.called else 0.5 * h
        self.called = True
        return h, [h]


class EveryOtherCall(GRU):
    """Refreshes its gate in every other call only."""

    calls = 0

    def step(self, x, states):
        self.calls += 1
        h, _ = super().step(x, states)
        h = h + 0.25 * (self.calls % 2)
        return h, [h]


class KeepsItsState(GRU):
    """Goes on from the state that it has kept, not from the one that it is given."""

    kept = None

    def step(self, x, states):
        if self.kept is not None and self.kept.shape == states[0].shape:
            states = [self.kept]
        self.kept, _ = super().step(x, states)
        return self.kept, [self.kept]


class Noisy(GRU):
    """Draws from NumPy's global generator."""

    def step(self, x, states):
        h, _ = super().step(x, states)
        h = h + 1e-3 * np.random.normal(size=h.shape)  # noqa: NPY002
        return h, [h]


class PackedOnce(GRU):
    """Puts its kernels side by side when it is made, before others are assigned."""

    made = 0

    def __init__(self, units, input_size, dtype="float64"):
        PackedOnce.made += 1
        super().__init__(units, input_size, dtype, seed=PackedOnce.made)
        self.packed = np.concatenate([self.parameters[f"W_{gate}"] for gate in "zrh"], axis=1)

    def step(self, x, states):
        (h,) = states
        p = self.parameters
        xz, xr, xh = np.split(x @ self.packed, 3, axis=1)
        z = sigmoid(xz + h @ p["U_z"] + p["b_z"])
        r = sigmoid(xr + h @ p["U_r"] + p["b_r"])
        h = (1 - z) * h + z * np.tanh(xh + (r * h) @ p["U_h"] + p["b_h"])
        return h, [h]


class ChangesItsState(LSTM):
    """Updates the cell state in place."""

    def step(self, x, states):
        h, c = states
        joined = np.concatenate([x, h], axis=1) @ self.parameters["A"] + self.parameters["a"]
        i, f, o, g = np.split(joined, 4, axis=1)
        c *= sigmoid(f)
        c += sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h, [h, c]


class PopsItsStates(GRU):
    """Takes its state off the list."""

    def step(self, x, states):
        return super().step(x, [states.pop()])


class Deaf(GRU):
    """Multiplies with the weights that it should add to."""

    def step(self, x, states):
        return super().step(0 * x, states)


class Forgetful(GRU):
    """Starts from zero at each step."""

    def step(self, x, states):
        return super().step(x, [0 * states[0]])


class StandsStill(GRU):
    """Returns the state that it was given."""

    def step(self, x, states):
        h, _ = super().step(x, states)
        return h, list(states)


class SqueezesRows(GRU):
    """Drops the axis of the batch where there is one row."""

    def step(self, x, states):
        h, new = super().step(x, states)
        return (np.squeeze(h, 0) if len(h) == 1 and len(x) == 1 and x.any() else h), new


class StateOfOneRow(GRU):
    """Has an initial state for one row only."""

    def initial_state(self, batch):
        del batch
        return super().initial_state(1)


class BiasUnused(GRU):
    """Has a bias of the candidate that nothing reads."""

    def gate(self, name, x, h):
        made = super().gate(name, x, h)
        return made - self.parameters["b_h"] if name == "h" else made


class Float32Inside(GRU):
    """Rounds its gates to float32 on the way."""

    def gate(self, name, x, h):
        return super().gate(name, x, h).astype(np.float32).astype(self.dtype)


class Overflows(GRU):
    """Has a sigmoid of two exponentials."""

    def step(self, x, states):
        (h,) = states
        grown = np.exp(self.gate("z", x, h))
        z = grown / (1 + grown)
        h = (1 - z) * h + z * np.tanh(self.gate("h", x, h))
        return h, [h]


class SquareOnly(GRU):
    """Confuses the number of inputs with the number of units."""

    def __init__(self, units, input_size, dtype="float64"):
        del input_size
        super().__init__(units, units, dtype)


WRONG = {
    MixesRows: "batch-row-alone",
    NormalisesOverRows: "batch-row-alone",
    StaleBuffer: "batch-row-alone",
    OneBuffer: "chunks-equal-whole",
    FirstCallOtherwise: "first-call-as-second",
    EveryOtherCall: "same-call-after-call",
    KeepsItsState: "no-memory-between-calls",
    Noisy: "same-call-after-call",
    PackedOnce: "instances-agree",
    ChangesItsState: "arguments-unchanged",
    PopsItsStates: "arguments-unchanged",
    Deaf: "input-matters",
    Forgetful: "state-carries-information",
    StandsStill: "state-advances",
    SqueezesRows: "shapes-promised",
    StateOfOneRow: "initial-state",
    BiasUnused: "every-weight-learns",
    Float32Inside: "rounding-is-small",
    Overflows: "finite-at-large-inputs",
    SquareOnly: "one-step-runs",
}
