"""What scripts about Keras cells begin with: plain Keras and NumPy."""

from __future__ import annotations

from gru_bench.laws.case import Case
from gru_bench.laws.keras import plain
from gru_bench.laws.written import called_in
from gru_bench.subjects.keras.maker import Maker

HEAD = '''\
import keras
import numpy as np
import tensorflow as tf
{imports}
dtype, training, seed = {dtype!r}, {training!r}, {seed!r}


def make(dtype):
    """Return the cell with its weights."""
{make}
{begun}    cell.build((None, {features}))
{late}    assign(cell, weights)
{fixed}    return cell


'''


LAYER = '''\
def make_layer(**options):
    """Return the layer with the cell's weights."""
    layer = {layer}
    layer.build((len(xs[0]), len(xs), {features}))
    cell = layer.cell
    for variable, value in zip(cell.trainable_variables, weights):
        variable.assign(value)
{fixed}    return layer


def make_pair():
    """Return the layer in both directions."""
    return {pair}


'''


#: Where some weights do not learn: laws draw none, and leave them as they were made.
FIXED = """\
    frozen_weights = [v for v in cell.non_trainable_variables if "float" in v.dtype]
    for variable, value in zip(frozen_weights, fixed):
        variable.assign(value)
"""


def prelude(maker: Maker, case: Case, script: str, fixed: bool, late: bool) -> str:
    """Return the imports and the functions that a script calls.

    Args:
        maker: of what is checked.
        case: that failed.
        script: of the law.
        fixed: whether it has weights that do not learn.
        late: whether only a call makes some of its weights.
    """
    layered = "make_layer" in script or "make_pair" in script
    imports, make = maker.source_lines(layered)
    lines = FIXED if fixed else ""
    # TensorFlow has no QR decomposition in bfloat16, so an orthogonal initialiser has none.
    zeroed = "bfloat16" in script
    head = HEAD.format(
        imports=imports,
        make="\n".join(f"    {line}" for line in make.splitlines()),
        dtype=case.dtype,
        training=case.training,
        seed=case.seed,
        features=case.features,
        fixed=lines,
        begun="    zeroed(cell)\n" if zeroed else "",
        late=f"    finished(cell, {case.features})\n" if late else "",
    )
    named = [name for name, so in (("zeroed", zeroed), ("finished", late)) if so]
    head += called_in(script, plain, "assign", *named)
    if layered:
        layer, pair = maker.layer_lines()
        head += LAYER.format(layer=layer, pair=pair, features=case.features, fixed=lines)
    return head
