"""What scripts about cells written in NumPy begin with: plain Python and NumPy."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gru_bench.laws.prelude import COMPARE
from gru_bench.subjects.numpy.maker import NumpyMaker

if TYPE_CHECKING:
    from gru_bench.laws.case import Case

HEAD = (
    '''\
import numpy as np
{imports}
dtype, training, seed = {dtype!r}, False, {seed!r}


def make(dtype, **changes):
    """Return the cell with its weights."""
{make}
    assign(cell, weights, dtype)
    return cell


def assign(cell, values, dtype=dtype):
    """Replace the weights."""
    for name, value in zip(names, values):
        cell.parameters[name] = np.array(value, dtype)


assign_every = assign


def forget_masks(cell):
    """Do nothing: it keeps none."""


def call(cell, x, states, training=False):
    """Return the output and the list of states of one step."""
    with np.errstate(all="ignore"):
        output, new = cell.step(np.array(x, dtype), [np.array(s, dtype) for s in states])
    return np.asarray(output), [np.asarray(s) for s in new]


def run(cell, xs, states, training=False):
    """Return the outputs of all steps and the final states."""
    outputs = []
    states = [np.array(s, dtype) for s in states]
    for x in xs:
        with np.errstate(all="ignore"):
            output, states = cell.step(np.array(x, dtype), list(states))
        outputs.append(output)
    return np.stack(outputs), states


'''
    + COMPARE
)

#: Names of frameworks and of what only their cells have, in scripts.
_FOREIGN = {"keras", "tf", "trainable_variables", "stateless_call", "compute_dtype", "state_size"}
_FOREIGN |= {"nest", "tensors", "initial_states"}


def prelude(maker: NumpyMaker, case: Case, script: str) -> str | None:
    """Return the imports and the functions that a script calls.

    Args:
        maker: of what is checked.
        case: that failed.
        script: of the law.

    Returns:
        None where the script is about a framework.
    """
    if _is_foreign(script):
        return None
    imports, call = maker.source_lines(case.features)
    return HEAD.format(
        imports=imports,
        make=f"    cell = {call}",
        dtype=case.dtype,
        seed=case.seed,
    )


def _is_foreign(script: str) -> bool:
    """Return whether a script asks a cell for more than verbs do."""
    nodes = list(ast.walk(ast.parse(script)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    names |= {node.attr for node in attributes}
    asked = {node.value.id for node in attributes if isinstance(node.value, ast.Name)}
    return bool(names & _FOREIGN or asked & {"cell", "variable"})
