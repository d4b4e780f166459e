"""The network's Keras model as Keras itself loads it from a file: its own makers and readers run.

A cell may be made otherwise by `from_config` than by its constructor, or read its weights in a way
of its own. This package loads its files without them; others do not.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gru_bench.checker.rejection import Rejected
from gru_bench.errors import FAULTS
from gru_bench.learning.adder import Adder, parts_of, trained_variables
from gru_bench.lifting import lift
from gru_bench.lifting.expression import Table, expressions
from gru_bench.lifting.lift import same
from gru_bench.program.program import Program
from gru_bench.subjects.keras.maker import unregistered
from gru_bench.subjects.keras.reach import own_classes
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject

#: Methods by which Keras writes and reads a layer's weights.
_STORING = ("save_own_variables", "load_own_variables", "save_assets", "load_assets")


def reload(adder: Adder) -> Any | None:
    """Return the adder's Keras model, saved and loaded by Keras; None where Keras cannot load it.

    Args:
        adder: a network with weights.
    """
    made = adder.to_model()
    own = unregistered(parts_of(made)[0])
    with TemporaryDirectory(prefix="gru_bench-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras warns of is seen below
        path = Path(folder) / "adder.keras"
        try:
            made.save(path)
            return keras.saving.load_model(path, custom_objects=own, compile=False)
        except FAULTS:  # a user's cell can fail in any way
            return None


def check_reloaded(model: Any, adder: Adder, program: Program) -> None:
    """Refuse a model that is not the adder's when Keras has loaded it.

    Args:
        model: that Keras loaded.
        adder: which was saved.
        program: of the adder's step.

    Raises:
        Rejected: its weights, frozen weights, step or initial state are others.
        LiftingError: its step cannot be lifted.
    """
    expected = [np.asarray(part) for part in adder.network.unpack(adder.theta)]
    # What is kept beside them, generators of random numbers among it, is part of the program.
    held = [np.asarray(variable.value) for variable in trained_variables(model)]
    if len(held) != len(expected) or not all(map(np.array_equal, held, expected)):
        raise Rejected("Keras, loading the saved network, gives it other weights")
    subject = KerasSubject(parts_of(model)[0], adder.network.task.features.shape[1])
    table = Table(subject.dtype)
    other = lift(subject)
    alike = same(expressions(other, table), expressions(program, table))
    start = zip(other.initial_state, program.initial_state, strict=True)
    if not alike or not all(np.array_equal(one, two) for one, two in start):
        raise Rejected("Keras, loading the saved network, makes a cell that does something else")


def stores_itself(cell: Any) -> bool:
    """Return whether a layer, or one within it, writes or reads its weights in its own way."""
    own = [owner for layer in cell._flatten_layers() for owner in own_classes(layer)]
    return any(name in vars(owner) for owner in own for name in _STORING)
