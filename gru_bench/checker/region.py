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
        states = []
        for i, (center, radius) in enumerate(zip(self.center, self.radius, strict=True)):
            if self._basis is None:
                gens = [ZERO] * len(self.center)
                gens[i] = radius
            else:
                gens = [arb(a) * r for a, r in zip(self._basis[i], self.radius, strict=True)]
            reach = form.size(gens)
            value = form.enclose(center, gens, reach, ZERO, center - reach, center + reach)
            states.append(rounding.exact(value))
        return states

    def bounds(self, states: Sequence[Form]) -> list[arb]:
        """Return bounds of |A⁻¹ (s - c)| by coordinate, for every state s that is enclosed."""
        pairs = list(zip(states, self.center, strict=True))
        if self._inverse is None:
            hulls = [(abs(s.center - c) + s.spread + s.slack).upper() for s, c in pairs]
            ranges = [form.largest(s.lo - c, s.hi - c) for s, c in pairs]
            return [a.min(b) for a, b in zip(hulls, ranges, strict=True)]
        none = [ZERO] * max(len(s.gens) for s in states)
        rows = arb_mat([[s.center - c, *(s.gens or none)] for s, c in pairs])
        slack = arb_mat([[s.slack] for s in states])
        moved, slacks = (self._inverse.exact * rows).tolist(), self._inverse.absolute * slack
        return [
            (form.size(row) + t).upper() for row, (t,) in zip(moved, slacks.tolist(), strict=True)
        ]
