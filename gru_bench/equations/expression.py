"""Equations as data: read from text, evaluated in NumPy, written out again.

The text has Python's syntax: `z = sigma(x @ W_z + h @ U_z + b_z)`. An equation is a small tree, so
that mistakes can be made in it on purpose (`mutation`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: What a name stands for while an expression is evaluated.
Values = Mapping[str, Any]

#: How a name is written for people.
SHOWN = {
    "c_tilde": "c̃",
    "h_tilde": "h̃",
    "h1": "h'",
    "c1": "c'",
    "n1": "n'",
    "m1": "m'",
    "sigma": "σ",
    "phi": "φ",
    "psi": "ψ",
}


@dataclass(frozen=True)
class Number:
    """A constant that is written in the equations."""

    value: float


@dataclass(frozen=True)
class Name:
    """The input, a state, a weight, or what an earlier equation gives."""

    name: str


@dataclass(frozen=True)
class Sum:
    """Terms that are added."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Negative:
    """Minus one times an expression."""

    of: Node


@dataclass(frozen=True)
class Product:
    """Factors that are multiplied elementwise."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Quotient:
    """One expression divided by another, elementwise."""

    above: Node
    below: Node


@dataclass(frozen=True)
class Dot:
    """Rows times a matrix."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """A function of expressions."""

    function: str
    arguments: tuple[Node, ...]


#: A function of values and functions by name.
Evaluated = Callable[[Values, Mapping[str, Callable[..., Any]]], Any]

Node = Number | Name | Sum | Negative | Product | Quotient | Dot | Call


@dataclass(frozen=True)
class Line:
    """One equation: what it gives, and how."""

    target: str
    node: Node


def read_lines(text: str) -> tuple[Line, ...]:
    """Return the equations that a text of assignments holds.

    Args:
        text: one equation a line.
    """
    lines = []
    for statement in ast.parse(text.strip()).body:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        lines.append(Line(target.id, _read(statement.value)))
    return tuple(lines)


def _read(node: ast.expr) -> Node:  # noqa: PLR0911  one for each kind of node
    if isinstance(node, ast.Constant):
        return Number(float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return Name(node.id)
    if isinstance(node, ast.UnaryOp):
        return Negative(_read(node.operand))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return Call(node.func.id, tuple(_read(a) for a in node.args))
    assert isinstance(node, ast.BinOp)
    left, right = _read(node.left), _read(node.right)
    if isinstance(node.op, ast.MatMult):
        return Dot(left, right)
    if isinstance(node.op, ast.Div):
        return Quotient(left, right)
    if isinstance(node.op, ast.Mult):
        return Product((*_parts(left, Product), *_parts(right, Product)))
    if isinstance(node.op, ast.Sub):
        right = Negative(right)
    return Sum((*_parts(left, Sum), *_parts(right, Sum)))


def _parts(node: Node, kind: type[Sum] | type[Product]) -> tuple[Node, ...]:
    """Return the terms or factors of a node of that kind, or the node alone."""
    return children(node) if isinstance(node, kind) else (node,)


def children(node: Node) -> tuple[Node, ...]:
    """Return the expressions that an expression is made of, in their order."""
    match node:
        case Sum(terms):
            return terms
        case Product(factors):
            return factors
        case Call(_, arguments):
            return arguments
        case Negative(of):
            return (of,)
        case Quotient(a, b) | Dot(a, b):
            return (a, b)
        case _:
            return ()


def with_children(  # noqa: PLR0911  one for each kind of node
    node: Node, new: tuple[Node, ...]
) -> Node:
    """Return the expression made of others."""
    match node:
        case Sum():
            return Sum(new) if len(new) != 1 else new[0]
        case Product():
            return Product(new) if len(new) != 1 else new[0]
        case Call(function, _):
            return Call(function, new)
        case Negative():
            return Negative(*new)
        case Quotient():
            return Quotient(*new)
        case Dot():
            return Dot(*new)
        case _:
            return node


def walk(node: Node) -> Iterator[Node]:
    """Yield an expression and all within it."""
    yield node
    for child in children(node):
        yield from walk(child)


def names_in(node: Node) -> set[str]:
    """Return the names that an expression reads."""
    return {one.name for one in walk(node) if isinstance(one, Name)}


def compiled(node: Node) -> Evaluated:  # noqa: PLR0911  one for each kind of node
    """Return a function of values and functions by name that evaluates an expression.

    Args:
        node: the expression. Its values are arrays whose last two axes are rows and columns.
    """
    match node:
        case Name(name):
            return lambda values, _: values[name]
        case Number(value):
            return lambda *_: value
        case Sum(terms):
            return _folded(np.add, [compiled(term) for term in terms])
        case Product(factors):
            return _folded(np.multiply, [compiled(factor) for factor in factors])
        case Dot(left, right):
            a, b = compiled(left), compiled(right)
            return lambda v, f: _rows(a(v, f)) @ b(v, f)
        case Negative(of):
            inner = compiled(of)
            return lambda v, f: -inner(v, f)
        case Quotient(above, below):
            a, b = compiled(above), compiled(below)
            return lambda v, f: np.true_divide(a(v, f), b(v, f))
        case Call(function, arguments):
            given = [compiled(argument) for argument in arguments]
            return lambda v, f: f[function](*[one(v, f) for one in given])


def _rows(value: Any) -> Any:
    return value if np.ndim(value) >= 2 else np.atleast_2d(value)


def _folded(operation: Any, parts: list[Evaluated]) -> Evaluated:
    first, *rest = parts

    def total(values: Values, functions: Mapping[str, Callable[..., Any]]) -> Any:
        found = first(values, functions)
        for part in rest:
            found = operation(found, part(values, functions))
        return found

    return total


def show(node: Node, inside: int = 0) -> str:  # noqa: PLR0911  one for each kind of node
    """Return an expression as people write it.

    Args:
        node: the expression.
        inside: how tightly what is around it binds: 0 nothing, 1 a sum, 2 a product, 3 a matrix.
    """
    match node:
        case Name(name):
            return SHOWN.get(name, name)
        case Number(value):
            return f"{value:g}"
        case Sum(terms):
            text = show(terms[0], 1)
            for term in terms[1:]:
                minus = isinstance(term, Negative)
                text += f" - {show(term.of, 2)}" if minus else f" + {show(term, 1)}"  # type: ignore[union-attr]
            return f"({text})" if inside > 1 else text
        case Product(factors):
            text = " ∘ ".join(show(f, 2) for f in factors)
            return f"({text})" if inside > 2 else text
        case Dot(left, right):
            return f"{show(left, 3)} {show(right, 3)}"
        case Negative(of):
            return f"-{show(of, 2)}"
        case Quotient(above, below):
            return f"{show(above, 3)} / {show(below, 3)}"
        case Call(function, arguments):
            told = ", ".join(show(a) for a in arguments)
            return f"{SHOWN.get(function, function)}({told})"
