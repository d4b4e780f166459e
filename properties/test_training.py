"""The same seed gives the same run, bit for bit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.learning.compiled import BLOCK, Program
from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.learning.training import (
    TrainedRun,
    make_network,
    train,
    train_network,
)
from gru_bench.profiles import scaled

SMALL = {"units": 3, "batch": 8, "iterations": BLOCK + 20}

#: What can tell one seed from another: pairs, initial weights, noise, dropout, Keras's own
#: initialisers; unrolled and looped.
CASES: dict[str, tuple[str, dict[str, Any], Recipe]] = {
    "tutorial": ("gru_bench:GRUCell", {}, get_recipe("tutorial", **SMALL)),
    "noise": ("gru_bench:GRUCell", {}, get_recipe("default", **SMALL, bits=6, noise=0.1)),
    "dropout": (
        "keras.layers:LSTMCell",
        {"dropout": 0.2, "recurrent_dropout": 0.2},
        get_recipe("default", **SMALL, bits=4, stddev=0.0),
    ),
}

every_case = pytest.mark.parametrize("case", CASES)


@lru_cache
def program(case: str) -> Program:
    cell, arguments, recipe = CASES[case]
    return Program(make_network(cell, recipe, arguments), recipe)


def run(case: str, seeds: Any, checkpoints: Any = (), workers: int = 1) -> list[TrainedRun]:
    last = CASES[case][2].iterations
    return train_network(
        program(case),
        seeds,
        sorted({*checkpoints, last}),
        None,
        lambda _: None,
        lambda _: None,
        workers,
    )


@lru_cache
def alone(case: str, seed: int) -> TrainedRun:
    """Return the run of a seed that was trained with nothing beside it."""
    return run(case, [seed])[0]


@every_case
@scaled(0.2)
@given(
    seeds=st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True),
    workers=st.sampled_from([1, 2, 3]),
    checkpoints=st.lists(st.integers(0, BLOCK + 20), max_size=3),
)
def test_neighbours_workers_and_checkpoints_change_no_bit(
    case: str, seeds: list[int], workers: int, checkpoints: list[int]
) -> None:
    found = run(case, seeds, checkpoints, workers)
    assert [r.seed for r in found] == seeds
    for r in found:
        assert r.theta.tobytes() == alone(case, r.seed).theta.tobytes(), f"seed {r.seed}"
        assert sorted(r.weights) == sorted({*checkpoints, BLOCK + 20})


@every_case
@scaled(0.15)
@given(checkpoint=st.integers(1, BLOCK + 19), seed=st.integers(0, 2))
def test_a_checkpoint_is_what_a_shorter_training_ends_with(
    case: str, checkpoint: int, seed: int
) -> None:
    kept = run(case, [seed], [checkpoint])[0].weights[checkpoint]
    shorter = train_network(
        program(case), [seed], [checkpoint], None, lambda _: None, lambda _: None, 1
    )[0]
    assert shorter.theta.tobytes() == kept.tobytes()


@every_case
def test_another_seed_is_another_run(case: str) -> None:
    runs = [alone(case, seed) for seed in range(4)]
    first = [run(case, [seed], [0])[0].weights[0] for seed in range(4)]
    for k in range(3):
        assert not np.array_equal(runs[k].theta, runs[k + 1].theta)
        assert not np.array_equal(first[k], first[k + 1])


def test_a_program_compiled_anew_gives_the_same_run() -> None:
    cell, arguments, recipe = CASES["noise"]
    again = train(cell, recipe, [2], arguments=arguments)[0]
    assert again.theta.tobytes() == alone("noise", 2).theta.tobytes()
    assert again.curve == alone("noise", 2).curve


@scaled(0.5)
@given(seed=st.integers(0, 5), start=st.integers(0, BLOCK + 10))
def test_measurements_are_of_the_weights_at_their_checkpoint(seed: int, start: int) -> None:
    checkpoints = [start, BLOCK + 20]
    found = train_network(
        program("tutorial"),
        [seed],
        checkpoints,
        lambda theta, iteration: (iteration, theta.tobytes()),
        lambda _: None,
        lambda _: None,
    )[0]
    assert found.measurements == {k: (k, found.weights[k].tobytes()) for k in checkpoints}
