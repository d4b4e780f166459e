"""Laws: what one is, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gru_bench.laws.written import script_of

if TYPE_CHECKING:
    from gru_bench.laws.case import Case

#: Families in the order in which they are checked and printed.
FAMILIES = (
    "shape and dtype",
    "one function",
    "batch",
    "time",
    "modes",
    "equations",
    "gates",
    "learning",
    "numerics",
    "randomness",
    "Keras citizenship",
    "layers",
    "modules",
)

#: Families of laws that are about Keras.
OF_KERAS = ("Keras citizenship", "layers")

#: Families of laws that are about PyTorch.
OF_TORCH = ("modules",)


@dataclass(frozen=True)
class Wants:
    """What cases a law is tried on; sizes come from small sets, so that traces are reused.

    Args:
        batch: numbers of rows to choose from.
        steps: numbers of steps to choose from.
        scales: by how much weights, inputs and states are larger than ordinary ones.
        training: whether the cell runs in training mode.
        dtype: of the cell; None for the widest that it supports.
        kinds: of inputs, among `strategies.KINDS`.
        narrow: whether only one input size is tried; for laws that compile.
        zero_state: whether the initial state is sometimes the cell's own instead of a drawn one.
    """

    batch: tuple[int, ...] = (1, 3)
    steps: tuple[int, ...] = (1, 2, 4)
    scales: tuple[float, ...] = (1.0, 0.25, 4.0)
    training: bool = False
    dtype: str | None = None
    kinds: tuple[str, ...] = ("ordinary", "bits", "constant", "zero")
    narrow: bool = False
    zero_state: bool = True


@dataclass(frozen=True)
class Law:
    """A statement that every correct cell obeys, tried on generated cases.

    Args:
        name: words joined by hyphens.
        family: one of `FAMILIES`.
        statement: one sentence.
        check: takes a `Case`, and asks it in its verbs only, so that its source is the script too;
            returns where the law holds, raises `Broken` (by `case.agree` and
            `case.fail`) where it does not. What the cell itself raises breaks the law too.
        needs: capabilities, see `capability.py`.
        caught: addresses of public issues that this law would have caught.
        wants: what cases it is tried on.
        share: of the profile's examples; laws that compile take a small one.
        basic: whether it is tried on a cell that cannot run one step; no other law is.
        most: examples at most; 1 for what does not depend on the case.
    """

    name: str
    family: str
    statement: str
    check: Callable[[Case], None]
    needs: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()
    wants: Wants = field(default_factory=Wants)
    share: float = 1.0
    basic: bool = False
    most: int | None = None

    @property
    def script(self) -> str:
        """What repeats the check, behind the prelude of a framework."""
        return script_of(self.check)

    @property
    def required(self) -> tuple[str, ...]:
        """All capabilities that a cell needs for the law to be tried on it."""
        first = [*["keras"] * (self.family in OF_KERAS), *["torch"] * (self.family in OF_TORCH)]
        return (*first, *(() if self.basic else ("step",)), *self.needs)

    def examples(self, profile: int) -> int:
        """Return how many cases are tried where the profile says so many."""
        count = max(2, round(profile * self.share))
        return count if self.most is None else min(count, self.most)


#: All laws by name, in the order of their families.
LAWS: dict[str, Law] = {}


def law(
    name: str, family: str, statement: str, **options: Any
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register the decorated function as the check of a law; see `Law` for the arguments."""
    assert family in FAMILIES, family
    assert name not in LAWS, name

    def register(check: Callable[[Any], None]) -> Callable[[Any], None]:
        LAWS[name] = Law(name, family, statement, check, **options)
        return check

    return register
