"""A reading held against other cells of the same class: of other sizes, with other arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations.box import short_names
from gru_bench.equations.formula import MATRICES, kind_of
from gru_bench.equations.hypothesis import Hypothesis
from gru_bench.equations.identity import Identity, Reading
from gru_bench.equations.reading import numbers_of
from gru_bench.equations.words import words_of

Array = NDArray[Any]
Step = Callable[[Mapping[str, Array], Array, Sequence[Array]], tuple[Array, list[Array]]]

#: Arguments of constructors that numbers in the equations follow.
_ARGUMENTS = {"k_f": ("forget_bias",), "k_clip": ("cell_clip", "clip")}


@dataclass(frozen=True)
class Followed:
    """A reading, and which of the cell's arguments it follows.

    Args:
        reading: of a cell.
        names: of all weights of that cell, in its order.
        units: n.
        blocks: of the cell's states: in which each lies, and where it begins.
        follows: functions and numbers of the reading that the cell's arguments choose.
    """

    reading: Reading
    names: tuple[str, ...]
    units: int
    blocks: tuple[tuple[int, int], ...] = ((0, 0),)
    follows: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """The equations in words."""
        return self.reading.title()

    def named(self, cell: Any) -> dict[str, Array]:
        """Return copies of the weights of a cell of the same class, by the names of the reading.

        Args:
            cell: built; it may lack biases.
        """
        kept = numbers_of(cell)
        names: Sequence[str] = short_names([v.path for v in kept])
        if len(names) == len(self.names):
            names = self.names  # layers within are numbered anew in each cell
        return {n: np.array(v.value, np.float64) for n, v in zip(names, kept, strict=True)}

    def views(self, named: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
        """Yield each part and a view of where it lies.

        Args:
            named: weights by the names of the reading.
        """
        features = self._features(named)
        for slot in self.reading.slots:
            if slot.weight in named:
                yield slot.part, slot.view(named[slot.weight], features, self.units)

    def _features(self, named: Mapping[str, Array]) -> int:
        """Return F, from the shape of a weight of the input's."""
        for slot in self.reading.slots:
            if kind_of(slot.part) != "W" or slot.weight not in named:
                continue
            shape = named[slot.weight].shape
            k = next(k for k, axis in enumerate(slot.axes) if axis.of == 0)
            within = [s for s in self.reading.slots if s.weight == slot.weight]
            joined = {s.part[0] for s in within if s.axes[k].of == 0}
            biases = {s.axes[k] for s in within if len(s.sizes) == 1 and s.axes[k].of < 0}
            return int(shape[k]) - (self.units if "U" in joined else 0) - len(biases)
        return self.units

    def place(self, state: int) -> tuple[int, int, int | None]:
        """Return where a state of the equations lies, as `Claim.place`.

        Args:
            state: in the paper's order.
        """
        order = self.reading.hypothesis.order
        which, start = self.blocks[order.index(state % len(order))]
        return which, start, start + self.units

    def function(self, cell: Any) -> Step:
        """Return one step by the equations, as the arguments of a cell choose.

        Args:
            cell: built, of the same class.
        """
        made = self._hypothesis(cell)
        reading, units = self.reading, self.units

        def step(
            named: Mapping[str, Array], x: Array, states: Sequence[Array]
        ) -> tuple[Array, list[Array]]:
            features = np.shape(x)[-1]
            weights: dict[str, Any] = {}
            for slot in reading.slots:
                if slot.weight not in named:
                    continue
                value = slot.factor * slot.view(np.asarray(named[slot.weight]), features, units)
                weights[slot.part] = weights.get(slot.part, 0.0) + value
            for part in made.formula.matrices:
                if part not in weights:
                    rows = {"F": features, "n": units}
                    weights[part] = np.zeros([rows[a] for a in MATRICES[kind_of(part)]])
            blocks, sizes = [], []
            for state in states:
                count = np.shape(state)[-1] // units
                sizes.append(count)
                blocks += np.split(np.asarray(state), count, axis=-1)
            output, new = made.step(weights, np.asarray(x), blocks)
            return output, _joined(new, sizes)

        return step

    def _hypothesis(self, cell: Any) -> Hypothesis:
        """Return the hypothesis with the functions and numbers that a cell was given."""
        made = self.reading.hypothesis
        words = words_of(cell)
        changes: dict[str, Any] = {"own": {**made.own, **words.own}}
        if "phi" in self.follows and words.phi is not None:
            changes["phi"] = words.phi
        if "sigma" in self.follows and words.sigma is not None:
            changes["sigma"] = words.sigma
        constants = dict(made.constants)
        for name in set(constants) & self.follows:
            value = _argument(cell, name)
            if value is not None:
                constants[name] = value
        if "epsilon" in self.follows and words.epsilons:
            changes["epsilon"] = words.epsilons[0]
        return made.at(constants=constants, **changes)


def follow(reading: Reading, cell: Any, identity: Identity) -> Followed:
    """Return a reading with what of it the cell's arguments choose.

    Args:
        reading: of the cell.
        cell: built.
        identity: what was found out about it.
    """
    made, words = reading.hypothesis, words_of(cell)
    found = {name for name, value in made.constants.items() if _argument(cell, name) == value}
    if words.phi is not None and made.phi == words.phi:
        found.add("phi")
    if words.sigma is not None and made.sigma == words.sigma:
        found.add("sigma")
    if made.epsilon in words.epsilons:
        found.add("epsilon")
    return Followed(reading, identity.names, identity.units, identity.blocks, frozenset(found))


def _argument(cell: Any, constant: str) -> float | None:
    for name in _ARGUMENTS.get(constant, ()):
        value = getattr(cell, name, None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


def _joined(blocks: Sequence[Array], sizes: Sequence[int]) -> list[Array]:
    """Return states as the cell has them, of so many blocks each."""
    found, k = [], 0
    for size in sizes:
        found.append(np.concatenate(blocks[k : k + size], axis=-1) if size > 1 else blocks[k])
        k += size
    return found
