"""Training and measuring what an experiment says, from wherever it was left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gru_bench.learning.compiled import Program
from gru_bench.learning.evaluation import Evaluator
from gru_bench.learning.network import Network
from gru_bench.learning.recipe import Recipe
from gru_bench.learning.training import TrainedRun, make_network, train_network
from gru_bench.runs.claim import Claims
from gru_bench.runs.engine import Engine
from gru_bench.runs.experiment import CellEntry, Experiment
from gru_bench.runs.judge import Judge
from gru_bench.runs.provenance import machine, source_hash, versions
from gru_bench.runs.run import Inputs, Measured, Run, make_run, read_runs, write_run
from gru_bench.runs.sharing import share
from gru_bench.runs.verdict import AnyLength
from gru_bench.runs.watch import Watch
from gru_bench.task.transducer import get_task


@dataclass
class Group:
    """One cell trained by one recipe, for all seeds.

    Args:
        cell: what tables call the cell.
        recipe: how it is trained.
        network: what is trained.
        inputs: of each seed's run.
        runs: the finished ones, in the order of `inputs`.
    """

    cell: str
    recipe: Recipe
    network: Network
    inputs: list[Inputs]
    runs: list[Run] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Cell and recipe."""
        return f"{self.cell}, recipe {self.recipe.name}"


@dataclass
class Outcome:
    """What came of an experiment.

    Args:
        groups: with their runs.
        trained: how many runs were trained now; the others were on disk.
        notices: a line about each file that was not counted.
    """

    groups: list[Group]
    trained: int
    notices: list[str]


def plan_groups(experiment: Experiment) -> list[Group]:
    """Return what the experiment trains, each cell built once to see that it works.

    Raises:
        UsageError: a cell or a recipe cannot be had.
    """
    return [
        _plan_group(experiment, cell, recipe)
        for cell in experiment.cells
        for recipe in experiment.find_recipes()
    ]


def _plan_group(experiment: Experiment, cell: CellEntry, recipe: Recipe) -> Group:
    network = make_network(cell.name, recipe, cell.arguments, get_task(experiment.task))
    first = inputs_of(
        network,
        recipe,
        checkpoints=experiment.checkpoints_of(recipe),
        lengths=experiment.lengths,
        families=experiment.families,
        pairs=experiment.pairs,
        evaluation_seed=experiment.evaluation_seed,
        any_length=experiment.any_length,
    )
    inputs = [first.model_copy(update={"seed": seed}) for seed in experiment.seeds]
    return Group(cell.title, recipe, network, inputs)


def inputs_of(network: Network, recipe: Recipe, **measured: Any) -> Inputs:
    """Return all that runs of a network depend on, for seed 0.

    Args:
        network: what is trained.
        recipe: how.
        **measured: what is measured of it, and where: the other fields of `Inputs`.
    """
    return Inputs(
        cell=network.cell_name,
        arguments=network.arguments,
        source=source_hash(type(network.cell)),
        recipe=recipe,
        task=network.task.name,
        seed=0,
        versions=versions(),
        **measured,
    )


def run_groups(
    groups: Sequence[Group],
    folder: Path,
    watch: Watch | None = None,
    tell: Callable[[str], None] = lambda _: None,
    workers: int | None = None,
    engine: Engine | None = None,
) -> Outcome:
    """Train the runs that `folder` lacks, and return all of them.

    Runs that another process is training into the same folder are waited for.

    Args:
        groups: as planned.
        folder: of run files; each finished run is written at once.
        watch: is told how far it is.
        tell: is told a line about each file in the folder that is not a run.
        workers: seeds trained at a time; by default one for each core.
        engine: trains elsewhere; by default this process trains in threads.

    Raises:
        UsageError: the folder cannot be written.
        Interrupted: Ctrl-C; finished runs are in the folder.
    """
    found, notices = read_runs(folder)
    for notice in notices:
        tell(notice)
    watch = watch or Watch()
    lacking = [[one for one in group.inputs if one.name not in found] for group in groups]
    runs = sum(len(group.inputs) for group in groups)
    todo = zip(groups, lacking, strict=True)
    iterations = sum(group.recipe.iterations * len(missing) for group, missing in todo)
    watch.plan(runs, runs - sum(map(len, lacking)), iterations)
    trained = 0
    for group, missing in zip(groups, lacking, strict=True):
        if missing and engine is not None:
            trained += engine.train(group.title, missing, folder, watch, found)
        elif missing:
            trained += Trainer(group).train(missing, folder, watch, found, workers)
        group.runs = [found[inputs.name] for inputs in group.inputs]
    return Outcome(list(groups), trained, notices)


def make_judge(group: Group) -> Judge:
    """Return who gives the verdicts that a group asks for."""
    inputs = group.inputs[0]
    effort = inputs.any_length or AnyLength()
    return Judge(group.network, group.recipe.threshold, effort, inputs.evaluation_seed)


class Trainer:
    """Trains runs of one group; what it has compiled serves the next ones too.

    Args:
        group: whose runs are trained; all have the same inputs but for the seed.
        program: the compiled training, if there is one already.
    """

    def __init__(self, group: Group, program: Program | None = None) -> None:
        self.group = group
        self.program = program or Program(group.network, group.recipe)
        first = group.inputs[0]
        threshold = group.recipe.threshold
        self._evaluator = Evaluator(group.network, threshold, first.pairs, first.evaluation_seed)
        self._judge = make_judge(group) if first.any_length else None

    def train(
        self,
        missing: Sequence[Inputs],
        folder: Path,
        watch: Watch,
        found: dict[str, Run],
        workers: int | None = None,
    ) -> int:
        """Train runs; add each to the folder, and to `found` by its file's name.

        Those that another process is training are waited for instead.

        Args:
            missing: inputs of the runs, at least one.
            folder: of run files; each finished run is written at once.
            watch: is told how far it is.
            found: takes the runs.
            workers: seeds trained at a time; by default one for each core.

        Returns:
            How many were trained here.

        Raises:
            UsageError: the folder cannot be written.
            Interrupted: Ctrl-C; finished runs are in the folder.
        """
        watch.begin(self.group.title, len(missing), self.group.recipe.iterations, workers)

        def train(left: Sequence[Inputs], claims: Claims) -> None:
            plan = {inputs.seed: inputs for inputs in left}

            def keep(trained: TrainedRun) -> None:
                run = make_run(trained, plan[trained.seed], machine())
                write_run(folder, run)
                found[run.inputs.name] = run
                claims.finish(run.inputs.name)
                watch.finish(trained)

            train_network(
                self.program,
                list(plan),
                left[0].checkpoints,
                lambda theta, iteration: self._measure(theta, iteration, left[0], watch),
                watch.step,
                keep,
                workers,
                lambda seed: claims.take(plan[seed]),
            )

        return share(missing, folder, watch, found, train)

    def train_one(self, inputs: Inputs) -> Run:
        """Train one run in a thread and return it; nothing is written."""
        (trained,) = train_network(
            self.program,
            [inputs.seed],
            inputs.checkpoints,
            lambda theta, iteration: self._measure(theta, iteration, inputs, Watch()),
            lambda _: None,
            lambda _: None,
            1,
        )
        return make_run(trained, inputs, machine())

    def _measure(self, theta: Any, iteration: int, inputs: Inputs, watch: Watch) -> Measured:
        with watch.doing("measuring"):
            accuracy = self._evaluator.measure_all(theta, inputs.families, inputs.lengths)
        if self._judge is None:
            return Measured(accuracy)
        wrong = sum(found.pairs - found.exact for found in accuracy)
        with watch.doing("refuting" if wrong else "proving"):
            return Measured(accuracy, *self._judge.judge(theta, iteration, wrong))
