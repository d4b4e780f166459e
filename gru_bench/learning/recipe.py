"""Recipes: all that fixes how an adder is trained, but for the cell and the seed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import pydantic

from gru_bench.errors import check_known
from gru_bench.outside.bounds import MOST_TRAINED
from gru_bench.records import (
    Batch,
    Bits,
    Checkpoint,
    Decay,
    Iterations,
    Line,
    NotNegative,
    Positive,
    Record,
    Share,
    Units,
    parse,
)
from gru_bench.task.transducer import FAMILIES, Family


class Recipe(Record):
    """How an adder is trained.

    Args:
        name: what users call it.
        iterations: optimiser updates.
        bits: digits per number in training.
        form: "full": n-digit numbers in n steps and the task's flush; "tutorial": both numbers
            below base^(n-1), so that their sum fits into n steps.
        batch: pairs per iteration.
        fresh: new pairs each iteration, or the same ones throughout.
        families: the batch is divided evenly over them; a name may stand several times.
        loss: "quadratic": half the squared error, summed over steps; "cross-entropy": mean.
        learning_rate: of Adam, at its highest.
        schedule: "constant" or "cosine" (to zero at the last iteration).
        warmup: iterations over which the rate first rises from zero.
        beta_1: decay of Adam's first moment.
        beta_2: decay of its second moment.
        epsilon: added to the root of the second moment.
        weight_decay: decoupled, times the learning rate.
        clip_norm: largest norm of the gradient; 0 for no clipping.
        stddev: of a truncated normal for every initial weight; 0 for the cell's own initialisers.
        noise: half-width of uniform noise added to the states at each training step.
        worst_case: weight of the worst-case loss, beside 1 - that weight of the loss; 0 for none.
        worst_case_from: share of the iterations after which the weight rises.
        worst_case_ramp: share of the iterations over which it rises from zero.
        radius: by which intervals of states grow before each step of the worst case.
        merge: how far each interval is widened, at the end of the ramp, towards the hull of all
            that the batch has in the same transducer state. At 1 the network learns to be right
            from one region for each transducer state, which is what a proof needs.
        state_limit: size beyond which the worst case's states are penalised; 0 for no limit. A
            memory cell that counts on and on cannot be enclosed.
        units: the cell's `units` where the caller names none.
        dtype: Keras dtype policy of the network.
    """

    name: Line
    iterations: Iterations
    bits: Bits
    form: Literal["full", "tutorial"] = "full"
    batch: Batch
    fresh: bool = True
    families: Annotated[tuple[Family, ...], pydantic.Field(min_length=1, max_length=256)] = (
        "uniform",
    )
    loss: Literal["quadratic", "cross-entropy"]
    learning_rate: Positive
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Checkpoint = 0
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Positive = 1e-7
    weight_decay: NotNegative = 0.0
    clip_norm: NotNegative = 0.0
    stddev: NotNegative = 0.0
    noise: NotNegative = 0.0
    worst_case: Share = 0.0
    worst_case_from: Share = 0.0
    worst_case_ramp: Share = 0.25
    radius: NotNegative = 0.0
    merge: Share = 0.0
    state_limit: NotNegative = 0.0
    units: Units = 16
    dtype: Line = "float32"

    @pydantic.model_validator(mode="after")
    def _fits_memory(self) -> Self:
        if self.batch * self.bits > MOST_TRAINED:
            given = f"{self.batch} x {self.bits}"
            raise ValueError(f"batch x bits must be at most {MOST_TRAINED}, got {given}")
        return self

    @property
    def threshold(self) -> float:
        """Score above which a two-valued read-out says 1."""
        return 0.5 if self.loss == "quadratic" else 0.0


TUTORIAL = Recipe(
    name="tutorial",
    iterations=5000,
    bits=5,
    form="tutorial",
    batch=100,
    fresh=False,
    loss="quadratic",
    # TensorFlow 1's defaults, which the tutorial used; Keras's differ in epsilon.
    learning_rate=0.001,
    epsilon=1e-8,
    stddev=0.01,
    dtype="float64",
)

DEFAULT = Recipe(
    name="default",
    iterations=300,
    bits=24,
    batch=64,
    families=FAMILIES,
    loss="cross-entropy",
    learning_rate=0.08,
    schedule="cosine",
    warmup=10,
    clip_norm=0.2,
    stddev=0.3,
    # Without noise the two carry states drift apart from what was trained over hundreds of steps;
    # with much of it, and weights that do not grow, most adders can be proved for every length.
    noise=0.7,
    weight_decay=0.03,
)

PROVABLE = Recipe(
    name="provable",
    iterations=400,
    bits=8,
    batch=64,
    families=FAMILIES,
    loss="cross-entropy",
    learning_rate=0.1,
    schedule="cosine",
    warmup=10,
    weight_decay=0.15,
    clip_norm=0.2,
    stddev=0.3,
    noise=0.5,
    # First the network learns to add; then it learns to do so from states that are anywhere near.
    worst_case=0.8,
    worst_case_from=0.325,
    worst_case_ramp=0.25,
    radius=0.06,
    state_limit=2.0,
)

MERGED = Recipe(
    name="merged",
    iterations=1200,
    bits=6,
    batch=128,
    families=("uniform", "long-carry"),
    loss="cross-entropy",
    learning_rate=0.05,
    schedule="cosine",
    warmup=10,
    weight_decay=0.02,
    clip_norm=0.2,
    stddev=0.3,
    noise=0.1,
    # Decimal digits have 100 symbols: a region for what each leaves behind would be too many, so
    # the network learns that only the carry matters of what was before.
    worst_case=0.8,
    worst_case_from=0.3,
    worst_case_ramp=0.4,
    radius=0.06,
    merge=1.0,
    state_limit=2.0,
    units=32,
)

#: Every recipe by its name.
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (DEFAULT, MERGED, PROVABLE, TUTORIAL)
}


def get_recipe(recipe: str | Recipe, **changes: Any) -> Recipe:
    """Return a recipe by name, with some fields changed.

    Args:
        recipe: a name in `RECIPES`, or a recipe.
        **changes: fields to replace; None leaves a field as it is.

    Raises:
        UsageError: unknown name or field, or a value that the field does not accept.
    """
    if isinstance(recipe, str):
        recipe = RECIPES[check_known("recipe", recipe, RECIPES)]
    changes = {key: value for key, value in changes.items() if value is not None}
    return parse(Recipe, {**recipe.model_dump(), **changes}, f"recipe {recipe.name!r}")
