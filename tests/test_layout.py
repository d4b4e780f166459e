"""Imports point down the layers and are never late; what is public is documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gru_bench

PACKAGE = Path(gru_bench.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

#: The rooms, from the top: a module imports from its own line and the lines below it.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"report"},
    {"comparison"},
    {"runs"},
    {"laws"},
    {"proof"},
    {"refutation"},
    {"gradients"},
    {"learning"},
    {"trace"},
    {"lifting"},
    {"program"},
    {"equations"},
    {"task"},
    {"subjects"},
    {"checker"},
    {"errors", "numbers", "outside", "profiles", "records"},
)
DEPTH = {name: depth for depth, names in enumerate(LAYERS) for name in names}


def dotted(path: Path) -> str:
    """Return the module's name inside the package, such as `report.tables`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imported(tree: ast.AST) -> Iterator[str]:
    """Return the modules of gru_bench that are imported, as names inside the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "gru_bench":
                yield name.partition(".")[2]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def below_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from ast.walk(node)


every_module = pytest.mark.parametrize("path", MODULES, ids=map(dotted, MODULES))


@every_module
def test_imports_point_down(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return  # names what is public, wherever it is
    top = dotted(path).partition(".")[0]
    assert top in DEPTH, f"say in LAYERS where {top!r} belongs"
    for name in imported(tree_of(path)):
        other = name.partition(".")[0]
        assert DEPTH[other] >= DEPTH[top], f"{top} imports {other}, which lies above it"


def test_few_modules_stand_outside_the_rooms() -> None:
    outside = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(outside) <= 6, f"say which room these belong to: {outside}"


def test_imports_make_no_circle() -> None:
    known = {dotted(path).removesuffix(".__init__"): path for path in MODULES}
    needs = {
        module: {
            candidate
            for name in imported(tree_of(path))
            for candidate in (name, name.rpartition(".")[0])
            if candidate in known and candidate != module
        }
        for module, path in known.items()
        if module != "__init__" and module.partition(".")[0] != "cli"
    }
    while needs:
        ready = {module for module, others in needs.items() if not others & needs.keys()}
        assert ready, f"these import each other: {sorted(needs)}"
        needs = {module: others for module, others in needs.items() if module not in ready}


@every_module
def test_no_import_is_late(path: Path) -> None:
    if dotted(path).startswith("cli"):
        return  # --help answers at once because TensorFlow is imported by the command that runs
    late = [
        n for n in below_functions(tree_of(path)) if isinstance(n, (ast.Import, ast.ImportFrom))
    ]
    assert not late, f"line {late[0].lineno}"


@every_module
def test_what_is_public_is_documented(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the module"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds)]
    public = [node for node in public if not node.name.startswith("_")]
    for owner in [node for node in public if isinstance(node, ast.ClassDef)]:
        public += [node for node in owner.body if isinstance(node, kinds)]
    for node in public:
        # What is overloaded or overridden is documented where it stands in full.
        marks = {getattr(d, "id", "") for d in node.decorator_list}
        if not node.name.startswith("_") and not marks & {"overload", "override"}:
            assert ast.get_docstring(node), f"{node.name}, line {node.lineno}"


def test_every_public_name_is_there() -> None:
    for name in gru_bench.__all__:
        found = getattr(gru_bench, name)
        assert name.isupper() or found.__name__ == name


PROPERTIES = sorted((Path(__file__).parent.parent / "properties").glob("*.py"))


@pytest.mark.parametrize("path", PROPERTIES, ids=[path.stem for path in PROPERTIES])
def test_the_profile_decides_how_long_a_property_is_searched(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword):
            assert node.arg != "max_examples", f"line {node.value.lineno}: use profiles.scaled"
