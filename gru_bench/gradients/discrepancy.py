"""What a gradient check found: the verdict, the worst entry by name, and a table of all tensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.gradients.agreement import Comparison
from gru_bench.trace.problem import Problem

#: Wrong entries that are listed one by one.
LISTED = 10


def ratio_of(distance: Any, error: Any) -> Any:
    """Return distances in units of their errors; infinite where either is no number."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(distance == 0, 0.0, np.divide(distance, error))
    return np.where(np.isnan(ratio), np.inf, ratio)


@dataclass(frozen=True)
class Entry:
    """One derivative, both ways.

    Args:
        argument: name and index of what is differentiated by, for example `U_z[3, 5]`.
        result: name and index of what is differentiated.
        step: after how many steps that result stands.
        autodiff: TensorFlow's derivative.
        numeric: the numeric one.
        error: estimated error of the numeric one plus rounding of both.
        h: the smallest difference step used.
        kind: "wrong", "kink" or "agrees".
    """

    argument: str
    result: str
    step: int
    autodiff: float
    numeric: float
    error: float
    h: float
    kind: str

    @property
    def ratio(self) -> float:
        """Distance between both in units of the estimated error, infinite where there is none."""
        return float(ratio_of(abs(self.autodiff - self.numeric), self.error))

    def __str__(self) -> str:
        return (
            f"d {self.result} / d {self.argument} (step {self.step}): autodiff "
            f"{self.autodiff:.12g}, numeric {self.numeric:.12g} ± {self.error:.1g} "
            f"(h = {self.h:.1g}): {self.kind}"
        )


@dataclass
class TensorRow:
    """All derivatives by one tensor.

    Args:
        tensor: its name.
        kind: "weight", "input" or "state".
        shape: of the tensor.
        entries: derivatives compared.
        wrong: of them.
        kinks: of them.
        coarse: of them, whose estimated error hides a relative error of 1e-6.
        largest: magnitude of the largest derivative.
        distance: largest distance between both.
        ratio: largest distance in units of the estimated error, wrong entries included.
        unconnected: whether TensorFlow finds no path from it to the results.
    """

    tensor: str
    kind: str
    shape: tuple[int, ...]
    entries: int = 0
    wrong: int = 0
    kinks: int = 0
    coarse: int = 0
    largest: float = 0.0
    distance: float = 0.0
    ratio: float = 0.0
    unconnected: bool = False


@dataclass
class GradientCheck:
    """The result of `check_gradients`.

    Args:
        name: of the cell or function.
        steps: T.
        path: how points were evaluated: "replay" or "vectorized".
        method: "central", "complex" or "directional".
        seed: of random points and directions.
    """

    name: str
    steps: int
    path: str
    method: str
    seed: int
    epsilon: float = 0.0
    rows: list[TensorRow] = field(default_factory=list)
    listed: list[Entry] = field(default_factory=list)
    worst: Entry | None = None
    unconnected: tuple[str, ...] = ()
    repeats: bool = True
    repeat_gap: float = 0.0
    forward: float | None = None
    forward_ok: bool = True
    second: GradientCheck | None = None
    symmetry: float | None = None
    moved: bool = False
    directions: bool = False
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    script: str = ""

    @property
    def entries(self) -> int:
        """Number of derivatives compared."""
        return sum(row.entries for row in self.rows)

    @property
    def wrong(self) -> int:
        """Number of wrong derivatives."""
        return sum(row.wrong for row in self.rows)

    @property
    def kinks(self) -> int:
        """Number of derivatives at kinks."""
        return sum(row.kinks for row in self.rows)

    @property
    def coarse(self) -> int:
        """Number of derivatives too coarse to see a relative error of 1e-6."""
        return sum(row.coarse for row in self.rows)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: no entry, no repetition, no other mode, no second order."""
        second = self.second is None or self.second.ok
        return not self.wrong and self.repeats and self.forward_ok and second

    def lines(self) -> Iterator[str]:
        """Yield the report, line by line."""
        verdict = "ok" if self.ok else "WRONG"
        yield (
            f"{self.name}: {verdict}: {self.entries} derivatives over {self.steps} steps, "
            f"{self.wrong} wrong, {self.kinks} at kinks, {self.coarse} coarse "
            f"({self.method}, {self.path}, {self.seconds:.2f} s)"
        )
        if self.worst is not None:
            yield f"worst: {self.worst}"
        for entry in self.listed[1:]:
            yield f"       {entry}"
        for name in self.unconnected:
            yield f"unconnected: TensorFlow finds no path from {name} to the results"
        if not self.repeats:
            yield f"not repeatable: two gradients at the same point differ by {self.repeat_gap:.3g}"
        if self.forward is not None:
            yield f"forward mode differs by at most {self.forward:.3g} of its estimated error"
        if self.symmetry is not None:
            yield f"second order: the Hessian is symmetric to {self.symmetry:.3g}"
        if self.second is not None:
            yield from (f"second order: {line}" for line in self.second.lines())
        yield from (f"note: {note}" for note in self.notes)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        found = asdict(self)
        totals = {k: getattr(self, k) for k in ("ok", "entries", "wrong", "kinks", "coarse")}
        return {**totals, **found}

    def to_json(self) -> str:
        """Return everything as JSON; numbers that are not finite become strings."""
        return json.dumps(_plain(self.to_dict()), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


class Tally:
    """Counts comparisons by tensor and keeps the worst entries.

    Args:
        problem: whose entries are named.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        parts = problem.arguments.parts
        self._rows = [TensorRow(p.name, p.kind, p.shape) for p in parts]
        self._entries: list[Entry] = []

    def add(self, found: Comparison) -> None:
        """Count one comparison."""
        distance = found.distance
        ratio = ratio_of(distance, found.error)
        for row, part in zip(self._rows, self._problem.arguments.parts, strict=True):
            inside = (found.columns >= part.offset) & (found.columns < part.offset + part.size)
            if inside.any():
                _count(row, found, inside, distance, ratio)
        self._note(found, np.where(found.kinks, -1.0, ratio))

    def _note(self, found: Comparison, ratio: NDArray[Any]) -> None:
        flat = ratio.reshape(-1)
        count = min(LISTED, flat.size)
        top = np.argpartition(-flat, count - 1)[:count] if found.wrong.any() else [flat.argmax()]
        places = [*top, *np.nonzero(found.kinks.reshape(-1))[0][:3]]
        for place in places:
            c, r = np.unravel_index(int(place), ratio.shape)
            self._entries.append(self._entry(found, int(c), int(r)))

    def _entry(self, found: Comparison, c: int, r: int) -> Entry:
        results = self._problem.results
        part = results.part(r)
        step = part.index(r)[0] + 1 if part.kind == "output" else self._problem.steps
        kind = "wrong" if found.wrong[c, r] else "kink" if found.kinks[c, r] else "agrees"
        return Entry(
            self._problem.arguments.label(int(found.columns[c])),
            results.label(r),
            step if self._problem.steps > 1 else 1,
            float(found.autodiff[c, r]),
            float(found.numeric[c, r]),
            float(found.error[c, r]),
            float(np.broadcast_to(found.step, found.error.shape)[c, r]),
            kind,
        )

    def into(self, check: GradientCheck) -> None:
        """Write table and worst entries into a check."""
        for row in self._rows:
            row.unconnected = row.tensor in check.unconnected
        check.rows = [row for row in self._rows if row.entries]
        wrong = sorted((e for e in self._entries if e.kind == "wrong"), key=lambda e: -e.ratio)
        kinks = [e for e in self._entries if e.kind == "kink"]
        rest = sorted((e for e in self._entries if e.kind == "agrees"), key=lambda e: -e.ratio)
        check.listed = (wrong or kinks or rest[:1])[:LISTED]
        check.worst = next(iter([*wrong, *rest, *kinks]), None)


def _count(
    row: TensorRow,
    found: Comparison,
    inside: NDArray[np.bool_],
    distance: NDArray[Any],
    ratio: NDArray[Any],
) -> None:
    largest = np.abs(found.numeric[inside]).max(axis=0)
    row.entries += found.wrong[inside].size
    row.wrong += int(found.wrong[inside].sum())
    row.kinks += int(found.kinks[inside].sum())
    row.coarse += int((found.error[inside] > np.maximum(1e-6 * largest, 1e-10)).sum())
    row.largest = max(row.largest, float(largest.max()))
    row.distance = max(row.distance, float(distance[inside].max()))
    row.ratio = max(row.ratio, float(ratio[inside].max()))
