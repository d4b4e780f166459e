"""The proof: every step from a region lands in a region, and writes the right output.

The initial state lies in a region of label 0. From a region of label q, whatever is read, the
output is the transducer's in state q, and the state the network goes to lies in a region whose
label is the state the transducer goes to. By induction over the word read, the network writes what
the transducer writes, for words of every length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flint import arb, ctx

from gru_bench.checker import certificate, form, rounding
from gru_bench.checker.certificate import Certificate
from gru_bench.checker.form import ZERO, Form, Matrix
from gru_bench.checker.program import Evaluator, Vector
from gru_bench.checker.rejection import Rejected

#: Bits of the balls' middles; float64 has 53.
PRECISION = 96


@dataclass(frozen=True)
class Verified:
    """What an accepted certificate proves, and how narrowly.

    Args:
        certificate: the file's content.
        steps: steps of the network that were enclosed, from a region by a symbol each.
        margin: the smallest distance of a score to the wrong side, after rounding.
        reach: the largest image, as a share of the region it lands in.
    """

    certificate: Certificate
    steps: int
    margin: float
    reach: float

    @property
    def theorem(self) -> str:
        """The sha256 of what is proved: task, cell, weights, program, threshold, rounding.

        Of weights it covers names, shapes and values.
        """
        return self.certificate.theorem

    @property
    def claim(self) -> str:
        """One line: what was proved, for which weights; of the cell the file only has the name."""
        c = self.certificate
        return (
            f"PROVED: the program in this file, with weights {c.weights_sha256[:16]}, computes "
            f"{c.task} of numbers of every length, in float32; it says it is the step of {c.cell!r}"
        )

    @property
    def claim_of_model(self) -> str:
        """The same line, where the certificate was compared with the model it is about."""
        c = self.certificate
        return (
            f"PROVED: {c.cell} with weights {c.weights_sha256[:16]} computes {c.task} of numbers "
            "of every length, in float32"
        )

    @property
    def assumptions(self) -> str:
        """One line: what the proof rests on."""
        c = self.certificate
        return (
            "assumed: each float32 operation rounds to nearest (unit 2^-24), sums in any order, "
            "with or without fused multiply-add, subnormal numbers kept or flushed to zero; "
            f"|error| of tanh <= {c.errors['tanh']:.3g}, of sigmoid <= {c.errors['sigmoid']:.3g} "
            f"(the file gives as source: {c.source!r})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        c = self.certificate
        return {
            "verdict": "PROVED",
            "claim": self.claim,
            "assumptions": self.assumptions,
            "task": c.task,
            "cell": c.cell,
            "arguments": c.arguments,
            "theorem": c.theorem,
            "weights_sha256": c.weights_sha256,
            "program_sha256": c.program_sha256,
            "threshold": c.threshold,
            "rounding": {"unit": 2.0**-24, "smallest": 2.0**-126, **c.errors, "source": c.source},
            "digest": c.digest,
            "regions": len(c.regions),
            "steps": self.steps,
            "smallest_margin": self.margin,
            "largest_reach": self.reach,
        }


def verify(path: str | Path, theorem: str | None = None) -> Verified:
    """Check a certificate and return what it proves.

    Args:
        path: a file as docs/certificate.md describes it.
        theorem: the sha256 that `Verified.theorem` must have, if only that theorem will do.

    Raises:
        UsageError: the file is no certificate of this version, or its sizes do not fit.
        Rejected: it does not prove what it claims; the message says where and by how much.
    """
    with ctx.workprec(PRECISION):
        given = certificate.read(path)
        if theorem not in (None, given.theorem):
            raise Rejected(f"it is about theorem {given.theorem}, not {theorem:.80}")
        return _Check(given).run()


def enclose_step(
    given: Certificate, symbol: int, state: Sequence[float]
) -> list[tuple[float, float]]:
    """Return bounds of what float32 can make of the scores and the new states from one state.

    Args:
        given: a certificate, for its program, weights and rounding.
        symbol: the symbol that is read.
        state: float32 numbers, all states in one vector.
    """
    with ctx.workprec(PRECISION):
        check = _Check(given)
        states = check.evaluator.start(check.evaluator.vector(state))
        output, new = check.evaluator.step(check.symbols[symbol], states)
        values = [rounding.widened(v).form for v in [*check.scores(output), *new]]
        return [(_down(v.lo), -_down(-v.hi)) for v in values]


def _down(number: arb) -> float:
    """Return a float that is not above an exact number."""
    nearest = float(number)
    return nearest if arb(nearest) <= number else math.nextafter(nearest, -math.inf)


class _Check:
    """One certificate's check."""

    def __init__(self, given: Certificate) -> None:
        self.given = given
        self.task = given.transducer
        errors = {name: arb(error) for name, error in given.errors.items()}
        self.evaluator = Evaluator(given.program, **errors)
        self.symbols = [self.evaluator.read(x) for x in self.task.features]
        self.V = Matrix([[arb(w) for w in row] for row in given.V.rows])
        self.c = self.evaluator.vector(given.c.values)
        self.margin, self.reach, self.steps = arb("inf"), ZERO, 0

    def run(self) -> Verified:
        """Return what is proved, or raise `Rejected`."""
        self._start()
        for index in range(len(self.given.regions)):
            self._leave(index)
        return Verified(self.given, self.steps, float(self.margin), float(self.reach))

    def _start(self) -> None:
        """The initial state lies in a region of label 0."""
        start = self.given.start
        if self.given.regions[start].label != 0:
            raise Rejected(f"region {start}, where the network starts, does not have label 0")
        initial = [v.form for v in self.evaluator.vector(self.given.initial_state)]
        self._inside(initial, start, f"the initial state in region {start}")

    def _leave(self, index: int) -> None:
        """Every step from a region writes the right output and lands in a region."""
        region, label = self.given.regions[index], self.given.regions[index].label
        known = self.evaluator.start(region.states())
        for x, target in enumerate(self.given.edges[index]):
            here = f"region {index}, symbol {x}"
            output, new = self.evaluator.step(self.symbols[x], known)
            self.steps += 1
            right = self.task.output[label][x]
            self._written(output, right, self.given.margins[index][x], here)
            found, expected = self.given.regions[target].label, self.task.next[label][x]
            if found != expected:
                raise Rejected(
                    f"{here}: region {target} has label {found}, the transducer goes to {expected}"
                )
            # The next step starts from float32 numbers: what this one may have rounded to.
            states = [rounding.widened(value).form for value in new]
            self._lands(states, target, self.given.images[index][x], here)

    def scores(self, output: Vector) -> Vector:
        """Return the read-out of the cell's output."""
        products = rounding.matmul(output, self.V)
        return [rounding.add(p, c) for p, c in zip(products, self.c, strict=True)]

    def _written(self, output: Vector, right: int, claimed: float, where: str) -> None:
        """The network writes `right`, by the claimed margin at least."""
        scores = self.scores(output)
        if len(scores) == 1:
            threshold = arb(self.given.threshold)
            (score,) = scores
            distance = score.form.lo - threshold if right else threshold - score.form.hi
            margin = distance - score.error
        else:
            others = [score for value, score in enumerate(scores) if value != right]
            apart = [form.minus(scores[right].form, o.form).lo - o.error for o in others]
            margin = min(a.lower() for a in apart) - scores[right].error
        # Comparing may flush both sides to zero.
        margin = (margin - 2 * rounding.SMALLEST).lower()
        if not margin >= arb(claimed):
            raise Rejected(f"{where}: the margin is {_show(margin)}, not {claimed:.6g}")
        if not claimed > 0:
            raise Rejected(f"{where}: the claimed margin {claimed:.6g} is not positive")
        self.margin = self.margin.min(margin)

    def _lands(
        self, states: Sequence[Form], target: int, claimed: Sequence[float], where: str
    ) -> None:
        """The image lies within the claimed one, and that within the region."""
        bounds = self._inside(states, target, f"{where}: the image in region {target}")
        radii = self.given.regions[target].radius
        for i, (bound, image, radius) in enumerate(zip(bounds, claimed, radii, strict=True)):
            if not bound <= arb(image):
                raise Rejected(
                    f"{where}: coordinate {i} of the image reaches {_show(bound)}, "
                    f"claimed is {image:.17g}"
                )
            if not image <= radius:
                raise Rejected(
                    f"{where}: coordinate {i} of the claimed image, {image:.17g}, exceeds "
                    f"the radius {radius:.17g} of region {target}"
                )
            if radius:
                self.reach = self.reach.max(bound / arb(radius))

    def _inside(self, states: Sequence[Form], target: int, what: str) -> list[arb]:
        region = self.given.regions[target]
        bounds = region.bounds(states)
        for i, (bound, t) in enumerate(zip(bounds, region.radius, strict=True)):
            radius = arb(t)
            if not bound <= radius:
                raise Rejected(
                    f"{what}: coordinate {i} reaches {_show(bound)}, {_show(bound - radius)} "
                    f"beyond the radius {_show(radius)}"
                )
        return bounds


def _show(number: arb) -> str:
    return f"{float(number):.17g}"
