from __future__ import annotations

import random

import numpy as np

from gru_bench.laws.chance import same_chance
from gru_bench.laws.target import BATCH, make_target


def test_the_generators_of_others_go_on_where_they_were() -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    with same_chance(1):
        random.random()
        np.random.random()  # noqa: NPY002
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


def test_a_cell_without_a_seed_keeps_the_same_masks_in_each_check() -> None:
    made = []
    for state in (1, 2):
        random.seed(state)
        target = make_target("keras.layers:GRUCell", {"units": 3, "recurrent_dropout": 0.5})
        subject = target.subject(5, training=True)
        subject.assign_values([np.ones(shape) for shape in subject.parameter_shapes.values()])
        made.append(subject.step(np.ones((BATCH, 5)), [np.ones((BATCH, 3))])[0])
    assert np.array_equal(*made)
