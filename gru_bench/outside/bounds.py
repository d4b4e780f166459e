"""How large a number from outside may be, and how it has to be written.

What has no bound takes all memory, or never ends. Every bound lies far beyond what has a use.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from gru_bench.errors import UsageError, check_integer

#: Digits of a number that are looked at; no bound has so many.
_DIGITS = 40
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_SPECIAL = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Bound:
    """The integers from `least` to `most`."""

    least: int
    most: int

    def check(self, name: str, value: Any) -> int:
        """Return an integer within the bound.

        Raises:
            UsageError: it is no integer, or outside; the line says what is accepted.
        """
        return check_integer(name, value, self.least, self.most)

    def read(self, name: str, text: str) -> int:
        """Return the integer that a text of ASCII digits spells.

        Raises:
            UsageError: it spells none, or one outside the bound.
        """
        if not _INTEGER.fullmatch(text):
            raise UsageError(f"{name}: {shown(text)} is not a valid integer")
        if len(text) > _DIGITS:
            low = text.startswith("-")
            word, end = ("least", self.least) if low else ("most", self.most)
            raise UsageError(f"{name} must be at {word} {end}, got one of {len(text)} digits")
        return self.check(name, int(text))


@dataclass(frozen=True)
class Range:
    """The finite numbers from `least` to `most`; without `closed`, `least` is none of them."""

    least: float
    most: float
    closed: bool = False

    def check(self, name: str, value: Any) -> float:
        """Return a finite number within the range.

        Raises:
            UsageError: it is no number, not finite, or outside.
        """
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{name} must be a number, got {shown(value)}")
        if not (isinstance(value, int) or math.isfinite(value)):
            raise UsageError(f"{name} must be a finite number, got {value}")
        if value < self.least or (value == self.least and not self.closed):
            word = "at least" if self.closed else "above"
            raise UsageError(f"{name} must be {word} {self.least:g}, got {shown(value)}")
        if value > self.most:
            raise UsageError(f"{name} must be at most {self.most:g}, got {shown(value)}")
        return float(value)

    def read(self, name: str, text: str) -> float:
        """Return the number that a text of ASCII characters spells.

        Raises:
            UsageError: it spells none, or one outside the range.
        """
        if _SPECIAL.fullmatch(text):
            raise UsageError(f"{name} must be a finite number, got {text}")
        if not _NUMBER.fullmatch(text):
            raise UsageError(f"{name}: {shown(text)} is not a valid number")
        return self.check(name, float(text))


def shown(value: Any) -> str:
    """Return a value in a few characters, whatever it is."""
    if isinstance(value, int) and value.bit_length() > 300:
        return f"one of {value.bit_length()} bits"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


#: Of one replicate; what a signed integer of 64 bits holds.
SEED = Bound(0, 2**63 - 1)
#: How many replicates.
SEEDS = Bound(1, 10_000)
WORKERS = Bound(1, 256)
ITERATIONS = Bound(1, 10_000_000)
#: Digits per number that are added or measured.
LENGTH = Bound(1, 1_000_000)
PAIRS = Bound(1, 100_000)
#: Digits per number, and pairs, that one training iteration reads; and their product.
BITS = Bound(1, 4096)
BATCH = Bound(1, 65_536)
MOST_TRAINED = 2**20
#: Numbers that a cell keeps from one step to the next.
MOST_STATE = 8192
UNITS = Bound(1, 4096)
#: Steps of a sequence whose derivatives are taken, rows of its batch, entries of an input.
STEPS = Bound(1, 65_536)
ROWS = Bound(1, 4096)
INPUTS = Bound(1, 4096)
#: Steps of a search, symbols of its longest word, regions of a proof.
SEARCH = Bound(1, 10**12)
SEARCH_OR_NONE = Bound(0, 10**12)
WORD = Bound(1, 10_000_000)
REGIONS = Bound(1, 1_000_000)
#: Each so many-th float32.
EVERY = Bound(1, 2**32)
#: MiB that a check may take.
MEMORY = Bound(1, 2**20)
ORDER = Bound(1, 2)
#: Seconds: a fortnight is the longest wait.
SECONDS = Range(0.0, 1_209_600.0)
#: Score above which a read-out says 1.
THRESHOLD = Range(-1e38, 1e38, closed=True)
TOLERANCE = Range(0.0, 1e300, closed=True)
#: Of a comparison: how often it may err; a factor in iterations, which is counted up to 2; points
#: of a hundred; and which seeds it uses.
ERROR_RATE = Range(0.0, 0.5)
FACTOR = Range(1.0, 1.9)
POINTS = Range(0.0, 90.0)
SEED_BLOCK = Bound(0, 10**12)
BASE_RUNS = Bound(1, 8)
