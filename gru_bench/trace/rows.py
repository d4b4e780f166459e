"""Values at many points at once: rows, and weights of which each point displaces one entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(slots=True)
class Rows:
    """A value with a leading axis of P points.

    Args:
        array: `(P, ...)`.
    """

    array: Array


@dataclass(slots=True)
class Sparse:
    """A weight of which some points displace one entry.

    Args:
        base: the weight itself.
        count: P.
        rows: the points that displace it, without repetition.
        positions: which entry, in the flat order of `base`.
        deltas: by how much.
    """

    base: Array
    count: int
    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    deltas: Array

    def dense(self) -> Rows:
        """Return the same as rows."""
        flat = np.repeat(self.base.reshape(1, -1).astype(self.dtype), self.count, axis=0)
        flat[self.rows, self.positions] += self.deltas
        return Rows(flat.reshape(self.count, *self.base.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of displaced entries."""
        return np.result_type(self.base, self.deltas)


Value = Array | Rows | Sparse
