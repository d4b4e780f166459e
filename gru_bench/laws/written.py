"""A law's check as the script that repeats it: its own source, for a case in a script.

A check that speaks to its case only in verbs (those of `stand_in.Case`) and to Python's library and
NumPy is written once: the runner gives it a `Case`, and a script gives it a stand-in with the same
verbs in plain Python. What the check uses of the laws' own modules (functions, constants) goes into
the script too.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from gru_bench.laws.plain import compare
from gru_bench.laws.stand_in import PROVIDED

#: Whose functions and constants go into a script when a check, or a verb, uses them.
OWN = (
    "gru_bench.laws.cells",
    "gru_bench.laws.keras",
    "gru_bench.laws.torch",
    "gru_bench.laws.plain",
    "gru_bench.subjects.keras.building",
    "gru_bench.subjects.keras.masks",
    "gru_bench.trace.tensorflow.narrowed",
)

#: Whose checks are given what stands for a case of a Keras cell.
OF_KERAS = "gru_bench.laws.keras"

#: Whose checks are given what stands for a case of a PyTorch module.
OF_TORCH = "gru_bench.laws.torch"

#: What the top of a script says, beside `PROVIDED`.
SAID = frozenset(
    {"keras", "tf", "make", "names", "weights", "dtype", "training", "seed"}
    | {"torch", "one", "begun", "shapes"}
)


#: How a stand-in calls the functions of `plain.py`.
_BY_NAME = r'given\["(\w+)"\]'


@dataclass
class _Parts:
    """What a script consists of, in the order in which it must stand."""

    imports: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    #: Names that it uses and has not.
    foreign: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Return all of it."""
        constants = dict.fromkeys(self.constants.values())  # one line can make several
        head = "\n".join([*sorted(self.imports.values()), *constants])
        return "\n\n\n".join([head] * bool(head) + list(self.functions.values()))


@cache
def script_of(check: Callable[[Any], None]) -> str:
    """Return Python that defines a check, with what it uses of its modules, and calls it."""
    kinds = {OF_KERAS: "KerasCase", OF_TORCH: "TorchCase"}
    case = next((c for room, c in kinds.items() if check.__module__.startswith(room)), "Case")
    return f"{_parts(check).text()}\n\n\nrepeat({check.__name__}, {case}, given)\n"


def foreign(check: Callable[[Any], None]) -> set[str]:
    """Return the names that the script of a check uses and does not have."""
    return _parts(check).foreign


def called_in(script: str, module: ModuleType, *names: str) -> str:
    """Return the functions of a module that a script calls, with what they use.

    Args:
        script: a stand-in calls them by their names, `given["call"]`.
        module: a `plain` one.
        *names: of others.
    """
    words = {*names, *re.findall(_BY_NAME, script)}
    return f"{_parts_of(words, module).text()}\n\n\n"


def missed_by(module: ModuleType) -> set[str]:
    """Return the names that the functions of a `plain` module use and a script would not have."""
    names = {one.name for one in _statements(module) if isinstance(one, ast.FunctionDef)}
    return _parts_of(names, module).foreign


def _parts_of(words: set[str], module: ModuleType) -> _Parts:
    parts = _Parts()
    for home in (sys.modules[compare.__module__], module):
        for one in _statements(home):
            for name in _bound(one):
                if name in words:
                    _add(parts, name, home, SAID)
    return parts


def _bound(statement: ast.stmt) -> list[str]:
    """Return the functions that a statement of a `plain` module defines or takes from others."""
    if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(OWN):
        return [alias.name for alias in statement.names]
    return [statement.name] if isinstance(statement, ast.FunctionDef) else []


def _parts(check: Callable[[Any], None]) -> _Parts:
    parts = _Parts()
    _add(parts, check.__name__, sys.modules[check.__module__])
    return parts


def _add(parts: _Parts, name: str, module: ModuleType, said: frozenset[str] = frozenset()) -> None:
    """Put what a module calls by a name into a script, after all that it uses."""
    if name in parts.imports or name in parts.constants or name in parts.functions:
        return
    statement = _statement(module, name)
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        source = getattr(statement, "module", None) or ""
        if source.startswith(OWN):
            _add(parts, name, sys.modules[source], said)
        elif source.startswith("gru_bench"):
            parts.foreign.add(name)
        else:
            alias = next(a for a in statement.names if (a.asname or a.name) == name)
            told = ast.unparse(_only(statement, alias))
            parts.imports[name] = told
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        _add_used(parts, statement, module, said)
        assert statement.value is not None
        names = _assigned(statement)
        told = f"{', '.join(names)} = {ast.unparse(statement.value)}"
        parts.constants.update(dict.fromkeys(names, told))
    elif isinstance(statement, ast.FunctionDef):
        parts.functions[name] = ""  # it may call itself
        _add_used(parts, statement, module, said)
        del parts.functions[name]  # after what it uses
        parts.functions[name] = _source(getattr(module, name))
    else:
        parts.foreign.add(name)


def _add_used(parts: _Parts, statement: ast.stmt, module: ModuleType, said: frozenset[str]) -> None:
    for name in sorted(globals_of(statement)):
        if name not in PROVIDED | said and not hasattr(builtins, name):
            _add(parts, name, module, said)


def _statement(module: ModuleType, name: str) -> ast.stmt | None:
    """Return the statement of a module that binds a name."""
    for statement in _statements(module):
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return statement
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if any((alias.asname or alias.name) == name for alias in statement.names):
                return statement
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and name in _assigned(statement):
            return statement
    return None


def _assigned(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    """Return the names that a statement binds, one or several at once."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    (target,) = targets
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return [one.id for one in parts if isinstance(one, ast.Name)]


@cache
def _statements(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _only(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(statement, ast.Import):
        return ast.Import([alias])
    return ast.ImportFrom(statement.module, [alias], statement.level)


def _source(function: Any) -> str:
    """Return the source of a function without its decorators."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.FunctionDef)
    return "\n".join(source.splitlines()[definition.lineno - 1 :])


def globals_of(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads from around it, but for those in annotations."""
    tree = _Bare().visit(ast.parse(ast.unparse(statement)))
    table = symtable.symtable(ast.unparse(ast.fix_missing_locations(tree)), "law", "exec")
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned()}
    return {name for name in _read(table) if name not in bound}


def _read(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _read(inner)


class _Bare(ast.NodeTransformer):
    """Takes annotations and decorators away."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list, node.returns = [], None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.Assign([node.target], node.value)
