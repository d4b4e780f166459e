"""A script to paste that repeats a gradient check, weights and point included."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import in_one_line
from gru_bench.subjects.loading import cell_name
from gru_bench.trace.problem import Problem

#: Numbers beyond which a script holds no arrays, only the seed.
LARGEST = 100_000

HEAD = """\
import base64

import numpy as np

from gru_bench.gradients import check_gradients
"""

DECODE = """

def array(text, *shape):
    return np.frombuffer(base64.b64decode(text)).reshape(shape).copy()

"""


def _array(value: NDArray[Any]) -> str:
    text = base64.b64encode(np.ascontiguousarray(value, "float64").tobytes()).decode()
    return f'array("{text}"{"".join(f", {n}" for n in value.shape)})'


def script_for_cell(subject: Any, problem: Problem, settings: Mapping[str, Any]) -> str:
    """Return the script for a cell: it is made from its configuration, then given its weights.

    Args:
        subject: the cell.
        problem: it at the point.
        settings: keyword arguments of `check_gradients`, all but the arrays.
    """
    cell = subject.cell
    module, _, name = cell_name(type(cell)).partition(":")
    parts = dict(zip(problem.arguments.parts, problem.arguments.split(problem.point), strict=True))
    weights = {p.name: a for p, a in parts.items() if p.kind == "weight"}
    states = [a for p, a in parts.items() if p.kind == "state"]
    inputs = next(a for p, a in parts.items() if p.kind == "input")
    if problem.arguments.size > LARGEST:
        return f"# {problem.arguments.size} numbers are too many for a script: {dict(settings)}"
    try:
        config = cell.get_config()
    except Exception as error:  # a user's cell can fail in any way
        return f"# {name} has no configuration to be made from: {in_one_line(error)}"
    lines = [
        HEAD + "from gru_bench.subjects.making import make_subject",
        f"from {module} import {name}",
        DECODE,
        f"cell = {name}.from_config({config!r})",
        f"subject = make_subject(cell, None, {subject.input_size}, training={subject.training})",
        "subject.assign({",
        *(f'    "{key}": {_array(value)},' for key, value in weights.items()),
        "})",
        "check = check_gradients(",
        "    subject,",
        f"    inputs={_array(inputs)},",
        f"    states=[{', '.join(_array(s) for s in states)}],",
        *(f"    {key}={value!r}," for key, value in settings.items()),
        ")",
        "print(check)",
    ]
    return "\n".join(lines)


def script_for_function(
    name: str, module: str, problem: Problem, settings: Mapping[str, Any]
) -> str:
    """Return the script for a function that can be imported by name."""
    if problem.arguments.size > LARGEST:
        return f"# {problem.arguments.size} numbers are too many for a script: {dict(settings)}"
    parts = zip(problem.arguments.parts, problem.arguments.split(problem.point), strict=True)
    lines = [
        f"{HEAD}from {module} import {name}" if name.isidentifier() else f"{HEAD}{name} = ...",
        DECODE,
        "values = {",
        *(f'    "{part.name}": {_array(value)},' for part, value in parts),
        "}",
        f"print(check_gradients({name}, values, **{dict(settings)!r}))",
    ]
    return "\n".join(lines)
