"""What in a step is computed or kept in less than it is given; laws' scripts hold it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils._python_dispatch import TorchDispatchMode

from gru_bench.subjects.torch.runtime import torch

if TYPE_CHECKING:
    from gru_bench.subjects.torch.subject import TorchSubject


class Watch(TorchDispatchMode):
    """Keeps in which dtypes the results of operations are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[Any, str] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that PyTorch's compiler, whose import takes seconds, need not be told."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """Run an operation, and look at its results."""
        del types
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if torch.is_tensor(tensor) and tensor.is_floating_point():
                self.found.setdefault(tensor.dtype, str(func.name()).partition(".")[0])
        return made


def watched(subject: TorchSubject, batch: int) -> dict[Any, str]:
    """Return in which dtypes a step computes, and the first operation that does.

    Args:
        subject: the cell.
        batch: B.
    """
    x = subject.tensor(np.zeros((batch, subject.input_size)))
    states = subject.state_tensors(subject.initial_state(batch))
    with Watch() as watch, torch.no_grad():
        subject.advance(x, states)
    found: dict[Any, str] = watch.found
    return found


def epsilon_of(subject: TorchSubject, batch: int) -> float:
    """Return the machine epsilon of the least precise dtype in which a step computes."""
    if subject.epsilon is None:
        kinds = set(watched(subject, batch)) or {torch.float64}
        subject.epsilon = max(float(torch.finfo(kind).eps) for kind in kinds)
    return subject.epsilon


def narrowed(found: dict[Any, str]) -> str:
    """Return what is computed or kept in less than float64; empty for nothing.

    Args:
        found: operations by dtype.
    """
    for kind, name in found.items():
        if kind != torch.float64:
            return f"an operation {name} in {str(kind).removeprefix('torch.')}"
    return ""
