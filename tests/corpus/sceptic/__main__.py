"""Print what the bench says of each case: `python -m tests.corpus.sceptic [WORD ...]`.

Only cases whose names contain one of the words are tried, if there are any. All deployments are
tried with `--thorough`; else those of cheats, until the first that differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.corpus.sceptic.case import CASES
from tests.corpus.sceptic.trial import Case, Deploy, Judgement, judge


def _line(case: Case, judgement: Judgement, seconds: float) -> str:
    said = "; ".join(f"{way}: {outcome}" for way, (outcome, _) in judgement.said.items())
    differs = ", ".join(f"{name} ({what})" for name, what in judgement.wrong.items())
    state = "FALSE PROVED" if judgement.belied else "FAULT" if judgement.faults else "ok"
    if judgement.accepted:
        state = "ACCEPTED"
    if judgement.belied and case.beyond:
        state = "beyond"
    reason = next((reason for _, reason in judgement.said.values()), "")
    cells = (case.name, case.trick, state, said, differs or "none", "; ".join(judgement.faults))
    return " | ".join((*cells, reason[:160], f"{seconds:.2f} s"))


def _deploy(case: Case, options: argparse.Namespace) -> Deploy:
    return "never" if case.harmless and not options.thorough else "always"


def main() -> int:
    """Try the cases and print a line for each, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--thorough", action="store_true")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for case in CASES:
        if options.words and not any(word in case.name for word in options.words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            judgement = judge(case, Path(folder), options.thorough, _deploy(case, options))
            print(_line(case, judgement, time.perf_counter() - begun), flush=True)
        counts["cases"] += 1
        counts["false PROVED"] += bool(judgement.belied) and not case.beyond
        counts["false PROVED, beyond any bench"] += bool(judgement.belied) and bool(case.beyond)
        counts["accepted although no proof"] += bool(judgement.accepted)
        counts["faults"] += bool(judgement.faults)
        counts["controls not PROVED"] += case.control and not judgement.proved
        counts["cheats that no deployment shows"] += bool(
            judgement.deployed and not (case.harmless or case.invalid or judgement.wrong)
        )
        counts["harmless that differ"] += bool(case.harmless and judgement.wrong)
    print("; ".join(f"{what}: {n}" for what, n in counts.items()))
    return int(any(counts[k] for k in ("false PROVED", "accepted although no proof", "faults")))


if __name__ == "__main__":
    sys.exit(main())
