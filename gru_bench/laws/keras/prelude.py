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


def finish(cell):
    """Call a cell where layers within are not built yet: the first call makes their weights."""
    if any(not layer.built for layer in cell._flatten_layers()):
        cell(tf.zeros((1, {features}), cell.compute_dtype), initial_states(cell, 1))


def built(dtype, **changes):
    """Return a new cell."""
    cell = cell_of(made(dtype, **changes))
{begun}    cell.build((None, {features}))
    finish(cell)
    return cell


def make(dtype, **changes):
    """Return the cell with its weights."""
    cell = built(dtype, **changes)
    count = len(cell.trainable_variables)
    assert count == len(weights), f"{{count}} weights when it is built, expected {{len(weights)}}"
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
    finish(cell)
    assign(cell, weights)
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


def prelude(maker: Maker, case: Case, script: str, fixed: bool) -> str:
    """Return the imports and the functions that a script calls.

    Args:
        maker: of what is checked.
        case: that failed.
        script: of the law.
        fixed: whether it has weights that do not learn.
    """
    layered = "KerasCase" in script
    imports, made = maker.source_lines(layered)
    lines = FIXED if fixed else ""
    # TensorFlow has no QR decomposition in bfloat16, so an orthogonal initialiser has none.
    zeroed = "bfloat16" in script
    head = HEAD.format(
        imports=imports,
        made="\n".join(f"    {line}" for line in made.splitlines()),
        inner=maker.inner,
        dtype=case.dtype,
        training=case.training,
        seed=case.seed,
        features=case.features,
        fixed=lines,
        begun="    zeroed(cell)\n" if zeroed else "",
    )
    head += called_in(script, plain, "assign", "initial_states", *["zeroed"] * zeroed)
    if layered:
        layer, pair = maker.layer_lines()
        head += LAYER.format(layer=layer, pair=pair, features=case.features, fixed=lines)
        head += f"is_layer = {maker.is_layer}\n\n\n"
    return head
