"""What a check is given in a script in place of a `Case`: the same verbs, in plain Python.

Nothing here is run by the bench: scripts hold the source of these classes. They stand on functions
of the framework's prelude (`make`, `assign`, `call`, `run`, `compare`).
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from gru_bench.laws.stand_in_parts import Claimed, Drawing

#: Names that every script has: what a check may use beside Python's own and its modules'.
PROVIDED = frozenset({"np", "Case", "Bound", "NotApplicable"})


class NotApplicable(Exception):  # noqa: N818  what laws call it
    """The law says nothing of this case."""


class Bound:
    """How far two results may lie apart, and why that far."""

    def __init__(self, limit: Any, why: str) -> None:
        self.limit, self.why = limit, why


class Case(Drawing, Claimed):
    """What the law is tried on, and what it asks of the cell."""

    def __init__(self, given: dict[str, Any]) -> None:
        # By name, since a law may call its own functions what the script calls these.
        self.given = given
        self.xs, self.states = given["xs"], given["states"]
        self.seed, self.dtype, self.training = given["seed"], given["dtype"], given["training"]
        self.weights = dict(enumerate(given["weights"]))
        self.steps, self.batch, self.features = self.xs.shape

    @property
    def rng(self) -> np.random.Generator:
        """A new generator, the same each time it is asked for."""
        return np.random.default_rng(self.seed)

    def cell(self) -> Any:
        """Return the cell, which may have been called before."""
        return self.given["cell"]

    def make(self) -> Any:
        """Return a new cell with the weights."""
        return self.given["make"](self.dtype)

    def assign(self, cell: Any, values: Iterable[Any]) -> None:
        """Give a cell other weights."""
        self.given["assign"](cell, values)

    def call(self, cell: Any, x: Any, states: Sequence[Any]) -> Any:
        """Return the output and the new states of one step."""
        return self.given["call"](cell, x, states)

    def step(self, cell: Any, x: Any, states: Sequence[Any]) -> Any:
        """Return the output and the new states of one step."""
        return self.given["call"](cell, x, states)

    def run(self, cell: Any, xs: Any, states: Sequence[Any]) -> Any:
        """Return the outputs of all steps and the final states."""
        return self.given["run"](cell, xs, states)

    def fit(self, x: Any) -> Any:
        """Return the inputs."""
        return x

    def note(self, **facts: Any) -> None:
        """Say nothing: what the law chooses it chooses again."""

    def fail(self, message: str, **facts: Any) -> NoReturn:
        """Say that the law does not hold."""
        del facts  # the message holds them
        raise AssertionError(message)

    def rounding(self, dtype: Any = None) -> Bound:
        """Return how far two correct results may lie apart."""
        del dtype  # the comparison that failed was of one
        return Bound(self.given["limit"], "as the bench derived it")

    def close(self, got: Any, expected: Any, what: str) -> None:
        """Compare two results, which may differ by rounding."""
        self.agree(got, expected, self.rounding, what)

    def agree(self, got: Any, expected: Any, bound: Bound | Callable[[], Bound], what: str) -> None:
        """Compare two results."""
        bound = bound if isinstance(bound, Bound) else bound()
        try:
            self.given["compare"](got, expected, bound.limit)
        except AssertionError as error:
            raise AssertionError(f"{what} {error}, more than {bound.limit}") from None


def stand_in() -> str:
    """Return the source of these classes, for a script."""
    classes = (NotApplicable, Bound, Drawing, Claimed, Case)
    parts = [_source(one) for one in classes]
    parts[0] = parts[0].replace("  # noqa: N818  what laws call it", "")
    return "\n\n\n".join([*parts, "given = dict(globals())", ""])


def _source(kind: type[Any]) -> str:
    """Return the source of a class without what is there for a checker of types only."""
    source = inspect.getsource(kind).rstrip()
    lines = source.splitlines()
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    for one in definition.body:
        if isinstance(one, ast.If):
            assert one.end_lineno is not None
            del lines[one.lineno - 1 : one.end_lineno + 1]
    return "\n".join(lines)
