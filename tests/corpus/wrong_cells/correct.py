"""Correct cells, which no law may catch."""

from __future__ import annotations

import inspect
from typing import Any

from gru_bench.subjects.keras.gru import GRUCell
from gru_bench.subjects.keras.runtime import keras
from tests.corpus.wrong_cells import base, strangers
from tests.corpus.wrong_cells.ledger import Row, crc

#: Dropout of inputs and of states.
DROPPING = {"dropout": 0.25, "recurrent_dropout": 0.25}

#: What Keras itself breaks, by correct cell: law and reason, as `--expect` takes them.
KNOWN: dict[str, dict[str, str]] = {}

#: Cells that no law may catch; beside Keras's own and ours stands what wrong cells are made of.
CORRECT: dict[str, tuple[Any, dict[str, Any]]] = {
    "gru_bench:GRUCell": (GRUCell, {"units": 3}),
    "gru_bench:GRUCell, reset after": (GRUCell, {"units": 3, "reset": "after"}),
    "keras.layers:GRUCell": (keras.layers.GRUCell, {"units": 3, **DROPPING}),
    "keras.layers:GRUCell, reset before": (
        keras.layers.GRUCell,
        {"units": 3, "reset_after": False, **DROPPING},
    ),
    "keras.layers:LSTMCell": (keras.layers.LSTMCell, {"units": 3, **DROPPING}),
    "keras.layers:SimpleRNNCell": (keras.layers.SimpleRNNCell, {"units": 3, **DROPPING}),
    "keras.layers:StackedRNNCells": (base.stacked, {"units": 3}),
    "keras.layers:GRU": (keras.layers.GRU, {"units": 3, **DROPPING}),
    "keras.layers:LSTM": (keras.layers.LSTM, {"units": 3}),
    "keras.layers:SimpleRNN": (keras.layers.SimpleRNN, {"units": 3}),
    "keras.layers:Bidirectional": (base.bidirectional, {"units": 3}),
    "minimal gated unit": (base.MinimalGatedUnit, {"units": 3}),
    "minGRU": (base.MinGRU, {"units": 3}),
    "GRU in pieces": (base.GRU, {"units": 3}),
    "GRU in pieces, reset after": (base.AfterGRU, {"units": 3}),
    "LSTM, peephole, clipped": (
        base.LSTM,
        {"units": 3, "peephole": True, "cell_clip": 0.5, "forget_bias": 1.0},
    ),
    "layer-normalised GRU": (base.LayerNormGRU, {"units": 3}),
    "layer-normalised LSTM": (base.LayerNormLSTM, {"units": 3}),
    "relu RNN": (base.Plain, {"units": 3, "activation": "relu"}),
    "zoneout GRU": (base.Zoneout, {"units": 3, "zoneout": 0.25}),
    "GRU layer, time-major": (base.TimeMajor, {"units": 3}),
    "made of layers, one of them a dropout": (strangers.MadeOfLayers, {"units": 3, "rate": 0.25}),
    "leaky membrane, weights not negative": (strangers.Leaky, {"units": 3}),
}


def correct_rows() -> list[Row]:
    """Return a row for each."""
    found = []
    for name, (make, arguments) in CORRECT.items():
        expected = KNOWN.get(name, {})
        seen = crc(inspect.getsource(make), arguments, expected)
        given = (make, arguments, None, seen)
        words = ("correct cell", "none: no law may fail", "")
        found.append(Row(name, *words, *given, expected=expected))
    return found
