"""What scripts about PyTorch modules begin with: plain PyTorch and NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gru_bench.laws.torch import plain
from gru_bench.laws.written import called_in
from gru_bench.subjects.torch.maker import TorchMaker

if TYPE_CHECKING:
    from gru_bench.laws.case import Case
    from gru_bench.subjects.torch.convention import Convention

HEAD = '''\
import numpy as np
import torch
{imports}
dtype, training, seed = {dtype!r}, {training!r}, {seed!r}
shapes = {shapes!r}


def made(**changes):
    """Return what is checked."""
    return {made}


def make(dtype, **changes):
    """Return the cell with its weights."""
    cell = made(**changes).to(getattr(torch, dtype))
    cell.train(training)
    assign(cell, weights)
    return cell


def one(cell, x, states):
    """Call the cell as it wants to be called."""
    made = {call}
    return {result}


def begun(cell, rows):
    """Return its states before the first step, None for zeros."""
    return {begin}


'''


def prelude(maker: TorchMaker, convention: Convention, case: Case, script: str) -> str:
    """Return the imports and the functions that a script calls.

    Args:
        maker: of what is checked.
        convention: how it is called.
        case: that failed.
        script: of the law.
    """
    imports, made = maker.source_lines(case.features)
    head = HEAD.format(
        imports=imports,
        made=made,
        dtype=case.dtype,
        training=case.training,
        seed=case.seed,
        shapes=list(convention.shapes),
        call=convention.call,
        result=convention.result,
        begin=convention.begin or None,
    )
    return head + called_in(script, plain, "assign")
