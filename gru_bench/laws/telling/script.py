"""A script that repeats a failure without the bench, every number printed in full."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.errors import FAULTS
from gru_bench.laws.case import Case
from gru_bench.laws.law import Law
from gru_bench.laws.telling.outcome import Outcome


def script_for(law: Law, case: Case, outcome: Outcome) -> str:
    """Return the script for a failing case."""
    behind = case.target.stand_in(law.script)
    prelude = case.target.prelude(case, behind + law.script)
    values: dict[str, Any] = {
        "names": list(case.weights),
        "weights": list(case.weights.values()),
        "xs": case.xs,
        "states": case.states,
        **case.target.constants(case),
        **case.told,
        **case.facts,
    }
    if case.target.inputs is not None:
        values["inputs"] = (*vars(case.target.inputs).values(),)
    values.setdefault("limit", _limit(case))
    lines = [f"{name} = {literal(value)}" for name, value in values.items()]
    told = f"# {law.statement}\n# {' '.join(outcome.reason.split())}\n"
    told += (
        "from __future__ import annotations\n\nimport contextlib\nimport copy\nimport random\n\n"
    )
    made = told + prelude + "\n".join(lines)
    return "\n".join([made, "\n", behind, "\ngiven = dict(globals())\n\n", law.script])


def _limit(case: Case) -> float:
    """Return how far results may lie apart that no comparison was made of."""
    try:
        return float(np.max(case.rounding().limit, initial=0))
    except FAULTS:  # a cell that fails in another way has no response to measure
        return 0.0


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
