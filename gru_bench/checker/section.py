"""The parts of a certificate, each read and refused unless it fits what stands before it."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from gru_bench.checker import document
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
from gru_bench.checker.product import check_products
from gru_bench.checker.program import ARITY, Operation, Program, Tensor
from gru_bench.checker.region import Region
from gru_bench.checker.rejection import Rejected
from gru_bench.checker.transducer import TRANSDUCERS, Transducer
from gru_bench.errors import check_known

#: Float32's half unit in the last place of 1, and its smallest normal number.
UNIT, SMALLEST = 2.0**-24, 2.0**-126

#: What the package measured of TensorFlow's activations, if it did: data, read as data.
MEASURED = Path(__file__).parent / "activation_error.json"

#: What the two float64 references of the measurement may err together, beside their disagreement.
_ALLOWANCE = 2.0**-50

#: How a cell is named, so that its name can be shown: package.module:Name.
_CELL = re.compile(r"[\w.]{1,200}:[\w.<>]{1,200}")

#: Errors below which no bound is believed where nothing was measured: half a unit in the last
#: place of a result near 1, which the best of functions reaches.
_LEAST_ERROR = {"tanh": 2.0**-25, "sigmoid": 2.0**-25}

#: Sizes beyond which a file is refused before anything is built.
_LARGEST_STATE, _MOST_OPERATIONS = 512, 1000


def task(value: Any) -> tuple[str, Transducer]:
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


def model(value: Any) -> tuple[str, dict[str, Any], str]:
    """Return the cell's name and arguments, and the hash of the weights."""
    keys = ("cell", "arguments", "dtype", "weights_sha256")
    cell, arguments, dtype, sha256 = record(value, "model", keys)
    if dtype != "float32":
        refuse(f"model: dtype must be 'float32', got {dtype!r:.40}")
    name = text(cell, "model: cell")
    if not _CELL.fullmatch(name):
        refuse(f"model: cell must be package.module:Name, got {name[:40]!r}")
    return name, dictionary(arguments, "model: arguments"), text(sha256, "model: weights_sha256")


def tensors(value: Any, name: str, named: bool) -> list[Tensor]:
    """Return float32 scalars, vectors and matrices; their names, if any, are only hashed."""
    keys = ("name", "shape", "values") if named else ("shape", "values")
    found = []
    for i, entry in enumerate(array(value, name)):
        *title, shape, values = record(entry, f"{name}[{i}]", keys)
        for label in title:
            text(label, f"{name}[{i}]: name")
        sizes = [integer(n, f"{name}[{i}]: shape", 2**20) for n in array(shape, f"{name}[{i}]")]
        if len(sizes) > 2 or 0 in sizes:
            refuse(f"{name}[{i}] must be a scalar, a vector or a matrix, got shape {shape!r:.40}")
        numbers = array(values, f"{name}[{i}]: values", math.prod(sizes))
        exact = tuple(single(number, f"{name}[{i}]: a value") for number in numbers)
        found.append(Tensor(tuple(sizes), exact))
    return found


def program(
    value: Any, transducer: Transducer, weights: list[Tensor]
) -> tuple[Program, tuple[float, ...]]:
    """Return the program, its sizes fitting the task and the weights, and the initial state."""
    keys = ("states", "initial_state", "literals", "operations", "output", "new_states")
    states, initial, literals, operations, output, new = record(value, "program", keys)
    sizes = [integer(n, "program: states", _LARGEST_STATE) for n in array(states, "states")]
    if not sizes or 0 in sizes or sum(sizes) > _LARGEST_STATE:
        refuse(f"program: states must have 1 to {_LARGEST_STATE} entries in all")
    rows = [
        array(row, "program: initial_state", n)
        for n, row in zip(sizes, array(initial, "initial_state", len(sizes)), strict=True)
    ]
    constants = tensors(literals, "program: literals", named=False)
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
    check_products(program)
    return program, tuple(single(t, "program: initial_state") for row in rows for t in row)


def _operation(value: Any, number: int) -> Operation:
    """Return the operation whose result gets this number: its arguments have smaller ones."""
    name = check_known("operation", text(dictionary(value, "operation").get("op"), "op"), ARITY)
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


def read_out(
    program: Program, transducer: Transducer, V: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Return V and c, if they fit the cell's output and the task's scores."""
    outputs = program.shapes()[program.output]
    scores = 1 if transducer.outputs == 2 else transducer.outputs
    if V.shape != (*outputs, scores) or c.shape != (scores,):
        shapes = f"{list(V.shape)} and {list(c.shape)}"
        refuse(f"the read-out has shapes {shapes}, the task has {scores} scores")
    return V, c


def rounding(value: Any) -> tuple[dict[str, float], str]:
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
    """Return the least bound of the error of tanh or sigmoid that is believed.

    Where it was measured, that is the largest error in any mode of TensorFlow and what the
    measurement's references may err.
    """
    if not MEASURED.is_file():
        return _LEAST_ERROR[function]
    measured = document.read(MEASURED)["functions"][function]
    worst = max(float.fromhex(mode["error"]) for mode in measured["modes"].values())
    granted = math.nextafter(float.fromhex(measured["disagreement"]) + _ALLOWANCE, math.inf)
    return math.nextafter(worst + granted, math.inf)


def region(value: Any, transducer: Transducer, size: int) -> Region:
    """Return a region of states of this size, its label one of the task's."""
    label, center, radius = record(value, "region", ("label", "center", "radius"))
    radii = tuple(real(t, "radius") for t in array(radius, "region: radius", size))
    if min(radii) < 0:
        refuse("region: radius must not be negative")
    return Region(
        integer(label, "region: label", transducer.states),
        tuple(real(t, "center") for t in array(center, "region: center", size)),
        radii,
    )
