"""Numeric derivatives of a function of several arrays, each with an estimate of its error.

Central differences at three steps h, h/2 and h/4, of which Richardson's extrapolation removes the
errors in h² and h⁴. What the last extrapolation changed estimates what is left of them; what the
roundings of the function can do to the differences is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[list[Array]], Array]

#: Steps of one estimate, relative to the first one.
LEVELS = (1.0, 0.5, 0.25)

#: Roundings that a result may carry, each of an epsilon relative to it.
ROUNDINGS = 64.0


def first_step(dtype: Any) -> float:
    """Return the largest step for arguments of order one: ε^(1/7), where both errors are alike."""
    return float(2.0 ** np.round(np.log2(np.finfo(dtype).eps) / 7))


def along(
    function: Function, arguments: Sequence[Array], directions: Sequence[Array]
) -> tuple[Array, Array]:
    """Return the derivative of a function along directions, and its estimated error.

    Args:
        function: of the arguments, to one array.
        arguments: the point, floating arrays.
        directions: shaped like the arguments.

    Returns:
        Two arrays shaped like the function's result.
    """
    return _extrapolated(
        lambda h: function(_moved(arguments, directions, h)), np.result_type(*arguments)
    )


def gradient(
    function: Function, arguments: Sequence[Array], cotangent: Array
) -> tuple[list[Array], list[Array]]:
    """Return the gradient of Σ cotangent ∘ function by each argument, and its estimated error.

    Args:
        function: of the arguments, to one array.
        arguments: the point, floating arrays.
        cotangent: shaped like the function's result.

    Returns:
        Gradients and errors, shaped like the arguments.
    """
    found = [np.zeros(a.shape) for a in arguments]
    errors = [np.zeros(a.shape) for a in arguments]
    weight, dtype, point = np.abs(cotangent), np.result_type(*arguments), list(arguments)
    for k, argument in enumerate(arguments):
        for index in np.ndindex(argument.shape):

            def moved(
                h: float, k: int = k, index: tuple[int, ...] = index, argument: Array = argument
            ) -> Array:
                other = argument.copy()
                other[index] += h
                return function([*point[:k], other, *point[k + 1 :]])

            value, error = _extrapolated(moved, dtype)
            found[k][index] = np.sum(cotangent * value)
            errors[k][index] = np.sum(weight * error)
    return found, errors


def _extrapolated(at: Callable[[float], Array], dtype: Any) -> tuple[Array, Array]:
    """Return the derivative at zero of a function of one number, and its estimated error."""
    first = first_step(dtype)
    differences, size = [], 1.0
    for level in LEVELS:
        h = first * level
        ends = [np.asarray(at(sign * h), np.float64) for sign in (1.0, -1.0)]
        size = max(size, *(float(np.abs(end).max(initial=0)) for end in ends))
        differences.append((ends[0] - ends[1]) / (2 * h))
    once = [(4 * fine - coarse) / 3 for coarse, fine in pairwise(differences)]
    value = (16 * once[1] - once[0]) / 15
    rounding = ROUNDINGS * float(np.finfo(dtype).eps) * size / (first * LEVELS[-1])
    return value, np.abs(value - once[1]) + rounding


def _moved(arguments: Sequence[Array], directions: Sequence[Array], h: float) -> list[Array]:
    pairs = zip(arguments, directions, strict=True)
    return [(a + h * d).astype(a.dtype, copy=False) for a, d in pairs]
