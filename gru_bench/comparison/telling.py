"""A comparison in words: the sentence, a line for each measure, and what to do next."""

from __future__ import annotations

import math
import shlex

from gru_bench.comparison.record import Comparison, Contestant, Line
from gru_bench.comparison.scores import ACCURACY, ITERATIONS, PROVED, SOLVED
from gru_bench.comparison.verdict import BETTER, EQUIVALENT, WORSE

#: What each measure is called where people read.
NAMES = {
    ITERATIONS: "iterations to solve",
    SOLVED: "seeds that solve it",
    ACCURACY: "exact accuracy",
    PROVED: "seeds proved",
}


def sentence(found: Comparison) -> str:
    """Return the verdict in one sentence."""
    base, candidate = found.base.title, found.candidate.title
    after = f"after {_seeds(found.seeds)} of at most {found.most_seeds}"
    if found.is_identical:
        runs = f"all {found.seeds} runs of {candidate} are those of {base}"
        return f"Identical bit for bit: {runs} ({found.verdict} by their number)."
    if found.verdict == WORSE:
        return f"Worse: {candidate} learns worse than {base}, found {after}."
    if found.verdict == BETTER:
        return f"Better: {candidate} learns better than {base}, found {after}."
    if found.verdict == EQUIVALENT:
        return f"Equivalent: {candidate} is within {margins(found)} of {base}, found {after}."
    whole = f"Undecided {after} whether {candidate} is worse or better than {base}, or equivalent"
    return f"{whole}; it is not worse by {margins(found)}." if found.not_worse else f"{whole}."


def margins(found: Comparison) -> str:
    """Return the margins in words."""
    first, second = found.lines[0].margin, found.lines[1].margin
    return f"{first:g} x in iterations and {100 * second:g} points in shares and accuracy"


def value(line: Line, number: float | None) -> str:
    """Return what one side measures, in a few characters."""
    if line.measure == ITERATIONS:
        return "never" if number is None else f"{number:,.0f}"
    return _percent(number or 0.0)


def _percent(share: float) -> str:
    """Return a share in percent; only all is 100 %, only nothing 0 %."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    if float(text) in {0, 100} and share not in {0, 1}:
        return ">99.9 %" if share > 0.5 else "<0.1 %"
    return f"{text} %"


def effect(line: Line) -> str:
    """Return the effect with its interval, whose ends are rounded outwards."""
    if line.measure == ITERATIONS:
        low, high = math.floor(100 * line.low) / 100, math.ceil(100 * line.high) / 100
        return f"{line.effect:.2f} x [{low:.2f}, {high:.2f}]"
    low, high = math.floor(1000 * line.low) / 10, math.ceil(1000 * line.high) / 10
    return f"{100 * line.effect:+.1f} pt [{low:+.1f}, {high:+.1f}]"


def number(evidence: float) -> str:
    """Return evidence in a few characters."""
    if evidence >= 1000:
        return ">999"
    if evidence < 0.01:
        return "<0.01"
    return f"{evidence:.3g}" if evidence < 100 else f"{evidence:.0f}"


def rows(found: Comparison) -> list[list[str]]:
    """Return a row for each measure, below `HEAD`."""
    return [
        [
            line.measure,
            value(line, line.base),
            value(line, line.candidate),
            effect(line),
            number(line.worse),
            number(line.better),
            number(line.equivalent),
            line.verdict,
        ]
        for line in found.lines
    ]


HEAD = ["measure", "base", "candidate", "effect", "worse", "better", "equal", "verdict"]


def legend(found: Comparison) -> str:
    """Return how the rows are to be read."""
    bits = ", ".join(f"{n:,}" for n in found.lengths)
    alone, whole = number(len(found.lines) / found.alpha), number(1 / found.alpha)
    return (
        f"Median iterations to solve the task, share of {_seeds(found.seeds)}, mean exact accuracy "
        f"over {bits} bits; {100 * (1 - found.alpha):g} % intervals, pt: percentage points. Worse, "
        f"better, equal: evidence, 1 at first. A measure alone is worse or better at {alone}; the "
        f"whole is at {whole} of their mean, and equivalent at {number(1 / found.beta)} in each."
    )


def places(found: Comparison) -> str:
    """Return where accuracy differs, in one line."""
    differing = [place for place in found.places if place.differs]
    if not differing:
        return "Accuracy: no difference at any length in any family (corrected for all of them)."
    worst = sorted(differing, key=lambda place: place.candidate - place.base)[:4]
    said = [
        f"{p.family} pairs of {p.length:,} bits {_percent(p.base)} -> {_percent(p.candidate)}"
        for p in worst
    ]
    more = f", and at {len(differing) - len(said)} more" if len(differing) > len(said) else ""
    return f"Accuracy differs (corrected for all places): {'; '.join(said)}{more}."


def speeds(found: Comparison) -> str:
    """Return how fast both train, in one line; empty where it was not measured."""
    base, candidate = found.base.speed, found.candidate.speed
    if base is None or candidate is None:
        return ""
    return (
        f"Speed, in turns, not part of the verdict: base {base:,.0f}, candidate {candidate:,.0f} "
        f"seed-iterations/s ({candidate / base:.2f} x)."
    )


def seeds_told(found: Comparison) -> str:
    """Return which seeds were used, and what of it was trained now."""
    trained = found.base.trained + found.candidate.trained
    stored = found.base.stored + found.candidate.stored
    beside = f", {found.base_runs} runs of the base for each" if found.base_runs > 1 else ""
    seeds = f"Seeds from {found.first_seed} to {found.last_seed}{beside}"
    return (
        f"{seeds}, recipe {found.recipe!r}, {found.iterations:,} iterations each; {trained} runs "
        f"trained now, {stored} taken from those that are kept."
    )


def next_step(found: Comparison) -> str:
    """Return what to do next."""
    if found.is_identical:
        return "Next: nothing, the change computes the same."
    if found.verdict == WORSE:
        check = f"gru-bench check {_command(found.candidate)}"
        return f"Next: see whether a law is broken: {check}"
    if found.verdict == BETTER:
        return "Next: confirm it with seeds that nobody has looked at: --seed-block 1"
    if found.verdict == EQUIVALENT:
        return "Next: nothing. Smaller differences may remain: --margin and --points ask for less."
    if found.not_worse:
        return "Next: nothing, if it only has to be no worse."
    more = 2 * found.most_seeds
    return f"Next: --max-seeds {more} goes on from the runs that are kept."


def _command(side: Contestant) -> str:
    return shlex.quote(side.cell)


def describe(found: Comparison) -> str:
    """Return a comparison as plain lines, for the message of a failed test."""
    parts = [sentence(found)]
    for line in found.lines:
        parts.append(
            f"  {NAMES[line.measure]}: {value(line, line.base)} -> {value(line, line.candidate)}, "
            f"{effect(line)}, {line.verdict}; evidence for worse {number(line.worse)}"
        )
    return "\n".join([*parts, *remarks(found)])


def remarks(found: Comparison) -> list[str]:
    """Return the lines below the measures."""
    notes = [f"Note: {notice}." for notice in found.notices]
    if not any(share for side in (found.base, found.candidate) for _, share in side.solved_by):
        notes.append("Note: neither ever solves the task, so accuracy alone tells them apart.")
    lines = [places(found), speeds(found), seeds_told(found), *notes, next_step(found)]
    return [line for line in lines if line]


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"
