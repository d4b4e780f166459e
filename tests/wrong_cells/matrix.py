"""The kill matrix, law by wrong cell: `python -m tests.wrong_cells.matrix` in the project's folder.

It runs in one process, keeps what it has after each cell, and goes on from there when it is called
again: a result is made anew only where the source of its law or of its cell has changed.
"""

from __future__ import annotations

import csv
import inspect
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gru_bench import profiles
from gru_bench.cells import GRUCell
from gru_bench.errors import UsageError, check_known
from gru_bench.laws import LAWS, shrink
from gru_bench.laws.law import Law
from gru_bench.laws.outcome import EXPECTED, FAILED, NOT_APPLICABLE, PASSED
from gru_bench.laws.runner import run_law
from gru_bench.laws.target import Target
from gru_bench.runtime import keras
from tests.wrong_cells import TABLE, base
from tests.wrong_cells.mutants import mutants

#: How an outcome is written.
LETTERS = {PASSED: ".", FAILED: "F", NOT_APPLICABLE: "-", EXPECTED: "x"}

#: Kinds of cells that some law must catch.
WRONG = ("wrong cell", "mutant")

#: Stands among the laws for a cell that cannot even be made: the command says so with exit code 2.
REFUSED = "(refused)"

#: Dropout of inputs and of states.
DROPPING = {"dropout": 0.25, "recurrent_dropout": 0.25}

FOLDER = Path(__file__).parents[2] / "reports" / "kill_matrix"

#: What Keras itself breaks, by correct cell: law and reason, as `--expect` takes them.
KNOWN: dict[str, dict[str, str]] = {
    "keras.layers:StackedRNNCells": {
        "layer-stateful": "RNN.reset_state walks the outer list of nested states (findings.md)"
    },
}

#: Cells that no law may catch; beside Keras's own and ours stands what wrong cells are made of.
CORRECT: dict[str, tuple[Any, dict[str, Any]]] = {
    "gru_bench:GRUCell": (GRUCell, {"units": 3}),
    "gru_bench:GRUCell, reset after": (GRUCell, {"units": 3, "reset": "after"}),
    "keras.layers:GRUCell": (keras.layers.GRUCell, {"units": 3, **DROPPING}),
    "keras.layers:GRUCell, reset before": (
        keras.layers.GRUCell,
        {"units": 3, "reset_after": False, **DROPPING},
    ),
    "keras.layers:LSTMCell": (keras.layers.LSTMCell, {"units": 3, **DROPPING}),
    "keras.layers:SimpleRNNCell": (keras.layers.SimpleRNNCell, {"units": 3, **DROPPING}),
    "keras.layers:StackedRNNCells": (base.stacked, {"units": 3}),
    "keras.layers:GRU": (keras.layers.GRU, {"units": 3, **DROPPING}),
    "keras.layers:LSTM": (keras.layers.LSTM, {"units": 3}),
    "keras.layers:SimpleRNN": (keras.layers.SimpleRNN, {"units": 3}),
    "keras.layers:Bidirectional": (base.bidirectional, {"units": 3}),
    "minimal gated unit": (base.MinimalGatedUnit, {"units": 3}),
    "minGRU": (base.MinGRU, {"units": 3}),
    "GRU in pieces": (base.GRU, {"units": 3}),
    "GRU in pieces, reset after": (base.AfterGRU, {"units": 3}),
    "LSTM, peephole, clipped": (
        base.LSTM,
        {"units": 3, "peephole": True, "cell_clip": 0.5, "forget_bias": 1.0},
    ),
    "layer-normalised GRU": (base.LayerNormGRU, {"units": 3}),
    "layer-normalised LSTM": (base.LayerNormLSTM, {"units": 3}),
    "relu RNN": (base.Plain, {"units": 3, "activation": "relu"}),
    "zoneout GRU": (base.Zoneout, {"units": 3, "zoneout": 0.25}),
    "GRU layer, time-major": (base.TimeMajor, {"units": 3}),
}

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
    for name, (make, arguments) in CORRECT.items():
        seen = crc(inspect.getsource(make), arguments, KNOWN.get(name))
        given = (make, arguments, None, seen)
        found.append(Row(name, "correct cell", "none: no law may fail", "", *given))
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


def recalled(row: Row, laws: Sequence[Law], known: dict[Any, str]) -> dict[str, str]:
    """Return what is known of a row, by law."""
    keys = {law.name: (row.cell, row.source, law.name, law_source(law)) for law in laws}
    return {name: known[key] for name, key in keys.items() if key in known}


def fill(
    row: Row,
    laws: Sequence[Law],
    known: dict[Any, str],
    profile: str,
    seed: int,
    until_caught: bool = False,
) -> Iterator[tuple[str, str]]:
    """Yield law and letter of one row, running what is not known.

    Args:
        row: the cell.
        laws: in the order in which they are run.
        known: letters by cell and law and their sources; what is run is added.
        profile: how long each law is tried.
        seed: of the cases.
        until_caught: whether to stop at the first law that catches the cell.
    """
    caught = False
    target: Target | None = None
    for law in laws:
        key = (row.cell, row.source, law.name, law_source(law))
        if key not in known:
            if caught and until_caught:
                continue
            if target is None:
                target = Target(row.make, row.arguments, equations=row.equations)
            expected = KNOWN.get(row.cell, {}).get(law.name)
            known[key] = LETTERS[run_law(target, law, profile, seed, expected).status]
        caught = caught or known[key] == LETTERS[FAILED]
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
    """Return the matrix for a reader; what was not run is not in it, and counted."""
    planned = len(all_rows)
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
@click.option("-o", "--output", default=FOLDER, type=click.Path(path_type=Path))
def main(
    profile: str,
    seed: int,
    only: str,
    fresh: bool,
    kind: str,
    law: tuple[str, ...],
    until_caught: bool,
    output: Path,
) -> None:
    """Run every law on every wrong cell and mutant; write the matrix."""
    # A smallest case is for a reader; here only the verdict counts.
    shrink.ATTEMPTS = 0
    path = output / f"{profile}.csv"
    known = {} if fresh else kept(path)
    laws, all_rows = list(LAWS.values()), rows()
    kills = Counter(law for (_, _, law, _), letter in known.items() if letter == LETTERS[FAILED])
    ordered = [LAWS[check_known("law", name, LAWS)] for name in law] or laws
    if until_caught:
        ordered = sorted(ordered, key=lambda one: -kills[one.name])
    table = {row.cell: recalled(row, laws, known) for row in all_rows}
    table = {cell: found for cell, found in table.items() if found}
    for row in all_rows:
        if only not in row.cell or kind not in row.kind:
            continue
        # What one cell leaves behind in Keras is not for the next.
        keras.utils.clear_session()
        try:
            found = fill(row, ordered, known, profile, seed, until_caught and row.kind in WRONG)
            table[row.cell] = recalled(row, laws, known) | dict(found)
        except UsageError as error:
            table[row.cell] = {REFUSED: "F"}
            click.echo(f"{row.cell} is refused: {error}")
        names = [name for name, letter in table[row.cell].items() if letter == LETTERS[FAILED]]
        nothing = "(NOT CAUGHT)" if row.kind in WRONG else "(as it should be)"
        click.echo(f"{row.cell}: {len(names)} {' '.join(names[:6]) or nothing}")
        write(path, laws, table, all_rows)
        text = summary(laws, table, all_rows, profile)
        (output / f"{profile}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
