"""What the suite needs of the package, and how it opens the adders that it saved itself."""

from __future__ import annotations

from pathlib import Path

from gru_bench import Adder, Network, Transducer, UsageError, get_task, prove
from gru_bench.cli import main
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.loading import cell_name

#: Modules of the suite that have cells.
TRUSTED = tuple(
    f"tests.corpus.sceptic.{module}"
    for module in (
        *(f"cells.{path.stem}" for path in sorted(Path(__file__).with_name("cells").glob("*.py"))),
        "files",
        "models",
        "secret",
    )
)


def load(path: Path) -> Adder:
    """Return a saved adder whose cell is one of the suite's."""
    return Adder.load(path, TRUSTED)


__all__ = [
    "TRUSTED",
    "Adder",
    "Network",
    "Transducer",
    "UsageError",
    "cell_name",
    "get_task",
    "keras",
    "load",
    "main",
    "prove",
    "tf",
]
