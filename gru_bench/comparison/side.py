"""The two sides of a comparison: a cell whose runs are trained or stored, or a folder of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gru_bench.comparison.checkpoints import spread_checkpoints
from gru_bench.errors import UsageError
from gru_bench.learning.network import Network
from gru_bench.learning.recipe import Recipe
from gru_bench.learning.training import make_network
from gru_bench.outside.bounds import shown
from gru_bench.outside.text import one_line, short
from gru_bench.runs.execution import Group, Trainer, inputs_of
from gru_bench.runs.run import Inputs, Run, read_runs
from gru_bench.runs.verdict import AnyLength
from gru_bench.task.transducer import Family, get_task


@dataclass
class Side:
    """One of the two.

    Args:
        inputs: of its runs, but for the seed.
        network: what is trained; None for runs that are there and stay as they are.
        kept: runs by seed, of a folder that was given instead of a cell.
        origin: where its runs come from.
        trained: runs that were trained now.
        stored: runs that were there.
        like: a side whose compiled training serves this one too.
    """

    inputs: Inputs
    network: Network | None = None
    kept: Mapping[int, Run] = field(default_factory=dict)
    origin: str = "trained here"
    trained: int = 0
    stored: int = 0
    like: Side | None = None

    @property
    def arguments(self) -> str:
        """The arguments of the cell's constructor, as JSON."""
        return json.dumps(self.inputs.arguments, sort_keys=True, default=repr)

    @property
    def title(self) -> str:
        """The cell and its arguments, in one line."""
        settings = ", ".join(f"{key}={value!r}" for key, value in self.inputs.arguments.items())
        return short(one_line(f"{self.inputs.cell}({settings})"), 200)

    def inputs_of(self, seed: int) -> Inputs:
        """Return the inputs of one run."""
        return self.inputs.model_copy(update={"seed": seed})

    @cached_property
    def trainer(self) -> Trainer:
        """What trains its runs; it is compiled when it is first used."""
        assert self.network is not None
        group = Group(self.title, self.inputs.recipe, self.network, [self.inputs])
        return Trainer(group, self.like.trainer.program if self.like else None)


def plan_side(
    cell: str | type[Any],
    arguments: Mapping[str, Any],
    recipe: Recipe,
    task: str,
    lengths: Sequence[int],
    families: Sequence[Family],
    pairs: int,
) -> Side:
    """Return the side of a cell, built once to see that it works.

    Raises:
        UsageError: the cell cannot be loaded, made, or run on the task's inputs.
    """
    network = make_network(cell, recipe, arguments, get_task(task))
    inputs = inputs_of(
        network,
        recipe,
        checkpoints=spread_checkpoints(recipe.iterations),
        lengths=tuple(lengths),
        families=tuple(families),
        pairs=pairs,
        evaluation_seed=0,
        any_length=None,
    )
    return Side(inputs, network)


def pair_with(base: Side, cell: str | type[Any], arguments: Mapping[str, Any]) -> Side:
    """Return the side of a cell whose runs are like those of the base in all but the cell."""
    own = base.inputs
    side = plan_side(cell, arguments, own.recipe, own.task, own.lengths, own.families, own.pairs)
    same = {"checkpoints": own.checkpoints, "evaluation_seed": own.evaluation_seed}
    side.inputs = side.inputs.model_copy(update=same)
    return side


def proof_side(side: Side) -> Side:
    """Return a side with the same runs, judged for every length after their last iteration.

    Only there, because a verdict takes longer than the training.
    """
    last = (side.inputs.recipe.iterations,)
    changes = {"checkpoints": last, "any_length": AnyLength()}
    return Side(side.inputs.model_copy(update=changes), side.network, like=side)


def read_side(
    folder: Path, recipe: str | None, arguments: Mapping[str, Any]
) -> tuple[Side, list[str]]:
    """Return the side of a folder of runs, and a line about each file that is not counted.

    Args:
        folder: of run files, or of a report, which has them in `runs`.
        recipe: only runs by the recipe of this name; None for any.
        arguments: only runs whose cell has these among its arguments.

    Raises:
        UsageError: it has no runs that are read here, or those of several cells or recipes.
    """
    if not folder.is_dir():
        raise UsageError(
            "the base must be a cell, package.module:Name, or a folder of runs, "
            f"got {shown(str(folder))}"
        )
    inner = folder / "runs"
    runs, notices = read_runs(inner if inner.is_dir() else folder)
    name = shown(str(folder))
    if not runs:
        why = f": {notices[0]}" if notices else ""
        raise UsageError(f"the base {name} has no runs that can be read{why}")
    groups: dict[str, dict[int, Run]] = {}
    for run in runs.values():
        own = run.inputs
        named = recipe is None or own.recipe.name == recipe
        if named and arguments.items() <= own.arguments.items():
            key = own.model_copy(update={"seed": 0}).model_dump_json()
            groups.setdefault(key, {})[own.seed] = run
    if len(groups) != 1:
        raise UsageError(_not_one(name, [next(iter(g.values())).inputs for g in groups.values()]))
    (kept,) = groups.values()
    return Side(next(iter(kept.values())).inputs, kept=kept, origin=str(folder)), notices


def _not_one(name: str, found: Sequence[Inputs]) -> str:
    if not found:
        return f"the base {name} has no runs by that recipe with those arguments"
    kinds = sorted({f"{own.cell} {own.arguments} by {own.recipe.name!r}" for own in found})
    listed = short(one_line("; ".join(kinds)), 400)
    return (
        f"the base {name} has runs of {len(found)} kinds, name one by --recipe and "
        f"--base-set: {listed}"
    )
