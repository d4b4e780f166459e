"""A law's check as the script that repeats it: its own source, for a case in a script.

A check that speaks to its case only in the verbs of `Case` (`cell`, `make`, `call`, `run`,
`assign`, `close`, `fail`, `fit`, `note`) and to NumPy is written once: the runner gives it a
`Case`, and a
script gives it a stand-in with the same verbs in plain Python.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

#: The stand-in for a case, over what a prelude defines and the values of the case.
CASE = '''\
class Case:
    """What the law is tried on, and what it asks of the cell."""

    xs, states, seed, dtype, training = xs, states, seed, dtype, training
    weights = dict(enumerate(weights))
    steps, batch, features = xs.shape
    rng = property(lambda self: np.random.default_rng(seed))

    def cell(self):
        """Return the cell, which may have been called before."""
        return cell

    def make(self):
        """Return a new cell with the weights."""
        return make(dtype)

    def assign(self, cell, values):
        """Give a cell other weights."""
        assign(cell, values)

    def call(self, cell, x, states):
        """Return the output and the new states of one step."""
        return call(cell, x, states)

    def run(self, cell, xs, states):
        """Return the outputs of all steps and the final states."""
        return run(cell, xs, states)

    def fit(self, x):
        """Return the inputs."""
        return x

    def note(self, **facts):
        """Say nothing: what the law chooses it chooses again."""

    def fail(self, message, **facts):
        """Say that the law does not hold."""
        raise AssertionError(message)

    def close(self, got, expected, what):
        """Compare two results."""
        try:
            compare(got, expected, limit)
        except AssertionError as error:
            raise AssertionError(f"{what} {error}, more than {limit}") from None


'''


@cache
def script_of(check: Callable[[Any], None]) -> str:
    """Return Python that defines a check, with what it calls of its module, and calls it."""
    module = sys.modules[check.__module__]
    parts: dict[str, str] = {}
    waiting: list[Any] = [check]
    while waiting:
        function = waiting.pop()
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
        (definition,) = tree.body
        assert isinstance(definition, ast.FunctionDef)
        definition.decorator_list = []
        lines = source.splitlines()[definition.lineno - 1 :]
        parts[function.__name__] = "\n".join(lines)
        for name in sorted(_globals_of(definition)):
            found = getattr(module, name, None)
            if inspect.isfunction(found) and name not in parts:
                waiting.append(found)
    return "\n\n\n".join([*reversed(parts.values()), f"{check.__name__}(Case())\n"])


def foreign(check: Callable[[Any], None]) -> set[str]:
    """Return the names that the script of a check uses and does not have."""
    tree = ast.parse(script_of(check))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    used = {name for node in tree.body for name in _globals_of(node)}
    return used - defined - {"np", "Case"} - set(dir(builtins))


def _globals_of(node: ast.AST) -> set[str]:
    """Return the names that code reads and does not bind, but for those in annotations."""
    bound: set[str] = set()
    read: set[str] = set()
    skipped: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef):
            annotations = [a.annotation for a in part.args.args] + [part.returns]
            skipped |= {id(n) for a in annotations if a is not None for n in ast.walk(a)}
            bound |= {a.arg for a in part.args.args}
        elif isinstance(part, ast.AnnAssign):
            skipped |= {id(n) for n in ast.walk(part.annotation)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and id(part) not in skipped:
            (bound if isinstance(part.ctx, ast.Store) else read).add(part.id)
    return read - bound
