"""How often `identify` reads a cell right, names its mistake, and how long it takes.

    python -m benchmarks.identify --out reports/identify

Over the styles of `tests/corpus/styles`, each with each mistake, and cells of other families. What
`check` makes of them, with a claim and without, is measured by `benchmarks/claims.py`.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gru_bench import identify
from tests.corpus.styles import styles
from tests.corpus.styles.own import OWN
from tests.corpus.styles.steps import MISTAKES, applies

UNITS = 4

#: Words of which the nearest reading must have one, for each mistake.
NAMED = {
    "gate-unused": ("were 1",),
    "reset-on-input": ("multiplies (x W_h", "multiplies x W_h"),
    "candidate-sigmoid": ("is a sigmoid", "φ is sigmoid"),
    "gate-linear": ("has no σ",),
    "bias-forgotten": ("is never added",),
    "bias-twice": ("is added twice",),
    "output-without-tanh": ("is not squashed",),
    "forget-on-candidate": ("the forget gate f multiplies",),
    "stale-state": ("overwritten too early", "reads the old cell state c"),
    "copied-matrix": ("is not used", "are not used"),
    "factor-missing": ("is missing from",),
    "no-complement": ("were 1: nothing multiplies",),
    "candidate-returned": ("the state handed on is",),
    "wrong-output": ("the output is",),
    "batch-summed": ("the sum of the whole batch",),
    "input-left-out": ("does not read the input",),
    "state-left-out": ("does not read the state",),
    "transposed-recurrent": ("is transposed",),
}

#: Mistakes that no comparison of values sees: they are in gradients, dtypes or the caller's list.
UNSEEN = ("state-detached", "gradient-stopped", "float32-literal", "state-mutated")

HEAD = ("cell", "mistake", "seen by", "seconds", "result", "told")


def pairs() -> Iterator[tuple[str, str | None]]:
    """Yield each style and each mistake that it can have, None first."""
    for name, style in styles.STYLES.items():
        yield name, None
        for mistake in MISTAKES:
            if applies(style, mistake):
                yield name, mistake


def judge(found: Any, wanted: str, mistake: str | None) -> tuple[str, str]:
    """Return how an identification ended, and what it told."""
    keys = [reading.key for reading in found.readings]
    told = str(found).replace("\n", " ")
    nearest = "; ".join(found.nearest[0].differs) if found.nearest else ""
    if mistake is None:
        return ("exact" if wanted in keys else "wrong reading" if keys else "not read"), told
    if keys:
        same = mistake in UNSEEN or MISTAKES[mistake][0] == "layout"
        return ("exact, as it computes" if same else f"read as {keys[0]}"), told
    if any(words in nearest for words in NAMED.get(mistake, ())):
        return "named", nearest
    if mistake == "dropout-always" and "two equal steps differ" in told:
        return "named", told
    return "not named", told


def rows() -> Iterator[tuple[Any, ...]]:
    """Yield one row for each cell and mistake."""
    for name, mistake in pairs():
        cell, wanted = styles.made(name, mistake), styles.claim_of(name)
        started = time.process_time()
        found = identify(cell, styles.arguments(name, UNITS, 5)[0])
        seconds = time.process_time() - started
        kind = MISTAKES[mistake][0] if mistake else ""
        yield name, mistake or "", kind, f"{seconds:.2f}", *judge(found, wanted, mistake)
    for own, key in OWN.items():
        started = time.process_time()
        found = identify(own, {"units": UNITS})
        seconds = time.process_time() - started
        yield own.__name__, "", "", f"{seconds:.2f}", *judge(found, key, None)


def summary(table: list[tuple[Any, ...]]) -> str:
    """Return the figures for a reader."""
    right = [row for row in table if not row[1]]
    wrong = [row for row in table if row[1] and row[2] != "layout" and row[1] not in UNSEEN]
    named = [row for row in wrong if row[4] == "named"]
    times = sorted(float(row[3]) for row in right)
    lines = [
        "# What cells compute",
        "",
        f"Measured by `python -m benchmarks.identify` on {os.cpu_count()} cores "
        f"({platform.machine()}, Python {platform.python_version()}), one process, "
        f"{UNITS} units, TensorFlow started before, the machine shared.",
        "",
        "| what | result |",
        "|---|---|",
        f"| correct cells read exactly | {sum(r[4] == 'exact' for r in right)} of {len(right)} |",
        f"| correct cells read wrongly | {sum(r[4] == 'wrong reading' for r in right)} |",
        "| seconds of processor time for one: median, largest | "
        f"{times[len(times) // 2]:.2f}, {times[-1]:.2f} |",
        f"| wrong cells whose mistake the nearest reading names | {len(named)} of {len(wrong)} |",
    ]
    lines += [
        "",
        "Wrong are those whose mistake changes what is computed, but for a renaming of weights.",
        "",
        "## Not named, or not read",
        "",
        "| cell | mistake | result |",
        "|---|---|---|",
    ]
    fine = ("exact", "named", "exact, as it computes")
    lines += [f"| {r[0]} | {r[1]} | {r[4]} |" for r in table if r[4] not in fine]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for identify.md and identify.csv")
    given = parser.parse_args()
    identify(styles.STYLES["gru_bare"], {"units": UNITS})  # starts TensorFlow
    table = []
    for row in rows():
        table.append(row)
        print(*row[:5], flush=True)
    print(summary(table))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "identify.md").write_text(summary(table), encoding="utf-8")
        with (given.out / "identify.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEAD, *table])


if __name__ == "__main__":
    main()
