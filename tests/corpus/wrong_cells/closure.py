"""All code of the laws that a law's check uses: functions, constants, and verbs of its case.

What makes subjects, draws cases and checks derivatives serves all laws alike; that it works is
shown by trying each law anew (`tests/test_scripts_of_failures.py`).
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import sys
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gru_bench.laws.keras.case import KerasCase

#: Where laws are, and the cases that they are given.
ROOM = "gru_bench.laws"

#: Modules of the room that are machinery of all laws.
MACHINERY = (
    "running",
    "telling",
    "target",
    "prelude",
    "plain",
    "stand_in",
    "stand_in_asking",
    "stand_in_parts",
    "written",
    "law",
)

#: A name in a module, or a method of a class there.
Place = tuple[str, str]


def digest(check: Any) -> str:
    """Return a number that changes with any code that a law's check uses, not with words.

    Args:
        check: of a law.
    """
    text = "".join(code(place) for place in sorted(reached(check)))
    return f"{zlib.crc32(text.encode()):08x}"


@cache
def reached(check: Any) -> frozenset[Place]:
    """Return where all is that a law's check uses.

    Args:
        check: of a law.
    """
    found: set[Place] = set()
    waiting: list[Place] = [(check.__module__, check.__name__)]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += uses(place)
    return frozenset(found)


@cache
def modules() -> dict[str, ast.Module]:
    """Return the modules of the laws, parsed, by name."""
    package = importlib.import_module(ROOM)
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{ROOM}.")]
    kept = [name for name in names if not set(name.split(".")) & set(MACHINERY)]
    specs = {name: importlib.util.find_spec(name) for name in kept}
    return {
        name: ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        for name, spec in specs.items()
        if spec is not None and spec.origin is not None
    }


@cache
def definitions() -> dict[Place, ast.stmt]:
    """Return what is defined where: functions, methods as `Class.method`, and constants."""
    found: dict[Place, ast.stmt] = {}
    for name, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found[name, node.name] = node
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        found[name, f"{node.name}.{part.name}"] = part
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        found[name, target.id] = node
    return found


@cache
def verbs() -> dict[str, list[Place]]:
    """Return the places of the verbs of cases, by name."""
    found: dict[str, list[Place]] = {}
    owners = {kind.__name__ for kind in KerasCase.__mro__}
    for module, name in definitions():
        owner, _, verb = name.partition(".")
        if verb and owner in owners:
            found.setdefault(verb, []).append((module, name))
    return found


@cache
def code(place: Place) -> str:
    """Return what is defined at a place, without docstrings and comments."""
    tree = ast.parse(ast.unparse(definitions()[place]))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []  # a law's words, its addresses
    return ast.unparse(tree)


@cache
def uses(place: Place) -> tuple[Place, ...]:
    """Return what the code at a place uses of the laws."""
    return tuple(_uses(place))


def _uses(place: Place) -> Iterator[Place]:
    module = sys.modules.get(place[0]) or importlib.import_module(place[0])
    for node in ast.walk(ast.parse(code(place))):
        if isinstance(node, ast.Name):
            yield from _named(module, node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("case", "self"):
            yield from verbs().get(node.attr, ())


def _named(module: Any, name: str) -> Iterator[Place]:
    if (module.__name__, name) in definitions():
        yield module.__name__, name
        return
    value = getattr(module, name, None)
    home = getattr(value, "__module__", "")
    if (home, name) in definitions():
        yield home, name
