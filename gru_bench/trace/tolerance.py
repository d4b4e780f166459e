"""Tolerances that several parts share: how far two correct computations of one thing may differ.

What one part alone grants (an enclosure, a certificate, a numeric derivative) is derived there.

Each is derived from the roundoff of the dtype, the number of operations, the number of steps and
the magnitudes at hand; none is a constant that someone found to work. The basis is the standard
model of rounding, fl(a ∘ b) = (a ∘ b)(1 + δ) with |δ| <= u, and for a sum of n products
|fl(x·y) - x·y| <= γ_n |x|·|y| with γ_n = n u / (1 - n u), for any order of summation and with or
without fused multiply-add (Higham, Accuracy and Stability of Numerical Algorithms, chapter 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
                one is a number; the message gives the worst place, both values and the derivation.
        """
        worst = self.worst(actual, expected)
        if worst is not None:
            raise AssertionError(f"{worst.message(what)} ({self.why})")

    def worst(self, actual: Any, expected: Any) -> Difference | None:
        """Return where a result lies farthest beyond the limit, None where it does nowhere.

        What is no number on both sides is no difference: that is for laws about finite results. An
        infinite limit promises nothing.
        """
        got, want = np.asarray(actual, _WIDE), np.asarray(expected, _WIDE)
        if got.shape != want.shape:
            return Difference((), got.shape, want.shape, 0.0)
        if not got.size:
            return None
        limit = np.broadcast_to(np.asarray(self.limit, _WIDE), got.shape)
        with np.errstate(invalid="ignore"):
            same = (got == want) | (np.isnan(got) & np.isnan(want)) | (limit == np.inf)
            excess = np.where(same, -1, np.abs(got - want) - limit)
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


@lru_cache
def largest(dtype: Any) -> float:
    """Return the largest number of a floating dtype, bfloat16 included."""
    kind = np.dtype(dtype).type
    value = 2 - epsilon(dtype)
    with np.errstate(over="ignore"):
        while np.isfinite(kind(2 * value)) and np.isfinite(2 * value):
            value *= 2
    return value


def gamma(operations: int, dtype: Any) -> float:
    """Return γ_n for n roundings in a dtype.

    Raises:
        ValueError: so many roundings leave no correct digit.
    """
    product = operations * epsilon(dtype) / 2
    if product >= 1:
        raise ValueError(f"{operations} roundings in {np.dtype(dtype)} leave no correct digit")
    return product / (1 - product)


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
    signs, and by as much as the roundings of the dtype, which may leave a place where the run is
    flat (behind a clip, between two steps) that the smaller moves do not leave. Roundings of
    intermediate results that no argument reaches (of a gate that is shut, of a product that
    cancels) are bounded by the largest number that enters or leaves.

    Args:
        function: of weights, inputs and states, to all results, flat, in double precision.
        arguments: in double precision.
        operations: along the longest chain of the run.
        dtype: of the two runs.
    """
    rng = np.random.default_rng(0)
    at = np.asarray(function(list(arguments)))
    if not np.isfinite(at).all():
        return Bound(np.inf, "none: not all of the run is finite")
    response = np.zeros(())
    for small in (2.0**-26, 2.0**-26, *(2 * [max(2.0**-26, gamma(operations, dtype))])):
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
