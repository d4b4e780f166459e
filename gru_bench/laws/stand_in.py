"""What a check is given in a script in place of a `Case`: the same verbs, in plain Python.

Nothing here is run by the bench: scripts hold the source of these classes. They stand on functions
of the framework (its `plain.py`), and a script holds those of them, and of these verbs, that it
uses.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import random
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from gru_bench.laws.stand_in_asking import Asking
from gru_bench.laws.stand_in_parts import Claimed, Drawing

#: Names that every script has: what a check may use beside Python's own and its modules'.
PROVIDED = frozenset({"np", "Case", "Bound", "NotApplicable"})


class NotApplicable(Exception):  # noqa: N818  what laws call it
    """The law says nothing of this case."""


class Bound:
    """How far two results may lie apart, and why that far."""

    def __init__(self, limit: Any, why: str) -> None:
        self.limit, self.why = limit, why


class Case(Asking, Drawing, Claimed):
    """What the law is tried on, and what it asks of the cell."""

    def __init__(self, given: dict[str, Any]) -> None:
        # By name, since a law may call its own functions what the script calls these.
        self.given = given
        self.xs, self.states = given["xs"], given["states"]
        self.seed, self.dtype, self.training = given["seed"], given["dtype"], given["training"]
        self.weights = dict(zip(given["names"], given["weights"]))
        self.steps, self.batch, self.features = self.xs.shape
        #: Cells that were called before, by dtype and mode; how often the first of them was.
        self.cells: dict[Any, Any] = {}
        self.calls = 1

    @property
    def rng(self) -> np.random.Generator:
        """A new generator, the same each time it is asked for."""
        return np.random.default_rng(self.seed)

    def at(self, **changes: Any) -> Case:
        """Return the same case with some fields replaced."""
        other = copy.copy(self)
        vars(other).update(changes)
        return other

    def with_weights(self, weights: dict[str, Any], **changes: Any) -> Case:
        """Return the same case with other weights, as far as the cell's constraints allow them."""
        found = self.given["allowed"](self.given["cell"], weights.values())
        return self.at(weights=dict(zip(weights, found)), **changes)

    def cell(self, dtype: str | None = None, training: bool | None = None) -> Any:
        """Return the cell with these weights; like that of the bench it has been called before."""
        key = dtype or self.dtype, self.training if training is None else training
        if key not in self.cells:
            self.cells[key] = self._called_once(*key)
        self.given["assign"](self.cells[key], self.weights.values())
        return self.cells[key]

    def _called_once(self, dtype: str, training: bool) -> Any:
        random.seed(0)  # as the bench does: Keras takes seeds that are not given from here
        cell, rows = self.given["make"](dtype), 3 if training else 1
        # With other weights: a cell that keeps what it made of the first ones is found out.
        self.given["assign"](cell, [0 * weight for weight in self.weights.values()])
        for _ in range(1 if training or self.cells else self.calls):
            self.given["first_call"](cell, np.zeros((rows, self.features)), training)
        return cell

    def trains(self, cell: Any) -> bool:
        """Return whether a cell runs in training mode."""
        modes = [training for (_, training), one in self.cells.items() if one is cell]
        return bool(modes[0]) if modes else self.training

    def make(self) -> Any:
        """Return a new cell with the weights, which has never been called."""
        return self.given["make"](self.dtype)

    def assign(self, cell: Any, values: Iterable[Any]) -> None:
        """Give a cell other weights."""
        self.given["assign"](cell, values)

    def call(self, cell: Any, x: Any, states: Sequence[Any]) -> Any:
        """Return the output and the new states of one step."""
        return self.given["call"](cell, x, states, self.trains(cell))

    def run(self, cell: Any, xs: Any, states: Sequence[Any], mode: str | None = None) -> Any:
        """Return the outputs of all steps and the final states, as fast as it can be had."""
        given = cell, xs, states, self.trains(cell)
        if mode is None and any(cell is one for one in self.cells.values()):
            with contextlib.suppress(Exception):  # not all can be traced
                return self.given["run"](*given, "graph")
        return self.given["run"](*given)

    def fit(self, x: Any) -> Any:
        """Return the inputs, or others in place of those that the cell does not take."""
        if "inputs" not in self.given:
            return x
        low, high, whole = self.given["inputs"]
        inside = (x >= low) & (x <= high)
        width, far = high - low, np.abs(x - low)
        if not whole:
            folded = high - np.abs(far % (2 * width) - width)
            return np.where(inside, x, folded)
        drawn = np.floor(low + np.abs(x) * (width + 1) / 2) % (width + 1) + low
        return np.round(np.where(inside & (x == np.round(x)), x, drawn))

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

    def agree_granting(self, got: Any, expected: Any, bound: Any, more: Any, what: str) -> None:
        """Compare two results."""
        del more  # it is in the number
        self.agree(got, expected, bound, what)

    def agree(self, got: Any, expected: Any, bound: Any, what: str) -> None:
        """Compare two results."""
        # What the bench derives where results differ is a number here.
        limit = np.asarray(bound.limit if isinstance(bound, Bound) else self.given["limit"])
        if limit.ndim and limit.shape != np.shape(got):
            limit = limit.max()  # it is of another comparison, which failed
        try:
            self.given["compare"](got, expected, limit)
        except AssertionError as error:
            raise AssertionError(f"{what} {error}") from None


def repeat(check: Callable[[Any], None], kind: Any, given: dict[str, Any]) -> None:
    """Check a case; whatever the cell itself raises is a failure too."""
    try:
        given["cell"] = given["make"](given["dtype"])
        case = kind(given)
        for _ in range(2):  # what a cell remembers can hide it once
            check(case)
        # It can depend on how often one cell was called and another was not.
        case = kind(given)
        case.calls = 2
        check(case)
    except AssertionError:
        raise
    except NotApplicable as reason:
        print(f"The law says nothing of this case: {reason}.")
    except (Exception, SystemExit) as error:
        raise AssertionError(f"the cell raises {type(error).__name__}: {error}") from error


def stand_in(script: str, *more: type[Any]) -> str:
    """Return the source of these classes, as far as a script uses their verbs.

    Args:
        script: of a law.
        *more: classes behind these.
    """
    kinds = NotApplicable, Bound, Asking, Drawing, Claimed, Case, *more
    trees = [ast.parse(inspect.getsource(kind)) for kind in kinds]
    used = _names(ast.parse(script))
    count = 0
    while len(used) > count:  # verbs call verbs
        count = len(used)
        for tree in trees:
            for verb in _verbs(tree):
                if verb.name in used or verb.name.startswith("__"):
                    used |= _names(verb)
    left = [_left(kind, tree, used) for kind, tree in zip(kinds, trees, strict=True)]
    parts = [
        _pruned(_based(inspect.getsource(kind), left), tree, used)
        for kind, tree in zip(kinds, trees, strict=True)
        if kind in left
    ]
    parts[0] = parts[0].replace("  # noqa: N818  what laws call it", "")
    return "\n\n\n".join([*parts, inspect.getsource(repeat).rstrip(), ""])


def _left(kind: type[Any], tree: ast.AST, used: set[str]) -> type[Any] | None:
    """Return a class that a script needs, None for one whose verbs it does not use."""
    idle = all(verb.name not in used and verb.name[:2] != "__" for verb in _verbs(tree))
    return None if idle and kind in (Asking, Drawing, Claimed) else kind


def _based(source: str, left: Sequence[type[Any] | None]) -> str:
    """Return the source of a class without bases that the script does not hold."""
    names = [kind.__name__ for kind in (Asking, Drawing, Claimed) if kind in left]
    bases = f"({', '.join(names)})" if names else ""
    return source.replace(f"{Case.__name__}(Asking, Drawing, Claimed):", f"{Case.__name__}{bases}:")


def _verbs(tree: ast.AST) -> list[ast.FunctionDef]:
    (kind,) = tree.body  # type: ignore[attr-defined]
    return [one for one in kind.body if isinstance(one, ast.FunctionDef)]


def _names(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _pruned(source: str, tree: ast.AST, used: set[str]) -> str:
    """Return the source of a class without verbs that are not used, and what is for types only."""
    lines = source.splitlines()
    (kind,) = tree.body  # type: ignore[attr-defined]
    for one in kind.body:
        verb = isinstance(one, ast.FunctionDef)
        if isinstance(one, ast.If) or (
            verb and one.name not in used and not one.name.startswith("__")
        ):
            first = min([one.lineno, *(d.lineno for d in getattr(one, "decorator_list", []))])
            lines[first - 1 : one.end_lineno] = [""] * (one.end_lineno - first + 1)
    return re.sub(r"\n\s*\n(\s*\n)+", "\n\n", "\n".join(lines)).rstrip()
