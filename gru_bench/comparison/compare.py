"""Comparing two cells from Python: a record of what was found, or an assertion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_bench.comparison.account import make_account
from gru_bench.comparison.contest import Contest
from gru_bench.comparison.record import Comparison
from gru_bench.comparison.rules import Rules
from gru_bench.comparison.side import Side, pair_with, plan_side, read_side
from gru_bench.comparison.speed import measure_speeds
from gru_bench.comparison.telling import describe
from gru_bench.comparison.verdict import EQUIVALENT, VERDICTS, seeds_needed
from gru_bench.comparison.watch import ComparisonWatch
from gru_bench.errors import UsageError, check_known
from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.outside import bounds
from gru_bench.runs.engine import Engine
from gru_bench.runs.provenance import versions
from gru_bench.task.transducer import FAMILIES

#: Bits at which accuracy is measured, and pairs tried at each of them in each family.
LENGTHS, PAIRS = (8, 64, 256), 64
#: Where runs are kept.
RUNS = "gru_bench_runs"
#: Fewer checkpoints than this are a coarse grid, on which many pairs of runs tie.
_FINE = 20


def compare_cells(
    base: str | type[Any] | Path,
    candidate: str | type[Any],
    *,
    base_arguments: Mapping[str, Any] | None = None,
    candidate_arguments: Mapping[str, Any] | None = None,
    recipe: str | Recipe | None = None,
    iterations: int | None = None,
    task: str | None = None,
    lengths: Sequence[int] | None = None,
    pairs: int | None = None,
    prove: bool = False,
    alpha: float = 0.05,
    beta: float = 0.05,
    margin: float = 1.2,
    points: float = 10.0,
    max_seeds: int = 128,
    seed_block: int = 0,
    base_runs: int = 1,
    speed: bool = False,
    runs: str | Path = RUNS,
    workers: int | None = None,
    engine: Engine | None = None,
    watch: ComparisonWatch | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare a candidate with a base: the same seeds, the same data, until a verdict holds.

    Seeds are added to both in batches of eight. After each seed the evidence for worse, better
    and equivalent is looked at, which bets allow at any time (see `gru_bench.comparison`). Runs
    are kept in a folder, so the next comparison with this base trains the candidate alone.

    Args:
        base: a cell class, its `package.module:Name`, or a folder of runs.
        candidate: a cell class or its name.
        base_arguments: for the base's constructor; `units` defaults to the recipe's.
        candidate_arguments: for the candidate's.
        recipe: how both are trained, "default" if not given; a folder's runs have theirs.
        iterations: of each run; by default the recipe's.
        task: what is learned, addition if not given.
        lengths: bits at which accuracy is measured, by default 8, 64 and 256.
        pairs: tried at each length in each family, by default 64.
        prove: whether proofs for every length are counted too.
        alpha: how often, at most, a candidate as good is called worse, or one no better, better.
        beta: how often, at most, a difference as large as a margin is called equivalent.
        margin: factor in iterations that does not matter.
        points: percentage points in shares and accuracy that do not matter.
        max_seeds: at most used.
        seed_block: block b has the seeds from 10,000 b on.
        base_runs: of the base for each of the candidate. They are kept, and fewer of the
            candidate's are needed then.
        speed: whether the training speed of both is measured, which no verdict counts.
        runs: folder in which runs are kept.
        workers: seeds trained at a time; by default one for each core.
        engine: trains elsewhere; by default this process trains in threads.
        watch: is told how far it is.
        tell: is told a line about each file that is not a run.

    Returns:
        The record, with `.verdict`, `.lines` and `.fails()`.

    Raises:
        UsageError: bad input, cells that do not work, fewer seeds than any verdict needs, or
            runs that learn nothing.
        Interrupted: Ctrl-C; the finished runs are kept.
    """
    rules = Rules(alpha, beta, margin, points, max_seeds, seed_block, base_runs)
    watch = watch or ComparisonWatch()
    fixed = {"iterations": iterations, "task": task, "lengths": lengths, "pairs": pairs}
    with watch.doing("building the cells"):
        first, notices = _base_side(base, base_arguments or {}, recipe, fixed)
        second = pair_with(first, candidate, candidate_arguments or {})
    if prove and first.kept and not all(run.verdicts for run in first.kept.values()):
        raise UsageError("the runs of the base have no verdicts: proofs cannot be counted")
    if first.kept and base_runs > 1:
        raise UsageError("a folder of runs has one for each seed: base_runs must be 1")
    contest = Contest(first, second, rules, Path(runs), prove, watch, tell, workers, engine)
    notices = [*notices, *_remarks(contest, first, second)]
    contest.play()
    speeds: list[float] = []
    if speed and first.network is not None:
        with watch.doing("measuring the speed of both"):
            speeds = measure_speeds(first.trainer.program, second.trainer.program, workers)
    return make_account(contest, speeds, notices)


def assert_not_worse(
    base: str | type[Any] | Path,
    candidate: str | type[Any],
    *,
    fail_on: str = "worse",
    **options: Any,
) -> Comparison:
    """Fail a test where the candidate is worse than the base.

    Args:
        base: a cell class, its `package.module:Name`, or a folder of runs.
        candidate: a cell class or its name.
        fail_on: "worse", or "undecided": then it must be shown that it is not worse, too.
        **options: as `compare_cells` takes them.

    Returns:
        The record of the comparison.

    Raises:
        AssertionError: it is worse, or undecided where that fails; it says what was measured.
        UsageError: as `compare_cells`.
    """
    undecided = check_known("fail_on", fail_on, ("worse", "undecided")) == "undecided"
    found = compare_cells(base, candidate, **options)
    if found.fails(undecided):
        raise AssertionError(describe(found))
    return found


def _base_side(
    base: str | type[Any] | Path,
    arguments: Mapping[str, Any],
    recipe: str | Recipe | None,
    fixed: dict[str, Any],
) -> tuple[Side, list[str]]:
    named = isinstance(base, str) and ":" in base and not Path(base).exists()
    if isinstance(base, type) or named:
        lengths = fixed["lengths"] or LENGTHS
        for length in lengths:
            bounds.LENGTH.check("a length", length)
        side = plan_side(
            base,  # type: ignore[arg-type] # a path is none of these
            arguments,
            get_recipe(recipe or "default", iterations=fixed["iterations"]),
            fixed["task"] or "addition",
            sorted(set(lengths)),
            FAMILIES,
            bounds.PAIRS.check("pairs", fixed["pairs"] or PAIRS),
        )
        return side, []
    name = recipe.name if isinstance(recipe, Recipe) else recipe
    side, notices = read_side(Path(str(base)), name, arguments)
    _check_fixed(side, fixed)
    return side, notices


def _check_fixed(side: Side, fixed: Mapping[str, Any]) -> None:
    """Refuse to ask of runs that are there what they were not made with."""
    own = side.inputs
    has = {
        "iterations": own.recipe.iterations,
        "task": own.task,
        "lengths": list(own.lengths),
        "pairs": own.pairs,
    }
    for key, value in fixed.items():
        asked = sorted(set(value)) if key == "lengths" and value else value
        if asked is not None and asked != has[key]:
            raise UsageError(
                f"the runs of the base {side.origin!r} have {key} {has[key]}, {asked} was asked for"
            )


def _remarks(contest: Contest, base: Side, candidate: Side) -> list[str]:
    """Return what should be known of a comparison before it begins.

    Raises:
        UsageError: there are fewer seeds than any verdict needs.
    """
    found = _seeds_remark(len(contest.planned), 4 if contest.prove else 3, contest.rules)
    if base.inputs.model_copy(update={"versions": {}}) == candidate.inputs.model_copy(
        update={"versions": {}}
    ):
        found.append("base and candidate are the same: one cell, one source, the same arguments")
    if base.inputs.versions != versions():
        old = ", ".join(f"{name} {version}" for name, version in base.inputs.versions.items())
        found.append(f"the base was trained with other versions: {old}")
    if len(base.inputs.checkpoints) < _FINE:
        found.append(
            f"the base was measured at {len(base.inputs.checkpoints)} checkpoints only: "
            "differences between them cannot be seen"
        )
    return found


def _seeds_remark(seeds: int, measures: int, rules: Rules) -> list[str]:
    """Return what so many seeds cannot show, if there is such a thing.

    Raises:
        UsageError: they cannot show anything.
    """
    needed = {verdict: seeds_needed(verdict, measures, rules) for verdict in VERDICTS[:-1]}
    said = ", ".join(f"{verdict} needs {count or 'too many'}" for verdict, count in needed.items())
    if not any(count and count <= seeds for count in needed.values()):
        raise UsageError(f"no verdict can be given with {seeds} seeds: at these rates {said}")
    most = needed[EQUIVALENT]
    if most is not None and most <= seeds:
        return []
    return [f"with {seeds} seeds nothing can be called equivalent: {said}"]
