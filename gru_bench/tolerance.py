"""Tolerances that several parts share: how far two correct computations of one thing may differ.

What one part alone grants (an enclosure, a certificate, a numeric derivative) is derived there.

Each is derived from the roundoff of the dtype, the number of operations, the number of steps and
the magnitudes at hand; none is a constant that someone found to work. The basis is the standard
model of rounding, fl(a ∘ b) = (a ∘ b)(1 + δ) with |δ| <= u, and for a sum of n products
|fl(x·y) - x·y| <= γ_n |x|·|y| with γ_n = n u / (1 - n u), for any order of summation and with or
without fused multiply-add (Higham, Accuracy and Stability of Numerical Algorithms, chapter 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gru_bench.recipe import Recipe

#: Largest error of a sigmoid or tanh, in epsilons. Measured on TensorFlow 2.21 against a wider
#: dtype, eagerly, in a graph and under XLA: float32 2.5 (3.1 elsewhere), float64 3.9, float16 and
#: bfloat16 0.7; twice the largest is granted.
ACTIVATION_EPSILONS = 8

_WIDE = np.longdouble


@dataclass(frozen=True)
class Bound:
    """How far a result may lie from what is expected, elementwise, and why that far.

    Args:
        limit: largest absolute difference; broadcasts against the results.
        why: the derivation in one line, which goes into every failure.
    """

    limit: Any
    why: str

    def __add__(self, other: Bound) -> Bound:
        """Return the bound of a difference to whose sides these bounds belong."""
        why = self.why if self.why == other.why else f"{self.why} + {other.why}"
        return Bound(np.asarray(self.limit) + np.asarray(other.limit), why)

    def check(self, actual: Any, expected: Any, what: str = "the result") -> None:
        """Compare a result with what is expected.

        Raises:
            AssertionError: somewhere they differ by more than the limit, or in shape, or only
                one is finite; the message gives the worst place, both values and the derivation.
        """
        worst = self.worst(actual, expected)
        if worst is not None:
            raise AssertionError(f"{worst.message(what)} ({self.why})")

    def worst(self, actual: Any, expected: Any) -> Difference | None:
        """Return where a result lies farthest beyond the limit, None where it does nowhere."""
        got, want = np.asarray(actual, _WIDE), np.asarray(expected, _WIDE)
        if got.shape != want.shape:
            return Difference((), got.shape, want.shape, 0.0)
        if not got.size:
            return None
        limit = np.broadcast_to(np.asarray(self.limit, _WIDE), got.shape)
        with np.errstate(invalid="ignore"):
            excess = np.where(got == want, -1, np.abs(got - want) - limit)
        excess = np.where(np.isnan(excess), np.inf, excess)
        place = np.unravel_index(np.argmax(excess), got.shape)
        if not excess[place] > 0:
            return None
        index = tuple(int(k) for k in place)
        return Difference(index, got[place], want[place], float(limit[place]))


@dataclass(frozen=True)
class Difference:
    """Two results that differ by more than they may.

    Args:
        index: where, as many numbers as the results have axes.
        got: the number there, or the shape where the shapes differ.
        expected: likewise.
        limit: by how much they may differ.
    """

    index: tuple[int, ...]
    got: Any
    expected: Any
    limit: float

    def message(self, what: str) -> str:
        """Return what differs in one line."""
        if isinstance(self.got, tuple):
            return f"{what} has shape {self.got}, expected {self.expected}"
        place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        got, expected = float(self.got), float(self.expected)
        return (
            f"{what}{place} = {got!r}, expected {expected!r}: they differ by "
            f"{float(abs(self.got - self.expected)):.3g}, more than {self.limit:.3g}"
        )

    def facts(self) -> dict[str, Any]:
        """Return index, got, expected and limit as plain values."""
        shapes = isinstance(self.got, tuple)
        plain: Any = list if shapes else float
        return {
            "index": list(self.index),
            "got": plain(self.got),
            "expected": plain(self.expected),
            "limit": self.limit,
        }


@lru_cache
def epsilon(dtype: Any) -> float:
    """Return the distance from 1 to the next number of a floating dtype, bfloat16 included."""
    kind = np.dtype(dtype).type
    value = 1.0
    while kind(1) + kind(value / 2) > kind(1):
        value /= 2
    return value


@lru_cache
def smallest_normal(dtype: Any) -> Any:
    """Return what a result may lose where small numbers are flushed to zero."""
    kind = np.dtype(dtype).type
    value = _WIDE(1)
    while kind(value / 2) > 0:
        value /= 2
    return value / epsilon(dtype)


def gamma(operations: int, dtype: Any) -> float:
    """Return γ_n for n roundings in a dtype.

    Raises:
        ValueError: so many roundings leave no correct digit.
    """
    product = operations * epsilon(dtype) / 2
    if product >= 1:
        raise ValueError(f"{operations} roundings in {np.dtype(dtype)} leave no correct digit")
    return product / (1 - product)


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
        return _sigmoid(xW + hU + b), np.minimum(1, error / 4 + own)

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


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _times(a: Any, da: Any, b: Any, db: Any, g: float) -> tuple[Any, Any]:
    """Return a b and its error, from the errors of both and one rounding."""
    size = (np.abs(a) + da) * (np.abs(b) + db)
    return a * b, size - np.abs(a * b) + g * size


def sensitivity_error(
    function: Callable[..., Any],
    arguments: Sequence[NDArray[Any]],
    operations: int,
    what: str,
) -> Bound:
    """Return how far two correct evaluations of a smooth function may differ.

    To first order an evaluation with rounding is an exact one at arguments that are off by
    γ_n in relative terms, n the length of the longest chain of operations. How much the function
    makes of it is measured: the arguments are moved by the root of epsilon, with four patterns of
    signs. Where a whole derivation would promise nothing (a product of norms, a factor for each
    step), this says what the function at hand does. It is an estimate, not a proven bound.

    Args:
        function: of arrays, to an array.
        arguments: all in the dtype of the computation.
        operations: n.
        what: the n operations in words.
    """
    dtype = arguments[0].dtype
    small = np.sqrt(epsilon(dtype))
    rng = np.random.default_rng(0)
    at = np.asarray(function(*arguments), _WIDE)
    response = 0.0
    for _ in range(4):
        signs = [rng.choice([-1.0, 1.0], array.shape) for array in arguments]
        moved = [
            (array * (1 + small * sign)).astype(dtype)
            for array, sign in zip(arguments, signs, strict=True)
        ]
        change = np.abs(np.asarray(function(*moved), _WIDE) - at)
        response = max(response, float(change.max(initial=0)) / small)
    size = float(np.abs(at).max(initial=0))
    limit = 2 * gamma(operations, dtype) * (response + size)
    return Bound(
        limit,
        f"2 γ_{operations} ({dtype}, {what}) times the measured response {response:.3g} "
        f"and size {size:.3g}",
    )


def run_error(
    function: Callable[[list[NDArray[Any]]], NDArray[Any]],
    arguments: Sequence[NDArray[Any]],
    operations: int,
    dtype: Any,
) -> Bound:
    """Return how far two correct runs of any cell may differ, in whatever order they sum.

    As `sensitivity_error`: the run is measured at arguments moved by a relative 2^-26 with random
    signs. Roundings of intermediate results that no argument reaches (of a gate that is shut, of
    a product that cancels) are bounded by the largest number that enters or leaves.

    Args:
        function: of weights, inputs and states, to all results, flat, in double precision.
        arguments: in double precision.
        operations: along the longest chain of the run.
        dtype: of the two runs.
    """
    small = 2.0**-26
    rng = np.random.default_rng(0)
    at = np.asarray(function(list(arguments)))
    response = np.zeros(())
    for _ in range(2):
        moved = [a * (1 + small * rng.choice([-1.0, 1.0], a.shape)) for a in arguments]
        with np.errstate(invalid="ignore"):
            change = np.abs(np.asarray(function(moved)) - at)
        response = np.fmax(response, change.max(initial=0) / small)
    size = max(1.0, *(float(np.abs(a).max(initial=0)) for a in (at, *arguments)))
    limit = 8 * gamma(operations, dtype) * (float(response) + size)
    return Bound(
        limit,
        f"8 γ_{operations} ({np.dtype(dtype)}, the operations of the run) times the measured "
        f"response {float(response):.3g} and size {size:.3g}",
    )


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
