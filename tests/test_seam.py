"""Frameworks are met in few rooms only; everywhere else a cell is a subject."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gru_bench

PACKAGE = Path(gru_bench.__file__).parent

FRAMEWORKS = {"keras", "tensorflow", "torch", "jax"}

#: Where frameworks may be imported, or be handed over.
ROOMS = (
    "subjects/keras/",
    "subjects/torch/",
    "trace/tensorflow/",
    "trace/torch/",
    "laws/keras/",
    "laws/torch/",
    "learning/",
    "refutation/",
)

#: What names public things of other rooms, and imports them when they are used.
NAMES = ("__init__.py",)


def places() -> dict[str, Path]:
    """Return all modules outside the rooms of frameworks, by their paths in the package."""
    paths = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    return {
        place: path
        for place, path in paths.items()
        if not place.startswith(ROOMS) and place not in NAMES
    }


def met(tree: ast.AST) -> Iterator[str]:
    """Yield what of a framework a module imports or is handed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in FRAMEWORKS)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            rooms = [f"gru_bench.{room}.{f}" for room in ("subjects", "laws") for f in FRAMEWORKS]
            own = node.module.startswith(tuple(rooms))
            if own or node.module.partition(".")[0] in FRAMEWORKS:
                yield node.module
        elif isinstance(node, ast.Attribute) and node.attr in ("keras", "tf"):
            yield f".{node.attr}"


def test_frameworks_are_met_in_their_rooms_only() -> None:
    found = {
        place: sorted(set(met(ast.parse(path.read_text(encoding="utf-8")))))
        for place, path in places().items()
    }
    offending = {place: names for place, names in found.items() if names}
    assert offending == {}


@pytest.mark.parametrize(
    "code",
    [
        "import gru_bench",
        "import gru_bench.laws",
        "from gru_bench import check_cell, parametrize_laws, UsageError, ADDITION",
        "import gru_bench.cli; gru_bench.cli.main(['laws'])",
        "from gru_bench.subjects.numpy.maker import NumpyMaker",
        "from gru_bench.laws.running import checking",
        "from gru_bench.comparison.verdict import decide",
        "from gru_bench.comparison import interval, record, telling",
    ],
)
def test_what_needs_no_framework_imports_none(code: str) -> None:
    shown = f"\nimport sys; print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + shown], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
