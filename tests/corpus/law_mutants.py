"""Mutants of the laws' own code: each is one function of a law's module with one change in it."""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

#: What a comparison becomes.
COMPARED = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

#: What an operation becomes.
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One function with one change.

    Args:
        module: that has the function.
        function: its name.
        line: where, in the module.
        change: in words.
        source: of the changed function.
    """

    module: str
    function: str
    line: int
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.module.rpartition('.')[2]}.{self.function}, line {self.line}: {self.change}"

    def made(self) -> Any:
        """Return the changed function, in its module's names."""
        names: dict[str, Any] = sys.modules[self.module].__dict__
        space: dict[str, Any] = {}
        code, file = "from __future__ import annotations\n" + self.source, f"<{self}>"
        # A law's script holds the source of its check, and asks for it here.
        linecache.cache[file] = len(code), None, code.splitlines(keepends=True), file
        exec(compile(code, file, "exec"), names, space)
        return space[self.function]


def mutants(module: ModuleType) -> Iterator[Mutant]:
    """Yield the mutants of all functions of a module, in the order of its lines."""
    for name, function in sorted(vars(module).items(), key=lambda item: _line(item[1])):
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            yield from _of_function(module.__name__, name, function)


def _line(value: Any) -> int:
    return int(value.__code__.co_firstlineno) if inspect.isfunction(value) else 0


def _of_function(module: str, name: str, function: Any) -> Iterator[Mutant]:
    lines, first = inspect.getsourcelines(inspect.unwrap(function))
    tree = ast.parse(textwrap.dedent("".join(lines)))
    (definition,) = tree.body
    if not isinstance(definition, ast.FunctionDef):
        return
    definition.decorator_list = []
    if ast.get_docstring(definition):
        definition.body = definition.body[1:] or [ast.Pass()]
    emptied = copy.deepcopy(definition)
    emptied.body = [ast.Pass()]
    yield Mutant(module, name, first, "emptied", ast.unparse(emptied))
    for where, node in enumerate(ast.walk(definition)):
        for change, put in _changes(node):
            mutated = copy.deepcopy(definition)
            put(next(n for k, n in enumerate(ast.walk(mutated)) if k == where))
            line = first + getattr(node, "lineno", 1) - 1
            yield Mutant(
                module, name, line, change, ast.unparse(ast.fix_missing_locations(mutated))
            )


def _changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield what can be changed at a node: in words, and what does it to a copy."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        new = COMPARED[type(node.ops[0])]
        yield (
            f"{type(node.ops[0]).__name__} becomes {new.__name__}",
            _set("ops", [new(), *node.ops[1:]]),
        )
    elif isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in COMPUTED:
        new = COMPUTED[type(node.op)]
        yield f"{type(node.op).__name__} becomes {new.__name__}", _set("op", new())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield f"{node.value} becomes {value}", _set("value", value)
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield f"{ast.unparse(node.test)} becomes False", _set("test", ast.Constant(False))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        told = ast.unparse(node.value)
        yield f"without {told[:60]}", _set("value", ast.Constant(None))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield (
            f"{ast.unparse(node)[:60]} without its sign",
            _set("op", ast.UAdd())
            if isinstance(node.op, ast.USub)
            else _set("operand", ast.UnaryOp(ast.Not(), node.operand)),
        )


def _set(name: str, value: Any) -> Any:
    def put(node: ast.AST) -> None:
        setattr(node, name, value)

    return put
