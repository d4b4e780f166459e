"""Subjects of cells written in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.subjects.numpy.maker import NumpyMaker
from gru_bench.subjects.numpy.subject import NumpySubject


def reseed(seed: int) -> None:
    """Begin anew what NumPy's own generator draws.

    Args:
        seed: any integer from 0 on; NumPy takes 32 bits of it.
    """
    np.random.seed(seed % 2**32)  # noqa: NPY002  cells may draw from it


def make_subject(
    cell: Any,
    arguments: Mapping[str, Any] | None,
    input_size: int | None,
    dtype: str,
    training: bool,
) -> NumpySubject:
    """Return the subject of a class, a function that returns a cell, or an instance.

    Args:
        cell: what to adapt, or its `package.module:Name`.
        arguments: for the class or the function.
        input_size: F; 2 where it is None.
        dtype: of a new cell.
        training: refused where it is asked for.

    Raises:
        UsageError: it cannot be made or run, or is asked to train.
    """
    maker = NumpyMaker(cell, arguments)
    if training:
        raise UsageError(f"cell {maker.name!r} is written in NumPy, which has no training mode")
    return maker.subject(dtype, 2 if input_size is None else input_size)


def opened(
    cell: Any, arguments: Mapping[str, Any] | None, input_size: int | None
) -> tuple[NumpySubject, str]:
    """Return one step of a cell in double precision, and its name.

    Args:
        cell: a class, its name, a function that returns a cell, or an instance.
        arguments: for the class or the function.
        input_size: F; found out where it is None.

    Raises:
        UsageError: it cannot be made or run.
    """
    return NumpyMaker(cell, arguments).opened(input_size)
