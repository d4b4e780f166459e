"""The published equations of recurrent cells, in NumPy and double precision.

Each function is one step and looks like its paper, except that batches are rows, so `x W` with W
of shape (F, units). Weights: `W_g` multiply the input, `U_g` the state, `b_g` is added to `x W_g`,
`c_g` to `h U_g`, `p_g` is a peephole; where a cell has none of the last three they count as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.numbers import sigmoid

Array = NDArray[Any]
Function = Callable[[Any], Any]
Step = Callable[["Weights", Any, Sequence[Any], "Settings"], tuple[Any, list[Any]]]


class Weights(dict[str, Any]):
    """Weights by the paper's names; an absent bias or peephole is zero."""

    def __missing__(self, name: str) -> Any:
        if name[0] in "bcpβ":
            return 0.0
        if name[0] == "α":
            return 1.0
        raise KeyError(name)


@dataclass(frozen=True)
class Settings:
    """What a cell's constructor may choose in the equations.

    Args:
        activation: φ, of the candidate and of an LSTM's output.
        recurrent_activation: σ, of the gates.
        clip: largest magnitude of an LSTM's cell state.
        forget_bias: added to the argument of an LSTM's forget gate.
        epsilon: added to the variance where a layer is normalised.
        zoneout: share of each state that is kept at inference, in the states' order (1606.01305).
        keeps: whether the update gate weighs the old state (1406.1078) or the new one (1412.3555).
    """

    activation: Function = np.tanh
    recurrent_activation: Function = sigmoid
    clip: float | None = None
    forget_bias: float = 0.0
    epsilon: float = 1e-3
    zoneout: tuple[float, ...] = ()
    keeps: bool = False


def gru_reset_before(
    w: Weights, x: Any, states: Sequence[Any], s: Settings
) -> tuple[Any, list[Any]]:
    """Return one step of the GRU of 1406.1078v3 and 1412.3555."""
    (h,) = states
    z = s.recurrent_activation(x @ w["W_z"] + h @ w["U_z"] + w["b_z"] + w["c_z"])
    r = s.recurrent_activation(x @ w["W_r"] + h @ w["U_r"] + w["b_r"] + w["c_r"])
    h_tilde = s.activation(x @ w["W_h"] + (r * h) @ w["U_h"] + w["b_h"] + w["c_h"])
    h_t = _update(z, h, h_tilde, s)
    return h_t, [h_t]


def gru_reset_after(
    w: Weights, x: Any, states: Sequence[Any], s: Settings
) -> tuple[Any, list[Any]]:
    """Return one step of the GRU of 1406.1078v1, which is cuDNN's."""
    (h,) = states
    z = s.recurrent_activation(x @ w["W_z"] + h @ w["U_z"] + w["b_z"] + w["c_z"])
    r = s.recurrent_activation(x @ w["W_r"] + h @ w["U_r"] + w["b_r"] + w["c_r"])
    h_tilde = s.activation(x @ w["W_h"] + r * (h @ w["U_h"] + w["c_h"]) + w["b_h"])
    h_t = _update(z, h, h_tilde, s)
    return h_t, [h_t]


def lstm(w: Weights, x: Any, states: Sequence[Any], s: Settings) -> tuple[Any, list[Any]]:
    """Return one step of the LSTM of 1308.0850, with peepholes where there are any."""
    h, c = states
    i = s.recurrent_activation(x @ w["W_i"] + h @ w["U_i"] + w["p_i"] * c + w["b_i"])
    f = s.recurrent_activation(
        x @ w["W_f"] + h @ w["U_f"] + w["p_f"] * c + w["b_f"] + s.forget_bias
    )
    g = s.activation(x @ w["W_c"] + h @ w["U_c"] + w["b_c"])
    c_t = f * c + i * g
    if s.clip is not None:
        c_t = np.clip(c_t, -s.clip, s.clip)
    o = s.recurrent_activation(x @ w["W_o"] + h @ w["U_o"] + w["p_o"] * c_t + w["b_o"])
    h_t = o * s.activation(c_t)
    return h_t, [h_t, c_t]


def simple_rnn(w: Weights, x: Any, states: Sequence[Any], s: Settings) -> tuple[Any, list[Any]]:
    """Return one step of the plain recurrent network, equation 2 of 1412.3555."""
    (h,) = states
    h_t = s.activation(x @ w["W_h"] + h @ w["U_h"] + w["b_h"])
    return h_t, [h_t]


def minimal_gated_unit(
    w: Weights, x: Any, states: Sequence[Any], s: Settings
) -> tuple[Any, list[Any]]:
    """Return one step of the minimal gated unit of 1603.09420."""
    (h,) = states
    f = s.recurrent_activation(x @ w["W_f"] + h @ w["U_f"] + w["b_f"])
    h_tilde = s.activation(x @ w["W_h"] + (f * h) @ w["U_h"] + w["b_h"])
    h_t = (1 - f) * h + f * h_tilde
    return h_t, [h_t]


def min_gru(w: Weights, x: Any, states: Sequence[Any], s: Settings) -> tuple[Any, list[Any]]:
    """Return one step of the minGRU of 2410.01201, whose gates do not read the state."""
    (h,) = states
    z = s.recurrent_activation(x @ w["W_z"] + w["b_z"])
    h_tilde = s.activation(x @ w["W_h"] + w["b_h"])
    h_t = (1 - z) * h + z * h_tilde
    return h_t, [h_t]


def layer_norm_gru(w: Weights, x: Any, states: Sequence[Any], s: Settings) -> tuple[Any, list[Any]]:
    """Return one step of the layer-normalised GRU, supplement of 1607.06450."""
    (h,) = states
    gates = normalised(h, w, "U", "zr", s) + normalised(x, w, "W", "zr", s)
    z, r = np.split(s.recurrent_activation(gates), 2, axis=-1)
    h_tilde = s.activation(normalised(x, w, "W", "h", s) + r * normalised(h, w, "U", "h", s))
    h_t = (1 - z) * h + z * h_tilde
    return h_t, [h_t]


def layer_norm_lstm(
    w: Weights, x: Any, states: Sequence[Any], s: Settings
) -> tuple[Any, list[Any]]:
    """Return one step of the layer-normalised LSTM, supplement of 1607.06450."""
    h, c = states
    both = normalised(h, w, "U", "ifco", s) + normalised(x, w, "W", "ifco", s)
    i, f, g, o = np.split(both, 4, axis=-1)
    i, f, o = (
        s.recurrent_activation(argument + w[f"b_{gate}"] + extra)
        for gate, argument, extra in (("i", i, 0.0), ("f", f, s.forget_bias), ("o", o, 0.0))
    )
    c_t = f * c + i * s.activation(g + w["b_c"])
    h_t = o * s.activation(layer_norm(c_t, w["α_c"], w["β_c"], s.epsilon))
    return h_t, [h_t, c_t]


def normalised(v: Any, w: Weights, kind: str, gates: str, s: Settings) -> Any:
    """Return LN(v W) over several gates side by side, each with its gain α and shift β."""
    product = np.concatenate([v @ w[f"{kind}_{g}"] for g in gates], axis=-1)
    units = product.shape[-1] // len(gates)
    gain, shift = (
        np.concatenate([np.broadcast_to(w[f"{name}_{kind}{g}"], units) for g in gates])
        for name in "αβ"
    )
    return layer_norm(product, gain, shift, s.epsilon)


def layer_norm(a: Any, gain: Any, shift: Any, epsilon: float) -> Any:
    """Return α (a - mean) / sqrt(variance + ε) + β over the last axis."""
    centred = a - a.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return gain * centred / np.sqrt(variance + epsilon) + shift


def _update(z: Any, h: Any, h_tilde: Any, s: Settings) -> Any:
    return z * h + (1 - z) * h_tilde if s.keeps else (1 - z) * h + z * h_tilde


@dataclass(frozen=True)
class Equations:
    """One published cell.

    Args:
        name: how the command line calls it.
        source: where it was published.
        step: one step in NumPy.
        gates: in the order in which Keras puts them side by side.
        states: how many it has.
        update: its update gate, where it has one that weighs old and new state.
        linear: whether the candidate has no activation unless one is asked for.
        recurrent: whether the gates read the state.
    """

    name: str
    source: str
    step: Step
    gates: str
    states: int = 1
    update: str | None = None
    linear: bool = False
    recurrent: bool = True


EQUATIONS: Mapping[str, Equations] = {
    e.name: e
    for e in (
        Equations("gru-reset-before", "arXiv 1406.1078v3", gru_reset_before, "zrh", update="z"),
        Equations("gru-reset-after", "arXiv 1406.1078v1", gru_reset_after, "zrh", update="z"),
        Equations("lstm", "arXiv 1308.0850", lstm, "ifco", states=2),
        Equations("simple-rnn", "arXiv 1412.3555, equation 2", simple_rnn, "h"),
        Equations("minimal-gated-unit", "arXiv 1603.09420", minimal_gated_unit, "fh"),
        Equations("min-gru", "arXiv 2410.01201", min_gru, "zh", linear=True, recurrent=False),
        Equations("layer-norm-gru", "arXiv 1607.06450, supplement", layer_norm_gru, "zrh"),
        Equations("layer-norm-lstm", "arXiv 1607.06450, supplement", layer_norm_lstm, "ifco", 2),
    )
}
