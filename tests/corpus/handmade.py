"""Small networks built by hand that provably do each task, and honest certificates for them.

Nothing here is shared with the finder or the checker. A network looks at one number u, a weighted
sum of its input and its own units, and each unit says whether u exceeds a threshold: saturated,
so that the states stay in tiny boxes. Plain interval arithmetic in Python proves it.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

Interval = tuple[float, float]
Document = dict[str, Any]

#: What plain floats lose in here, generously.
_SLOP = 1e-9
#: More than float32 changes a state or a score of these networks.
_ROUNDED = 3e-3

TASKS = ("addition", "subtraction", "comparison", "parity", "decimal-addition")


def float32(number: float) -> float:
    """Return the nearest float32 number."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def transducer(task: str) -> Document:
    """Return a task's tables, from Python's integers."""
    base = 10 if task == "decimal-addition" else 2
    operands = 1 if task == "parity" else 2
    states = 3 if task == "comparison" else 2
    following, output, features = [], [], []
    for symbol in range(base**operands):
        digits = [symbol // base**k % base for k in range(operands)]
        hot = [[float(d == v) for v in range(base)] for d in digits]
        features.append(sum(hot, []) if base > 2 else [float(d) for d in digits])  # noqa: RUF017
    for state in range(states):
        following.append([0] * len(features))
        output.append([0] * len(features))
        for symbol in range(len(features)):
            digits = [symbol // base**k % base for k in range(operands)]
            after, written = _rule(task, base, state, digits)
            following[-1][symbol], output[-1][symbol] = after, written
    return {
        "name": task,
        "features": [[t.hex() for t in row] for row in features],
        "next": following,
        "output": output,
        "outputs": {"comparison": 3, "decimal-addition": 10}.get(task, 2),
    }


def _rule(task: str, base: int, state: int, digits: Sequence[int]) -> tuple[int, int]:
    if task == "parity":
        return (state + digits[0]) % 2, (state + digits[0]) % 2
    a, b = digits
    if task == "comparison":
        order = state if a == b else 1 + (a > b)
        return order, order
    total = a - b - state if task == "subtraction" else a + b + state
    return (int(total < 0) if task == "subtraction" else total // base), total % base


class Design:
    """Which number u a task's network looks at, and what its units' answers mean.

    u = input · x + feedback · h (h in {0, 1}^n); unit k is 1 where u > thresholds[k]; the state
    the transducer is in, and the scores, are linear in the units.
    """

    def __init__(self, task: str) -> None:
        base = 10 if task == "decimal-addition" else 2
        one_hot = [float(v) for v in range(10)] * 2
        self.levels = {
            "addition": [0, 1, 2, 3],
            "subtraction": [-2, -1, 0, 1],
            "comparison": [-1, 0, 1],
            "parity": [0, 1, 2],
            "decimal-addition": list(range(20)),
        }[task]
        self.input = {"subtraction": [1, -1], "comparison": [2, -2], "parity": [1]}.get(
            task, one_hot if base == 10 else [1, 1]
        )
        levels = self.levels
        self.thresholds = [(p + q) / 2 for p, q in pairwise(levels)]
        n = len(self.thresholds)
        self.feedback = [0.0] * n
        if task.endswith("addition"):
            self.feedback[levels.index(base) - 1] = 1
        elif task == "subtraction":
            # Borrow: the level is below 0, so the unit between -1 and 0 is off.
            self.feedback[levels.index(0) - 1] = 1
        elif task == "parity":
            self.feedback = [1, -1]
        else:
            # u = 2 (a - b) + order; thresholds at ±1/2 keep the order's sign.
            self.feedback = [1, 1]
        self.offset = {"subtraction": -1, "comparison": -1}.get(task, 0)
        self.scores = self._scores(task, base)

    def _scores(self, task: str, base: int) -> tuple[list[list[float]], list[float]]:
        """Return V `(n, scores)` and c for units in {0, 1}, from the score wanted per level."""
        if task == "comparison":
            wanted = [[-1.0, 1.0, -3.0], [1.0, -1.0, -1.0], [-1.0, -3.0, 1.0]]
        elif task == "decimal-addition":
            wanted = [[float(level % 10 == digit) for digit in range(10)] for level in self.levels]
        else:
            wanted = [[float(level % base)] for level in self.levels]
        steps = [
            [q - p for p, q in zip(below, above, strict=True)] for below, above in pairwise(wanted)
        ]
        return steps, wanted[0]


def network(task: str, style: str, gain: float = 30.0) -> tuple[Document, list[Document]]:
    """Return program and weights of a network for a task, tanh units in {-1, 1}.

    Args:
        task: one of `TASKS`.
        style: "plain": one product and tanh. "gated": with an update gate that is open.
            "mixed": the same function by a detour through every other operation.
        gain: how steep the units are.
    """
    design = Design(task)
    n, inputs = len(design.thresholds), len(design.input)
    # h in {0, 1} is (1 + tanh)/2: half of the feedback goes to the offset.
    offset = design.offset + sum(design.feedback) / 2
    W = [[gain * w] * n for w in design.input]
    U = [[gain * v / 2] * n for v in design.feedback]
    b = [gain * (offset - t) for t in design.thresholds]
    V, c = design.scores
    V_half = [[v / 2 for v in row] for row in V]
    c_half = [c[j] + sum(row[j] for row in V) / 2 for j in range(len(c))]
    cell = [("W", W), ("U", U), ("b", b)]
    program = {"plain": _plain, "gated": _gated, "mixed": _mixed}[style](n, inputs)
    if style == "gated":
        cell.append(("gate", [6.0] * n))
    weights = [tensor(value, name) for name, value in [*cell, ("V", V_half), ("c", c_half)]]
    program["states"] = [n]
    program["initial_state"] = [[t.hex() for t in _settled(design, _first_level(task, design))]]
    return program, weights


def _first_level(task: str, design: Design) -> int:
    """A level that leaves the transducer in state 0."""
    return 1 if task == "comparison" else design.levels.index(0)


def _settled(design: Design, level: int) -> list[float]:
    return [1.0 if k < level else -1.0 for k in range(len(design.thresholds))]


def _plain(n: int, inputs: int) -> Document:
    del n, inputs
    # 0 x, 1 h, 2 W, 3 U, 4 b
    operations = [
        {"op": "concat", "inputs": [0, 1], "axis": 0},  # 5
        {"op": "concat", "inputs": [2, 3], "axis": 0},  # 6
        {"op": "matmul", "inputs": [5, 6]},  # 7
        {"op": "add", "inputs": [7, 4]},  # 8
        {"op": "tanh", "inputs": [8]},  # 9
    ]
    return {"literals": [], "operations": operations, "output": 9, "new_states": [9]}


def _gated(n: int, inputs: int) -> Document:
    del n, inputs
    # 0 x, 1 h, 2 W, 3 U, 4 b, 5 gate
    operations = [
        {"op": "matmul", "inputs": [0, 2]},  # 6
        {"op": "matmul", "inputs": [1, 3]},  # 7
        {"op": "add", "inputs": [6, 7]},  # 8
        {"op": "add", "inputs": [8, 4]},  # 9
        {"op": "tanh", "inputs": [9]},  # 10
        {"op": "sigmoid", "inputs": [5]},  # 11
        {"op": "lerp", "inputs": [11, 1, 10]},  # 12
    ]
    return {"literals": [], "operations": operations, "output": 12, "new_states": [12]}


def _mixed(n: int, inputs: int) -> Document:
    # 0 x, 1 h, 2 W, 3 U, 4 b, 5 one, 6 ones
    literals = [tensor(2.0), tensor([0.5])]
    operations = [
        {"op": "concat", "inputs": [2, 3], "axis": 0},  # 7
        {"op": "concat", "inputs": [7, 7], "axis": 1},  # 8
        {"op": "slice", "inputs": [8], "axis": 1, "begin": n, "end": 2 * n},  # 9
        {"op": "slice", "inputs": [9], "axis": 0, "begin": 0, "end": inputs},  # 10
        {"op": "matmul", "inputs": [0, 10]},  # 11
        {"op": "neg", "inputs": [11]},  # 12
        {"op": "matmul", "inputs": [1, 3]},  # 13
        {"op": "sub", "inputs": [13, 12]},  # 14
        {"op": "add", "inputs": [14, 4]},  # 15
        {"op": "mul", "inputs": [15, 6]},  # 16
        {"op": "sigmoid", "inputs": [16]},  # 17
        {"op": "mul", "inputs": [5, 17]},  # 18
        {"op": "relu", "inputs": [18]},  # 19
        {"op": "mul", "inputs": [6, 5]},  # 20: 1
        {"op": "sub", "inputs": [19, 20]},  # 21
        {"op": "concat", "inputs": [21, 1], "axis": 0},  # 22
        {"op": "slice", "inputs": [22], "axis": 0, "begin": 0, "end": n},  # 23
    ]
    return {"literals": literals, "operations": operations, "output": 23, "new_states": [23]}


def tensor(value: Any, name: str | None = None) -> Document:
    """Return a scalar, vector or matrix of float32 numbers as the certificate writes it."""
    shape: list[int] = []
    rows = value
    while isinstance(rows, list):
        shape.append(len(rows))
        rows = rows[0]
    flat = [value]
    for _ in shape:
        flat = [item for row in flat for item in row]
    entry = {"shape": shape, "values": [float32(t).hex() for t in flat]}
    return entry if name is None else {"name": name, **entry}


# Plain interval arithmetic, so that the certificates are found without the checker's help.


def _numbers(entry: Document) -> Any:
    values = [float.fromhex(t) for t in entry["values"]]
    if len(entry["shape"]) == 2:
        width = entry["shape"][1]
        return [values[i : i + width] for i in range(0, len(values), width)]
    return values


def _elementwise(name: str) -> Callable[..., Interval]:
    def times(a: Interval, b: Interval) -> Interval:
        corners = [p * q for p in a for q in b]
        return min(corners), max(corners)

    def lerp(z: Interval, a: Interval, b: Interval) -> Interval:
        return (
            min((1 - t) * a[0] + t * b[0] for t in z),
            max((1 - t) * a[1] + t * b[1] for t in z),
        )

    def monotone(function: Callable[[float], float]) -> Callable[[Interval], Interval]:
        return lambda a: (function(a[0]), function(a[1]))

    return {
        "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
        "sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
        "mul": times,
        "neg": lambda a: (-a[1], -a[0]),
        "tanh": monotone(math.tanh),
        "sigmoid": monotone(lambda t: 1 / (1 + math.exp(-t))),
        "relu": monotone(lambda t: max(t, 0.0)),
        "lerp": lerp,
    }[name]


def _product(vector: Sequence[Interval], matrix: Sequence[Sequence[float]]) -> list[Interval]:
    columns = []
    for column in zip(*matrix, strict=True):
        ends = [sorted((w * lo, w * hi)) for w, (lo, hi) in zip(column, vector, strict=True)]
        columns.append((sum(lo for lo, _ in ends), sum(hi for _, hi in ends)))
    return columns


def _apply(operation: Document, arguments: list[Any]) -> Any:
    name = operation["op"]
    if name == "matmul":
        return _product(*arguments)
    if name == "slice":
        part = slice(operation["begin"], operation["end"])
        rows = arguments[0]
        return [row[part] for row in rows] if operation["axis"] else rows[part]
    if name == "concat":
        if operation["axis"]:
            return [sum(rows, []) for rows in zip(*arguments, strict=True)]  # noqa: RUF017
        return sum(arguments, [])  # noqa: RUF017
    size = max(len(argument) for argument in arguments)
    columns = [argument * size if len(argument) == 1 else argument for argument in arguments]
    return [_elementwise(name)(*items) for items in zip(*columns, strict=True)]


def run(
    program: Document, weights: list[Document], x: Sequence[float], state: Sequence[Interval]
) -> tuple[list[Interval], list[Interval]]:
    """Return intervals of the scores and of the new state."""

    def values(entry: Document) -> Any:
        numbers = _numbers(entry)
        return numbers if len(entry["shape"]) == 2 else [(t, t) for t in numbers]

    constants = [values(entry) for entry in [*weights[:-2], *program["literals"]]]
    found = [[(t, t) for t in x], list(state), *constants]
    for operation in program["operations"]:
        found.append(_apply(operation, [found[i] for i in operation["inputs"]]))
    V, c = (_numbers(entry) for entry in weights[-2:])
    products = _product(found[program["output"]], V)
    scores = [(lo + t, hi + t) for (lo, hi), t in zip(products, c, strict=True)]
    (after,) = program["new_states"]
    return scores, found[after]


def certificate(
    task: str = "addition",
    style: str = "plain",
    radius: float = 0.05,
    gain: float = 30.0,
) -> Document:
    """Return an honest certificate.

    Args:
        task: one of `TASKS`.
        style: of the network.
        radius: of the regions, one for each level of u.
        gain: of the network.
    """
    program, weights = network(task, style, gain)
    design = Design(task)
    centers = [_settled(design, level) for level in range(len(design.levels))]
    regions = [
        {
            "label": _label(task, level),
            "center": [t.hex() for t in center],
            "radius": [radius.hex()] * len(center),
        }
        for level, center in zip(design.levels, centers, strict=True)
    ]
    model = {
        "cell": "tests.corpus.handmade:network",
        "arguments": {"task": task, "style": style, "gain": gain},
    }
    start = _first_level(task, design)
    return assemble(task, model, program, weights, regions, start)


def keras_certificate() -> Document:
    """Return an honest certificate of a `SimpleRNNCell` that adds, from a state of zeros.

    u = a + b + 0.7 h_2, where h_2 is 1 after a carry, -1 after none, and 0 at the start.
    """
    K = 40.0
    thresholds = [0.15, 1.15, 2.35]
    cell = {
        "kernel": [[K] * 3] * 2,
        "recurrent_kernel": [[0.0] * 3, [0.7 * K] * 3, [0.0] * 3],
        "bias": [-K * t for t in thresholds],
        "V": [[0.5], [-0.5], [0.5]],
        "c": [0.5],
    }
    operations = [
        {"op": "matmul", "inputs": [0, 2]},
        {"op": "add", "inputs": [5, 4]},
        {"op": "matmul", "inputs": [1, 3]},
        {"op": "add", "inputs": [6, 7]},
        {"op": "tanh", "inputs": [8]},
    ]
    program: Document = {
        "states": [3],
        "initial_state": [[(0.0).hex()] * 3],
        "literals": [],
        "operations": operations,
        "output": 9,
        "new_states": [9],
    }
    centers = [[1.0 if k < level else -1.0 for k in range(3)] for level in range(4)]
    regions = [
        {
            "label": int(i > 2),
            "center": [t.hex() for t in center],
            "radius": [(0.01 if i else 0.0).hex()] * 3,
        }
        for i, center in enumerate([[0.0] * 3, *centers])
    ]
    model: Document = {"cell": "keras.layers:SimpleRNNCell", "arguments": {"units": 3}}
    weights = [tensor(value, name) for name, value in cell.items()]
    return assemble("addition", model, program, weights, regions, 0)


def assemble(
    task: str,
    model: Document,
    program: Document,
    weights: list[Document],
    regions: list[Document],
    start: int,
) -> Document:
    """Return the certificate of a network with these regions: each image in the nearest one."""
    document: Document = {
        "format": "gru_bench certificate",
        "version": 3,
        "claim": f"built by hand to do {task}",
        "task": transducer(task),
        "model": {**model, "dtype": "float32", "weights_sha256": ""},
        "weights": weights,
        "program": program,
        "threshold": (0.5).hex(),
        "rounding": {
            "unit": (2.0**-24).hex(),
            "smallest": (2.0**-126).hex(),
            "tanh": (5e-7).hex(),
            "sigmoid": (5e-7).hex(),
            "source": "assumed for tests",
        },
        "regions": regions,
        "start": start,
        "edges": [],
        "images": [],
        "margins": [],
        "versions": {"tests.corpus.handmade": "1"},
    }
    centers = [[float.fromhex(t) for t in region["center"]] for region in regions]
    for i, region in enumerate(regions):
        radius = max(float.fromhex(t) for t in region["radius"])
        box = [(t - radius, t + radius) for t in centers[i]]
        edges, images, margins = _explore(document, centers, region["label"], box)
        document["edges"].append(edges)
        document["images"].append(images)
        document["margins"].append(margins)
    return sealed(document)


def _label(task: str, level: int) -> int:
    """The transducer's state after a step in which u was on this level."""
    if task == "subtraction":
        return int(level < 0)
    if task == "comparison":
        return {0: 0, -1: 1, 1: 2}[level]
    return level % 2 if task == "parity" else level // (10 if task == "decimal-addition" else 2)


def _explore(
    document: Document, centers: list[list[float]], label: int, box: list[Interval]
) -> tuple[list[int], list[list[str]], list[str]]:
    """Return edges, images and margins of a box of states of that label."""
    task = document["task"]
    edges: list[int] = []
    images: list[list[str]] = []
    margins: list[str] = []
    for x, features in enumerate(task["features"]):
        numbers = [float.fromhex(t) for t in features]
        scores, after = run(document["program"], document["weights"], numbers, box)
        after = [(lo - _ROUNDED, hi + _ROUNDED) for lo, hi in after]
        margins.append(_margin(scores, task["output"][label][x]).hex())
        middle = [(lo + hi) / 2 for lo, hi in after]
        target = min(range(len(centers)), key=lambda j: math.dist(centers[j], middle))
        reach = [max(c - lo, hi - c) for (lo, hi), c in zip(after, centers[target], strict=True)]
        edges.append(target)
        images.append([(t + _SLOP).hex() for t in reach])
    return edges, images, margins


def _margin(scores: list[Interval], right: int) -> float:
    """The distance to the wrong side, less what float32 may round."""
    if len(scores) == 1:
        ((lo, hi),) = scores
        return (lo - 0.5 if right else 0.5 - hi) - 10 * _ROUNDED
    return (
        scores[right][0] - max(hi for k, (_, hi) in enumerate(scores) if k != right) - 10 * _ROUNDED
    )


def sealed(document: Document) -> Document:
    """Return the document with the hash of its weights and its digest taken anew."""
    sha256 = digest(document["weights"])
    document = {**document, "model": {**document["model"], "weights_sha256": sha256}}
    document.pop("digest", None)
    return {**document, "digest": f"sha256:{digest(document)}"}


def digest(content: Any) -> str:
    """Return the sha256 of a part of a certificate, as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
