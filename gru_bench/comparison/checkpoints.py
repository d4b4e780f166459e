"""At which iterations runs that are compared are measured."""

from __future__ import annotations

#: The first checkpoint is not earlier, so that each step can be a tenth at most.
_FIRST = 10
#: And not earlier than this part of the iterations.
_PART = 16


def spread_checkpoints(iterations: int) -> tuple[int, ...]:
    """Return checkpoints each at most a tenth later than the one before, and the last iteration.

    On a coarse grid many pairs of runs tie: a difference of 1.1 x is then hardly ever seen.

    Args:
        iterations: of the recipe.
    """
    points = [min(iterations, max(_FIRST, iterations // _PART))]
    while points[-1] < iterations:
        points.append(min(iterations, points[-1] * 11 // 10))
    return tuple(points)
