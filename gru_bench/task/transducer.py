"""Tasks: finite-state transducers over streams of digits, binary addition first.

Shape legend for the package: B pairs in a batch, T steps, X symbols, Q transducer states,
F features of an encoded symbol, n bits (digits) of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_integer, check_known

Family = Literal["uniform", "long-carry", "periodic", "sparse"]
#: How test pairs are drawn; `gru_bench.learning.family` draws them.
FAMILIES: tuple[Family, ...] = get_args(Family)

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Transducer:
    """A finite-state transducer (Mealy machine) that reads `operands` digits a step.

    A symbol is the number whose base-`base` digits are the digits read at one step, the first
    operand's digit lowest: for binary addition of a and b it is `a_t + 2 b_t`.

    Args:
        name: what users call the task.
        base: values of one digit.
        operands: numbers read side by side.
        next_state: integers, `(Q, X)`; state 0 is the initial one.
        output: integers in `[0, outputs)`, `(Q, X)`.
        flush: steps of symbol 0 after the last digit, which write what is still carried.
        oracle: the same function on Python integers, from the operands and the number of
            digits n to the integer whose digits (least significant first) are the outputs.

    Raises:
        UsageError: the tables do not fit each other.
    """

    name: str
    base: int
    operands: int
    next_state: tuple[tuple[int, ...], ...]
    output: tuple[tuple[int, ...], ...]
    flush: int
    oracle: Callable[[Sequence[int], int], int]

    def __post_init__(self) -> None:
        shape = (len(self.next_state), self.base**self.operands)
        for name in ("next_state", "output"):
            rows = getattr(self, name)
            if {len(row) for row in rows} != {shape[1]} or len(rows) != shape[0]:
                raise UsageError(f"task {self.name!r}: {name} must have shape {shape}")
        states = {state for row in self.next_state for state in row}
        if not states <= set(range(shape[0])):
            raise UsageError(f"task {self.name!r}: next_state must be in [0, {shape[0]})")
        if min(min(row) for row in self.output) < 0:
            raise UsageError(f"task {self.name!r}: output must not be negative")

    @property
    def symbols(self) -> int:
        """Number of symbols X."""
        return len(self.output[0])

    @property
    def states(self) -> int:
        """Number of transducer states Q."""
        return len(self.output)

    @cached_property
    def outputs(self) -> int:
        """Number of output values, at least 2."""
        return max(2, 1 + max(max(row) for row in self.output))

    @cached_property
    def features(self) -> NDArray[np.float64]:
        """How the network sees each symbol, `(X, F)`: bits as they are, other digits one-hot."""
        digits = self.digits(np.arange(self.symbols))
        if self.base == 2:
            return digits.astype(np.float64)
        return np.eye(self.base)[digits].reshape(self.symbols, -1)

    @cached_property
    def departing(self) -> tuple[int, ...]:
        """Symbols that lead away from the initial state; all symbols if there are none."""
        away = tuple(x for x in range(self.symbols) if self.next_state[0][x] != 0)
        return away or tuple(range(self.symbols))

    @cached_property
    def carrying(self) -> tuple[int, ...]:
        """Symbols that leave every state as it is; all symbols if there are none."""
        kept = tuple(
            x
            for x in range(self.symbols)
            if all(self.next_state[q][x] == q for q in range(self.states))
        )
        return kept or tuple(range(self.symbols))

    def digits(self, symbols: IntArray) -> IntArray:
        """Return the digits of each symbol: `(..., operands)` for `symbols` of shape `(...)`."""
        weights = self.base ** np.arange(self.operands)
        return np.asarray(symbols)[..., None] // weights % self.base

    def labels(self, symbols: IntArray) -> IntArray:
        """Return what the transducer writes for `symbols` `(B, T)`, as `(B, T)`."""
        symbols = np.asarray(symbols)
        next_state, output = np.array(self.next_state), np.array(self.output)
        state = np.zeros(symbols.shape[0], np.int64)
        written = np.empty(symbols.shape, np.int64)
        for t in range(symbols.shape[1]):
            written[:, t] = output[state, symbols[:, t]]
            state = next_state[state, symbols[:, t]]
        return written

    def encode(self, operands: Sequence[int], length: int | None = None) -> IntArray:
        """Return the symbols `(n + flush,)` of non-negative integers, least significant first.

        Args:
            operands: as many integers as the task reads.
            length: digits per number n; by default those of the largest, at least 1.

        Raises:
            UsageError: not so many integers, a negative one, a length below 1 or too small.
        """
        if len(operands) != self.operands:
            raise UsageError(
                f"task {self.name!r} takes {self.operands} integers, got {len(operands)}"
            )
        numbers = [check_integer("an addend", number, 0) for number in operands]
        least = max(1, *(digit_count(number, self.base) for number in numbers))
        length = least if length is None else check_integer("length", length, 1)
        if length < least:
            raise UsageError(f"length {length} is too small, these integers need {least}")
        rows = np.stack([to_digits(number, length, self.base) for number in numbers])
        symbols = (rows * self.base ** np.arange(self.operands)[:, None]).sum(axis=0)
        return np.concatenate([symbols, np.zeros(self.flush, np.int64)])

    def decode(self, symbols: IntArray) -> tuple[int, ...]:
        """Return the integers that `symbols` `(T,)` spell, the inverse of `encode`."""
        digits = self.digits(symbols)
        return tuple(from_digits(digits[:, k], self.base) for k in range(self.operands))

    def value(self, written: IntArray) -> int:
        """Return the integer whose digits, least significant first, are `written` `(T,)`."""
        return from_digits(written, self.outputs)


def digit_count(number: int, base: int) -> int:
    """Return how many base-`base` digits a non-negative integer has (0 for 0)."""
    if base == 2:
        return int(number).bit_length()
    count = 0
    while number:
        number //= base
        count += 1
    return count


def to_digits(number: int, length: int, base: int = 2) -> IntArray:
    """Return the lowest `length` digits of a non-negative integer, least significant first."""
    if base == 2:
        raw = (number & ((1 << length) - 1)).to_bytes((length + 7) // 8, "little")
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=length, bitorder="little")
        return bits.astype(np.int64)
    digits = np.zeros(length, np.int64)
    for position in range(length):
        number, digits[position] = divmod(number, base)
    return digits


def from_digits(digits: Iterable[int] | IntArray, base: int = 2) -> int:
    """Return the integer with these digits, least significant first."""
    values = np.asarray(digits, np.int64)
    if base == 2:
        return int.from_bytes(np.packbits(values.astype(np.uint8), bitorder="little"), "little")
    number = 0
    for digit in values[::-1].tolist():
        number = number * base + digit
    return number


def _digitwise(
    name: str,
    base: int,
    operands: int,
    states: int,
    rule: Callable[[int, tuple[int, ...]], tuple[int, int]],
    flush: int,
    oracle: Callable[[Sequence[int], int], int],
) -> Transducer:
    """Build a transducer from `rule(state, digits) -> (next state, output)`."""
    symbols = [tuple(x // base**k % base for k in range(operands)) for x in range(base**operands)]
    table = [[rule(q, digits) for digits in symbols] for q in range(states)]
    return Transducer(
        name,
        base,
        operands,
        tuple(tuple(entry[0] for entry in row) for row in table),
        tuple(tuple(entry[1] for entry in row) for row in table),
        flush,
        oracle,
    )


def _adder(name: str, base: int) -> Transducer:
    return _digitwise(
        name, base, 2, 2, lambda carry, d: divmod(sum(d) + carry, base), 1, lambda v, _: sum(v)
    )


def _subtract(borrow: int, digits: tuple[int, ...]) -> tuple[int, int]:
    difference = digits[0] - digits[1] - borrow
    return int(difference < 0), difference % 2


def _compare(order: int, digits: tuple[int, ...]) -> tuple[int, int]:
    """Track equal, less, greater (0, 1, 2): a later digit weighs more than all before it."""
    if digits[0] != digits[1]:
        order = 1 if digits[0] < digits[1] else 2
    return order, order


def _comparison_digits(values: Sequence[int], length: int) -> int:
    prefixes = [[v & ((1 << t) - 1) for v in values] for t in range(1, length + 1)]
    return from_digits([(a != b) + (a > b) for a, b in prefixes], 3)


def _parity_digits(values: Sequence[int], length: int) -> int:
    return from_digits([(values[0] & ((1 << t) - 1)).bit_count() % 2 for t in range(1, length + 1)])


#: The task of the tutorial: two numbers in bits, least significant first, and their sum.
ADDITION: Transducer = _adder("addition", 2)

#: Every task by its name.
TASKS: dict[str, Transducer] = {
    task.name: task
    for task in (
        ADDITION,
        _digitwise(
            "subtraction", 2, 2, 2, _subtract, 0, lambda v, n: (v[0] - v[1]) & ((1 << n) - 1)
        ),
        _digitwise("comparison", 2, 2, 3, _compare, 0, _comparison_digits),
        _digitwise("parity", 2, 1, 2, lambda q, d: (q ^ d[0], q ^ d[0]), 0, _parity_digits),
        _adder("decimal-addition", 10),
    )
}


def get_task(name: str) -> Transducer:
    """Return the task of that name.

    Raises:
        UsageError: there is none.
    """
    return TASKS[check_known("task", name, TASKS)]
