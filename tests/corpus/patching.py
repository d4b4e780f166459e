"""Patch the program of an honest certificate in 1,000 ways: is one believed of the model?

    python -m tests.corpus.patching                # 1,000 patches of a certificate built by hand

A patched program can be a proof in itself, of another network. Beside the model it came from it
must be refused, whatever it computes: also where a patch gives the same numbers (a weight replaced
by its own values as a literal, say), since then the file is about another program.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench import ADDITION, Adder, Network, Rejected, UsageError
from gru_bench.checker.certificate import read
from gru_bench.learning.deployment import Deployment
from gru_bench.proof.comparison import compare
from tests.corpus.corruption import sealed
from tests.corpus.handmade import keras_certificate, tensor

Document = dict[str, Any]
Patch = Callable[[Document, random.Random], None]


def adder_of(document: Document) -> Adder:
    """Return the adder that `keras_certificate` is about."""
    network = Network("keras.layers:SimpleRNNCell", {"units": 3}, ADDITION)
    flat = [float.fromhex(t) for entry in document["weights"] for t in entry["values"]]
    return Adder(network, np.array(flat, np.float32), threshold=0.5)


def _first_result(document: Document) -> int:
    program = document["program"]
    weights = len(document["weights"]) - 2
    return 1 + len(program["states"]) + weights + len(program["literals"])


def _renumber(document: Document, change: Callable[[int], int]) -> None:
    """Give other numbers to all values that operations and results name."""
    program = document["program"]
    for operation in program["operations"]:
        operation["inputs"] = [change(number) for number in operation["inputs"]]
    program["output"] = change(program["output"])
    program["new_states"] = [change(number) for number in program["new_states"]]


def _add_literal(document: Document, value: Any) -> int:
    """Add a literal; return its number."""
    first = _first_result(document)
    document["program"]["literals"].append(value)
    _renumber(document, lambda number: number + (number >= first))
    return first


def _insert(document: Document, place: int, operation: Document) -> int:
    """Put an operation before the one at a place; return the number of its result."""
    number = _first_result(document) + place
    _renumber(document, lambda other: other + (other >= number))
    document["program"]["operations"].insert(place, operation)
    return number


def replace_weight(document: Document, rng: random.Random) -> None:
    """Use a literal of the same values, or of others, in the place of a weight."""
    k = rng.randrange(len(document["weights"]) - 2)
    weight = document["weights"][k]
    values = list(weight["values"])
    if rng.random() < 0.7:
        values[rng.randrange(len(values))] = float(np.float32(rng.uniform(-50, 50))).hex()
    literal = _add_literal(document, {"shape": weight["shape"], "values": values})
    old = 1 + len(document["program"]["states"]) + k
    for operation in document["program"]["operations"]:
        operation["inputs"] = [literal if i == old else i for i in operation["inputs"]]


def scale(document: Document, rng: random.Random) -> None:
    """Multiply a result by a literal."""
    place = rng.randrange(1, len(document["program"]["operations"]) + 1)
    factor = _add_literal(document, tensor(float(np.float32(rng.uniform(0.5, 1.5)))))
    result = _first_result(document) + place - 1
    made = _insert(document, place, {"op": "mul", "inputs": [result, factor]})
    _use_instead(document, result, made)


def shift(document: Document, rng: random.Random) -> None:
    """Add a literal to a result, or subtract it."""
    place = rng.randrange(1, len(document["program"]["operations"]) + 1)
    step = _add_literal(document, tensor(float(np.float32(rng.uniform(-1, 1)))))
    result = _first_result(document) + place - 1
    made = _insert(document, place, {"op": rng.choice(["add", "sub"]), "inputs": [result, step]})
    _use_instead(document, result, made)


def negate_twice(document: Document, rng: random.Random) -> None:
    """Change a result's sign, once or twice."""
    place = rng.randrange(1, len(document["program"]["operations"]) + 1)
    for k in range(rng.choice([1, 2])):
        result = _first_result(document) + place + k - 1
        made = _insert(document, place + k, {"op": "neg", "inputs": [result]})
        _use_instead(document, result, made)


def _use_instead(document: Document, old: int, new: int) -> None:
    """Let everything that reads a value read another one, made from it."""
    program = document["program"]
    first = _first_result(document)
    for number, operation in enumerate(program["operations"], first):
        if number != new:
            operation["inputs"] = [new if i == old else i for i in operation["inputs"]]
    program["output"] = new if program["output"] == old else program["output"]
    program["new_states"] = [new if i == old else i for i in program["new_states"]]


def exchange_operation(document: Document, rng: random.Random) -> None:
    """Do something else with the same operands."""
    operations = document["program"]["operations"]
    families = [{"add", "sub", "mul"}, {"tanh", "sigmoid", "relu", "neg"}]
    place = rng.choice([k for k, o in enumerate(operations) if o["op"] != "matmul"])
    (family,) = [family for family in families if operations[place]["op"] in family]
    operations[place]["op"] = rng.choice(sorted(family - {operations[place]["op"]}))


def exchange_operand(document: Document, rng: random.Random) -> None:
    """Read another value of the same kind."""
    program = document["program"]
    place = rng.randrange(len(program["operations"]))
    operation = program["operations"][place]
    k = rng.randrange(len(operation["inputs"]))
    others = set(range(_first_result(document) + place)) - {operation["inputs"][k]}
    operation["inputs"][k] = rng.choice(sorted(others))


def exchange_result(document: Document, rng: random.Random) -> None:
    """Return another value as output or as new state."""
    program = document["program"]
    end = _first_result(document) + len(program["operations"])
    key = rng.choice(["output", "new_states"])
    old = program["output"] if key == "output" else program["new_states"][0]
    new = rng.choice([k for k in range(end) if k != old])
    program[key] = new if key == "output" else [new]


def split_states(document: Document, rng: random.Random) -> None:
    """Keep the state in several parts, put together where it is read and taken apart after it."""
    program, cut = document["program"], rng.choice([1, 2])
    (row,), n = program["initial_state"], program["states"][0]
    _renumber(document, lambda number: number + (number > 1))
    program["states"], program["initial_state"] = [cut, n - cut], [row[:cut], row[cut:]]
    joined = _insert(document, 0, {"op": "concat", "inputs": [1, 2], "axis": 0})
    for operation in program["operations"][1:]:
        operation["inputs"] = [joined if i == 1 else i for i in operation["inputs"]]
    end = _first_result(document) + len(program["operations"])
    (state,) = program["new_states"]
    for begin, stop in ((0, cut), (cut, n)):
        program["operations"].append(
            {"op": "slice", "inputs": [state], "axis": 0, "begin": begin, "end": stop}
        )
    program["new_states"] = [end, end + 1]


def start_elsewhere(document: Document, rng: random.Random) -> None:
    """Begin in another state."""
    (row,) = document["program"]["initial_state"]
    row[rng.randrange(len(row))] = float(np.float32(rng.uniform(-1, 1))).hex()


def rename(document: Document, rng: random.Random) -> None:
    """Give a weight another name, or another shape of the same size."""
    entry = rng.choice(document["weights"][:-2])
    if rng.random() < 0.5:
        entry["name"] += rng.choice("'_ x")
    else:
        entry["shape"] = [1, *entry["shape"]] if len(entry["shape"]) == 1 else entry["shape"][::-1]


PATCHES: tuple[Patch, ...] = (
    replace_weight,
    scale,
    shift,
    negate_twice,
    exchange_operation,
    exchange_operand,
    exchange_result,
    split_states,
    start_elsewhere,
    rename,
)


def patched(document: Document, count: int, seed: int) -> Iterator[tuple[str, Document]]:
    """Return that many patched certificates, hashes taken anew, one to three patches each."""
    rng = random.Random(seed)
    while count:
        found, names = copy.deepcopy(document), []
        for patch in rng.choices(PATCHES, k=rng.choice([1, 1, 1, 2, 3])):
            try:
                patch(found, rng)
            except (ValueError, IndexError, KeyError):  # one patch left nothing for another
                continue
            names.append(patch.__name__)
        if found != document:
            count -= 1
            yield " + ".join(names), sealed(found)


def judge(document: Document, adder: Adder, deployment: Deployment, folder: Path) -> str:
    """Return "refused", "rejected", or "BELIEVED"; any other exception is a defect."""
    path = folder / "patched.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        compare(read(path), adder, deployment)
    except UsageError:
        return "refused"
    except Rejected:
        return "rejected"
    return "BELIEVED"


def main() -> int:
    """Print how many patches of each kind were refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    document = keras_certificate()
    adder = adder_of(document)
    deployment = Deployment(adder.network)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        honest = judge(document, adder, deployment, Path(folder))
        print(f"the honest certificate: {honest}")
        for kind, found in patched(document, options.count, options.seed):
            answer = judge(found, adder, deployment, Path(folder))
            counts[answer] += 1
            if answer == "BELIEVED":
                print(f"WRONG: {kind}")
    print(f"of {counts.total()} patched: " + ", ".join(f"{n} {a}" for a, n in counts.items()))
    return int(honest != "BELIEVED" or counts["BELIEVED"] > 0)


if __name__ == "__main__":
    sys.exit(main())
