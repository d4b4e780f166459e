"""Regions of states, and whether an image lies in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, arb_mat

from gru_bench.checker import form, rounding
from gru_bench.checker.form import ZERO, Form
from gru_bench.checker.program import Vector
from gru_bench.checker.rejection import Rejected


@dataclass(frozen=True)
class Region:
    """The states c + A (r ∘ e), |e_i| <= 1, in which the transducer is in state `label`."""

    label: int
    center: tuple[float, ...]
    basis: int | None
    radius: tuple[float, ...]


class Inverse:
    """A⁻¹ and |A⁻¹| of a basis A, each entry a ball that holds it."""

    def __init__(self, basis: Sequence[Sequence[float]], index: int) -> None:
        try:
            self.exact = arb_mat([[arb(t) for t in row] for row in basis]).inv()
        except ZeroDivisionError:
            raise Rejected(f"basis {index} is singular, or nearly") from None
        self.absolute = arb_mat([[abs(a) for a in row] for row in self.exact.tolist()])


class Space:
    """The coordinates e in which a region is the cube: s = c + A (r ∘ e)."""

    def __init__(self, region: Region, inverse: Inverse | None, basis: Any) -> None:
        self.center = [arb(t) for t in region.center]
        self.radius = [arb(t) for t in region.radius]
        self._basis, self._inverse = basis, inverse

    def states(self) -> Vector:
        """Return the states of the region, as functions of e."""
        n = len(self.center)
        states = []
        for i, center in enumerate(self.center):
            row = [center] + [ZERO] * n
            if self._basis is None:
                row[1 + i] = self.radius[i]
            else:
                row[1:] = [arb(a) * r for a, r in zip(self._basis[i], self.radius, strict=True)]
            reach = sum((abs(g) for g in row[1:]), ZERO)
            states.append(rounding.exact(form.enclose(row, ZERO, center - reach, center + reach)))
        return states

    def bounds(self, states: Sequence[Form]) -> list[arb]:
        """Return bounds of |A⁻¹ (s - c)| by coordinate, for every state s that is enclosed."""
        rows = [[s.row[0] - c, *s.row[1:]] for s, c in zip(states, self.center, strict=True)]
        if self._inverse is None:
            hulls = [_reach(row, s.slack) for row, s in zip(rows, states, strict=True)]
            ranges = [
                form.largest(s.lo - c, s.hi - c) for s, c in zip(states, self.center, strict=True)
            ]
            return [a.min(b) for a, b in zip(hulls, ranges, strict=True)]
        moved = (self._inverse.exact * arb_mat(rows)).tolist()
        slack = arb_mat([[s.slack] for s in states])
        slacks = (self._inverse.absolute * slack).tolist()
        return [_reach(row, t) for row, (t,) in zip(moved, slacks, strict=True)]


def _reach(row: Sequence[arb], slack: arb) -> arb:
    return sum(map(abs, row), slack).upper()
