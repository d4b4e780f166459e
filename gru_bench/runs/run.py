"""A run is a file: written once, whole or not at all, under a name derived from its inputs."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pydantic
from numpy.typing import NDArray

from gru_bench.errors import UsageError, in_one_line
from gru_bench.learning.evaluation import Measurement
from gru_bench.learning.recipe import Recipe
from gru_bench.learning.training import TrainedRun
from gru_bench.outside.opening import parse_json, read_bytes
from gru_bench.outside.text import one_line
from gru_bench.outside.writing import remove_partials, write_result
from gru_bench.records import Line, Record, parse
from gru_bench.runs.provenance import Machine
from gru_bench.runs.verdict import AnyLength, Judgement
from gru_bench.task.transducer import Family

#: The form of the files; a file of another form is not read.
FORM: Literal["gru_bench run 2"] = "gru_bench run 2"
#: How a file begins: with the digest of all that follows.
_HEAD = '{{\n  "digest": "sha256:{}",\n'
_HEAD_LENGTH = len(_HEAD.format("0" * 64))


class Inputs(Record):
    """All that a run depends on.

    Args:
        cell: `package.module:Name`.
        arguments: for its constructor.
        source: hash of the cell's source.
        recipe: how it is trained.
        task: what it learns.
        seed: of the replicate.
        checkpoints: iterations at which it is measured.
        lengths: bits per number.
        families: of test pairs.
        pairs: tried at each length and family.
        evaluation_seed: of the test pairs, and of the verdicts' words.
        any_length: how far verdicts go; None for no verdicts.
        versions: of the packages whose code trains it.
    """

    cell: str
    arguments: dict[str, Any]
    source: str
    recipe: Recipe
    task: str
    seed: int
    checkpoints: tuple[int, ...]
    lengths: tuple[int, ...]
    families: tuple[Family, ...]
    pairs: int
    evaluation_seed: int
    any_length: AnyLength | None
    versions: dict[str, Line]

    @property
    def name(self) -> str:
        """File name: cell, recipe and seed for people, a hash of everything for the bench."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        cell, recipe = (_slug(part) for part in (self.cell.partition(":")[2], self.recipe.name))
        return f"{cell}-{recipe}-{self.seed:04d}-{digest}.json"


class Row(Record):
    """How many pairs and bits of one family and length came out right at one checkpoint."""

    iteration: int
    family: Family
    length: int
    pairs: int
    exact: int
    bits: int
    bits_right: int

    @property
    def possible(self) -> bool:
        """Whether the counts can be those of any network."""
        least, most = self.exact * (self.bits // max(1, self.pairs)), self.bits
        return 0 <= self.exact <= self.pairs and least <= self.bits_right <= most


class Weights(Record):
    """The weights θ at one checkpoint, as base64 of little-endian bytes."""

    iteration: int
    dtype: Annotated[str, pydantic.Field(pattern=r"^[<|][fV][248]$")]
    data: str

    @classmethod
    def of(cls, iteration: int, theta: NDArray[Any]) -> Self:
        """Return the record of an array."""
        little = theta.astype(theta.dtype.newbyteorder("<"))
        data = base64.b64encode(little.tobytes()).decode("ascii")
        return cls(iteration=iteration, dtype=little.dtype.str, data=data)

    @property
    def theta(self) -> NDArray[Any]:
        """The array `(P,)`."""
        return np.frombuffer(base64.b64decode(self.data), np.dtype(self.dtype))


class Run(Record):
    """A finished run.

    Args:
        form: of the file.
        inputs: all it depends on.
        machine: that trained it.
        seconds: it took, by the wall clock.
        diverged: the first iteration whose loss was not finite, or None.
        curve: iteration, loss (None if not finite) and accuracy on training pairs.
        measurements: a row for each checkpoint before divergence, family and length.
        weights: at these checkpoints.
        verdicts: at these checkpoints, if the inputs ask for them.
        certificate: of the proof at the last checkpoint, where that is PROVED.
        worst_curve: iteration and loss of the worst case, for a recipe that has one.
    """

    form: Literal["gru_bench run 2"]
    inputs: Inputs
    machine: Machine
    seconds: float
    diverged: int | None
    curve: tuple[tuple[int, float | None, float | None], ...]
    measurements: tuple[Row, ...]
    weights: tuple[Weights, ...]
    verdicts: tuple[Judgement, ...]
    certificate: dict[str, Any] | None
    worst_curve: tuple[tuple[int, float | None], ...]

    @pydantic.model_validator(mode="after")
    def _is_whole(self) -> Self:
        inputs = self.inputs
        kept = [c for c in inputs.checkpoints if self.diverged is None or c <= self.diverged]
        planned = [(c, f, n) for c in kept for f in inputs.families for n in inputs.lengths]
        if planned != [(row.iteration, row.family, row.length) for row in self.measurements]:
            raise ValueError("its measurements are not those its inputs plan")
        if kept != [weights.iteration for weights in self.weights]:
            raise ValueError("its weights are not at its checkpoints")
        asked = kept if inputs.any_length else []
        if asked != [verdict.iteration for verdict in self.verdicts]:
            raise ValueError("its verdicts are not those its inputs ask for")
        proved = bool(self.verdicts) and self.verdicts[-1].outcome == "PROVED"
        if proved != (self.certificate is not None):
            raise ValueError("what is PROVED at last, and nothing else, has a certificate")
        if not all(row.possible and row.pairs == inputs.pairs for row in self.measurements):
            raise ValueError("its counts are impossible")
        return self


@dataclass(frozen=True)
class Measured:
    """What is measured at one checkpoint.

    Args:
        accuracy: for each family and length.
        verdict: for any length, if it is asked for.
        certificate: of a proof.
    """

    accuracy: Sequence[Measurement]
    verdict: Judgement | None = None
    certificate: dict[str, Any] | None = None


def make_run(trained: TrainedRun, inputs: Inputs, machine: Machine) -> Run:
    """Return the record of a run that has just finished."""
    measured: list[tuple[int, Measured]] = sorted(trained.measurements.items())
    return Run(
        form=FORM,
        inputs=inputs,
        machine=machine,
        seconds=round(trained.seconds, 2),
        diverged=trained.diverged,
        curve=tuple((i, _finite(loss), _finite(share)) for i, loss, share in trained.curve),
        measurements=tuple(
            Row(iteration=i, **vars(m)) for i, found in measured for m in found.accuracy
        ),
        weights=tuple(Weights.of(i, theta) for i, theta in sorted(trained.weights.items())),
        verdicts=tuple(found.verdict for _, found in measured if found.verdict is not None),
        certificate=measured[-1][1].certificate if measured else None,
        worst_curve=tuple((i, _finite(loss)) for i, loss in trained.worst_curve),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "x"


def write_run(folder: Path, run: Run) -> Path:
    """Write a run into a folder and return its path.

    Raises:
        UsageError: the folder cannot be written; the line says where the run is instead.
    """
    path = folder / run.inputs.name
    write_result(path, run_bytes(run))
    return path


def run_bytes(run: Run) -> bytes:
    """Return what the file of a run holds."""
    body = _run_text(run).encode()
    return _HEAD.format(hashlib.sha256(body).hexdigest()).encode() + body


def _run_text(run: Run) -> str:
    """Return JSON whose long lists have a row on each line, so that runs diff well in git."""
    data = run.model_dump(mode="json")
    parts = []
    for key in sorted(data):
        value = data[key]
        if isinstance(value, list):
            rows = ",\n".join("    " + json.dumps(row, sort_keys=True) for row in value)
            text = f"[\n{rows}\n  ]" if rows else "[]"
        else:
            text = json.dumps(value, indent=2, sort_keys=True).replace("\n", "\n  ")
        parts.append(f"  {json.dumps(key)}: {text}")
    return ",\n".join(parts) + "\n}\n"


def read_run(path: Path) -> Run:
    """Return the run in a file.

    Raises:
        UsageError: the file is truncated, is not a run, or was changed since it was written.
    """
    try:
        # Git may have written the ends of lines as Windows does.
        raw = read_bytes(path).replace(b"\r\n", b"\n")
        data = parse_json(raw, "its text")
        if not isinstance(data, dict) or data.get("form") != FORM:
            raise UsageError(f"its form is not {FORM!r}")
        digest = hashlib.sha256(raw[_HEAD_LENGTH:]).hexdigest()
        if raw[:_HEAD_LENGTH] != _HEAD.format(digest).encode():
            raise UsageError("it was changed since it was written")
        del data["digest"]
        run = parse(Run, data, "wrong record")
        if path.name != run.inputs.name:
            raise UsageError(f"its name should be {run.inputs.name!r}")
    except (OSError, ValueError) as error:
        reason = one_line(in_one_line(error))[:200]
        raise UsageError(
            one_line(f"not counted: {str(path)!r} is not a finished run: {reason}")
        ) from None
    return run


def read_runs(folder: Path) -> tuple[dict[str, Run], list[str]]:
    """Return the runs in a folder by file name, and a line about each file that is not one.

    What writers that were killed have left there is removed.
    """
    remove_partials(folder)
    runs, notices = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            runs[path.name] = read_run(path)
        except UsageError as error:
            notices.append(str(error))
    return runs, notices


def find_runs(folder: Path, names: Iterable[str]) -> tuple[dict[str, Run], list[str]]:
    """Return those runs of a folder that have these file names, and a line about each broken one.

    Only these files are looked at, however many the folder has.
    """
    runs, notices = {}, []
    for name in names:
        path = folder / name
        if path.is_file():
            try:
                runs[name] = read_run(path)
            except UsageError as error:
                notices.append(str(error))
    return runs, notices
