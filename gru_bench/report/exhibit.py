"""Exhibits: one proof of each cell and recipe, to be drawn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.learning.adder import Adder
from gru_bench.proof.exploration import simulate
from gru_bench.proof.region import Family
from gru_bench.proof.system import System, make_system
from gru_bench.runs.execution import Group

Array = NDArray[Any]


@dataclass(frozen=True)
class Exhibit:
    """A proof as its certificate has it.

    Args:
        title: cell and recipe.
        seed: of the run.
        iteration: of the checkpoint.
        certificate: that the checker accepted.
        system: the network and its task.
    """

    title: str
    seed: int
    iteration: int
    certificate: dict[str, Any]
    system: System

    @cached_property
    def family(self) -> Family:
        """Which regions there are: centers, following regions and transducer states."""
        following = np.array(self.certificate["edges"])
        labels = np.array([region["label"] for region in self.certificate["regions"]])
        return Family(self.center, following, labels)

    @property
    def center(self) -> Array:
        """Centers of the regions, `(K, N)`."""
        return self._numbers("center")

    @property
    def radius(self) -> Array:
        """Radii of the regions, `(K, N)`."""
        return self._numbers("radius")

    def _numbers(self, name: str) -> Array:
        rows = [region[name] for region in self.certificate["regions"]]
        return np.array([[float.fromhex(number) for number in row] for row in rows])

    def sample(self) -> tuple[Array, Array]:
        """Return states that random words lead to, `(S, N)`, and the region of each, `(S,)`."""
        return simulate(self.system, self.family, self.seed, words=32, steps=64)


def find_exhibits(groups: Sequence[Group]) -> list[Exhibit]:
    """Return the proof of the first proved seed at the last checkpoint of each group.

    The run files hold the certificates, so nothing is proved again.
    """
    found = []
    for group in groups:
        last = max(group.inputs[0].checkpoints)
        proved = (
            run for run in group.runs if run.certificate and run.weights[-1].iteration == last
        )
        for run in itertools.islice(proved, 1):
            adder = Adder(group.network, run.weights[-1].theta, group.recipe.threshold)
            certificate, seed = run.certificate or {}, run.inputs.seed
            found.append(Exhibit(group.title, seed, last, certificate, make_system(adder)))
    return found
