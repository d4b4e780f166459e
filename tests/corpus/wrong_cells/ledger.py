"""What laws said of cells, kept by the sources of both, and filled in by several processes."""

from __future__ import annotations

import csv
import multiprocessing
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from gru_bench.errors import UsageError
from gru_bench.laws.law import Law
from gru_bench.laws.running import shrink
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import Target, make_target
from gru_bench.laws.telling.outcome import EXPECTED, FAILED, NOT_APPLICABLE, PASSED
from gru_bench.subjects.keras.runtime import keras
from tests.corpus.wrong_cells.closure import digest
from tests.corpus.wrong_cells.laws import LAWS

#: How an outcome is written.
LETTERS = {PASSED: ".", FAILED: "F", NOT_APPLICABLE: "-", EXPECTED: "x"}

#: Stands among the laws for a cell that cannot even be made: the command says so with exit code 2.
REFUSED = "(refused)"

HEAD = ["cell", "kind", "mistake", "address", "source"]

#: Tasks of one process: they share what starting takes, and memory is given back in the end.
TASKS = 20

Letters = dict[str, str]

#: Letters by cell, its source, law and its source.
Known = Mapping[tuple[str, str, str, str], str]


@dataclass(frozen=True)
class Row:
    """One cell that laws are tried on.

    Args:
        cell: its name.
        kind: "wrong cell", "mutant" or "correct cell".
        mistake: in words.
        address: where it was met.
        make: the class.
        arguments: for it.
        equations: what it claims.
        source: a number that changes with it.
        seed: of the cases.
        expected: why laws are expected to fail, by law.
    """

    cell: str
    kind: str
    mistake: str
    address: str
    make: Any
    arguments: dict[str, Any]
    equations: str | None
    source: str
    seed: int = 0
    expected: Mapping[str, str] = field(default_factory=dict)

    @property
    def head(self) -> list[str]:
        """What identifies it in the file."""
        return [self.cell, self.kind, self.mistake, self.address, self.source]

    def with_seed(self, seed: int) -> Row:
        """Return a row of its own for another seed."""
        return replace(self, cell=f"{self.cell}, seed {seed}", seed=seed)


def crc(*parts: Any) -> str:
    """Return a number that changes with any of the parts."""
    return f"{zlib.crc32(repr(parts).encode()):08x}"


@cache
def law_source(law: Law) -> str:
    """Return a number that changes with all code that a law uses, but not with its words."""
    return crc(digest(law.check), law.wants, law.needs, law.share, law.most)


def kept(path: Path) -> dict[tuple[str, str, str, str], str]:
    """Return what a file holds."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        laws, sources, *cells = csv.reader(file)
    start = len(HEAD)
    return {
        (cell[0], cell[start - 1], law, source): letter
        for cell in cells
        for law, source, letter in zip(laws[start:], sources[start:], cell[start:], strict=True)
        if letter
    }


def recalled(row: Row, known: Known) -> Letters:
    """Return what is known of a row, by law."""
    sources = {REFUSED: "", **{law.name: law_source(law) for law in LAWS.values()}}
    keys = {name: (row.cell, row.source, name, source) for name, source in sources.items()}
    return {name: known[key] for name, key in keys.items() if key in known}


def write(path: Path, table: Mapping[str, Letters], rows: Sequence[Row]) -> None:
    """Write a file, whole or not at all."""
    names = [REFUSED, *LAWS]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([*HEAD, *names])
        lines.writerow([""] * len(HEAD) + [""] + [law_source(law) for law in LAWS.values()])
        for row in rows:
            found = table.get(row.cell)
            if found is not None:
                lines.writerow([*row.head, *(found.get(name, "") for name in names)])
    draft.replace(path)


@dataclass(frozen=True)
class Task:
    """What one process does before it tells: rows of one cell, which share what is traced.

    Args:
        rows: alike but for their seeds.
        laws: names, in the order in which they are tried.
        profile: how long each law is tried.
        known: what is not tried again, by law, for each row.
        until_caught: whether a row ends with the first law that catches it.
    """

    rows: Sequence[Row]
    laws: Sequence[str]
    profile: str
    known: Sequence[Letters]
    until_caught: bool = False

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to try."""
        wanted = set(self.laws)
        return all(
            REFUSED in known or wanted <= set(known) or (self.until_caught and _is_caught(known))
            for known in self.known
        )

    def run_with_rows(self) -> list[tuple[Row, Letters]]:
        """Return the rows with their letters, for one who does not know which task this was."""
        return list(zip(self.rows, self.run(), strict=True))

    def run(self) -> list[Letters]:
        """Return letters by law for each row, those that were known among them."""
        # What one cell leaves behind in Keras is not for the next.
        keras.utils.clear_session()
        row, attempts = self.rows[0], shrink.ATTEMPTS
        # A smallest case is for a reader; here only the verdict counts.
        shrink.ATTEMPTS = 0
        try:
            target = make_target(row.make, row.arguments, equations=row.equations)
            return [
                self._tried(target, row, dict(known))
                for row, known in zip(self.rows, self.known, strict=True)
            ]
        except UsageError:
            return [{REFUSED: LETTERS[FAILED]} for _ in self.rows]
        finally:
            shrink.ATTEMPTS = attempts

    def _tried(self, target: Target, row: Row, letters: Letters) -> Letters:
        for name in self.laws:
            if self.until_caught and _is_caught(letters):
                break
            if name not in letters:
                expected = row.expected.get(name)
                outcome = run_law(target, LAWS[name], self.profile, row.seed, expected)
                letters[name] = LETTERS[outcome.status]
        return letters


def _is_caught(letters: Letters) -> bool:
    return LETTERS[FAILED] in letters.values()


def filled(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Row, Letters]]:
    """Yield each row with its letters, as soon as they are there.

    Args:
        tasks: those that are done are passed over.
        jobs: processes at once.
    """
    left = [task for task in tasks if not task.is_done]
    if not left:
        return
    # Not an executor: those of Python 3.11 and 3.12 can wait for ever once processes are replaced
    # (https://github.com/python/cpython/issues/115634).
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=TASKS) as pool:
        for found in pool.imap_unordered(Task.run_with_rows, left):
            yield from found
