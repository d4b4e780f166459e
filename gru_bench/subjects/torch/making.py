"""Subjects of PyTorch modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_bench.subjects.torch.maker import TorchMaker
from gru_bench.subjects.torch.runtime import torch
from gru_bench.subjects.torch.subject import TorchSubject


def reseed(seed: int) -> None:
    """Begin anew what PyTorch's own generator draws.

    Args:
        seed: any integer from 0 on.
    """
    torch.manual_seed(seed)


def make_subject(
    cell: Any,
    arguments: Mapping[str, Any] | None,
    input_size: int | None,
    dtype: str,
    training: bool,
) -> TorchSubject:
    """Return the subject of a class, a function that returns a module, or an instance.

    Args:
        cell: what to adapt, or its `package.module:Name`.
        arguments: for the class or the function.
        input_size: F; found by trying, or 2, where it is None.
        dtype: of a new cell.
        training: whether dropout is active.

    Raises:
        UsageError: it cannot be made or run.
    """
    maker = TorchMaker(cell, arguments)
    return maker.subject(dtype, 2 if input_size is None else input_size, training)


def opened(
    cell: Any, arguments: Mapping[str, Any] | None, input_size: int | None
) -> tuple[TorchSubject, str]:
    """Return one step of a module in double precision, and its name.

    Args:
        cell: a class, its name, a function that returns a module, or an instance.
        arguments: for the class or the function.
        input_size: F; found out where it is None.

    Raises:
        UsageError: it cannot be made or run.
    """
    return TorchMaker(cell, arguments).opened(input_size)
