"""A property-based test-bench for recurrent cells.

Public names are imported when they are first used, so that importing the package, and asking the
command line for help, does not start TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_bench.adder import Adder
    from gru_bench.cells import GRUCell, from_keras, gru_step, to_keras
    from gru_bench.checker.induction import Verified, verify
    from gru_bench.checker.rejection import Rejected
    from gru_bench.errors import UsageError
    from gru_bench.evaluation import Evaluator, Measurement
    from gru_bench.gradients import check_gradients
    from gru_bench.laws.parametrize import parametrize_laws
    from gru_bench.laws.runner import check_cell
    from gru_bench.network import Network
    from gru_bench.proof.verdict import Verdict, prove
    from gru_bench.recipe import RECIPES, Recipe, get_recipe
    from gru_bench.task import ADDITION, FAMILIES, TASKS, Transducer, get_task
    from gru_bench.training import TrainedRun, train

_HOMES = {
    "ADDITION": "task",
    "Adder": "adder",
    "Evaluator": "evaluation",
    "FAMILIES": "task",
    "GRUCell": "cells",
    "Measurement": "evaluation",
    "Network": "network",
    "RECIPES": "recipe",
    "Recipe": "recipe",
    "Rejected": "checker.rejection",
    "TASKS": "task",
    "TrainedRun": "training",
    "Transducer": "task",
    "UsageError": "errors",
    "Verdict": "proof.verdict",
    "Verified": "checker.induction",
    "check_cell": "laws.runner",
    "check_gradients": "gradients",
    "from_keras": "cells",
    "get_recipe": "recipe",
    "get_task": "task",
    "gru_step": "cells",
    "parametrize_laws": "laws.parametrize",
    "prove": "proof.verdict",
    "to_keras": "cells",
    "train": "training",
    "verify": "checker.induction",
}

__all__ = [
    "ADDITION",
    "FAMILIES",
    "RECIPES",
    "TASKS",
    "Adder",
    "Evaluator",
    "GRUCell",
    "Measurement",
    "Network",
    "Recipe",
    "Rejected",
    "TrainedRun",
    "Transducer",
    "UsageError",
    "Verdict",
    "Verified",
    "check_cell",
    "check_gradients",
    "from_keras",
    "get_recipe",
    "get_task",
    "gru_step",
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
