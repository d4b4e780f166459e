"""What scripts of every framework call; nothing here is run by the bench."""

from __future__ import annotations

from typing import Any

import numpy as np


def compare(got: Any, expected: Any, limit: Any) -> None:
    """Say where two results differ by more than the limit, and stop."""
    got, expected = np.asarray(got, "float64"), np.asarray(expected, "float64")
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    limit = np.broadcast_to(limit, got.shape)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    for index in np.argwhere(~(same | (abs(got - expected) <= limit)))[:1]:
        where = tuple(index.tolist())
        told = (
            f"got {got[where]!r}, expected {expected[where]!r}, more than {limit[where]:.3g} apart"
        )
        raise AssertionError(f"{where}: {told}")
