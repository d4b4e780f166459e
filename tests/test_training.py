from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from gru_bench.errors import UsageError
from gru_bench.learning.compiled import BLOCK, Program
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import (
    Interrupted,
    Progress,
    TrainedRun,
    check_checkpoints,
    check_seeds,
    make_network,
    train,
    train_network,
)
from gru_bench.task.transducer import get_task

RECIPE = get_recipe("tutorial", iterations=2 * BLOCK, batch=8, units=3)


class PoisonedSeed(Program):
    """A program in which the weights of seed 1 are lost after the first block."""

    def advance(self, seed: int, carried: Any, first: int, last: int) -> Any:
        if seed == 1 and first >= BLOCK:
            carried = (carried[0] * np.nan, *carried[1:])
        return super().advance(seed, carried, first, last)


@lru_cache
def program() -> Program:
    return PoisonedSeed(make_network("gru_bench:GRUCell", RECIPE), RECIPE)


def run(seeds: list[int], checkpoints: Any = (), **calls: Any) -> list[TrainedRun]:
    return train_network(
        program(),
        seeds,
        sorted({*checkpoints, RECIPE.iterations}),
        calls.get("measure"),
        calls.get("on_progress", lambda _: None),
        calls.get("on_run", lambda _: None),
        calls.get("workers", 1),
    )


def test_a_diverging_run_is_recorded_and_the_others_go_on() -> None:
    healthy, sick, last = run([0, 1, 2], [10, 60])
    assert sick.diverged == BLOCK
    assert sorted(sick.weights) == [10]
    assert np.isfinite(sick.theta).all()
    for found in (healthy, last):
        assert found.diverged is None
        assert sorted(found.weights) == [10, 60, 2 * BLOCK]
        assert np.isfinite(found.theta).all()
        assert [row[0] for row in found.curve] == [10, 50, 60, 100]


def test_a_rate_too_high_diverges() -> None:
    recipe = get_recipe(RECIPE, learning_rate=1e38, batch=4, dtype="float32")
    found = train("gru_bench:GRUCell", recipe, 1)[0]
    assert found.diverged == 1
    assert found.weights == {}


def test_progress_and_runs_are_told_as_they_come() -> None:
    told: list[Any] = []
    runs = run([4, 2], on_progress=told.append, on_run=told.append)
    assert [r.seed for r in runs] == [4, 2]
    assert [type(event) for event in told] == [Progress, Progress, TrainedRun] * 2
    assert [(e.seed, e.iteration) for e in told[:2]] == [(4, BLOCK), (4, 2 * BLOCK)]
    assert told[2] is runs[0]
    assert runs[0].seconds > 0
    assert (told[1].iteration, told[1].loss, told[1].accuracy) == runs[0].curve[-1]


def test_interruption_keeps_what_had_finished() -> None:
    seen = []

    def interrupt(found: TrainedRun) -> None:
        seen.append(found.seed)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        run([5, 0, 3, 6, 7, 8], on_run=interrupt)
    assert [found.seed for found in caught.value.runs] == [5, 0]
    assert all(found.theta.size == program().network.size for found in caught.value.runs)


def test_what_goes_wrong_in_a_worker_is_raised() -> None:
    def measure(theta: Any, iteration: int) -> None:
        raise ZeroDivisionError(f"{theta.size} weights at {iteration}")

    with pytest.raises(ZeroDivisionError, match="weights at 100"):
        run([0, 2], measure=measure)


def test_training_lowers_the_loss() -> None:
    first, last = run([0])[0].curve
    assert last[1] < first[1]


def test_another_task_and_cell_can_be_trained() -> None:
    recipe = get_recipe("default", iterations=20, bits=3, batch=8, units=4)
    found = train("keras.layers:SimpleRNNCell", recipe, [3], task=get_task("comparison"))[0]
    assert (found.cell, found.task, found.seed) == ("keras.layers:SimpleRNNCell", "comparison", 3)
    assert found.arguments == {"units": 4}
    assert np.isfinite(found.theta).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"seeds": -1}, "seeds must be at least 1, got -1"),
        ({"seeds": 1.5}, "seeds must be an integer, got 1.5 (float)"),
        ({"seeds": []}, "seeds must be given, each once, got []"),
        ({"seeds": [1, 1]}, "seeds must be given, each once, got [1, 1]"),
        ({"seeds": [0, -3]}, "a seed must be at least 0, got -3"),
        ({"checkpoints": [301]}, "a checkpoint must be at most the recipe's 300 iterations"),
        ({"checkpoints": [-1]}, "a checkpoint must be at least 0, got -1"),
        ({"recipe": "defualt"}, "unknown recipe 'defualt', did you mean 'default'?"),
        ({"cell": "keras.layers:GRU"}, "'keras.layers:GRU' is a whole layer, not a cell"),
        ({"arguments": {"unit": 3}}, "cell 'gru_bench:GRUCell' refused units=16, unit=3"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(
    options: dict[str, Any], message: str
) -> None:
    told: list[Any] = []
    options = {
        "cell": "gru_bench:GRUCell",
        "recipe": get_recipe("default", iterations=300),
    } | options
    with pytest.raises(UsageError) as caught:
        train(**options, on_progress=told.append)
    assert message in str(caught.value)
    assert not told


def test_a_tutorial_of_one_bit_has_no_numbers() -> None:
    recipe = get_recipe("tutorial", bits=1)
    with pytest.raises(UsageError, match="form 'tutorial' needs at least 2 bits"):
        Program(make_network("gru_bench:GRUCell", recipe), recipe)


def test_seeds_and_checkpoints_are_put_in_order() -> None:
    assert check_seeds(3) == [0, 1, 2]
    assert check_seeds([7, 2]) == [7, 2]
    assert check_checkpoints([50, 10, 50], RECIPE) == [10, 50, 100]
