"""Laws promise: no false alarm on cells that are right, whatever the seed."""

import pytest
from hypothesis import settings

from gru_bench import check_cell

CELLS = {
    "own, reset after": ("gru_bench:GRUCell", {"units": 5, "reset": "after"}),
    "LSTM with dropout": ("keras.layers:LSTM", {"units": 2, "dropout": 0.2}),
    "relu": ("keras.layers:SimpleRNNCell", {"units": 1, "activation": "relu"}),
}

#: One seed for each so many examples of the loaded profile.
EXAMPLES_A_SEED = 50


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_no_false_alarm(cell):
    name, arguments = cell
    for seed in range(1, 2 + settings().max_examples // EXAMPLES_A_SEED):
        report = check_cell(name, arguments, profile="quick", seed=seed)
        assert report.ok, str(report)
