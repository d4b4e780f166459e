"""Which published equations a cell claims to compute, and one step by them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations.published import EQUATIONS, Equations, Settings, Weights
from gru_bench.equations.reading import is_stacked, read_settings, read_weights, weights_by_name
from gru_bench.errors import UsageError, check_known, in_one_line
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.loading import import_from_here

Array = NDArray[Any]

#: What a user may give instead of a name: weights by name, x and states to output and states.
UserStep = Callable[[Mapping[str, Array], Array, Sequence[Array]], tuple[Array, Sequence[Array]]]

#: Asks for no comparison with any equations.
NONE = "none"

#: How many random steps a guess compares.
_STEPS = 4


@dataclass(frozen=True)
class Claim:
    """The equations a cell is held to.

    Args:
        equations: the published ones; None for a function that the user gave.
        keeps: whether the update gate weighs the old state.
        guessed: whether nobody claimed it.
        given: the user's function.
    """

    equations: Equations | None
    keeps: bool = False
    guessed: bool = False
    given: UserStep | None = None

    @property
    def name(self) -> str:
        """The equations in a few words, with the reading of the update gate."""
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
        return f"{'guessed from the weights: ' if self.guessed else ''}{self.name}"

    def function(self, cell: Any) -> UserStep:
        """Return one step by the equations, as a function of weights by name, x and states.

        Args:
            cell: a built Keras cell, whose constructor arguments count.
        """
        if self.given is not None:
            return self.given
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
        assert self.equations is not None
        if "i" in self.equations.gates:
            return {"f": float(shut), "i": float(not shut)}
        if self.equations.name == "minimal-gated-unit":
            return {"f": float(not shut)}
        return {"z": float(shut == self.keeps)}

    @staticmethod
    def weights(cell: Any) -> dict[str, Array]:
        """Return copies of the weights of a cell by name, trainable or not, in float64."""
        return weights_by_name(cell)

    def read(self, named: Mapping[str, Array]) -> Weights:
        """Return weights by the paper's names; they are views of those given.

        Raises:
            UsageError: they are not those of the equations.
        """
        assert self.equations is not None
        weights = read_weights(self.equations, named, is_stacked(named))
        if isinstance(weights, str):
            raise UsageError(f"the weights are not those of {self.equations.name}: {weights}")
        return weights

    def step(self, cell: Any, x: Array, states: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
        """Return output and new states by the equations, float64, with the cell's weights.

        Args:
            cell: a built Keras cell.
            x: `(B, F)`.
            states: each `(B, units)`.
        """
        return self.function(cell)(weights_by_name(cell), x, states)


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


def find_claim(cell: Any, given: str | UserStep | None = None) -> Claim | None:
    """Return the equations that a built cell claims, or those its weights suggest.

    Args:
        cell: a built Keras cell.
        given: a name of `EQUATIONS`, `package.module:function`, a function of weights by name, x
            and states, "none", or None for a guess.

    Returns:
        None where nothing was claimed and the weights suggest nothing, or "none" was asked for.

    Raises:
        UsageError: the name is unknown, or the cell's weights are not those of the equations.
    """
    if given is None:
        return guess(cell)
    if callable(given):
        return Claim(None, given=given)
    if given == NONE:
        return None
    if ":" in given:
        return Claim(None, given=_load(given))
    equations = EQUATIONS[check_known("equations", given, [*EQUATIONS, NONE])]
    named = weights_by_name(cell)
    weights = read_weights(equations, named, is_stacked(named))
    if isinstance(weights, str):
        raise UsageError(f"cell {cell.name!r} cannot be held to {given}: {weights}")
    # Where Keras's names are used, so is Keras's reading of the update gate.
    return Claim(equations, keeps=is_stacked(named))


def _load(name: str) -> UserStep:
    module, _, attribute = name.partition(":")
    try:
        with import_from_here():
            found: UserStep = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a user's module can fail in any way
        raise UsageError(f"equations {name!r} cannot be imported: {in_one_line(error)}") from error
    if not callable(found):
        raise UsageError(f"equations {name!r} must be a function of weights, x and states")
    return found


def candidates(cell: Any) -> Iterator[Claim]:
    """Yield the claims that a cell's weights and number of states allow."""
    named = weights_by_name(cell)
    states = len(keras.tree.flatten(cell.state_size))
    for equations in EQUATIONS.values():
        if equations.states != states or not named:
            continue
        if isinstance(read_weights(equations, named, is_stacked(named)), str):
            continue
        readings = (True, False) if equations.update else (False,)
        for keeps in readings:
            yield Claim(equations, keeps=keeps, guessed=True)


def guess(cell: Any) -> Claim | None:
    """Return the claim among `candidates` that the cell is nearest to, with random weights.

    It may still be far: the nearest equations of a wrong cell are those it fails.

    Args:
        cell: built; it has its own weights again afterwards.

    Returns:
        None also where the weights have the names and shapes of equations, but the cell does not
        read inputs of that size: they belong to a layer within it.
    """
    claims = list(candidates(cell))
    if not claims:
        return None
    before = [np.asarray(variable.value) for variable in cell.weights]
    try:
        tried = [_distances(cell, claims, seed) for seed in range(_STEPS)]
    finally:
        for variable, value in zip(cell.weights, before, strict=True):
            variable.assign(value)
    distances = np.max(tried, axis=0)
    nearest = int(np.argmin(distances))
    return claims[nearest] if np.isfinite(distances[nearest]) else None


def _distances(cell: Any, claims: Sequence[Claim], seed: int) -> list[float]:
    """Return how far one random step of the cell is from each claim, ∞ where it cannot be asked."""
    rng = np.random.default_rng(seed)
    for variable in cell.weights:
        if str(variable.dtype).startswith(("float", "bfloat")):
            variable.assign(rng.normal(size=variable.shape))
    features = int(weights_by_name(cell).get("kernel", cell.weights[0]).shape[0])
    x = rng.normal(size=(3, features))
    shapes = keras.tree.flatten(cell.state_size)
    states = [rng.normal(size=(3, int(size))) for size in shapes]
    try:
        nested = keras.tree.pack_sequence_as(cell.state_size, states)
        nested = nested if isinstance(nested, (list, tuple)) else [nested]
        output, _ = cell(keras.ops.convert_to_tensor(x), nested)
        actual = np.asarray(output)
    except Exception:  # a user's cell can fail in any way
        return [np.inf] * len(claims)
    return [_distance(claim, cell, x, states, actual) for claim in claims]


def _distance(claim: Claim, cell: Any, x: Array, states: list[Array], actual: Array) -> float:
    try:
        apart = np.abs(claim.step(cell, x, states)[0] - actual).max()
    except ValueError:  # sizes do not fit
        return np.inf
    # A cell that is not finite anywhere is as far from one claim as from the other.
    return float(np.nan_to_num(apart, nan=np.finfo(float).max, posinf=np.finfo(float).max))
