"""What the suite needs of the package that is not public."""

from __future__ import annotations

try:
    from gru_bench.subjects.keras.runtime import keras, tf
    from gru_bench.subjects.loading import cell_name
except ImportError:
    from gru_bench.cells import cell_name
    from gru_bench.runtime import keras, tf

from gru_bench import Adder, Network, Transducer, UsageError, get_task, prove
from gru_bench.cli import main

__all__ = [
    "Adder",
    "Network",
    "Transducer",
    "UsageError",
    "cell_name",
    "get_task",
    "keras",
    "main",
    "prove",
    "tf",
]
