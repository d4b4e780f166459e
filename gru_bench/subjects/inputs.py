"""Inputs that have a domain: a cell says nothing of others, and nobody asks it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.outside.bounds import shown
from gru_bench.subjects.protocol import Array

#: Whole numbers that every look-up has.
FEWEST = (0.0, 1.0)

_NUMBER = r"[-+]?[0-9]+(?:\.[0-9]+)?"
_RANGE = re.compile(f"({_NUMBER}):({_NUMBER})")


@dataclass(frozen=True)
class Inputs:
    """The inputs that a cell takes.

    Args:
        low: the least.
        high: the greatest.
        whole: whether they are whole numbers.
    """

    low: float
    high: float
    whole: bool = False

    def fit(self, array: Array) -> Array:
        """Return numbers of the domain: those that are stay as they are, others are folded in."""
        width = self.high - self.low
        far = np.abs(np.asarray(array, np.float64) - self.low) % (2 * width)
        folded = self.low + width - np.abs(far - width)
        if self.whole:
            # A standard normal number is seldom beyond two.
            drawn = self.low + np.abs(np.asarray(array, np.float64)) * (width + 1) / 2
            apart = np.where(self._inside(array), array, np.floor(drawn) % (width + 1) + self.low)
            return np.asarray(np.round(apart))
        return np.asarray(np.where(self._inside(array), array, folded))

    def _inside(self, array: Array) -> Array:
        inside = (array >= self.low) & (array <= self.high)
        return np.asarray(inside & (array == np.round(array)) if self.whole else inside)

    def __str__(self) -> str:
        return f"{'whole ' * self.whole}numbers from {self.low:g} to {self.high:g}"


def read_inputs(kind: str | None, span: str | None) -> Inputs | None:
    """Return the inputs that options describe, None where there are none.

    Args:
        kind: "integers", or None.
        span: such as "0:1", or None.

    Raises:
        UsageError: the range is none.
    """
    if span is None:
        return Inputs(*FEWEST, whole=True) if kind == "integers" else None
    found = _RANGE.fullmatch(span)
    if found is None or not float(found[1]) < float(found[2]):
        raise UsageError(f"--input-range takes two numbers, for example 0:1, got {shown(span)}")
    low, high = float(found[1]), float(found[2])
    if kind == "integers" and (low != round(low) or high != round(high)):
        raise UsageError(f"--input-range of integers takes whole numbers, got {shown(span)}")
    return Inputs(low, high, kind == "integers")
