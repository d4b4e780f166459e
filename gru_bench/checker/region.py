"""Regions of states, and how far an image reaches from the middle of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb

from gru_bench.checker import form, rounding
from gru_bench.checker.form import ZERO, Form
from gru_bench.checker.program import Vector


@dataclass(frozen=True)
class Region:
    """The box of states |s - center| <= radius, in which the transducer is in state `label`."""

    label: int
    center: tuple[float, ...]
    radius: tuple[float, ...]

    def states(self) -> Vector:
        """Return its states s_i = c_i + r_i e_i, as functions of the cube |e_i| <= 1."""
        states = []
        for i, (center, radius) in enumerate(zip(self.center, self.radius, strict=True)):
            c, r = arb(center), arb(radius)
            gens = [ZERO] * len(self.center)
            gens[i] = r
            states.append(rounding.exact(form.enclose(c, gens, r, ZERO, c - r, c + r)))
        return states

    def bounds(self, states: Sequence[Form]) -> list[arb]:
        """Return bounds of |s_i - c_i| for every state s that is enclosed: each way holds."""
        bounds = []
        for s, center in zip(states, self.center, strict=True):
            c = arb(center)
            affine = (abs(s.center - c) + s.spread + s.slack).upper()
            bounds.append(affine.min(form.largest(s.lo - c, s.hi - c)))
        return bounds
