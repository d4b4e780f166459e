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


def made(dtype, **changes):
    """Return what is checked, not built."""
{made}


def cell_of(made):
    """Return the cell in what is checked."""
    return made{inner}


def built(dtype, **changes):
    """Return a new cell."""
    cell = cell_of(made(dtype, **changes))
{begun}    cell.build((None, {features}))
{late}    return cell


def make(dtype, **changes):
    """Return the cell with its weights."""
    cell = built(dtype, **changes)
    assign(cell, weights)
{fixed}    return cell


'''


LAYER = '''\
def layer_as(dtype, **options):
    """Return the layer, not built."""
    return {layer}


def make_layer(**options):
    """Return the layer with the cell's weights."""
    layer = layer_as(dtype, **options)
    layer.build((len(xs[0]), len(xs), {features}))
    cell = layer.cell
{late}    assign(cell, weights)
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
    of_keras = "KerasCase" in script
    layered = any(name in script for name in ("make_layer", "make_pair", "layer_as"))
    imports, made = maker.source_lines(layered or of_keras)
    lines = FIXED if fixed else ""
    # TensorFlow has no QR decomposition in bfloat16, so an orthogonal initialiser has none.
    begun = "zeroed" if "bfloat16" in script else ""
    known = {
        "features": case.features,
        "fixed": lines,
        "late": f"    finish(cell, {case.features})\n" if late else "",
    }
    head = HEAD.format(
        imports=imports,
        made="\n".join(f"    {line}" for line in made.splitlines()),
        inner=maker.inner,
        dtype=case.dtype,
        training=case.training,
        seed=case.seed,
        begun=f"    {begun}(cell)\n" if begun else "",
        **known,
    )
    head += called_in(script, plain, "assign", begun, "finish" if late else "")
    if layered:
        layer, pair = maker.layer_lines()
        head += LAYER.format(layer=layer, pair=pair, **known)
    if of_keras:
        head += f"is_layer = {maker.is_layer}\n\n\n"
    return head
