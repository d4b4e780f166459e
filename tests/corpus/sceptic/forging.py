"""Certificates written by hand: an honest program of `Levels`, whatever the model computes.

All that depends on the format of certificates is here: `weights_sha256` and `seal`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import Adder, Network, get_task, prove, tf
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels

Document = dict[str, Any]

#: W, U and b of `Levels`, each with its shape.
_PARTS = ((LEVELS[:6], (2, 3)), (LEVELS[6:9], (1, 3)), (LEVELS[9:], (3,)))

#: Half the width of the boxes around a carry of 0 and 1.
_RADIUS = 2.0**-8


@cache
def _honest() -> str:
    network = Network(Levels, {}, get_task("addition"))
    verdict = prove(Adder(network, (*LEVELS, *READ_OUT), 0.5), steps=0)
    if verdict.certificate is None:
        raise AssertionError(f"an honest adder is not proved: {verdict.reason}")
    return json.dumps(verdict.certificate)


def honest() -> Document:
    """Return the certificate of an honest adder, as the package makes it."""
    found: Document = json.loads(_honest())
    return found


def tensor(array: Any) -> Document:
    """Return an array as certificates hold it."""
    array = np.asarray(array, np.float32)
    return {"shape": list(array.shape), "values": [float(t).hex() for t in array.reshape(-1)]}


def digest(content: Any) -> str:
    """Return the sha256 of a part of a certificate, as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def weights_sha256(weights: list[Document], version: Any) -> str:
    """Return the hash of a certificate's weights as that version of the format takes it."""
    if version in (1, 2):
        flat = [float.fromhex(t) for weight in weights for t in weight["values"]]
        return hashlib.sha256(struct.pack(f"<{len(flat)}f", *flat)).hexdigest()
    return digest(weights)


def seal(certificate: Document) -> Document:
    """Return a copy whose hashes are taken anew."""
    sealed = copy.deepcopy(certificate)
    sealed.pop("digest", None)
    sealed["model"]["weights_sha256"] = weights_sha256(sealed["weights"], sealed["version"])
    return {**sealed, "digest": f"sha256:{digest(sealed)}"}


def write(certificate: Document, path: Path) -> Path:
    """Write a certificate as it is."""
    path.write_text(json.dumps(certificate), encoding="utf-8")
    return path


def _single(number: float) -> str:
    """Return the nearest float32 number as certificates hold it."""
    with np.errstate(over="ignore"):
        return float(np.float32(number)).hex()


def named_weights(adder: Adder) -> list[Document]:
    """Return an adder's weights as its certificate has them."""
    network = adder.network
    variables = network.cell.trainable_variables
    short = [v.name for v in variables]
    names = [v.path if short.count(v.name) > 1 else v.name for v in variables]
    return [
        {"name": name, **tensor(tf.cast(value, tf.float32))}
        for name, value in zip([*names, "V", "c"], network.unpack(adder.theta), strict=True)
    ]


def program(weights: int, literals: tuple[Any, ...] = (), **places: int) -> Document:
    """Return the program of `Levels`.

    Args:
        weights: the cell's number of weights.
        literals: that it holds.
        **places: numbers of W, U and b, where they are not the first three weights.
    """
    W, U, b = (places.get(name, k) for k, name in enumerate("WUb", 2))
    n = 2 + weights + len(literals)
    return {
        "states": [1],
        "initial_state": [[(0.0).hex()]],
        "literals": [tensor(literal) for literal in literals],
        "operations": [
            {"op": "matmul", "inputs": [0, W]},
            {"op": "matmul", "inputs": [1, U]},
            {"op": "add", "inputs": [n, n + 1]},
            {"op": "add", "inputs": [n + 2, b]},
            {"op": "sigmoid", "inputs": [n + 3]},
            {"op": "slice", "inputs": [n + 4], "axis": 0, "begin": 1, "end": 2},
        ],
        "output": n + 4,
        "new_states": [n + 5],
    }


def proof(carries: tuple[int, ...] = (0, 1), size: int = 1) -> Document:
    """Return regions around carries of 0 and 1, in an order and as often as is wished.

    Args:
        carries: of each region; the network starts in the first of 0.
        size: how often the state holds the carry.
    """
    after = [[(0, 0, 0, 1), (0, 1, 1, 1)][carry] for carry in carries]
    radius = [_RADIUS.hex()] * size
    return {
        "regions": [
            {"label": carry, "center": [float(carry).hex()] * size, "radius": radius}
            for carry in carries
        ],
        "start": carries.index(0),
        "edges": [[carries.index(carry) for carry in row] for row in after],
        "images": [[radius] * 4 for _ in carries],
        "margins": [[(0.25).hex()] * 4 for _ in carries],
    }


def _honest_program(weights: list[Document]) -> Document:
    """Return the program of `Levels`: with an adder's weights if they are right, else with none."""
    count = len(weights) - 2
    W, U, b = (np.reshape(part, shape) for part, shape in _PARTS)
    own = [(w["shape"], w["values"]) for w in weights[:3]]
    if own == [(t["shape"], t["values"]) for t in map(tensor, (W, U, b))]:
        return program(count)
    first = 2 + count
    return program(count, (W, U, b), W=first, U=first + 1, b=first + 2)


def forge(adder: Adder, **changes: Any) -> Document:
    """Return a sealed certificate that claims of an adder what holds of `Levels`.

    Args:
        adder: whose cell, arguments, threshold and weights it names.
        **changes: entries of the certificate that are others.
    """
    certificate, weights = honest(), named_weights(adder)
    network = adder.network
    certificate["model"] |= {"cell": network.cell_name, "arguments": network.arguments}
    return seal(
        {
            **certificate,
            "claim": "This network adds.",
            "weights": weights,
            "program": _honest_program(weights),
            "threshold": _single(adder.threshold),
            **proof(),
            **changes,
        }
    )
