"""PyTorch as the bench runs it: on the CPU, and in no process that has TensorFlow.

Both in one process end in a segmentation fault as soon as one of PyTorch's compilers is imported.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator

import numpy as np

from gru_bench.errors import UsageError

if sys.modules.get("tensorflow") is not None:
    raise UsageError(
        "PyTorch cells cannot be checked in a process that has imported TensorFlow: "
        "use gru-bench check, or start a new process"
    )

import torch

__all__ = ["DTYPES", "HELD", "drawing_from", "quietly", "to_numpy", "torch"]

# Cells that are checked are small: more threads would wait for each other.
torch.set_num_threads(1)

#: PyTorch's dtypes by NumPy's names, and half precisions, which NumPy has in part.
DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}

#: From which masks are drawn that a subject holds.
HELD = 20_000


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return a new array of a tensor's numbers."""
    found = tensor.detach().resolve_conj().resolve_neg().cpu()
    if found.dtype == torch.bfloat16:  # NumPy has none
        found = found.to(torch.float32)
    return np.array(found.numpy())


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep to itself what PyTorch says of its own ways to map and to differentiate."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
        warnings.filterwarnings(
            "ignore", "`torch.jit.script` is deprecated"
        )  # its own forward mode
        yield


@contextlib.contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Let PyTorch's generator draw from a seed, and leave it as it was in the end.

    Args:
        seed: any integer from 0 on.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
