"""The account of a contest: what is measured, beside what the seeds say of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from gru_bench.comparison.contest import Contest
from gru_bench.comparison.evidence import discoveries, log_mean, log_wealth
from gru_bench.comparison.interval import mean_interval
from gru_bench.comparison.record import Comparison, Contestant, Line, Moment, Place
from gru_bench.comparison.rules import Rules
from gru_bench.comparison.scores import (
    ACCURACY,
    ITERATIONS,
    SOLVED,
    Trial,
    mean_scores,
    score_places,
)
from gru_bench.comparison.side import Side
from gru_bench.comparison.survival import log_rank, solved_by
from gru_bench.comparison.verdict import Evidence
from gru_bench.runs.provenance import machine

#: Evidence beyond which it does not matter how much more there is.
_MUCH = 1e9


def make_account(
    contest: Contest, speeds: Sequence[float] = (), notices: Sequence[str] = ()
) -> Comparison:
    """Return the record of a contest that has been played.

    Args:
        contest: with its trials.
        speeds: seed-iterations/s of base and candidate, if they were measured.
        notices: what else should be known.
    """
    # What was trained beyond the seed that decided is kept, and counts for nothing.
    bases = [trials[: contest.seeds] for trials in contest.bases]
    base = [trial for trials in bases for trial in trials]
    candidate = contest.trials[: contest.seeds]
    rules, inputs = contest.rules, contest.base.inputs
    evidence = Evidence(mean_scores(bases, candidate), rules)
    last = inputs.recipe.iterations
    times = [trial.solved for trial in base], [trial.solved for trial in candidate]
    sides = zip((contest.base, contest.candidate), times, [*speeds, None, None], strict=False)
    told = [_contestant(side, found, last, speed) for side, found, speed in sides]
    return Comparison(
        form="gru_bench comparison 1",
        verdict=contest.verdict,  # type: ignore[arg-type] # checked by the record
        not_worse=evidence.is_not_worse,
        seeds=contest.seeds,
        first_seed=candidate[0].seed,
        last_seed=candidate[-1].seed,
        base_runs=len(bases),
        identical=sum(b.digest == c.digest for b, c in zip(bases[0], candidate, strict=True)),
        base=told[0],
        candidate=told[1],
        recipe=inputs.recipe.name,
        iterations=last,
        task=inputs.task,
        lengths=inputs.lengths,
        pairs=inputs.pairs,
        alpha=rules.alpha,
        beta=rules.beta,
        most_seeds=len(contest.planned),
        lines=tuple(_line(name, evidence, base, candidate) for name in evidence.scores),
        places=_places(bases, candidate, rules),
        moments=_moments(evidence),
        log_rank=log_rank(*times, last),
        notices=tuple(notices),
        machine=str(machine()),
    )


def _contestant(
    side: Side, times: Sequence[int | None], last: int, speed: float | None
) -> Contestant:
    return Contestant(
        title=side.title,
        cell=side.inputs.cell,
        arguments=side.arguments,
        source=side.inputs.source,
        origin=side.origin,
        trained=side.trained,
        stored=side.stored,
        speed=speed,
        solved_by=tuple(solved_by(times, last)),
    )


def _line(name: str, evidence: Evidence, base: Sequence[Trial], candidate: Sequence[Trial]) -> Line:
    rules, y = evidence.rules, evidence.scores[name]
    low, high = mean_interval(y, rules.alpha)
    mean = float(y.mean())
    if name == ITERATIONS:
        effect, ends, margin = 2**mean, (2**low, 2**high), rules.margin
    else:
        # Scores are bad for the candidate where they are positive; a difference in shares is good.
        effect, ends, margin = -mean, (-high, -low), rules.margin_of(name)
    both = min(evidence.not_worse_in[name][-1], evidence.not_better_in[name][-1])
    return Line(
        measure=name,
        verdict=evidence.verdict_in(name),  # type: ignore[arg-type] # checked by the record
        base=_value(name, base),
        candidate=_value(name, candidate),
        effect=effect + 0.0,  # no -0
        low=ends[0],
        high=ends[1],
        worse=_plain(evidence.worse_in[name][-1]),
        better=_plain(evidence.better_in[name][-1]),
        equivalent=_plain(both),
        margin=margin,
    )


def _value(name: str, trials: Sequence[Trial]) -> float | None:
    """Return what one side measures: a median of iterations, a share, or a mean accuracy."""
    if name == ITERATIONS:
        found = statistics.median_low(
            [math.inf if trial.solved is None else trial.solved for trial in trials]
        )
        return None if math.isinf(found) else float(found)
    if name == SOLVED:
        return statistics.fmean(trial.solved is not None for trial in trials)
    if name == ACCURACY:
        return statistics.fmean(trial.mean_accuracy for trial in trials)
    return statistics.fmean(bool(trial.proved) for trial in trials)


def _places(
    bases: Sequence[Sequence[Trial]], candidate: Sequence[Trial], rules: Rules
) -> tuple[Place, ...]:
    """Return where accuracy differs; evidence in either direction, corrected by e-BH."""
    found = score_places(bases, candidate)
    base = [trial for trials in bases for trial in trials]
    logs = [float(log_mean([log_wealth(y, 1.0), log_wealth(-y, 1.0)])[-1]) for y in found.values()]
    differs = discoveries(np.asarray(logs, np.float64), rules.alpha).tolist()
    return tuple(
        Place(
            family=family,
            length=length,
            base=statistics.fmean(trial.accuracy[family, length] for trial in base),
            candidate=statistics.fmean(trial.accuracy[family, length] for trial in candidate),
            evidence=_plain(log),
            differs=differ,
        )
        for (family, length), log, differ in zip(found, logs, differs, strict=True)
    )


def _moments(evidence: Evidence) -> tuple[Moment, ...]:
    rows = zip(evidence.worse, evidence.better, evidence.equivalent, strict=True)
    return tuple(
        Moment(seeds=i, worse=_plain(w), better=_plain(b), equivalent=_plain(e))
        for i, (w, b, e) in enumerate(rows, start=1)
    )


def _plain(log: float) -> float:
    """Return evidence from its logarithm, with six digits."""
    return float(f"{min(math.exp(min(log, 50.0)), _MUCH):.6g}")
