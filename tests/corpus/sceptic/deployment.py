"""What a network writes wherever it can be deployed, beside what its task's transducer writes."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.corpus.sceptic.bench import Adder, Transducer, keras, load, tf

Symbols = NDArray[np.int64]

#: Rows of the batches that are tried.
SIZES = (1, 2, 3, 5, 8, 16, 64)
#: ... those that are tried in every way, and those that are cheap.
TELLING, EAGER = (1, 8), (1, 8, 64, 2, 3, 4, 5, 16, 100)
#: Steps of random words, and of the long ones that only the adder itself runs.
STEPS, LONG = 16, 300


@dataclass(frozen=True)
class Deployment:
    """One way to use a network.

    Args:
        name: in a few words.
        rows: of the batch.
        write: from symbols `(B, T)` to the digits that are written, `(B, T)`.
        steps: T.
    """

    name: str
    rows: int
    write: Callable[[Symbols], Symbols]
    steps: int = STEPS


def words(task: Transducer, rows: int, steps: int, seed: int = 0) -> Symbols:
    """Return random words `(rows, steps)`; where there is room, they begin with all short words.

    Long ones end in one symbol, over and over, which is what a hidden count waits for.
    """
    symbols = np.random.default_rng(seed).integers(0, task.symbols, (rows, steps))
    if steps > STEPS:
        symbols[:, steps // 2 :] = task.symbols - 1
    length = 0
    while task.symbols ** (length + 1) <= rows:
        length += 1
    short = np.array(list(itertools.product(range(task.symbols), repeat=length)), np.int64)
    symbols[: len(short), :length] = short
    return symbols


def wrong(deployment: Deployment, task: Transducer, seed: int = 0) -> str:
    """Say what a deployment does that the transducer does not; empty if it is right."""
    symbols = words(task, deployment.rows, deployment.steps, seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = np.asarray(deployment.write(symbols))
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # a cell may do anything
        return f"raises {type(error).__name__}"
    true = task.labels(symbols)
    if written.shape != true.shape:
        return f"writes {written.shape}"
    count = int((written != true).sum())
    return f"{count}/{true.size} wrong" if count else ""


def of_adder(adder: Adder, origin: str, thorough: bool = True) -> Iterator[Deployment]:
    """Return the ways to use an adder, cheap ones first."""
    yield from of_model(adder.to_model, adder, f"{origin} to_model", thorough)
    yield from runs_of(adder, origin, thorough)


def runs_of(adder: Adder, origin: str, thorough: bool = True) -> Iterator[Deployment]:
    """Return the ways in which an adder itself reads words."""
    for rows in SIZES if thorough else TELLING:
        yield Deployment(f"{origin} run {rows}", rows, adder.run)
    yield Deployment(f"{origin} run long", 1, adder.run, LONG)


def of_file(path: Path, thorough: bool = True) -> Iterator[Deployment]:
    """Return the ways to use a saved adder, as this package and as Keras load it."""
    adder = load(path)
    # Keras finds a class by its name where it is not registered.
    classes = {type(adder.network.cell).__name__: type(adder.network.cell)}

    def make() -> Any:
        return keras.saving.load_model(path, custom_objects=classes, compile=False)

    yield from of_model(make, adder, "Keras file", thorough)
    if thorough:
        yield from of_adder(adder, "file")
    else:
        yield from runs_of(adder, "file", thorough)


def of_model(
    make: Callable[[], Any], adder: Adder, origin: str, thorough: bool = True
) -> Iterator[Deployment]:
    """Return the ways to use a Keras model, one model for all of them, cheap ones first.

    Args:
        make: the model.
        adder: for the encoding of symbols and for its threshold.
        origin: where the model is from.
        thorough: whether all ways are returned, or the telling ones.
    """
    scored = _Scored(make, adder)
    for rows in EAGER:
        yield Deployment(f"{origin} eager {rows}", rows, scored.by(_called))
    for rows in TELLING:
        yield Deployment(f"{origin} eager training=False {rows}", rows, scored.by(_not_training))
        yield Deployment(f"{origin} predict {rows}", rows, scored.by(_predicted))
        yield Deployment(f"{origin} predict again {rows}", rows, scored.by(_predicted))
    for rows in SIZES if thorough else (8,):
        yield Deployment(f"{origin} graph {rows}", rows, scored.by(_in_graph))
        yield Deployment(f"{origin} xla {rows}", rows, scored.by(_compiled))
    if thorough:
        yield Deployment(f"{origin} predict 3 in batches of 4", 3, scored.by(_in_batches))
        yield Deployment(f"{origin} predict 64 in batches of 4", 64, scored.by(_in_batches))


class _Scored:
    """A Keras model, made when it is first used, and the digits that its scores mean."""

    def __init__(self, make: Callable[[], Any], adder: Adder) -> None:
        self.make, self.adder = make, adder
        self.model: Any = None

    def by(self, use: Callable[[Any, Any], Any]) -> Callable[[Symbols], Symbols]:
        """Return what writes digits by one way to use the model."""

        def write(symbols: Symbols) -> Symbols:
            if self.model is None:
                self.model = self.make()
            network = self.adder.network
            x = network.task.features[symbols].astype("float32")
            scores = np.asarray(tf.cast(use(self.model, x), tf.float32))
            if network.scores == 1:
                return (scores[..., 0] > self.adder.threshold).astype(np.int64)
            return scores.argmax(axis=-1)

        return write


def _called(model: Any, x: Any) -> Any:
    return model(x)


def _not_training(model: Any, x: Any) -> Any:
    return model(x, training=False)


def _predicted(model: Any, x: Any) -> Any:
    return model.predict(x, verbose=0, batch_size=len(x))


def _in_batches(model: Any, x: Any) -> Any:
    return model.predict(x, verbose=0, batch_size=4)


def _in_graph(model: Any, x: Any) -> Any:
    return tf.function(model)(x)


def _compiled(model: Any, x: Any) -> Any:
    return tf.function(model, jit_compile=True)(x)


def differences(
    deployments: Iterator[Deployment], task: Transducer, first: bool = False
) -> dict[str, str] | None:
    """Return what each deployment does that the transducer does not; None if there is none.

    Args:
        deployments: to be tried, in this order.
        task: what the network is said to do.
        first: whether to stop at the first difference.
    """
    found: dict[str, str] | None = None
    for deployment in deployments:
        found = found or {}
        difference = wrong(deployment, task)
        if difference:
            found[deployment.name] = difference
            if first:
                break
    return found
