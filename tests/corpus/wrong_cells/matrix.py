"""The kill matrix, law by wrong cell: `python -m tests.corpus.wrong_cells.matrix`.

It is called in the project's folder. It keeps what it has after each cell, and goes on from there
when it is called again: a result is made anew only where the source of its law or of its cell has
changed.
"""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from gru_bench import profiles
from gru_bench.errors import check_known
from gru_bench.laws.telling.outcome import FAILED
from tests.corpus.wrong_cells import TABLE
from tests.corpus.wrong_cells.correct import correct_rows
from tests.corpus.wrong_cells.laws import LAWS
from tests.corpus.wrong_cells.ledger import (
    LETTERS,
    Letters,
    Row,
    Task,
    crc,
    filled,
    kept,
    recalled,
    write,
)
from tests.corpus.wrong_cells.mutants import mutants

#: Kinds of cells that some law must catch.
WRONG = ("wrong cell", "mutant")

FOLDER = Path(__file__).parents[3] / "reports" / "kill_matrix"


def rows() -> list[Row]:
    """Return all wrong cells, then all mutants, then the correct cells."""
    found = []
    for one in TABLE:
        seen = crc(inspect.getsource(one.make), one.arguments, one.equations)
        given = (one.make, one.arguments, one.equations, seen)
        found.append(Row(one.name, "wrong cell", one.mistake, one.address, *given))
    for mutant in mutants():
        seen = crc(mutant.change, mutant.arguments, mutant.equations)
        given = (mutant.make, mutant.arguments, mutant.equations, seen)
        found.append(Row(mutant.name, "mutant", mutant.change, "", *given))
    return [*found, *correct_rows()]


def summary(table: Mapping[str, Letters], all_rows: Sequence[Row], profile: str) -> str:
    """Return the matrix for a reader; what was not run is not in it, and counted."""
    planned, laws = len(all_rows), list(LAWS.values())
    all_rows = [row for row in all_rows if row.cell in table]
    caught = {row.cell: [n for n, x in table[row.cell].items() if x == "F"] for row in all_rows}
    kinds = {kind: [r for r in all_rows if r.kind == kind] for kind in WRONG}
    whole = sum(len(table[row.cell]) >= len(laws) for row in all_rows)
    lines_of = "on which every law was run"
    wrong = [row.cell for row in all_rows if row.kind in kinds]
    kills = {law.name: [cell for cell in wrong if law.name in caught[cell]] for law in laws}
    idle = [name for name, found in kills.items() if not found]
    lines = [f"# Kill matrix, profile {profile}", ""]
    lines += [f"- cells run: {len(all_rows)} of {planned}; {lines_of}: {whole}"]
    for kind, some in kinds.items():
        count = sum(bool(caught[row.cell]) for row in some)
        lines.append(f"- {kind}s caught: {count} of {len(some)}")
    right = [row for row in all_rows if row.kind not in kinds]
    alarms = [row for row in right if caught[row.cell]]
    lines.append(f"- false alarms: {len(alarms)} of {len(right)} correct cells")
    count = sum(map(bool, kills.values()))
    lines += [f"- laws that catch something: {count} of {len(laws)}", ""]
    if idle:
        lines += ["## Laws that catch nothing in what was run", "", ", ".join(idle), ""]
    survivors = [row for row in all_rows if row.kind in kinds and not caught[row.cell]]
    if survivors:
        lines += ["## Not caught", ""]
        lines += [f"- `{row.cell}`: {row.mistake}" for row in survivors] + [""]
    if alarms:
        lines += ["## False alarms", ""]
        lines += [f"- {row.cell}: {', '.join(caught[row.cell])}" for row in alarms] + [""]
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
@click.option("--kind", default="", help="Cells of this kind: wrong cell, mutant, correct cell.")
@click.option("--law", multiple=True, help="Only these laws; the others stay as they were.")
@click.option("--until-caught", is_flag=True, help="Stop a row at its first catch; blanks remain.")
@click.option("--jobs", default=os.cpu_count() or 1, help="Processes at once.")
@click.option("-o", "--output", default=FOLDER, type=click.Path(path_type=Path))
def main(
    profile: str,
    seed: int,
    only: str,
    fresh: bool,
    kind: str,
    law: tuple[str, ...],
    until_caught: bool,
    jobs: int,
    output: Path,
) -> None:
    """Run every law on every wrong cell and mutant; write the matrix."""
    path = output / (f"{profile}-seed-{seed}.csv" if seed else f"{profile}.csv")
    known, all_rows = {} if fresh else kept(path), rows()
    kills = Counter(law for (_, _, law, _), letter in known.items() if letter == LETTERS[FAILED])
    chosen = [check_known("law", name, LAWS) for name in law] or list(LAWS)
    if until_caught:
        chosen = sorted(chosen, key=lambda name: -kills[name])
    table: dict[str, Letters] = {row.cell: recalled(row, known) for row in all_rows}
    tasks = [
        Task([row], chosen, profile, [table[row.cell]], until_caught and row.kind in WRONG)
        for row in (replace(row, seed=seed) for row in all_rows)
        if only in row.cell and kind in row.kind
    ]
    for row, letters in filled(tasks, jobs):
        table[row.cell] = letters
        names = [name for name, letter in letters.items() if letter == LETTERS[FAILED]]
        nothing = "(NOT CAUGHT)" if row.kind in WRONG else "(as it should be)"
        click.echo(f"{row.cell}: {len(names)} {' '.join(names[:6]) or nothing}")
        keep(path, table, all_rows, profile)
    keep(path, table, all_rows, profile)


def keep(path: Path, table: Mapping[str, Letters], all_rows: Sequence[Row], profile: str) -> None:
    """Write what was tried, for machines and for readers."""
    tried = {cell: letters for cell, letters in table.items() if letters}
    write(path, tried, all_rows)
    path.with_suffix(".md").write_text(summary(tried, all_rows, profile), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
