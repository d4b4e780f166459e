"""A system: a trained network and its task as a proof sees them.

A program with its weights, the read-out, the transducer; nothing of Keras is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError
from gru_bench.learning.adder import Adder
from gru_bench.lifting import lift
from gru_bench.program.program import Floats, Program
from gru_bench.subjects.protocol import Subject
from gru_bench.task.transducer import Transducer

Array = NDArray[np.float64]


@dataclass(frozen=True)
class System:
    """What is proved or refuted.

    Args:
        program: the cell's step.
        names: of the cell's weights.
        weights: the cell's, float32.
        V: read-out, `(O, S)`, float32.
        c: read-out, `(S,)`, float32.
        threshold: above which a single score writes 1.
        task: the transducer.
        cell: `package.module:Name`.
        arguments: of the cell.
        versions: of the frameworks in which it runs, by name.
    """

    program: Program
    names: tuple[str, ...]
    weights: tuple[NDArray[np.float32], ...]
    V: NDArray[np.float32]
    c: NDArray[np.float32]
    threshold: float
    task: Transducer
    cell: str
    arguments: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """N, entries of all states together."""
        return sum(self.program.state_sizes)

    def split(self, states: Array) -> list[Array]:
        """Return the states, each `(..., n)`, that stand side by side in `(..., N)`."""
        return np.split(states, np.cumsum(self.program.state_sizes)[:-1], axis=-1)

    @property
    def initial(self) -> Array:
        """The initial state, `(N,)`."""
        return np.concatenate([s.astype(np.float64) for s in self.program.initial_state])

    def step(self, x: Array, states: Array) -> tuple[Array, Array]:
        """Return scores `(..., S)` and states `(..., N)` after one step, in float64."""
        output, new = self.program.evaluate(Floats(), x, self.split(states), self.weights)
        return output @ self.V.astype(np.float64) + self.c, np.concatenate(new, axis=-1)


#: What Keras appends to the names of layers that it names itself, to tell them apart.
_COUNTED = re.compile(r"_\d+(?=/)")


def weight_names(subject: Subject) -> tuple[str, ...]:
    """Return the names of a cell's weights, the same whenever and however often it is made."""
    names = [_COUNTED.sub("", name) for name in subject.parameter_names]
    return tuple(
        f"{name} #{names[: k + 1].count(name)}" if names.count(name) > 1 else name
        for k, name in enumerate(names)
    )


def check_single(adder: Adder) -> None:
    """Refuse an adder that is not deployed in float32, by its policy.

    Raises:
        UsageError: it is not.
    """
    dtype = adder.network.dtype
    if dtype != "float32":
        raise UsageError(f"proofs are about networks deployed in float32, this one is {dtype}")


def make_system(adder: Adder, program: Program | None = None) -> System:
    """Return the system of a trained adder.

    Args:
        adder: a trained network.
        program: its cell's step, if it has been lifted before.

    Raises:
        LiftingError: the cell's step has an operation that cannot be lifted.
        UsageError: the network does not compute in float32, or its threshold is no number.
    """
    check_single(adder)
    network = adder.network
    if not np.isfinite(np.float32(adder.threshold)):
        raise UsageError(f"a threshold of {adder.threshold} decides nothing")
    *weights, V, c = (np.asarray(w, np.float32) for w in network.unpack(adder.theta))
    subject = network.subject()
    return System(
        program or lift(subject),
        weight_names(subject),
        tuple(weights),
        V,
        c,
        adder.threshold,
        network.task,
        network.cell_name,
        network.arguments,
        network.versions,
    )
