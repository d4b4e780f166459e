"""The certificate file, version 3: read, and refused unless all of it fits together.

docs/certificate.md describes it. Nothing here is arithmetic: what the numbers prove is decided in
`induction`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
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

FORMAT, VERSION = "gru_bench certificate", 3

#: What a proof is about; all else is how it goes, or free text. The model's entry has the hash of
#: the weights, which covers their names and shapes.
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
    regions: tuple[Region, ...]
    start: int
    edges: tuple[tuple[int, ...], ...]
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
        refuse(_another_version(found.get("version")))
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
    if _sha256(entries["weights"]) != weights_sha256:
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
    regions = tuple(
        section.region(region, transducer, size) for region in array(entries["regions"], "regions")
    )
    if not regions:
        refuse("there are no regions")

    def table(name: str, one: Callable[[Any, str], Any]) -> tuple[tuple[Any, ...], ...]:
        """Return an entry for each region and each symbol."""
        return tuple(
            tuple(one(entry, name) for entry in array(row, f"{name} of a region", symbols))
            for row in array(entries[name], name, len(regions))
        )

    symbols = transducer.symbols
    return {
        "regions": regions,
        "start": integer(entries["start"], "start", len(regions)),
        "edges": table("edges", lambda entry, name: integer(entry, name, len(regions))),
        "images": table(
            "images",
            lambda entry, name: tuple(real(t, name) for t in array(entry, name, size)),
        ),
        "margins": table("margins", real),
    }


def _sha256(entry: Any) -> str:
    return hashlib.sha256(document.canonical(entry)).hexdigest()


def _another_version(version: Any) -> str:
    """Say why a file of another version is refused."""
    if version in (1, 2):
        return (
            f"its version is {version}, written by gru_bench 0.1.0, whose proofs did not bind the "
            "shapes of weights and are not believed any more: prove the model again"
        )
    return f"its version is {version!r:.40}, this checker reads {VERSION}"


def _check_digest(found: dict[str, Any]) -> None:
    """Reject a file that was changed since its digest was taken."""
    claimed = text(found["digest"], "digest")
    rest = {key: value for key, value in found.items() if key != "digest"}
    actual = "sha256:" + _sha256(rest)
    if claimed != actual:
        raise Rejected(f"its digest is {claimed:.80}, but that of its content is {actual}")


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
    steps = len(certificate.regions) * certificate.transducer.symbols
    # Measured, in microseconds: a number costs so much, and more for each coefficient it has.
    step = numbers * (14 + size / 8) + products * size * 0.015
    seconds = 1e-6 * steps * step
    entries = sum(math.prod(shape) for shape in shapes if len(shape) == 2)
    coefficients = (size + 10) * sum(math.prod(shape[-1:]) for shape in shapes)
    if seconds > _MOST_SECONDS or entries > _MOST_ENTRIES or coefficients > _MOST_COEFFICIENTS:
        refuse(f"{steps} steps of a program of this size would take too long to check")
