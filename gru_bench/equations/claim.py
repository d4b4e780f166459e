"""The equations that a cell is held to, and one step by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations.following import Followed
from gru_bench.equations.published import Equations, Settings, Weights
from gru_bench.equations.reading import (
    is_stacked,
    numbers_of,
    read_settings,
    read_weights,
    weights_by_name,
)
from gru_bench.errors import UsageError

Array = NDArray[Any]

#: What a user may give instead of a name: weights by name, x and states to output and states.
UserStep = Callable[[Mapping[str, Array], Array, Sequence[Array]], tuple[Array, Sequence[Array]]]


@dataclass(frozen=True)
class Claim:
    """The equations a cell is held to.

    Args:
        equations: the published ones; None for a function that the user gave.
        keeps: whether the update gate weighs the old state.
        guessed: whether nobody claimed it.
        given: the user's function.
        reading: how the weights are read, where names do not say it.
        fails: why the cell cannot be what is claimed, with the nearest reading; empty where it can.
        precision: in which the cell computes, where that is coarser than its dtype.
        wanted: what was claimed, where `fails` says that it does not hold.
    """

    equations: Equations | None
    keeps: bool = False
    guessed: bool = False
    given: UserStep | None = None
    reading: Followed | None = None
    fails: str = ""
    precision: str | None = None
    wanted: str = ""

    @property
    def name(self) -> str:
        """The equations in a few words, with the reading of the update gate."""
        if self.fails:
            return self.wanted
        if self.reading is not None:
            return self.reading.title
        if self.equations is None:
            return getattr(self.given, "__name__", "the function given")
        if self.equations.update is None:
            return f"{self.equations.name} ({self.equations.source})"
        weighs = "old" if self.keeps else "new"
        return (
            f"{self.equations.name} ({self.equations.source}; "
            f"{self.equations.update} weighs the {weighs} state)"
        )

    def describe(self) -> str:
        """Return the claim as a failure shows it."""
        how = (
            "read off what it computes: "
            if self.reading is not None
            else "guessed from the weights: "
        )
        return f"{how if self.guessed else ''}{self.name}"

    def function(self, cell: Any) -> UserStep:
        """Return one step by the equations, as a function of weights by name, x and states.

        Args:
            cell: a built Keras cell, whose constructor arguments count.
        """
        if self.given is not None:
            return self.given
        if self.reading is not None:
            return self.reading.function(cell)
        assert self.equations is not None
        equations = self.equations
        settings = replace(read_settings(equations, cell), keeps=self.keeps)

        def step(
            named: Mapping[str, Array], x: Array, states: Sequence[Array]
        ) -> tuple[Array, Sequence[Array]]:
            weights = self.read(named)
            with np.errstate(over="ignore", invalid="ignore"):
                output, new = equations.step(weights, x, states, settings)
            return _zoned_out(output, list(states), new, settings)

        return step

    def gates(self, shut: bool) -> dict[str, float]:
        """Return the gates, by letter, at which the state is kept (`shut`) or replaced."""
        equations = self.equations
        assert equations is not None
        turned = self.keeps and equations.update is not None
        return {
            **dict.fromkeys(equations.keeping, float(shut != turned)),
            **dict.fromkeys(equations.replacing, float(shut == turned)),
        }

    def weights(self, cell: Any) -> dict[str, Array]:
        """Return copies of the weights of a cell by name, trainable or not, in float64."""
        return weights_by_name(cell) if self.reading is None else self.reading.named(cell)

    def give(self, cell: Any, named: Mapping[str, Array]) -> None:
        """Assign what `weights` returned.

        Args:
            cell: whose they are, or another of its kind.
            named: in the order in which they were returned.
        """
        for variable, value in zip(numbers_of(cell), named.values(), strict=True):
            variable.assign(value)

    def read(self, named: Mapping[str, Array]) -> Weights:
        """Return weights by the paper's names; they are views of those given.

        Where several are added, it is the first of them.

        Raises:
            UsageError: they are not those of the equations.
        """
        if self.reading is not None:
            return Weights(dict(reversed(list(self.views(named)))))
        assert self.equations is not None
        weights = read_weights(self.equations, named, is_stacked(named))
        if isinstance(weights, str):
            raise UsageError(f"the weights are not those of {self.equations.name}: {weights}")
        return weights

    def views(self, named: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
        """Yield each weight by the paper's name, as a view of those given; all that are added.

        Args:
            named: the cell's weights.
        """
        if self.reading is not None:
            yield from self.reading.views(named)
        else:
            yield from self.read(named).items()

    def drive(self, named: Mapping[str, Array], gates: Mapping[str, float], far: float) -> str:
        """Make biases so large that gates are 0 or 1; return a gate that has none, or nothing.

        Args:
            named: the cell's weights, which are changed.
            gates: what each gate shall be, by its letter.
            far: how large.
        """
        weights = list(self.views(named))
        for gate, value in gates.items():
            shifts = (f"b_{gate}", f"c_{gate}", f"β_W{gate}")
            found = next((array for s in shifts for name, array in weights if name == s), None)
            if found is None:
                return gate
            # Where several are added, the first is so large that the others do not count.
            found[...] = far if value else -far
        return ""

    def place(self, state: int) -> tuple[int, int, int | None]:
        """Return where a state of the equations lies: in which of the cell's, from where to where.

        Args:
            state: in the paper's order; negative ones count from the last.
        """
        if self.reading is not None:
            return self.reading.place(state)
        return state, 0, None

    def step(self, cell: Any, x: Array, states: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
        """Return output and new states by the equations, float64, with the cell's weights.

        Args:
            cell: a built Keras cell.
            x: `(B, F)`.
            states: each `(B, units)`.
        """
        return self.function(cell)(self.weights(cell), x, states)


def _zoned_out(
    output: Array, old: list[Array], new: list[Array], settings: Settings
) -> tuple[Array, list[Array]]:
    """Keep the share of each state that zoneout keeps on average."""
    if not any(settings.zoneout):
        return output, new
    kept = [
        share * a + (1 - share) * b for share, a, b in zip(settings.zoneout, old, new, strict=True)
    ]
    return kept[0], kept
