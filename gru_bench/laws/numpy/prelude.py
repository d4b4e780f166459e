"""What scripts about cells written in NumPy begin with: plain Python and NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gru_bench.laws.numpy import plain
from gru_bench.laws.written import called_in
from gru_bench.subjects.numpy.maker import NumpyMaker

if TYPE_CHECKING:
    from gru_bench.laws.case import Case

HEAD = '''\
import numpy as np
{imports}
dtype, training, seed = {dtype!r}, False, {seed!r}


def make(dtype, **changes):
    """Return the cell with its weights."""
    cell = {call}
    assign(cell, weights, dtype)
    return cell


'''


def prelude(maker: NumpyMaker, case: Case, script: str) -> str:
    """Return the imports and the functions that a script calls.

    Args:
        maker: of what is checked.
        case: that failed.
        script: of the law.
    """
    imports, call = maker.source_lines(case.features)
    head = HEAD.format(imports=imports, call=call, dtype=case.dtype, seed=case.seed)
    return head + called_in(script, plain, "assign")
