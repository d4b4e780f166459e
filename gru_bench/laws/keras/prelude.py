"""What scripts about Keras cells begin with: plain Keras and NumPy."""

from __future__ import annotations

from gru_bench.laws.case import Case
from gru_bench.laws.prelude import COMPARE
from gru_bench.subjects.keras.maker import Maker

HEAD = (
    '''\
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
    cell.build((None, {features}))
    finish(cell)
    return cell


def make(dtype, **changes):
    """Return the cell with its weights."""
    cell = built(dtype, **changes)
    count = len(cell.trainable_variables)
    assert count == len(weights), f"{{count}} weights when it is built, expected {{len(weights)}}"
    assign(cell, weights)
{fixed}    return cell


def assign_every(cell, values):
    """Give the cell other weights, those too that do not learn."""
    for variable, value in zip([v for v in cell.weights if "float" in v.dtype], values):
        variable.assign(value)


def forget_masks(cell):
    """Let the next call draw the masks that the cell keeps."""
    for layer in cell._flatten_layers():
        for name in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
            getattr(layer, name, lambda: None)()


def assign(cell, values):
    """Give the cell other weights."""
    for variable, value in zip(cell.trainable_variables, values):
        variable.assign(value)


def initial_states(cell, rows):
    """Return the states before the first step, zeros where the cell does not say."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=rows)
    sizes = keras.tree.flatten(cell.state_size)
    return [tf.zeros((rows, size), cell.compute_dtype) for size in sizes]


def nest(cell, flat):
    """Return flat states in the structure in which the cell takes them."""
    return keras.tree.pack_sequence_as(initial_states(cell, 1), list(flat))


def tensors(cell, states):
    """Return states as tensors; whole numbers stay whole numbers."""
    whole = [np.asarray(s).dtype.kind in "iu" for s in states]
    return [tf.constant(s, None if w else cell.compute_dtype) for s, w in zip(states, whole)]


def call(cell, x, states, training=training):
    """Return the output and the flat list of states of one step."""
    x = tf.constant(x, cell.compute_dtype)
    nested = nest(cell, tensors(cell, states))
    options = {{"training": True}} if training else {{}}
    output, new = cell(x, nested, **options)
    return np.asarray(output), [np.asarray(s) for s in keras.tree.flatten(new)]


def run(cell, xs, states, training=training):
    """Return the outputs of all steps and the final states."""
    outputs = []
    for x in xs:
        output, states = call(cell, x, states, training)
        outputs.append(output)
    return np.stack(outputs), states


'''
    + COMPARE
)


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
    layered = any(name in script for name in ("make_layer", "make_pair", "KerasCase("))
    imports, made = maker.source_lines(layered)
    lines = FIXED if fixed else ""
    head = HEAD.format(
        imports=imports,
        made="\n".join(f"    {line}" for line in made.splitlines()),
        inner=maker.inner,
        dtype=case.dtype,
        training=case.training,
        seed=case.seed,
        features=case.features,
        fixed=lines,
    )
    if layered:
        layer, pair = maker.layer_lines()
        head += LAYER.format(layer=layer, pair=pair, features=case.features, fixed=lines)
        head += f"is_layer = {maker.is_layer}\n\n\n"
    return head
