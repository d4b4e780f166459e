"""A check in a few lines: a line for each family of laws, what there is to note, the verdict."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

from gru_bench.laws.telling.outcome import EXPECTED, NOT_APPLICABLE, STATUSES, Outcome, Report

#: Characters of a note, or of a reason, where not everything is asked for.
_NOTE = 240
_REASON = 160


def summary(report: Report, width: int, verbose: bool = False) -> list[str]:
    """Return what is said of a check beside its failures and its verdict.

    Args:
        report: what became of the laws.
        width: of the terminal; lines are wrapped to it.
        verbose: whether every law is listed elsewhere, so that families are not counted, but it
            is said of every law why it does not apply, and notes are given whole.
    """
    wrapper = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False)
    lines = [] if verbose else families(report)
    for reason, laws in reasons(report, STATUSES if verbose else (EXPECTED,)).items():
        lines += [reason, *(f"  {line}" for line in wrapper.wrap(", ".join(laws)))]
    for note in report.notes:
        lines.append(f"note: {note if verbose else textwrap.shorten(note, _NOTE)}")
    if not verbose and (why := reasons(report, (NOT_APPLICABLE,))):
        count = report.counts[NOT_APPLICABLE]
        lines.append(f"note: {count} not applicable, for {len(why)} reasons (-v says which)")
    lines.append(_time(report))
    return [part for line in lines for part in (wrapper.wrap(line) if line[:1] != " " else [line])]


def failures(report: Report, every_script: bool, folder: Path | None = None) -> list[str]:
    """Return what is said of the laws that do not hold, and how to repeat it.

    Args:
        report: what became of the laws.
        every_script: whether the script of each is shown, not of the first alone.
        folder: that has the scripts, which are not shown then.
    """
    failed, scripts = report.failed, [one for one in report.failed if one.script]
    if folder is not None:
        places = {one.law: f"  script: {folder / file_of(one)}\n" for one in scripts}
        return [f"{one.told()}\n{places.get(one.law, '')}" for one in failed]
    if every_script or len(failed) == 1 or not scripts:
        return [f"{one}\n" for one in failed]
    first = scripts[0]
    return [
        *(f"{one.told()}\n" for one in failed),
        f"{first.law}, {first.repeated()}\n\n{first.script}\n",
        f"--scripts FOLDER writes all {len(scripts)} scripts, a file each; -v shows them.\n",
    ]


def file_of(outcome: Outcome) -> str:
    """Return the name of the file that holds the script of a failure."""
    return f"{outcome.law}.py"


def file_text(outcome: Outcome) -> str:
    """Return what that file holds: a script that finds modules where it is started."""
    head, _, rest = outcome.script.partition("from __future__ import annotations\n")
    here = "\nimport sys\n\nsys.path.insert(0, '')  # the modules are in the current folder\n"
    return f"{head}from __future__ import annotations\n{here}{rest.rstrip()}\n"


def families(report: Report) -> list[str]:
    """Return a line for each family: how many of its laws ended how, and the seconds it took."""
    counts: dict[str, Counter[str]] = {}
    for outcome in report.outcomes:
        counts.setdefault(outcome.family, Counter())[outcome.status] += 1
    longest = max(map(len, counts), default=0)
    return [
        f"{family:{longest}}  {report.seconds[family]:6.1f} s  "
        + ", ".join(f"{found[status]} {status}" for status in STATUSES if found[status])
        for family, found in counts.items()
    ]


def reasons(report: Report, statuses: tuple[str, ...]) -> dict[str, list[str]]:
    """Return laws by status and reason, for laws that ended in one of these statuses."""
    found: dict[str, list[str]] = {}
    for outcome in sorted(report.outcomes, key=lambda one: STATUSES.index(one.status)):
        if outcome.reason and outcome.status in statuses:
            reason = textwrap.shorten(outcome.reason, _REASON, placeholder=" ...")
            found.setdefault(f"{outcome.status}: {reason}", []).append(outcome.law)
    return found


def verdict(report: Report) -> str:
    """Return the last line: how many laws were planned, how they ended, and what that means."""
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    said = (
        f"{report.name}: {len(report.planned)} laws planned, {len(report.outcomes)} run: {counts}"
    )
    if report.failed:
        return f"{said}; broken: {', '.join(outcome.law for outcome in report.failed)}"
    return f"{said}; {'all that apply hold' if report.ok else 'not all were tried'}"


def _time(report: Report) -> str:
    """Return the seconds in all, and those that went to no law."""
    families = {outcome.family for outcome in report.outcomes}
    other = [f"{what} {s:.1f}" for what, s in report.seconds.items() if what not in families]
    whole = f"{sum(report.seconds.values()):.1f} s"
    return f"{whole}, of which {', '.join(other)}" if other else whole
