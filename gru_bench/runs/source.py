"""The user's modules that a module uses: found by what each imports, without running anything."""

from __future__ import annotations

import ast
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

#: Packages whose versions speak for them.
_VERSIONED = frozenset({"gru_bench", "tensorflow", "keras", "numpy", "builtins"})


def sources_used(modules: Iterable[str]) -> str:
    """Return the sources of the user's modules that some modules use, but not their own.

    A module is the user's if it is not installed, or is in one package with a module that is
    given. What is imported inside a function counts once it has been imported.

    Args:
        modules: names of imported modules.
    """
    given = {name for name in modules if name.partition(".")[0] not in _VERSIONED}
    packages = {name.partition(".")[0] for name in given}
    found: dict[str, str] = {}
    waiting = sorted(given)
    while waiting:
        module = sys.modules.get(waiting.pop())
        if module is None:
            continue
        source = found.get(module.__name__) or _source(module)
        for name in _imported(module, source):
            other = sys.modules.get(name)
            if other is None or name in given or name in found:
                continue
            if _is_users(other, packages):
                found[name] = _source(other)
                waiting.append(name)
    return "".join(f"# {name}\n{found[name]}" for name in sorted(found))


def _is_users(module: ModuleType, packages: set[str]) -> bool:
    top = module.__name__.partition(".")[0]
    if top in _VERSIONED or top in sys.stdlib_module_names:
        return False
    path = _path(module)
    return path is not None and (top in packages or not _is_installed(path))


def _is_installed(path: Path) -> bool:
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    places |= {sysconfig.get_path("stdlib"), site.getusersitepackages(), *site.getsitepackages()}
    return any(path.is_relative_to(Path(place).resolve()) for place in places)


def _path(module: ModuleType) -> Path | None:
    name = getattr(module, "__file__", None)
    return Path(name).resolve() if name and str(name).endswith(".py") else None


def _source(module: ModuleType) -> str:
    path = _path(module)
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _imported(module: ModuleType, source: str) -> Iterator[str]:
    """Yield names that may be modules which a module imports, wherever in its text."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                outer = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*outer, *filter(None, [node.module])])
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
