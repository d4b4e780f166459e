"""The certificate file, version 1: read, and refused unless all of it fits together.

docs/certificate.md describes it. Nothing here is arithmetic: what the numbers prove is decided in
`induction`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.checker import document, section
from gru_bench.checker.document import (
    array,
    dictionary,
    integer,
    real,
    record,
    refuse,
    single,
    text,
)
from gru_bench.checker.program import Program, Tensor
from gru_bench.checker.region import Region
from gru_bench.checker.rejection import Rejected
from gru_bench.checker.transducer import Transducer

FORMAT, VERSION = "gru_bench certificate", 1

#: What a proof is about; all else is how it goes, or free text.
_THEOREM = ("task", "model", "program", "threshold", "rounding")

_KEYS = (
    "format",
    "version",
    "claim",
    "task",
    "model",
    "weights",
    "program",
    "threshold",
    "rounding",
    "bases",
    "regions",
    "start",
    "edges",
    "images",
    "margins",
    "versions",
    "digest",
)

#: Seconds that a check may take, by an estimate; entries of matrices and coefficients of forms
#: that it may make, 500 MB in all.
_MOST_SECONDS, _MOST_ENTRIES, _MOST_COEFFICIENTS = 40, 10**6, 3 * 10**6

#: Steps of a tree of edges.
_DEEPEST_TREE = 64

#: A tree of edges: one entry for each symbol, a region's index or the tree of the next symbol.
Tree = list[Any]


@dataclass(frozen=True)
class Certificate:
    """All of a certificate that the proof needs, sizes checked."""

    task: str
    transducer: Transducer
    cell: str
    arguments: dict[str, Any]
    weights_sha256: str
    program: Program
    program_sha256: str
    initial_state: tuple[float, ...]
    V: Tensor
    c: Tensor
    threshold: float
    errors: dict[str, float]
    source: str
    bases: tuple[tuple[tuple[float, ...], ...], ...]
    regions: tuple[Region, ...]
    start: int
    edges: tuple[Tree, ...]
    images: tuple[tuple[tuple[float, ...], ...], ...]
    margins: tuple[tuple[float, ...], ...]
    theorem: str
    digest: str


def read(path: str | Path) -> Certificate:
    """Return the certificate in a file.

    Raises:
        UsageError: it is not one of this version, or its sizes do not fit.
        Rejected: it was changed after its digest or the hash of its weights was taken.
    """
    found = document.read(path)
    if found.get("format") != FORMAT:
        refuse(f"its format is not {FORMAT!r}")
    if type(found.get("version")) is not int or found["version"] != VERSION:
        refuse(f"its version is {found.get('version')!r:.40}, this checker reads {VERSION}")
    entries = dict(zip(_KEYS, record(found, "the file", _KEYS), strict=True))
    _check_digest(found)
    network = _network(entries)
    proof = _proof(entries, network["transducer"], sum(network["program"].states))
    theorem = _sha256({key: entries[key] for key in _THEOREM})
    certificate = Certificate(**network, **proof, theorem=theorem, digest=entries["digest"])
    _check_work(certificate)
    return certificate


def _network(entries: dict[str, Any]) -> dict[str, Any]:
    """Return what the theorem is about."""
    text(entries["claim"], "claim")
    for package, version in dictionary(entries["versions"], "versions").items():
        text(version, f"versions: {package!r:.40}")
    task, transducer = section.task(entries["task"])
    cell, arguments, weights_sha256 = section.model(entries["model"])
    weights = section.tensors(entries["weights"], "weights", named=True)
    if len(weights) < 2:
        refuse("weights must end in a read-out, V and c")
    if section.sha256_of(weights) != weights_sha256:
        raise Rejected("the weights are not those whose sha256 the certificate gives")
    program, initial = section.program(entries["program"], transducer, weights[:-2])
    V, c = section.read_out(program, transducer, *weights[-2:])
    errors, source = section.rounding(entries["rounding"])
    return {
        "task": task,
        "transducer": transducer,
        "cell": cell,
        "arguments": arguments,
        "weights_sha256": weights_sha256,
        "program": program,
        "program_sha256": _sha256(entries["program"]),
        "initial_state": initial,
        "V": V,
        "c": c,
        "threshold": single(entries["threshold"], "threshold"),
        "errors": errors,
        "source": source,
    }


def _proof(entries: dict[str, Any], transducer: Transducer, size: int) -> dict[str, Any]:
    """Return regions of states of that size, and the claims about them."""
    bases = tuple(section.basis(basis, size) for basis in array(entries["bases"], "bases"))
    regions = tuple(
        section.region(region, transducer, size, len(bases))
        for region in array(entries["regions"], "regions")
    )
    if not regions:
        refuse("there are no regions")
    trees = _Trees(transducer.symbols, len(regions))
    edges = array(entries["edges"], "edges", len(regions))
    return {
        "bases": bases,
        "regions": regions,
        "start": integer(entries["start"], "start", len(regions)),
        "edges": tuple(trees.read(t, f"edges of region {i}", 1) for i, t in enumerate(edges)),
        "images": _per_region(entries["images"], "images", trees.leaves, size),
        "margins": _per_region(entries["margins"], "margins", trees.nodes, None),
    }


def _sha256(entry: Any) -> str:
    return hashlib.sha256(document.canonical(entry)).hexdigest()


def _check_digest(found: dict[str, Any]) -> None:
    """Reject a file that was changed since its digest was taken."""
    claimed = text(found["digest"], "digest")
    rest = {key: value for key, value in found.items() if key != "digest"}
    actual = "sha256:" + _sha256(rest)
    if claimed != actual:
        raise Rejected(f"its digest is {claimed:.80}, but that of its content is {actual}")


class _Trees:
    """Reads trees of edges, and counts the edges and the landing leaves of each."""

    def __init__(self, symbols: int, regions: int) -> None:
        self.symbols, self.regions = symbols, regions
        self.nodes: list[int] = []
        self.leaves: list[int] = []

    def read(self, value: Any, name: str, depth: int) -> Tree:
        """Return a tree after checking its shape."""
        if depth == 1:
            self.nodes.append(0)
            self.leaves.append(0)
        if depth > _DEEPEST_TREE:
            refuse(f"{name} has more than {_DEEPEST_TREE} steps")
        entries: Tree = array(value, name, self.symbols)
        for entry in entries:
            self.nodes[-1] += 1
            if isinstance(entry, list):
                self.read(entry, name, depth + 1)
            else:
                integer(entry, name, self.regions)
                self.leaves[-1] += 1
        return entries


def _per_region(value: Any, name: str, counts: list[int], size: int | None) -> tuple[Any, ...]:
    """Return for each region as many numbers, or vectors of `size` numbers, as it has edges."""
    rows: list[Any] = []
    for count, row in zip(counts, array(value, name, len(counts)), strict=True):
        entries = array(row, f"{name} of a region", count)
        if size is None:
            rows.append(tuple(real(t, name) for t in entries))
        else:
            vectors = (array(entry, name, size) for entry in entries)
            rows.append(tuple(tuple(real(t, name) for t in vector) for vector in vectors))
    return tuple(rows)


def _check_work(certificate: Certificate) -> None:
    """Refuse what would take minutes or gigabytes, before it does."""
    program, size = certificate.program, sum(certificate.program.states)
    shapes = program.shapes()
    operations = len(shapes) - len(program.operations)
    numbers = sum(math.prod(shape[-1:]) for shape in shapes[operations:])
    products = sum(
        math.prod(shapes[operation.inputs[1]])
        for operation in program.operations
        if operation.name == "matmul"
    )
    steps = sum(len(margins) for margins in certificate.margins)
    # Measured, in microseconds: a number costs so much, and more for each coefficient it has.
    step = numbers * (14 + size / 8) + (products + 4 * size * size) * size * 0.015
    seconds = 1e-6 * (steps * step + len(certificate.bases) * size**3)
    entries = sum(math.prod(shape) for shape in shapes if len(shape) == 2)
    coefficients = (size + 10) * sum(math.prod(shape[-1:]) for shape in shapes)
    if seconds > _MOST_SECONDS or entries > _MOST_ENTRIES or coefficients > _MOST_COEFFICIENTS:
        refuse(f"{steps} steps of a program of this size would take too long to check")
