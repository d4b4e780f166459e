"""Experiments: which cells, recipes, seeds, checkpoints, lengths and families a report is about."""

from __future__ import annotations

import importlib.resources
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic_core import PydanticCustomError

from gru_bench.errors import UsageError, check_known
from gru_bench.learning.recipe import RECIPES, Recipe
from gru_bench.outside.bounds import SEEDS
from gru_bench.outside.opening import read_toml
from gru_bench.outside.text import one_line, short
from gru_bench.records import Checkpoint, Length, Line, Pairs, Record, Seed, parse
from gru_bench.runs.verdict import AnyLength, expand
from gru_bench.task.transducer import FAMILIES, Family, get_task

#: Entries of the longest list.
_MOST = 1000


def _expand_seeds(seeds: Any) -> Any:
    """Let a number n stand for the seeds 0 .. n-1."""
    if isinstance(seeds, Sequence) and not isinstance(seeds, str):
        return tuple(seeds)
    try:
        return tuple(range(SEEDS.check("seeds", seeds)))
    except UsageError as error:
        raise PydanticCustomError("seeds", "{reason}", {"reason": str(error)}) from None


class CellEntry(Record):
    """A cell of an experiment.

    Args:
        name: `package.module:Name`.
        label: what tables and figures call it; by default its class and arguments.
        arguments: for its constructor; `units` defaults to the recipe's.
    """

    name: Line
    label: Line = ""
    arguments: dict[str, Any] = pydantic.Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The label, or what stands in for it."""
        settings = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        name = self.name.partition(":")[2] + (f"({settings})" if settings else "")
        return self.label or short(one_line(name), 200)


class Claim(Record):
    """Something claimed of a recipe, to be shown beside what was measured.

    Args:
        text: the claim.
        iteration: a checkpoint.
        length: bits per number.
    """

    text: Line
    iteration: Checkpoint
    length: Length


class Experiment(Record):
    """What a report trains and measures.

    Args:
        title: of the report.
        claim: shown at the head of the report.
        claims: claims shown beside measurements.
        seeds: how many (0, 1, ...) or which.
        checkpoints: iterations at which accuracy is measured; a recipe's last always is.
        lengths: bits per number.
        families: of test pairs.
        pairs: tried at each length and family.
        evaluation_seed: of the test pairs, and of the verdicts' words.
        any_length: whether each checkpoint gets a verdict for numbers of any length, and how far
            that goes: true, or a table with `regions` and `steps`.
        task: what is learned.
        recipes: names, of the bench's recipes or those in `recipe`.
        cells: what is trained; each by each recipe.
        recipe: recipes of this experiment: `base`, a recipe of the bench, and changed fields.
    """

    title: Line
    claim: Line = ""
    claims: Annotated[tuple[Claim, ...], pydantic.Field(max_length=_MOST)] = ()
    seeds: Annotated[
        tuple[Seed, ...],
        pydantic.BeforeValidator(_expand_seeds),
        pydantic.Field(min_length=1, max_length=SEEDS.most),
    ]
    checkpoints: Annotated[tuple[Checkpoint, ...], pydantic.Field(max_length=_MOST)] = ()
    lengths: Annotated[tuple[Length, ...], pydantic.Field(min_length=1, max_length=_MOST)]
    families: Annotated[tuple[Family, ...], pydantic.Field(min_length=1)] = FAMILIES
    pairs: Pairs = 1000
    evaluation_seed: Seed = 0
    any_length: Annotated[AnyLength | None, pydantic.BeforeValidator(expand)] = None
    task: str = "addition"
    recipes: Annotated[tuple[Line, ...], pydantic.Field(min_length=1, max_length=_MOST)] = (
        "default",
    )
    cells: Annotated[tuple[CellEntry, ...], pydantic.Field(min_length=1, max_length=_MOST)]
    recipe: dict[Line, dict[str, Any]] = pydantic.Field(default_factory=dict)

    def checkpoints_of(self, recipe: Recipe) -> tuple[int, ...]:
        """Return the checkpoints of runs by a recipe, its last iteration among them."""
        return tuple(sorted({*self.checkpoints, recipe.iterations}))

    def find_recipes(self, where: str = "recipe") -> list[Recipe]:
        """Return the recipes by name.

        Raises:
            UsageError: an unknown name or field, or a value that the field does not accept.
        """
        known = {*RECIPES, *self.recipe}
        found = []
        for name in self.recipes:
            check_known("recipe", name, sorted(known))
            changes = dict(self.recipe.get(name, {"base": name}))
            base = RECIPES[check_known("recipe", str(changes.pop("base", "default")), RECIPES)]
            fields = {**base.model_dump(), **changes, "name": name}
            found.append(parse(Recipe, fields, f"{where}: recipe {name!r}"))
        return found


def load_experiment(path: str | Path | None = None) -> Experiment:
    """Return the experiment in a TOML file; without one, the packaged default.

    Raises:
        UsageError: the file is missing, is not TOML, or says something that is not accepted.
    """
    if path is not None:
        return make_experiment(read_toml(Path(path)), repr(str(path)))
    packaged = importlib.resources.files("gru_bench.runs") / "adder.toml"
    with importlib.resources.as_file(packaged) as default:
        return make_experiment(read_toml(default), "the default experiment")


def make_experiment(data: Mapping[str, Any], where: str = "experiment") -> Experiment:
    """Return an experiment from plain data, checked as far as it can be without its cells.

    Raises:
        UsageError: something is not accepted; the line begins with `where`.
    """
    experiment = parse(Experiment, data, where)
    try:
        _check(experiment, where)
    except UsageError as error:
        text = str(error)
        raise UsageError(text if text.startswith(where) else f"{where}: {text}") from None
    return experiment


def _check(experiment: Experiment, where: str) -> None:
    get_task(experiment.task)
    for name in ("seeds", "checkpoints", "lengths", "families", "recipes"):
        _check_distinct(name, getattr(experiment, name))
    _check_distinct("labels of cells", [cell.title for cell in experiment.cells])
    if taken := RECIPES.keys() & experiment.recipe.keys():
        raise UsageError(f"recipe {min(taken)!r} is one of the bench's own, choose another name")
    recipes = experiment.find_recipes(where)
    last = min(recipe.iterations for recipe in recipes)
    if late := [c for c in experiment.checkpoints if c > last]:
        raise UsageError(f"checkpoints must be at most the recipe's {last} iterations, got {late}")
    for claim in experiment.claims:
        measured = set.intersection(*(set(experiment.checkpoints_of(r)) for r in recipes))
        _check_member("a claim's iteration", claim.iteration, sorted(measured), "checkpoints")
        _check_member("a claim's length", claim.length, experiment.lengths, "lengths")


def _check_distinct(name: str, values: Sequence[Any]) -> None:
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise UsageError(f"{name} must differ, got {twice[0]!r} more than once")


def _check_member(name: str, value: int, allowed: Sequence[int], of: str) -> None:
    if value not in allowed:
        given = ", ".join(map(str, allowed))
        raise UsageError(f"{name} must be one of the {of} ({given}), got {value}")
