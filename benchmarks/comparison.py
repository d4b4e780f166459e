"""How often a comparison errs, what it finds, and how many seeds it takes: simulated and published.

    python -m benchmarks.comparison [--comparisons 1000] [--output reports/comparison]

Runs are drawn with replacement from `bank.csv` (made by `python -m benchmarks.bank`), one for each
side and seed, and each comparison goes through `gru_bench.comparison.verdict.decide`, which decides
`gru-bench compare` too. Planted: a learner 1.3 times slower, and one that solves the task 15 % less
often. Pairs of banks are real changes, compared seed by seed as they were recorded.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from gru_bench.comparison.rules import Rules
from gru_bench.comparison.scores import ACCURACY, ITERATIONS, SOLVED
from gru_bench.comparison.verdict import BETTER, EQUIVALENT, UNDECIDED, WORSE, decide
from gru_bench.learning.evaluation import binomial_interval
from gru_bench.runs.provenance import machine

OUTPUT = Path("reports/comparison")
#: The banks that cells are compared with themselves from.
WORLDS = ("gru", "lstm", "simple-rnn")
#: Seeds a planted degradation has to be found within.
WITHIN = 128
#: Runs of the base beside each of the candidate (`--base-runs`).
BASE_RUNS = (1, 4)
#: Seeds that a verdict may take where it is counted how many it takes.
MANY = 512

Array = np.ndarray


@dataclass(frozen=True)
class Runs:
    """Runs of one side: solved (infinite for never) and accuracy, both `(comparisons, seeds)`."""

    solved: Array
    accuracy: Array
    last: int

    def slower(self, factor: float) -> Runs:
        """What a slower learner would have done; beyond the last iteration it has not solved it."""
        solved = self.solved * factor
        return Runs(np.where(solved > self.last, np.inf, solved), self.accuracy, self.last)

    def failing(self, share: float, rng: np.random.Generator) -> Runs:
        """What would have been if a share of those that solve the task had not."""
        lost = rng.random(self.solved.shape) < share
        return Runs(np.where(lost, np.inf, self.solved), self.accuracy, self.last)


def draw(bank: pd.DataFrame, rng: np.random.Generator, comparisons: int, seeds: int) -> Runs:
    """Draw runs with replacement."""
    chosen = rng.integers(len(bank), size=(comparisons, seeds))
    solved = bank["solved"].fillna(np.inf).to_numpy(np.float64)[chosen]
    return Runs(solved, bank["accuracy"].to_numpy()[chosen], int(bank["last"].iloc[0]))


def scores_of(base: Runs, candidate: Runs) -> dict[str, Array]:
    """The scores of many comparisons at once."""
    never = np.isinf(candidate.solved).astype(float), np.isinf(base.solved).astype(float)
    lost = never[0] - never[1]
    both = never[0] + never[1] == 0
    with np.errstate(invalid="ignore"):
        factor = np.where(both, candidate.solved, 1.0) / np.where(both, base.solved, 1.0)
    x = np.where(both, np.clip(np.log2(factor), -1, 1), lost)
    return {ITERATIONS: x, SOLVED: lost, ACCURACY: base.accuracy - candidate.accuracy}


def beside(bank: pd.DataFrame, other: Runs, rng, base_runs: int) -> dict[str, Array]:
    """The scores beside several runs of the base for each of the candidate."""
    drawn = [draw(bank, rng, *other.solved.shape) for _ in range(base_runs)]
    found = [scores_of(base, other) for base in drawn]
    return {name: np.mean([scores[name] for scores in found], axis=0) for name in found[0]}


def told(count: int, of: int) -> str:
    """A share with its interval."""
    low, high = binomial_interval(count, of)
    return f"{100 * count / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def mean_seeds(seeds: Array) -> str:
    return f"{seeds.mean():.0f}"


# What is published, a table each.


def false_alarms(banks: dict[str, pd.DataFrame], count: int, rng) -> Iterator[dict[str, str]]:
    """A cell against itself."""
    for name, base_runs in itertools.product(WORLDS, BASE_RUNS):
        other = draw(banks[name], rng, count, WITHIN)
        verdicts, seeds = decide(beside(banks[name], other, rng, base_runs), Rules(seeds=WITHIN))
        yield {
            "bank": name,
            "base runs": str(base_runs),
            "solve the task": f"{100 * np.isfinite(other.solved).mean():.0f} %",
            "worse (5 % at most)": told(int((verdicts == WORSE).sum()), count),
            "better (5 % at most)": told(int((verdicts == BETTER).sum()), count),
            "equivalent": told(int((verdicts == EQUIVALENT).sum()), count),
            "undecided": told(int((verdicts == UNDECIDED).sum()), count),
            "mean seeds": mean_seeds(seeds),
        }


def at_margins(banks: dict[str, pd.DataFrame], count: int, rng) -> Iterator[dict[str, str]]:
    """Differences exactly as large as a margin, in either direction: equivalent would be wrong."""
    rules = Rules()
    for name in WORLDS:
        for measure in (ITERATIONS, SOLVED, ACCURACY):
            for direction in (1, -1):
                base, other = (draw(banks[name], rng, count, 2 * WITHIN) for _ in range(2))
                scores = scores_of(base, other)
                shift = direction * rules.margin_of(measure)
                scores[measure] = shifted(scores[measure], shift, rng)
                verdicts, _ = decide(scores, rules)
                yield {
                    "bank": name,
                    "measure": measure,
                    "candidate": "worse" if direction > 0 else "better",
                    "true mean": f"{scores[measure].mean():+.3f}",
                    "equivalent (5 % at most)": told(int((verdicts == EQUIVALENT).sum()), count),
                }


def shifted(y: Array, mean: float, rng: np.random.Generator) -> Array:
    """Give scores a mean: a share of them, drawn at random, goes to the end of the scale.

    The mean of a bank's scores is 0 as runs of both sides are drawn alike.
    """
    share = abs(mean)
    return np.where(rng.random(y.shape) < share, math.copysign(1.0, mean), y)


@dataclass(frozen=True)
class Planted:
    """What came of a planted degradation in one bank."""

    bank: str
    way: str
    base_runs: int
    found: int
    equivalent: int
    seeds: Array
    size: int | None
    by_size: float


def plant(banks: dict[str, pd.DataFrame], count: int, rng) -> Iterator[Planted]:
    """Degradations that are planted, and what tests of fixed size make of them."""
    ways: dict[str, Callable[[Runs], Runs]] = {
        "1.3 x slower": lambda runs: runs.slower(1.3),
        "solves 15 % less often": lambda runs: runs.failing(0.15, rng),
    }
    for name in WORLDS:
        for way, change in ways.items():
            other = change(draw(banks[name], rng, count, MANY))
            for base_runs in BASE_RUNS:
                scores = beside(banks[name], other, rng, base_runs)
                verdicts, seeds = decide({n: y[:, :WITHIN] for n, y in scores.items()}, Rules())
                found, same = (int((verdicts == kind).sum()) for kind in (WORSE, EQUIVALENT))
                size, by_size = fixed_size(scores, found / count), power(scores, WITHIN)
                yield Planted(name, way, base_runs, found, same, seeds, size, by_size)


def each_planted(results: list[Planted], count: int) -> Iterator[dict[str, str]]:
    for one in results:
        yield {
            "bank": one.bank,
            "degradation": one.way,
            "base runs": str(one.base_runs),
            f"found within {WITHIN} (90 % at least)": told(one.found, count),
            "called equivalent": told(one.equivalent, count),
            "mean seeds": mean_seeds(one.seeds),
            "fixed size of equal power": f"{one.size or 'more'}",
            "fewer": f"{100 * (1 - one.seeds.mean() / one.size):.0f} %" if one.size else "",
            f"fixed size {WITHIN} finds": f"{100 * one.by_size:.1f} %",
        }


def one_size(results: list[Planted]) -> Iterator[dict[str, str]]:
    """A size is fixed before one knows what is wrong: it has to be enough for either."""
    for name, base_runs in itertools.product(WORLDS, BASE_RUNS):
        own = [one for one in results if (one.bank, one.base_runs) == (name, base_runs)]
        size = max(one.size or MANY for one in own)
        used = float(np.mean([one.seeds.mean() for one in own]))
        yield {
            "bank": name,
            "base runs": str(base_runs),
            "one fixed size": str(size),
            "mean seeds": f"{used:.0f}",
            "fewer (30 % at least)": f"{100 * (1 - used / size):.0f} %",
        }


def fixed_size(scores: dict[str, Array], wanted: float) -> int | None:
    """The least number of seeds with which a test of fixed size has a power."""
    sizes = range(4, MANY + 1)
    first = bisect.bisect_left(sizes, min(wanted, 0.999), key=lambda n: power(scores, n))
    return sizes[first] if first < len(sizes) else None


def power(scores: dict[str, Array], seeds: int) -> float:
    """How often one-sided t-tests of all measures find it, corrected for them (Bonferroni)."""
    level = 0.05 / len(scores)
    found = np.zeros(len(next(iter(scores.values()))), bool)
    for y in scores.values():
        part = y[:, :seeds]
        spread = part.std(axis=1, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(spread > 0, part.mean(axis=1) / (spread / math.sqrt(seeds)), 0.0)
        found |= t > stats.t.ppf(1 - level, seeds - 1)
    return float(found.mean())


def recorded(banks: dict[str, pd.DataFrame]) -> Iterator[dict[str, str]]:
    """Real changes, seed by seed as recorded: what `gru-bench compare` says of them."""
    pairs = [("gru", name) for name in banks if name != "gru"]
    for base, candidate in pairs:
        both = banks[base].merge(banks[candidate], on="seed", suffixes=("", "_c"))
        sides = [
            Runs(
                both[f"solved{end}"].fillna(np.inf).to_numpy(np.float64),
                both[f"accuracy{end}"].to_numpy(),
                int(both["last"].iloc[0]),
            )
            for end in ("", "_c")
        ]
        scores = scores_of(*sides)
        verdict, seeds = decide(scores, Rules(seeds=len(both)))
        solved = [float(np.isfinite(side.solved).mean()) for side in sides]
        yield {
            "base": base,
            "candidate": candidate,
            "median iterations": " -> ".join(f"{np.median(side.solved):.0f}" for side in sides),
            "solve the task": " -> ".join(f"{100 * share:.0f} %" for share in solved),
            "verdict": str(verdict),
            "seeds": str(seeds),
        }


def until_equivalent(banks: dict[str, pd.DataFrame], count: int, rng) -> Iterator[dict[str, str]]:
    """Seeds until `equivalent`, which is asked for in both directions."""
    for name, base_runs in itertools.product(WORLDS, BASE_RUNS):
        scores = beside(banks[name], draw(banks[name], rng, count, MANY), rng, base_runs)
        verdicts, seeds = decide(scores, Rules(seeds=MANY))
        kept = seeds[verdicts == EQUIVALENT]
        yield {
            "bank": name,
            "base runs": str(base_runs),
            "median seeds": f"{np.median(kept):.0f}",
            "nine of ten within": f"{np.quantile(kept, 0.9):.0f}",
        }


def table(rows: Iterable[dict[str, str]]) -> str:
    return str(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


def report(banks: dict[str, pd.DataFrame], count: int, seed: int) -> str:
    """The page."""
    rng = np.random.default_rng(seed)
    results = list(plant(banks, count, np.random.default_rng([seed, 1])))
    sizes = ", ".join(f"{name} {len(bank)}" for name, bank in banks.items())
    return "\n\n".join(
        [
            "# How far a comparison can be trusted",
            f"{count:,} comparisons each, drawn with replacement from a bank of recorded runs "
            f"(seeds: {sizes}), at α = β = 0.05, margins of 1.2 x and 10 points, looked at after "
            f"every seed, at most {WITHIN} seeds. Intervals are exact binomial ones.",
            "Made by `python -m benchmarks.comparison`, the bank by `python -m benchmarks.bank`, "
            f"on {machine()}, shared with other work.",
            "## A cell against itself",
            table(false_alarms(banks, count, rng)),
            "## A difference exactly at a margin",
            "A share of the scores of one measure, as large as the margin, is put at the end of "
            f"the scale; at most {2 * WITHIN} seeds.",
            table(at_margins(banks, count, rng)),
            "## Planted degradations",
            "Base runs are those of the base beside each of the candidate, `--base-runs`; they "
            "are kept, so only the first comparison pays for them. Beside it: one-sided t-tests "
            "of the same scores with a number of seeds that is fixed before, corrected for three "
            "measures; the least number with which they have the same power, and what they find "
            "with as many seeds as were allowed. Accuracy is left as it was, so a run that fails "
            "to solve the task is no less accurate.",
            table(each_planted(results, count)),
            "A number of seeds that is fixed before has to be enough for whatever is wrong. With "
            "one size for both degradations, as great as the harder one asks for:",
            table(one_size(results)),
            "## Seeds until equivalent",
            table(until_equivalent(banks, count, rng)),
            "## Real changes",
            "Seed by seed, as they were recorded (`benchmarks/degraded.py` has the cells).",
            table(recorded(banks)),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--comparisons", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    chosen = parser.parse_args()
    frame = pd.read_csv(chosen.output / "bank.csv")
    banks = dict(iter(frame.groupby("bank", sort=False)))
    text = report(banks, chosen.comparisons, chosen.seed) + "\n"
    (chosen.output / "report.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
