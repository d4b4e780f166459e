"""What a cell draws where nobody gave it a seed: the same each time, and nobody else's."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def same_chance(number: int) -> Iterator[None]:
    """Seed Python's and NumPy's global generators, and leave them as they were in the end.

    Keras takes the seeds of cells that are given none from Python's.

    Args:
        number: the seed.
    """
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  it is the global one
    random.seed(number)
    np.random.seed(number % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
