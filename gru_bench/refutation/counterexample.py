"""A counterexample: operands that a network gets wrong, and the digit where it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_bench.learning.adder import Adder
from gru_bench.task.transducer import IntArray, Transducer, digit_count


@dataclass(frozen=True)
class Counterexample:
    """Operands whose last digits a network writes wrong, as it does when it is used.

    Args:
        task: name of the task.
        symbols: what the network reads up to the wrong digit.
        operands: the integers these symbols spell.
        length: digits per number with which the network reads so many symbols.
        position: of the wrong digit, counted from 0, least significant first.
        said: the digit the network writes there.
        true: the digit that belongs there.
        shortest: whether every shorter word was tried and found right.
    """

    task: str
    symbols: tuple[int, ...]
    operands: tuple[int, ...]
    length: int
    position: int
    said: int
    true: int
    shortest: bool = False

    @property
    def steps(self) -> int:
        """Symbols read up to the wrong digit, that one included."""
        return len(self.symbols)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values; integers of any size as decimal text."""
        return {
            "task": self.task,
            "operands": [str(number) for number in self.operands],
            "length": self.length,
            "steps": self.steps,
            "position": self.position,
            "said": self.said,
            "true": self.true,
            "shortest": self.shortest,
            "symbols": list(self.symbols),
        }


def replay(adder: Adder, symbols: IntArray) -> Counterexample | None:
    """Return the counterexample that symbols `(T,)` are, read alone as when the adder is used.

    Returns:
        None where every digit is right; else what is wrong first, with the symbols up to it.
    """
    task = adder.network.task
    # Digits after the last symbol cannot change those before it, so none need be read.
    said = adder.run(np.asarray(symbols)[None])[0]
    true = task.labels(np.asarray(symbols)[None])[0]
    places = np.flatnonzero(said != true)
    if not places.size:
        return None
    place = int(places[0])
    read = np.asarray(symbols[: place + 1])
    return Counterexample(
        task.name,
        tuple(read.tolist()),
        task.decode(read),
        number_length(task, read),
        place,
        int(said[place]),
        int(true[place]),
    )


def number_length(task: Transducer, symbols: IntArray) -> int:
    """Return the fewest digits per number with which a network reads at least these symbols."""
    silent = 0
    while silent < task.flush and len(symbols) - silent > 1 and symbols[-1 - silent] == 0:
        silent += 1
    return len(symbols) - silent


def natural_length(task: Transducer, counterexample: Counterexample) -> int:
    """Return the digits per number that the operands alone would be given."""
    return max(1, *(digit_count(number, task.base) for number in counterexample.operands))
