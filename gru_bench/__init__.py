"""A property-based test-bench for recurrent cells.

Public names are imported when they are first used, so that importing the package, and asking the
command line for help, does not start TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_bench.checker.induction import Verified, verify
    from gru_bench.checker.rejection import Rejected
    from gru_bench.comparison.compare import assert_not_worse, compare_cells
    from gru_bench.comparison.record import Comparison
    from gru_bench.equations.identify import identify
    from gru_bench.errors import UsageError
    from gru_bench.gradients import check_gradients
    from gru_bench.laws.running.parametrize import parametrize_laws
    from gru_bench.laws.running.runner import check_cell
    from gru_bench.learning.adder import Adder
    from gru_bench.learning.evaluation import Evaluator, Measurement
    from gru_bench.learning.network import Network
    from gru_bench.learning.recipe import RECIPES, Recipe, get_recipe
    from gru_bench.learning.training import TrainedRun, train
    from gru_bench.proof.verdict import Verdict, prove
    from gru_bench.subjects.inputs import Inputs
    from gru_bench.subjects.keras.gru import GRUCell, from_keras, gru_step, to_keras
    from gru_bench.task.transducer import ADDITION, FAMILIES, TASKS, Transducer, get_task

_HOMES = {
    "ADDITION": "task.transducer",
    "Adder": "learning.adder",
    "Comparison": "comparison.record",
    "Evaluator": "learning.evaluation",
    "FAMILIES": "task.transducer",
    "GRUCell": "subjects.keras.gru",
    "Inputs": "subjects.inputs",
    "Measurement": "learning.evaluation",
    "Network": "learning.network",
    "RECIPES": "learning.recipe",
    "Recipe": "learning.recipe",
    "Rejected": "checker.rejection",
    "TASKS": "task.transducer",
    "TrainedRun": "learning.training",
    "Transducer": "task.transducer",
    "UsageError": "errors",
    "Verdict": "proof.verdict",
    "Verified": "checker.induction",
    "assert_not_worse": "comparison.compare",
    "check_cell": "laws.running.runner",
    "check_gradients": "gradients",
    "compare_cells": "comparison.compare",
    "from_keras": "subjects.keras.gru",
    "get_recipe": "learning.recipe",
    "get_task": "task.transducer",
    "gru_step": "subjects.keras.gru",
    "identify": "equations.identify",
    "parametrize_laws": "laws.running.parametrize",
    "prove": "proof.verdict",
    "to_keras": "subjects.keras.gru",
    "train": "learning.training",
    "verify": "checker.induction",
}

__all__ = [
    "ADDITION",
    "FAMILIES",
    "RECIPES",
    "TASKS",
    "Adder",
    "Comparison",
    "Evaluator",
    "GRUCell",
    "Inputs",
    "Measurement",
    "Network",
    "Recipe",
    "Rejected",
    "TrainedRun",
    "Transducer",
    "UsageError",
    "Verdict",
    "Verified",
    "assert_not_worse",
    "check_cell",
    "check_gradients",
    "compare_cells",
    "from_keras",
    "get_recipe",
    "get_task",
    "gru_step",
    "identify",
    "parametrize_laws",
    "prove",
    "to_keras",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gru_bench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gru_bench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
