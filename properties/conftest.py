"""Profiles of the search, and the adder that several properties share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from gru_bench import profiles
from gru_bench.adder import Adder
from gru_bench.evaluation import Evaluator
from gru_bench.recipe import get_recipe
from gru_bench.task import FAMILIES
from gru_bench.training import Program, make_network, train_network

profiles.register()


def pytest_configure(config: pytest.Config) -> None:
    # Hypothesis's own plugin loads what the option names.
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile(profiles.DEFAULT)


@dataclass(frozen=True)
class Trained:
    """An adder that the default recipe trained, and the evaluator of its network."""

    adder: Adder
    evaluator: Evaluator
    seed: int


@pytest.fixture(scope="session")
def trained() -> Trained:
    """Train the first seed that makes no error in any family, as `gru-bench train` does."""
    recipe = get_recipe("default")
    network = make_network("gru_bench:GRUCell", recipe)
    program = Program(network, recipe)
    evaluator = Evaluator(network, recipe.threshold, pairs=64)

    def fails(theta: Any) -> list[str]:
        found = evaluator.measure_all(theta, FAMILIES, (8, 256, 4096))
        return [f"{m.family} {m.length}: {m.exact}/{m.pairs}" for m in found if m.exact < m.pairs]

    failures = {}
    for seed in range(8):
        run = train_network(
            program, [seed], [recipe.iterations], None, lambda _: None, lambda _: None
        )[0]
        if run.diverged is None and np.isfinite(run.theta).all():
            failures[seed] = fails(run.theta)
            if not failures[seed]:
                return Trained(Adder(network, run.theta, recipe.threshold), evaluator, seed)
    raise AssertionError(f"none of 8 seeds of the default recipe learned to add: {failures}")
