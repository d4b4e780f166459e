"""A script that repeats a failure in plain Keras and NumPy, every number printed in full."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.laws.case import Case
from gru_bench.laws.law import Law
from gru_bench.laws.telling.outcome import Outcome

HEAD = '''\
# {statement}
# {reason}
import keras
import numpy as np
import tensorflow as tf
{imports}
dtype, training, seed = {dtype!r}, {training!r}, {seed!r}


def make(dtype):
    """Return the cell with its weights."""
{make}
    cell.build((None, {features}))
    for variable, value in zip(cell.trainable_variables, weights):
        variable.assign(value)
{fixed}    return cell


def call(cell, x, states, training=training):
    """Return the output and the flat list of states of one step."""
    x = tf.constant(x, cell.compute_dtype)
    flat = [tf.constant(s, cell.compute_dtype) for s in states]
    nested = keras.tree.pack_sequence_as(cell.get_initial_state(batch_size=len(x)), flat)
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


def compare(got, expected, limit):
    """Say where two results differ by more than the limit, and stop."""
    got, expected = np.asarray(got, "float64"), np.asarray(expected, "float64")
    assert got.shape == expected.shape, f"shape {{got.shape}}, expected {{expected.shape}}"
    wrong = ~((got == expected) | (abs(got - expected) <= limit))
    for index in np.argwhere(wrong)[:1]:
        where = tuple(index.tolist())
        raise AssertionError(f"{{where}}: got {{got[where]!r}}, expected {{expected[where]!r}}")


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


def script_for(law: Law, case: Case, outcome: Outcome) -> str:
    """Return the script for a failing case."""
    layered = "make_layer" in law.script or "make_pair" in law.script
    imports, make = case.target.source_lines(layered)
    fixed = case.target.fixed(case.features)
    head = HEAD.format(
        statement=law.statement,
        reason=" ".join(outcome.reason.split()),
        imports=imports,
        make="\n".join(f"    {line}" for line in make.splitlines()),
        dtype=case.dtype,
        training=case.training,
        seed=case.seed,
        features=case.features,
        fixed=FIXED if fixed else "",
    )
    if layered:
        layer, pair = case.target.layer_lines()
        head += LAYER.format(
            layer=layer, pair=pair, features=case.features, fixed=FIXED if fixed else ""
        )
    values: dict[str, Any] = {
        "weights": list(case.weights.values()),
        "xs": case.xs,
        "states": case.states,
        **({"fixed": fixed} if fixed else {}),
        **case.facts,
    }
    lines = [f"{name} = {literal(value)}" for name, value in values.items()]
    return "\n".join([head + "\n".join(lines), "cell = make(dtype)", law.script.strip(), ""])


def literal(value: Any) -> str:
    """Return Python that gives this value exactly; `np` is NumPy."""
    if isinstance(value, np.ndarray):
        if not value.any() and value.ndim:
            return f"np.zeros({value.shape}, {value.dtype.name!r})"
        return f"np.array({_numbers(value.tolist())}, {value.dtype.name!r})"
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"tuple([{inner}])"
    return _numbers(value)


def _numbers(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_numbers, value))}]"
    if isinstance(value, float) and value - value != 0:
        return f"float({str(value)!r})"
    return repr(value)
