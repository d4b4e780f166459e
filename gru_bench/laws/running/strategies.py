"""Hypothesis strategies for cases of laws.

Sizes, scales and kinds are Hypothesis's to choose; the entries of arrays come from a seed that it
chooses too, because drawing hundreds of floats one by one would take longer than the laws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from gru_bench.laws.law import Wants

if TYPE_CHECKING:
    from gru_bench.laws.case import Case
    from gru_bench.laws.target import Target

Array = NDArray[Any]

#: Entries are multiples of this, which float16 holds and people can read.
GRAIN = 1 / 64

#: Inputs: real numbers, the bits that an adder reads, one number everywhere, nothing.
KINDS = Wants().kinds


def entries(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, kind: str = "ordinary"
) -> Array:
    """Return an array of multiples of `GRAIN`.

    Args:
        rng: draws it.
        shape: of the array.
        scale: standard deviation of ordinary entries.
        kind: one of `KINDS`.
    """
    if kind == "zero":
        return np.zeros(shape)
    if kind == "bits":
        return rng.integers(0, 2, shape).astype(float)
    drawn = rng.normal(size=() if kind == "constant" else shape)
    return np.asarray(np.broadcast_to(np.round(drawn * scale / GRAIN) * GRAIN, shape), order="C")


def weights(
    rng: np.random.Generator, shapes: dict[str, tuple[int, ...]], scale: float
) -> dict[str, Array]:
    """Return weights of real scale, biases included.

    A matrix has entries of standard deviation 2 / sqrt(rows), so that what it gives has about the
    size of twice its operand and gates saturate now and then; a vector has entries of 1.
    """
    return {
        name: entries(rng, shape, scale * (2 / np.sqrt(shape[-2]) if len(shape) > 1 else 1.0))
        for name, shape in shapes.items()
    }


@dataclass(frozen=True)
class Sketch:
    """What Hypothesis chooses of a case; the target makes the case of it.

    Args:
        features: F.
        batch: B.
        steps: T.
        scale: by how much weights, inputs and states are larger than ordinary ones.
        kind: of the inputs, one of `KINDS`.
        zero_state: whether the run starts from the cell's own initial state.
        seed: of the entries.
    """

    features: int
    batch: int
    steps: int
    scale: float
    kind: str
    zero_state: bool
    seed: int

    def case(self, target: Target, wants: Wants) -> Case:
        """Return the case of a target."""
        rng = np.random.default_rng(self.seed)
        dtype = wants.dtype or target.dtype
        subject = target.subject(self.features, dtype, wants.training)
        drawn = subject.allowed(weights(rng, subject.parameter_shapes, self.scale))
        shape = (self.steps, self.batch, self.features)
        xs = target.fit(entries(rng, shape, self.scale, self.kind))
        if self.zero_state:
            states = [np.asarray(s, np.float64) for s in subject.initial_state(self.batch)]
        else:
            size = min(self.scale, 1.0)
            if any(target.domain):
                target.give(subject, drawn)
            states = target.states(subject, rng, self.batch, lambda s: entries(rng, s, size))
        case: Case = target.case_type(target, drawn, xs, states, self.seed, wants.training, dtype)
        return case


def sketches(target: Target, wants: Wants, number: int = 0) -> st.SearchStrategy[Sketch]:
    """Return what cases of a law are made of.

    Args:
        target: what is checked.
        wants: the law's.
        number: moves the seeds of entries, since Hypothesis begins with the same sketch always.
    """
    return st.builds(
        Sketch,
        features=st.sampled_from(target.features[: 1 if wants.narrow else None]),
        batch=st.sampled_from(wants.batch),
        steps=st.sampled_from(wants.steps),
        scale=st.sampled_from(wants.scales),
        kind=st.sampled_from(wants.kinds),
        zero_state=st.booleans() if wants.zero_state else st.just(False),
        seed=st.integers(0, 2**31 - 1).map(lambda n: (n + number) % 2**31),
    )
