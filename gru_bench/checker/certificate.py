"""The certificate file, version 1: read, and refused unless all of it fits together.

docs/certificate.md describes it. Nothing here is arithmetic: what the numbers prove is decided in
`induction`.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gru_bench.checker import document
from gru_bench.checker.document import array, integer, real, record, refuse, single, text
from gru_bench.checker.program import ARITY, Operation, Program, Tensor
from gru_bench.checker.rejection import Rejected
from gru_bench.checker.transducer import TRANSDUCERS, Transducer
from gru_bench.errors import check_known

FORMAT, VERSION = "gru_bench certificate", 1

#: What a proof is about; all else is how it goes, or free text.
_THEOREM = ("task", "model", "program", "threshold", "rounding")

#: Float32's half unit in the last place of 1, and its smallest normal number.
UNIT, SMALLEST = 2.0**-24, 2.0**-126

#: What the package measured of TensorFlow's activations, if it did: data, read as data.
MEASURED = Path(__file__).parent.parent / "proof" / "activation_error.json"

#: Errors below which no bound is believed where nothing was measured: half a unit in the last
#: place of a result near 1, which the best of functions reaches.
_LEAST_ERROR = {"tanh": 2.0**-25, "sigmoid": 2.0**-25}

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

#: Sizes beyond which a file is refused before anything is built.
_LARGEST_STATE, _MOST_OPERATIONS, _DEEPEST_TREE = 512, 1000, 64

#: Seconds that a check may take, by an estimate; entries of matrices and coefficients of forms
#: that it may make, 500 MB in all.
_MOST_SECONDS, _MOST_ENTRIES, _MOST_COEFFICIENTS = 40, 10**6, 3 * 10**6

#: A tree of edges: one entry for each symbol, a region's index or the tree of the next symbol.
Tree = list[Any]


@dataclass(frozen=True)
class Region:
    """The states c + A (r ∘ e), |e_i| <= 1, in which the transducer is in state `label`."""

    label: int
    center: tuple[float, ...]
    basis: int | None
    radius: tuple[float, ...]


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
    text(entries["claim"], "claim")
    for package, version in _dictionary(entries["versions"], "versions").items():
        text(version, f"versions: {package!r:.40}")
    task, transducer = _task(entries["task"])
    cell, arguments, weights_sha256 = _model(entries["model"])
    weights = _tensors(entries["weights"], "weights", named=True)
    if len(weights) < 2:
        refuse("weights must end in a read-out, V and c")
    if _sha256_of(weights) != weights_sha256:
        raise Rejected("the weights are not those whose sha256 the certificate gives")
    program, initial = _program(entries["program"], transducer, weights[:-2])
    V, c = _read_out(program, transducer, *weights[-2:])
    errors, source = _rounding(entries["rounding"])
    size = sum(program.states)
    bases = [_basis(basis, size) for basis in array(entries["bases"], "bases")]
    regions = [
        _region(r, transducer, size, len(bases)) for r in array(entries["regions"], "regions")
    ]
    trees = _Trees(transducer.symbols, len(regions))
    certificate = Certificate(
        task=task,
        transducer=transducer,
        cell=cell,
        arguments=arguments,
        weights_sha256=weights_sha256,
        program=program,
        program_sha256=_sha256(entries["program"]),
        initial_state=initial,
        V=V,
        c=c,
        threshold=single(entries["threshold"], "threshold"),
        errors=errors,
        source=source,
        bases=tuple(bases),
        regions=tuple(regions),
        start=integer(entries["start"], "start", len(regions)),
        edges=tuple(
            trees.read(tree, f"edges of region {i}", 1)
            for i, tree in enumerate(array(entries["edges"], "edges", len(regions)))
        ),
        images=_per_region(entries["images"], "images", trees.leaves, size),
        margins=_per_region(entries["margins"], "margins", trees.nodes, None),
        theorem=_sha256({key: entries[key] for key in _THEOREM}),
        digest=found["digest"],
    )
    _check_work(certificate)
    return certificate


def _sha256(entry: Any) -> str:
    return hashlib.sha256(document.canonical(entry)).hexdigest()


def _check_digest(found: dict[str, Any]) -> None:
    """Reject a file that was changed since its digest was taken."""
    claimed = text(found["digest"], "digest")
    rest = {key: value for key, value in found.items() if key != "digest"}
    actual = "sha256:" + _sha256(rest)
    if claimed != actual:
        raise Rejected(f"its digest is {claimed:.80}, but that of its content is {actual}")


def _dictionary(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        refuse(f"{name} must be an object")
    return value


def _task(value: Any) -> tuple[str, Transducer]:
    """Return the task; its tables must be those of the task of that name."""
    name, features, following, output, outputs = record(
        value, "task", ("name", "features", "next", "output", "outputs")
    )
    transducer = TRANSDUCERS[check_known("task", text(name, "task: name"), TRANSDUCERS)]
    states, symbols = transducer.states, transducer.symbols

    def table(rows: Any, where: str, end: int) -> tuple[tuple[int, ...], ...]:
        return tuple(
            tuple(integer(n, where, end) for n in array(row, where, symbols))
            for row in array(rows, where, states)
        )

    width = len(transducer.features[0])
    given = Transducer(
        tuple(
            tuple(single(t, "task: features") for t in array(row, "task: features", width))
            for row in array(features, "task: features", symbols)
        ),
        table(following, "task: next", states),
        table(output, "task: output", transducer.outputs),
        integer(outputs, "task: outputs", 2**10),
    )
    if given != transducer:
        raise Rejected(f"its tables are not those of the task {name!r}")
    return name, transducer


def _model(value: Any) -> tuple[str, dict[str, Any], str]:
    keys = ("cell", "arguments", "dtype", "weights_sha256")
    cell, arguments, dtype, sha256 = record(value, "model", keys)
    if dtype != "float32":
        refuse(f"model: dtype must be 'float32', got {dtype!r:.40}")
    name = text(cell, "model: cell")
    return name, _dictionary(arguments, "model: arguments"), text(sha256, "model: weights_sha256")


def _tensors(value: Any, name: str, named: bool) -> list[Tensor]:
    keys = ("name", "shape", "values") if named else ("shape", "values")
    tensors = []
    for i, entry in enumerate(array(value, name)):
        *title, shape, values = record(entry, f"{name}[{i}]", keys)
        for label in title:
            text(label, f"{name}[{i}]: name")
        sizes = [integer(n, f"{name}[{i}]: shape", 2**20) for n in array(shape, f"{name}[{i}]")]
        if len(sizes) > 2 or 0 in sizes:
            refuse(f"{name}[{i}] must be a scalar, a vector or a matrix, got shape {shape!r:.40}")
        numbers = array(values, f"{name}[{i}]: values", math.prod(sizes))
        exact = tuple(single(number, f"{name}[{i}]: a value") for number in numbers)
        tensors.append(Tensor(tuple(sizes), exact))
    return tensors


def _sha256_of(weights: list[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in weights:
        digest.update(struct.pack(f"<{len(tensor.values)}f", *tensor.values))
    return digest.hexdigest()


def _program(
    value: Any, transducer: Transducer, weights: list[Tensor]
) -> tuple[Program, tuple[float, ...]]:
    keys = ("states", "initial_state", "literals", "operations", "output", "new_states")
    states, initial, literals, operations, output, new = record(value, "program", keys)
    sizes = [integer(n, "program: states", _LARGEST_STATE) for n in array(states, "states")]
    if not sizes or 0 in sizes or sum(sizes) > _LARGEST_STATE:
        refuse(f"program: states must have 1 to {_LARGEST_STATE} entries in all")
    rows = [
        array(row, "program: initial_state", n)
        for n, row in zip(sizes, array(initial, "initial_state", len(sizes)), strict=True)
    ]
    constants = _tensors(literals, "program: literals", named=False)
    first = 1 + len(sizes) + len(weights) + len(constants)
    if len(array(operations, "program: operations")) > _MOST_OPERATIONS:
        refuse(f"program: more than {_MOST_OPERATIONS} operations")
    end = first + len(operations)
    program = Program(
        features=len(transducer.features[0]),
        states=tuple(sizes),
        weights=tuple(weights),
        literals=tuple(constants),
        operations=tuple(_operation(entry, first + i) for i, entry in enumerate(operations)),
        output=integer(output, "program: output", end),
        new_states=tuple(
            integer(i, "program: new_states", end)
            for i in array(new, "program: new_states", len(sizes))
        ),
    )
    program.shapes()
    return program, tuple(single(t, "program: initial_state") for row in rows for t in row)


def _operation(value: Any, number: int) -> Operation:
    """Return the operation whose result gets this number: its arguments have smaller ones."""
    name = check_known("operation", text(_dictionary(value, "operation").get("op"), "op"), ARITY)
    extra = {"slice": ("axis", "begin", "end"), "concat": ("axis",)}.get(name, ())
    _, inputs, *attributes = record(value, f"operation {name}", ("op", "inputs", *extra))
    arguments = tuple(integer(i, f"{name}: inputs", number) for i in array(inputs, name))
    if not arguments or ARITY[name] not in (None, len(arguments)):
        refuse(f"operation {name} takes {ARITY[name] or 'some'} inputs, got {len(arguments)}")
    numbers = [
        integer(n, f"{name}: {key}", 2**20) for key, n in zip(extra, attributes, strict=True)
    ]
    if numbers and numbers[0] > 1:
        refuse(f"operation {name}: axis must be 0 or 1")
    return Operation(name, arguments, *numbers)


def _read_out(
    program: Program, transducer: Transducer, V: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    outputs = program.shapes()[program.output]
    scores = 1 if transducer.outputs == 2 else transducer.outputs
    if V.shape != (*outputs, scores) or c.shape != (scores,):
        shapes = f"{list(V.shape)} and {list(c.shape)}"
        refuse(f"the read-out has shapes {shapes}, the task has {scores} scores")
    return V, c


def _rounding(value: Any) -> tuple[dict[str, float], str]:
    """Return the bounds of the activations' errors and where they come from."""
    keys = ("unit", "smallest", "tanh", "sigmoid", "source")
    unit, smallest, tanh, sigmoid, source = record(value, "rounding", keys)
    if (real(unit, "unit"), real(smallest, "smallest")) != (UNIT, SMALLEST):
        raise Rejected("its rounding unit or smallest normal number is not float32's")
    errors = {"tanh": real(tanh, "tanh"), "sigmoid": real(sigmoid, "sigmoid")}
    for name, error in errors.items():
        least = least_error(name)
        if error < least:
            raise Rejected(
                f"it assumes that {name} errs by at most {error:.3g}, but {least:.3g} was measured"
            )
    return errors, text(source, "rounding: source")


@cache
def least_error(function: str) -> float:
    """Return the largest error of tanh or sigmoid that was measured in any mode of TensorFlow."""
    if not MEASURED.is_file():
        return _LEAST_ERROR[function]
    measured = document.read(MEASURED)["functions"][function]
    return max(float.fromhex(mode["error"]) for mode in measured["modes"].values())


def _basis(value: Any, size: int) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(real(t, "bases") for t in array(row, "bases: a row", size))
        for row in array(value, "bases: a basis", size)
    )


def _region(value: Any, transducer: Transducer, size: int, bases: int) -> Region:
    label, center, basis, radius = record(value, "region", ("label", "center", "basis", "radius"))
    radii = tuple(real(t, "radius") for t in array(radius, "region: radius", size))
    if min(radii) < 0:
        refuse("region: radius must not be negative")
    return Region(
        integer(label, "region: label", transducer.states),
        tuple(real(t, "center") for t in array(center, "region: center", size)),
        None if basis is None else integer(basis, "region: basis", bases),
        radii,
    )


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
    step = numbers * (15 + size / 2) + (products + 4 * size * size) * size * 0.03
    seconds = 1e-6 * (steps * step + len(certificate.bases) * size**3)
    entries = sum(math.prod(shape) for shape in shapes if len(shape) == 2)
    coefficients = (size + 10) * sum(math.prod(shape[-1:]) for shape in shapes)
    if seconds > _MOST_SECONDS or entries > _MOST_ENTRIES or coefficients > _MOST_COEFFICIENTS:
        refuse(f"{steps} steps of a program of this size would take too long to check")
