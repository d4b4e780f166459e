"""How often `check` catches a stranger's mistake, with the family claimed and with no claim.

    python -m benchmarks.claims --kept FILE --out reports/identify

Over the styles of `tests/corpus/styles`, each with each mistake and with none; a check ends at the
first law that fails, and each is kept in FILE, from which a killed run goes on.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gru_bench.equations.opened import opened

from benchmarks.identify import pairs
from benchmarks.sweep import Found, Job, swept
from gru_bench.equations.words import hints_of
from tests.corpus.foreign import RIGHTLY
from tests.corpus.styles import styles
from tests.corpus.styles.own import OWN
from tests.corpus.styles.steps import MISTAKES

HEAD = (
    "cell",
    "mistake",
    "seen by",
    "claimed",
    "family told",
    "result",
    "law",
    "reason",
    "seconds",
)

MODULE = "tests.corpus.styles"


class Row(NamedTuple):
    """One check: the fields are those of `HEAD`."""

    cell: str
    mistake: str
    seen_by: str
    claimed: str
    told: bool
    found: Found

    @property
    def result(self) -> str:
        """In one word."""
        if self.found.status == "refused":
            return "refused"
        if not self.mistake:
            return "alarm" if self.found.failed.keys() - {*RIGHTLY.get(self.cell, ())} else "passed"
        return "caught" if self.found.failed else "missed"

    def cells(self) -> tuple[Any, ...]:
        """Return what stands in the table."""
        law, reason = next(iter(self.found.failed.items()), ("", self.found.refused))
        first = reason.splitlines()[0] if reason else ""
        return (*self[:5], self.result, law, first, self.found.seconds)


def jobs(profile: str, seed: int) -> Iterator[tuple[Job, tuple[str, str, str, str]]]:
    """Yield each check, and what stands before it in the table; mistakes of layout come last."""
    last = sorted(pairs(), key=lambda pair: MISTAKES.get(pair[1], ("",))[0] == "layout")
    for name, mistake in last:
        cell = styles.made(name, mistake)
        arguments, label = styles.arguments(name, 4, 3)[0], f"{MODULE}.styles:{cell.__name__}"
        kind = MISTAKES[mistake][0] if mistake else ""
        for claim in (styles.claim_of(name), None):
            first, known = mistake is not None, RIGHTLY.get(name, ())
            job = Job(cell, label, arguments, claim, profile, seed, first, without=known)
            yield job, (name, mistake or "", kind, claim or "")
    for own, key in OWN.items():
        for claim in (key, None):
            job = Job(own, f"{MODULE}.own:{own.__name__}", {"units": 4}, claim, profile, seed)
            yield job, (own.__name__, "", "", claim or "")


def tells(job: Job) -> bool:
    """Return whether a cell's class name or docstring says its family."""
    subject, _ = opened(job.cell, job.arguments, 3)
    return bool(hints_of(subject.cell)[0])


def share(rows: list[Row], what: str = "caught") -> str:
    """Return how many of the rows end so."""
    count = sum(row.result == what for row in rows)
    return f"{count} of {len(rows)}" + (f" ({count / len(rows):.1%})" if rows else "")


def summary(rows: list[Row]) -> str:
    """Return the figures for a reader."""
    seen = [row for row in rows if row.mistake and row.seen_by != "layout"]
    right = [row for row in rows if not row.mistake]
    lines = ["| what | family claimed | no claim |", "|---|---|---|"]

    def line(what: str, table: list[Row], result: str = "caught") -> None:
        parts = [[r for r in table if bool(r.claimed) == yes] for yes in (True, False)]
        lines.append(f"| {what} | {' | '.join(share(part, result) for part in parts)} |")

    line("mistakes caught, those of layout apart", seen)
    line("… where name or docstring says the family", [row for row in seen if row.told])
    for kind in ("generic", "family"):
        line(f"… that need: {kind}", [row for row in seen if row.seen_by == kind])
    line("mistakes of layout caught", [row for row in rows if row.seen_by == "layout"])
    line("refused", rows, "refused")
    line("correct cells with a false alarm", right, "alarm")
    odd = [r for r in rows if r.result in ("alarm", "refused")]
    odd += [r for r in seen if r.result == "missed"]
    lines += [
        "",
        "| cell | mistake | claimed | result | law | reason |",
        "|---|---|---|---|---|---|",
    ]
    for r in odd:
        _, _, _, _, _, result, law, reason, _ = r.cells()
        lines.append(f"| {r.cell} | {r.mistake} | {r.claimed} | {result} | {law} | {reason} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for claims.md and claims.csv")
    parser.add_argument("--kept", type=Path, required=True, help="file of what has been checked")
    parser.add_argument("--part", default="1/1", help="k/n: the k-th of n processes; 0/1: no check")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    told: dict[str, bool] = {}
    rows, listed = [], list(jobs(given.profile, given.seed))
    before = {job.command: words for job, words in listed}
    for job, found in swept([job for job, _ in listed], given.kept, given.part):
        cell, *words = before[job.command]
        if cell not in told:
            told[cell] = tells(job)
        rows.append(Row(cell, *words, told[cell], found))
        print(*rows[-1][:4], rows[-1].result, *list(found.failed)[:3], found.seconds, flush=True)
    text = f"""# Mistakes in strangers' cells

Measured by `python -m benchmarks.claims --profile {given.profile} --seed {given.seed}`: the styles
of `tests/corpus/styles`, each with each mistake, checked with the family claimed and without;
{len(rows)} of {len(listed)} checks. Mistakes of layout compute the same functions with weights
renamed, which nothing that reads no names can see. What one law says of a style rightly
(`RIGHTLY` in `tests/corpus/foreign.py`) is no false alarm, and catches nothing.

"""
    text += summary(rows)
    print(text)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "claims.md").write_text(text, encoding="utf-8")
        with (given.out / "claims.csv").open("w", encoding="utf-8", newline="") as file:
            table = [HEAD, *(row.cells() for row in rows)]
            csv.writer(file, lineterminator="\n").writerows(table)


if __name__ == "__main__":
    main()
