"""The tasks, written down again from their definitions: what a proved network computes.

A transducer reads one symbol a step: the digits of its operands side by side, symbol number
`first digit + base × second digit`, least significant digits of the operands first. State 0 is
the initial one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Transducer:
    """Features of each symbol `(X, F)`, next states and outputs `(Q, X)`, values of an output."""

    features: tuple[tuple[float, ...], ...]
    next: tuple[tuple[int, ...], ...]
    output: tuple[tuple[int, ...], ...]
    outputs: int

    @property
    def symbols(self) -> int:
        """Number of symbols X."""
        return len(self.features)

    @property
    def states(self) -> int:
        """Number of states Q."""
        return len(self.next)


def _build(
    base: int, operands: int, states: int, outputs: int, rule: Callable[..., tuple[int, int]]
) -> Transducer:
    """Tabulate `rule(state, *digits) -> (next state, output)`."""
    symbols = [tuple(x // base**k % base for k in range(operands)) for x in range(base**operands)]
    table = [[rule(q, *digits) for digits in symbols] for q in range(states)]
    return Transducer(
        tuple(tuple(_features(digits, base)) for digits in symbols),
        tuple(tuple(entry[0] for entry in row) for row in table),
        tuple(tuple(entry[1] for entry in row) for row in table),
        outputs,
    )


def _features(digits: tuple[int, ...], base: int) -> list[float]:
    """Bits as they are; other digits as one-hot vectors, side by side."""
    if base == 2:
        return [float(digit) for digit in digits]
    return [float(digit == value) for digit in digits for value in range(base)]


def _addition(base: int) -> Callable[..., tuple[int, int]]:
    return lambda carry, a, b: ((a + b + carry) // base, (a + b + carry) % base)


def _comparison(order: int, a: int, b: int) -> tuple[int, int]:
    """So far equal, less or greater (0, 1, 2); later digits decide."""
    order = order if a == b else 1 if a < b else 2
    return order, order


TRANSDUCERS = {
    "addition": _build(2, 2, 2, 2, _addition(2)),
    "subtraction": _build(2, 2, 2, 2, lambda q, a, b: (int(a - b - q < 0), (a - b - q) % 2)),
    "comparison": _build(2, 2, 3, 3, _comparison),
    "parity": _build(2, 1, 2, 2, lambda q, a: ((q + a) % 2, (q + a) % 2)),
    "decimal-addition": _build(10, 2, 2, 10, _addition(10)),
}
