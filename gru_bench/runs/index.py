"""An index of a folder of runs: what lists and filters thousands of them at once.

It is an sqlite file in the folder, made from the run files and nothing else. A file is read again
where its size, its times or its inode have changed. Deleted or damaged, it is made anew; in a
folder that cannot be written it is made in memory.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

INDEX = ".gru_bench-index.sqlite"
#: Changed with the columns: an index of another version is made anew.
_VERSION = 1
#: What is known of a run, in the order of tables; the reader gives a value for each.
COLUMNS = {
    "file": "TEXT PRIMARY KEY",
    "cell": "TEXT",
    "arguments": "TEXT",
    "recipe": "TEXT",
    "task": "TEXT",
    "seed": "INTEGER",
    "iterations": "INTEGER",
    "solved": "INTEGER",
    "accuracy": "REAL",
    "verdict": "TEXT",
    "diverged": "INTEGER",
    "seconds": "REAL",
    "source": "TEXT",
    "versions": "TEXT",
}
#: Why a file is not counted; and how it is seen whether it is still the same file.
_OTHERS = {"notice": "TEXT", "size": "INTEGER", "changed": "TEXT"}
_ALL = (*COLUMNS, *_OTHERS)
#: Files after which what has been read is kept, should the rest be interrupted.
_CHUNK = 500

#: Gives a row for a file: `COLUMNS` but `file`, or `notice` alone.
Reader = Callable[[Path], Mapping[str, Any]]


class Index:
    """The runs of a folder, as rows.

    Args:
        folder: of run files.
        make_reader: gives who reads files; called only if there is one to read.
    """

    def __init__(self, folder: Path, make_reader: Callable[[], Reader]) -> None:
        self.folder = folder
        self._make_reader = make_reader
        self.read = 0
        self._base = self._refreshed()

    def _refreshed(self) -> sqlite3.Connection:
        """Return the index in the folder, brought up to date, or else one in memory."""
        path = self.folder / INDEX
        for _ in range(2):
            with contextlib.suppress(sqlite3.Error, OSError):
                if path.exists() and not path.is_file():
                    break
                return self._brought_up_to_date(str(path))
            # Damaged, of another version, or not to be written: it holds nothing of its own.
            with contextlib.suppress(OSError):
                path.unlink()
        return self._brought_up_to_date(":memory:")

    def _brought_up_to_date(self, place: str) -> sqlite3.Connection:
        base = sqlite3.connect(place, timeout=10)
        try:
            _prepare(base)
            self._refresh(base)
        except BaseException:
            base.close()
            raise
        return base

    def _refresh(self, base: sqlite3.Connection) -> None:
        known = {
            name: (size, changed)
            for name, size, changed in base.execute("SELECT file, size, changed FROM runs")
        }
        there = dict(_marks(self.folder))
        gone = [(name,) for name in known.keys() - there.keys()]
        new = sorted(name for name, mark in there.items() if known.get(name) != mark)
        with base:
            base.executemany("DELETE FROM runs WHERE file = ?", gone)
        reader = self._make_reader() if new else None
        for start in range(0, len(new), _CHUNK):
            assert reader is not None
            chunk = new[start : start + _CHUNK]
            rows = [(name, reader(self.folder / name), there[name]) for name in chunk]
            with base:
                base.executemany(
                    f"REPLACE INTO runs VALUES ({', '.join('?' * len(_ALL))})",
                    [
                        (name, *map(row.get, list(COLUMNS)[1:]), row.get("notice"), *mark)
                        for name, row, mark in rows
                    ],
                )
        self.read = len(new)

    def select(self, conditions: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows of runs that meet all conditions, by the name of their file.

        Args:
            conditions: SQL with one `?` on the names in `COLUMNS`, and its value.
        """
        where = " AND ".join(["notice IS NULL", *(f"({sql})" for sql, _ in conditions)])
        names = ", ".join(COLUMNS)
        found = self._base.execute(
            f"SELECT {names} FROM runs WHERE {where} ORDER BY file", [v for _, v in conditions]
        )
        return [dict(zip(COLUMNS, row, strict=True)) for row in found]

    def notices(self) -> list[str]:
        """Return a line about each file that is not counted."""
        found = self._base.execute("SELECT notice FROM runs WHERE notice IS NOT NULL ORDER BY file")
        return [str(line) for (line,) in found]

    def close(self) -> None:
        """Close it."""
        self._base.close()


def _prepare(base: sqlite3.Connection) -> None:
    """Make the table, unless it is there.

    Raises:
        sqlite3.Error: it is the index of another version.
    """
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError("the index of another version")
    columns = ", ".join(f"{name} {kind}" for name, kind in {**COLUMNS, **_OTHERS}.items())
    with base:
        base.execute(f"CREATE TABLE IF NOT EXISTS runs ({columns})")
        base.execute(f"PRAGMA user_version = {_VERSION}")
    base.execute(f"SELECT {', '.join(_ALL)} FROM runs LIMIT 1")


def _marks(folder: Path) -> Iterator[tuple[str, tuple[int, str]]]:
    """Yield the names of files that may be runs, each with what changes when it does.

    No time is compared but for equality: clocks may be set back.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    changed = f"{found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns}"
                    yield entry.name, (found.st_size, changed)
