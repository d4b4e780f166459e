"""The readers of frameworks, each found by its name when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from gru_bench.errors import UsageError
from gru_bench.trace.problem import Array, Problem

#: The framework whose tensors a function takes, as long as there is one reader of functions.
OF_FUNCTIONS = "tensorflow"


def cell_problem(subject: Any, xs: Array, states: Sequence[Array], outputs: bool = True) -> Any:
    """Return a cell run for some steps as a problem.

    Args:
        subject: the cell.
        xs: `(T, B, F)`.
        states: before the first step.
        outputs: whether the outputs of all steps belong to the results, or only the final states.

    Raises:
        UsageError: nothing reads the gradients of cells of its framework.
    """
    if subject.tracer is None:
        raise UsageError(f"cell {subject.name!r} gives no gradients of its own to compare with")
    reader = importlib.import_module(f"gru_bench.trace.{subject.tracer}.sequence")
    return reader.CellProblem(subject, xs, states, outputs)


def function_problem(
    function: Callable[..., Any], values: Sequence[Array], names: Sequence[str], name: str
) -> Problem:
    """Return a function of tensors as a problem.

    Args:
        function: takes the tensors and returns a tensor, or several.
        values: the point.
        names: of the arguments.
        name: of the function.

    Raises:
        UsageError: it returns nothing differentiable.
    """
    reader = importlib.import_module(f"gru_bench.trace.{OF_FUNCTIONS}.function")
    made: Problem = reader.FunctionProblem(function, values, names, name)
    return made
