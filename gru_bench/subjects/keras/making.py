"""Subjects of Keras cells, and where their weights are drawn from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gru_bench.subjects.keras.loading import default_policy, make_cell
from gru_bench.subjects.keras.opened import opened
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.subjects.loading import cell_name


def reseed(seed: int) -> None:
    """Begin anew what Keras, NumPy and Python draw.

    Args:
        seed: any integer from 0 on; Keras takes 32 bits of it.
    """
    keras.utils.set_random_seed(seed % 2**32)


def make_subject(
    cell: Any,
    arguments: Mapping[str, Any] | None = None,
    input_size: int | None = None,
    dtype: str = "float64",
    training: bool = False,
) -> KerasSubject:
    """Return the subject for a cell, a cell class, or its `package.module:Name`.

    Args:
        cell: what to adapt.
        arguments: for the constructor, where `cell` is a class or a name.
        input_size: F; 2 for a new cell where it is None.
        dtype: of a new cell.
        training: as for `KerasSubject`.
    """
    if isinstance(cell, KerasSubject):
        return cell
    if isinstance(cell, (str, type)) or inspect.isfunction(cell):
        source: Any = cell
        with default_policy(dtype):  # layers within may be made without a dtype
            made = make_cell(source, arguments or {}, dtype)
            subject = KerasSubject(made, 2 if input_size is None else input_size, training)
        subject.name = cell if isinstance(cell, str) else cell_name(source)
        return subject
    return KerasSubject(cell, input_size, training)


__all__ = ["make_subject", "opened", "reseed"]
