"""A contest: seeds are added to both sides in batches until a verdict holds or they are spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from gru_bench.comparison.rules import STRIDE, Rules
from gru_bench.comparison.scores import ACCURACY, Trial, mean_scores
from gru_bench.comparison.side import Side, proof_side
from gru_bench.comparison.trial import make_trial
from gru_bench.comparison.verdict import BETTER, UNDECIDED, WORSE, Evidence, decide
from gru_bench.comparison.watch import ComparisonWatch
from gru_bench.errors import UsageError
from gru_bench.outside.writing import make_folder, remove_partials
from gru_bench.runs.engine import Engine
from gru_bench.runs.run import Inputs, Run, find_runs

#: Seeds that are trained before the evidence is looked at again.
BATCH = 8


@dataclass
class Contest:
    """Base against candidate, seed by seed.

    Args:
        base: one side.
        candidate: the other.
        rules: error rates, margins, seeds.
        folder: of run files.
        prove: whether proofs are counted too.
        watch: is told how far it is.
        tell: is told a line about each file that is no run.
        workers: seeds trained at a time; by default one for each core.
        engine: trains elsewhere; by default this process trains in threads.
    """

    base: Side
    candidate: Side
    rules: Rules
    folder: Path
    prove: bool = False
    watch: ComparisonWatch = field(default_factory=ComparisonWatch)
    tell: Callable[[str], None] = lambda _: None
    workers: int | None = None
    engine: Engine | None = None

    def __post_init__(self) -> None:
        self.bases: list[list[Trial]] = [[] for _ in range(self.rules.base_runs)]
        self.trials: list[Trial] = []
        self.verdict, self.seeds = UNDECIDED, 0
        sides = (self.base, self.candidate)
        self._proofs = [proof_side(side) if self.prove else None for side in sides]

    @property
    def planned(self) -> list[int]:
        """The seeds that may be used: the block's, or those that a folder given as base has."""
        first, most = self.rules.first_seed, self.rules.seeds
        return sorted(self.base.kept)[:most] or list(range(first, first + most))

    def play(self) -> None:
        """Add seeds until a verdict holds or all are used.

        Raises:
            UsageError: the folder cannot be written.
            Interrupted: Ctrl-C; finished runs are in the folder.
        """
        make_folder(self.folder)
        remove_partials(self.folder)
        planned = self.planned
        runs = (1 + len(self.bases)) * len(planned)
        self.watch.plan(runs, 0, runs * self.base.inputs.recipe.iterations)
        for start in range(0, len(planned), BATCH):
            batch = planned[start : start + BATCH]
            for number, trials in enumerate(self.bases):
                seeds = [seed + number * STRIDE for seed in batch]
                trials.extend(self._try(self.base, self._proofs[0], seeds))
            self.trials.extend(self._try(self.candidate, self._proofs[1], batch))
            self._weigh()
            if self.verdict != UNDECIDED:
                break
        self._check_measured()

    def _try(self, side: Side, proof: Side | None, seeds: Sequence[int]) -> list[Trial]:
        runs = self._runs(side, seeds)
        if proof is None:
            return [make_trial(run) for run in runs]
        proofs = runs if side.kept else self._runs(proof, seeds)
        return [make_trial(run, proved) for run, proved in zip(runs, proofs, strict=True)]

    def _runs(self, side: Side, seeds: Sequence[int]) -> list[Run]:
        """Return runs of a side, trained where the folder lacks them."""
        if side.kept:
            side.stored += len(seeds)
            return [side.kept[seed] for seed in seeds]
        wanted = [side.inputs_of(seed) for seed in seeds]
        found, notices = find_runs(self.folder, [inputs.name for inputs in wanted])
        for notice in notices:
            self.tell(notice)
        missing = [inputs for inputs in wanted if inputs.name not in found]
        trained = self._train(side, missing, found) if missing else 0
        side.stored, side.trained = side.stored + len(wanted) - trained, side.trained + trained
        return [found[inputs.name] for inputs in wanted]

    def _train(self, side: Side, missing: Sequence[Inputs], found: dict[str, Run]) -> int:
        if self.engine is not None:
            return self.engine.train(side.title, missing, self.folder, self.watch, found)
        return side.trainer.train(missing, self.folder, self.watch, found, self.workers)

    def _weigh(self) -> None:
        scores = mean_scores(self.bases, self.trials)
        verdict, seeds = decide(scores, self.rules)
        self.verdict, self.seeds = str(verdict), int(seeds)
        self.watch.weigh(Evidence(scores, self.rules), len(self.trials))

    def _check_measured(self) -> None:
        """Refuse a comparison in which nobody learns: there every cell would be equivalent.

        Nobody solves the task, and the accuracies of both sides are less than the margin of them,
        so they cannot differ by more.
        """
        if self.verdict in (WORSE, BETTER):
            return
        both = [trial for trials in self.bases for trial in trials], self.trials
        runs = [trial for trials in both for trial in trials]
        best = max(fmean(trial.mean_accuracy for trial in trials) for trials in both)
        if best < self.rules.margin_of(ACCURACY) and all(trial.solved is None for trial in runs):
            recipe = self.base.inputs.recipe
            raise UsageError(
                f"nothing was measured: none of {len(runs)} runs solves the task within "
                f"{recipe.iterations} iterations of recipe {recipe.name!r}, and of all pairs at "
                f"most {100 * best:.3g} % are right; give more iterations, another recipe or "
                "shorter lengths"
            )
