"""How far a GRU's step and Adam's updates may lie from the exact ones, derived by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.learning.recipe import Recipe
from gru_bench.numbers import sigmoid
from gru_bench.trace.tolerance import ACTIVATION_EPSILONS, Bound, epsilon, gamma, smallest_normal

_WIDE = np.longdouble


def gru_error(
    weights: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    h: NDArray[Any],
    reset: str,
    dtype: Any,
    state_error: Any = 0.0,
    gate_error: Any = 0.0,
) -> Bound:
    """Return how far one GRU step computed in a dtype may lie from the exact one.

    A running error analysis: γ_n on the products, |σ'| <= 1/4, |tanh'| <= 1, the activations' own
    error, and the roundings of the last line. It holds for any order of summation and for Keras's
    form with z and 1 - z exchanged.

    Args:
        weights: named as in `GRUCell`.
        x: x_t, `(B, F)`, exact in the dtype.
        h: h_{t-1}, `(B, units)`.
        reset: "before" or "after".
        dtype: of the computation.
        state_error: how far the h that was used may lie from the h given, `(B, units)`.
        gate_error: of the arguments of σ and tanh, beyond what follows from the weights.
    """
    w = {name: np.asarray(array, _WIDE) for name, array in weights.items()}
    x, h = np.asarray(x, _WIDE), np.asarray(h, _WIDE)
    dh = np.broadcast_to(np.asarray(state_error, _WIDE), h.shape)
    features, units = w["W_z"].shape
    # Products, at most two biases, and the sum of what came from x and from h.
    n = features + units + 3
    g, own = gamma(n, dtype), ACTIVATION_EPSILONS * epsilon(dtype)
    peak = max(1.0, *(float(np.abs(array).max()) for array in w.values()), float(np.abs(x).max()))
    lost = smallest_normal(dtype) * n * peak
    bias = {name: w.get(name, np.zeros(units, _WIDE)) for name in ("b_z", "b_r", "b_h", "c_h")}

    def product(v: Any, dv: Any, U: Any) -> tuple[Any, Any, Any]:
        """Return v U, the magnitudes summed in it, and what an error in v does to it."""
        return v @ U, np.abs(v) @ np.abs(U) + dv @ np.abs(U), dv @ np.abs(U)

    def gate(name: str) -> tuple[Any, Any]:
        xW, x_size, _ = product(x, np.zeros_like(x), w[f"W_{name}"])
        hU, h_size, moved = product(h, dh, w[f"U_{name}"])
        b = bias[f"b_{name}"]
        error = g * (x_size + h_size + np.abs(b)) + moved + lost + gate_error
        return sigmoid(xW + hU + b), np.minimum(1, error / 4 + own)

    (z, dz), (r, dr) = gate("z"), gate("r")
    xW, x_size, _ = product(x, np.zeros_like(x), w["W_h"])
    if reset == "before":
        s, ds = _times(r, dr, h, dh, g)
        p, p_size, moved = product(s, ds, w["U_h"])
        dp = moved + g * p_size + lost
    else:
        q, q_size, moved = product(h, dh, w["U_h"])
        q = q + bias["c_h"]
        dq = moved + g * (q_size + np.abs(bias["c_h"])) + lost
        p, dp = _times(r, dr, q, dq, g)
    argument_size = x_size + np.abs(p) + dp + np.abs(bias["b_h"])
    candidate = np.tanh(xW + p + bias["b_h"])
    dc = np.minimum(2, dp + g * argument_size + lost + gate_error + own)
    kept, taken = 1 - z + dz, z + dz
    rounding = gamma(4, dtype) * (kept * (np.abs(h) + dh) + taken * (np.abs(candidate) + dc))
    limit = dz * np.abs(candidate - h) + kept * dh + taken * dc + rounding + lost
    return Bound(
        limit,
        f"{np.dtype(dtype)}: γ_{n} on products, {ACTIVATION_EPSILONS} ε on σ and tanh, "
        "γ_4 on the last line",
    )


def _times(a: Any, da: Any, b: Any, db: Any, g: float) -> tuple[Any, Any]:
    """Return a b and its error, from the errors of both and one rounding."""
    size = (np.abs(a) + da) * (np.abs(b) + db)
    return a * b, size - np.abs(a * b) + g * size


def adam_error(
    recipe: Recipe, theta: NDArray[Any], gradients: Sequence[NDArray[Any]], rates: Sequence[float]
) -> Bound:
    """Return how far θ may lie from the exact one after Adam's updates.

    Each update adds what its factors may be off by: the moments by γ_{3t} of the magnitudes
    summed in them, the bias corrections by the cancellation in 1 - β^t, the rate and the
    quotient by a few roundings; and every θ carries its own rounding on.

    Args:
        recipe: β1, β2, ε and the weight decay.
        theta: θ before the first update, `(P,)`, in the dtype of the computation.
        gradients: one `(P,)` each update, after clipping.
        rates: η of each update.
    """
    dtype = theta.dtype
    u = epsilon(dtype) / 2
    m: Any = np.zeros(theta.shape, _WIDE)
    v, limit = m, m
    size = np.abs(theta.astype(_WIDE))
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        g = np.abs(gradient.astype(_WIDE))
        m = recipe.beta_1 * m + (1 - recipe.beta_1) * g
        v = recipe.beta_2 * v + (1 - recipe.beta_2) * g * g
        corrections = [_WIDE(beta) ** t for beta in (recipe.beta_1, recipe.beta_2)]
        # β^t has the rounding of β t times and its own; what remains of 1 - β^t is divided by.
        loss = sum(power * gamma(t + 4, dtype) / (1 - power) for power in corrections)
        scale = np.sqrt(1 - corrections[1]) / (1 - corrections[0])
        step = rate * scale * m / (np.sqrt(v) + recipe.epsilon)
        # The gradient's own roundings (clipping) count as so many more.
        share = gamma(6 * t + theta.size + 20, dtype) + 2 * loss
        size = size + step + rate * recipe.weight_decay * size
        limit = (
            limit * (1 + rate * recipe.weight_decay) + share * step + 6 * u * size
        ) + smallest_normal(dtype)
    return Bound(
        2 * limit,
        f"{dtype}, both sides: γ_(6t+P+20) and the cancellation in 1 - β^t on each of "
        f"{len(gradients)} steps, 6 u on θ",
    )
