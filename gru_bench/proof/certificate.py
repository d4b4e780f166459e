"""Certificates: a found invariant as a file that anyone can check; see docs/certificate.md."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.outside.writing import write_whole
from gru_bench.program.rounding import Rounding
from gru_bench.proof.finder import Invariant
from gru_bench.proof.system import System

FORMAT, VERSION = "gru_bench certificate", 3


def make_certificate(system: System, invariant: Invariant, rounding: Rounding) -> dict[str, Any]:
    """Return the certificate of an invariant, ready to be written as JSON."""
    task, program, regions = system.task, system.program, invariant.regions
    weights = weights_entry(system)
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "claim": f"This {system.cell} does {task.name} of numbers of any length.",
        "task": {
            "name": task.name,
            "features": _hex(task.features),
            "next": [list(row) for row in task.next_state],
            "output": [list(row) for row in task.output],
            "outputs": task.outputs,
        },
        "model": {
            "cell": system.cell,
            "arguments": system.arguments,
            "dtype": "float32",
            "weights_sha256": digest(weights),
        },
        "weights": weights,
        "program": {
            "states": list(program.state_sizes),
            "initial_state": [_hex(s) for s in program.initial_state],
            "literals": [_tensor(literal) for literal in program.literals],
            "operations": [
                {"op": o.name, "inputs": list(o.inputs), **o.attributes} for o in program.operations
            ],
            "output": program.output,
            "new_states": list(program.new_states),
        },
        "threshold": float(np.float32(system.threshold)).hex(),
        "rounding": {
            "unit": rounding.unit.hex(),
            "smallest": rounding.smallest.hex(),
            "tanh": rounding.tanh.hex(),
            "sigmoid": rounding.sigmoid.hex(),
            "source": rounding.source,
        },
        "regions": [
            {"label": int(label), "center": _hex(c), "radius": _hex(r)}
            for label, c, r in zip(
                regions.family.labels, regions.center, regions.radius, strict=True
            )
        ],
        "start": 0,
        "edges": regions.family.following.tolist(),
        "images": _hex(invariant.images),
        "margins": _hex(invariant.margins),
        "versions": {
            "python": platform.python_version(),
            **system.versions,
            "numpy": np.__version__,
        },
    }
    return {**content, "digest": f"sha256:{digest(content)}"}


def weights_entry(system: System) -> list[dict[str, Any]]:
    """Return the weights by name: the cell's in its order, then V and c."""
    named = zip([*system.names, "V", "c"], [*system.weights, system.V, system.c], strict=True)
    return [{"name": name, **_tensor(weight)} for name, weight in named]


def digest(content: Any) -> str:
    """Return the sha256 of a part of a certificate, as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def certificate_bytes(certificate: dict[str, Any]) -> bytes:
    """Return a certificate as its file has it."""
    return (json.dumps(certificate, indent=0) + "\n").encode()


def write_certificate(path: Path, certificate: dict[str, Any]) -> None:
    """Write a certificate, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    write_whole(path, certificate_bytes(certificate))


def _tensor(array: Any) -> dict[str, Any]:
    flat = np.asarray(array).reshape(-1)
    return {"shape": list(np.shape(array)), "values": _hex(flat)}


def _hex(array: Any) -> Any:
    """Return nested lists of exact hexadecimal floats."""
    if np.ndim(array) == 0:
        return float(array).hex()
    return [_hex(part) for part in array]
