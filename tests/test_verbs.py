"""Laws speak to their case in verbs, which the bench's case and the one of scripts both have."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest

from gru_bench.laws import LAWS, stand_in
from gru_bench.laws.case import Case
from gru_bench.laws.keras.case import KerasCase
from gru_bench.laws.keras.stand_in import KerasCase as KerasStandIn
from gru_bench.laws.law import OF_KERAS, OF_TORCH
from gru_bench.laws.torch.case import TorchCase
from gru_bench.laws.torch.stand_in import TorchCase as TorchStandIn
from gru_bench.laws.written import foreign

PAIRS = [(Case, stand_in.Case), (KerasCase, KerasStandIn), (TorchCase, TorchStandIn)]


def verbs(kind: type[Any]) -> dict[str, Any]:
    """Return what is public of a class, by name, without fields of instances."""
    return {
        name: value
        for base in reversed(kind.__mro__[:-1])
        for name, value in vars(base).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }


@pytest.mark.parametrize(("real", "script"), PAIRS)
def test_the_case_of_a_script_has_verbs_of_the_real_one(real: Any, script: Any) -> None:
    known, own = verbs(real), verbs(script)
    del own["trains"]  # the bench's cells know it themselves
    for name, verb in own.items():
        assert name in known, name
        assert isinstance(verb, property) == isinstance(known[name], property), name
        if not isinstance(verb, property):
            wanted = list(inspect.signature(known[name]).parameters)
            assert list(inspect.signature(verb).parameters) == wanted, name


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.name)
def test_a_law_asks_its_case_for_verbs_only(law: Any) -> None:
    kind = KerasStandIn if law.family in OF_KERAS else stand_in.Case
    kind = TorchStandIn if law.family in OF_TORCH else kind
    numbers = {"xs", "states", "weights", "seed", "dtype", "training", "steps", "batch", "features"}
    framework = {"keras", "tf", "is_layer"} if law.family in OF_KERAS else set()
    framework |= {"torch"} if law.family in OF_TORCH else set()
    asked = {
        node.attr
        for node in ast.walk(ast.parse(law.script))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "case"
    }
    assert asked
    assert asked <= verbs(kind).keys() | numbers | framework
    assert foreign(law.check) == set()
