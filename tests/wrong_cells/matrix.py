"""The kill matrix, law by wrong cell: `python -m tests.wrong_cells.matrix`, from the project's folder.

It runs in one process, keeps what it has after each cell, and goes on from there when it is called
again: a result is made anew only where the source of its law or of its cell has changed.
"""

from __future__ import annotations

import csv
import inspect
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gru_bench import profiles
from gru_bench.errors import UsageError
from gru_bench.laws import LAWS, shrink
from gru_bench.laws.law import Law
from gru_bench.laws.outcome import FAILED, NOT_APPLICABLE, PASSED
from gru_bench.laws.runner import run_law
from gru_bench.laws.target import Target
from tests.wrong_cells import TABLE
from tests.wrong_cells.mutants import mutants

#: How an outcome is written.
LETTERS = {PASSED: ".", FAILED: "F", NOT_APPLICABLE: "-"}

#: Stands among the laws for a cell that cannot even be made: the command says so with exit code 2.
REFUSED = "(refused)"

FOLDER = Path(__file__).parents[2] / "reports" / "kill_matrix"

HEAD = ["cell", "kind", "mistake", "address", "source"]


@dataclass(frozen=True)
class Row:
    """One wrong cell or mutant.

    Args:
        cell: its name.
        kind: "wrong cell" or "mutant".
        mistake: in words.
        address: where it was met.
        make: the class.
        arguments: for it.
        equations: what it claims.
        source: a number that changes with it.
    """

    cell: str
    kind: str
    mistake: str
    address: str
    make: Any
    arguments: dict[str, Any]
    equations: str | None
    source: str

    @property
    def head(self) -> list[str]:
        """What identifies it in the file."""
        return [self.cell, self.kind, self.mistake, self.address, self.source]


def rows() -> list[Row]:
    """Return all wrong cells, then all mutants."""
    found = []
    for one in TABLE:
        seen = crc(inspect.getsource(one.make), one.arguments, one.equations)
        given = (one.make, one.arguments, one.equations, seen)
        found.append(Row(one.name, "wrong cell", one.mistake, one.address, *given))
    for mutant in mutants():
        seen = crc(mutant.change, mutant.arguments, mutant.equations)
        given = (mutant.make, mutant.arguments, mutant.equations, seen)
        found.append(Row(mutant.name, "mutant", mutant.change, "", *given))
    return found


def crc(*parts: Any) -> str:
    """Return a number that changes with any of the parts."""
    return f"{zlib.crc32(repr(parts).encode()):08x}"


def law_source(law: Law) -> str:
    """Return a number that changes with a law's check."""
    return crc(inspect.getsource(law.check), law.wants, law.needs, law.share, law.most)


def kept(path: Path) -> dict[tuple[str, str, str, str], str]:
    """Return what a matrix file holds, by cell and law and their sources."""
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


def fill(
    row: Row, laws: Sequence[Law], known: dict[Any, str], profile: str, seed: int
) -> Iterator[tuple[str, str]]:
    """Yield law and letter of one row, running what is not known."""
    target: Target | None = None
    for law in laws:
        key = (row.cell, row.source, law.name, law_source(law))
        if key not in known:
            if target is None:
                target = Target(row.make, row.arguments, equations=row.equations)
            known[key] = LETTERS[run_law(target, law, profile, seed).status]
        yield law.name, known[key]


def write(path: Path, laws: Sequence[Law], table: dict[str, dict[str, str]], all_rows: Any) -> None:
    """Write the matrix, whole or not at all."""
    names = [REFUSED, *(law.name for law in laws)]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([*HEAD, *names])
        lines.writerow([""] * len(HEAD) + [""] + [law_source(law) for law in laws])
        for row in all_rows:
            found = table.get(row.cell)
            if found is not None:
                lines.writerow([*row.head, *(found.get(name, "") for name in names)])
    draft.replace(path)


def summary(
    laws: Sequence[Law], table: dict[str, dict[str, str]], all_rows: Sequence[Row], profile: str
) -> str:
    """Return the matrix for a reader."""
    caught = {row.cell: [n for n, x in table[row.cell].items() if x == "F"] for row in all_rows}
    kinds = {kind: [r for r in all_rows if r.kind == kind] for kind in ("wrong cell", "mutant")}
    kills = {law.name: [c for c, names in caught.items() if law.name in names] for law in laws}
    lines = [f"# Kill matrix, profile {profile}", ""]
    for kind, some in kinds.items():
        count = sum(bool(caught[row.cell]) for row in some)
        lines.append(f"- {kind}s caught: {count} of {len(some)}")
    count = sum(map(bool, kills.values()))
    lines += [f"- laws that catch something: {count} of {len(laws)}", ""]
    survivors = [row for row in all_rows if not caught[row.cell]]
    if survivors:
        lines += ["## Not caught", ""]
        lines += [f"- `{row.cell}`: {row.mistake}" for row in survivors] + [""]
    lines += ["## Laws", "", "| law | catches | of them alone | for example |", "|---|---|---|---|"]
    for law in laws:
        found = kills[law.name]
        alone = sum(len(caught[cell]) == 1 for cell in found)
        example = f"`{found[0].rpartition(':')[2]}`" if found else ""
        lines.append(f"| {law.name} | {len(found)} | {alone} | {example} |")
    for kind, some in kinds.items():
        lines += ["", f"## {kind.capitalize()}s", "", "| cell | mistake | laws | first |"]
        lines.append("|---|---|---|---|")
        for row in some:
            name = row.cell.rpartition(":")[2]
            shown = f"[{name}]({row.address})" if row.address else f"`{name}`"
            found = caught[row.cell]
            mistake = row.mistake.replace("|", "\\|")
            lines.append(f"| {shown} | {mistake} | {len(found)} | {', '.join(found[:2])} |")
    return "\n".join([*lines, ""])


@click.command()
@click.option("--profile", default="quick", type=click.Choice(list(profiles.LAW_EXAMPLES)))
@click.option("--seed", default=0)
@click.option("--only", default="", help="Cells whose name contains this.")
@click.option("--fresh", is_flag=True, help="Forget what earlier calls found.")
@click.option("-o", "--output", default=FOLDER, type=click.Path(path_type=Path))
def main(profile: str, seed: int, only: str, fresh: bool, output: Path) -> None:
    """Run every law on every wrong cell and mutant; write the matrix."""
    # A smallest case is for a reader; here only the verdict counts.
    shrink.ATTEMPTS = 0
    path = output / f"{profile}.csv"
    known = {} if fresh else kept(path)
    laws, all_rows = list(LAWS.values()), rows()
    table: dict[str, dict[str, str]] = {}
    for row in all_rows:
        if only and only not in row.cell:
            continue
        try:
            table[row.cell] = dict(fill(row, laws, known, profile, seed))
        except UsageError as error:
            table[row.cell] = {REFUSED: "F"}
            click.echo(f"{row.cell} is refused: {error}")
        found = [name for name, letter in table[row.cell].items() if letter == "F"]
        click.echo(f"{row.cell}: {len(found)} {' '.join(found[:6]) or '(NOT CAUGHT)'}")
        if not only:
            write(path, laws, table, all_rows)
    if not only:
        text = summary(laws, table, all_rows, profile)
        (output / f"{profile}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
