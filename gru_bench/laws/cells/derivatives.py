"""Family "learning": gradients are derivatives, and so are their gradients."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law

FAMILY = "learning"

#: Steps of numeric second derivatives, relative to their arguments. All straddle a kink only if
#: it lies right here.
STEPS = (2.0**-12, 2.0**-16, 2.0**-20)


def _check_numeric(case: Case, arguments: tuple[str, ...]) -> None:
    asked = tuple(kind for kind in arguments if not (case.takes_whole and kind == "input"))
    outputs, finals = case.run(case.cell(), case.xs, case.states)
    if not all(np.isfinite(array).all() for array in (outputs, *finals)):
        raise NotApplicable("a result is not finite, of which another law speaks")
    wrong = case.wrong_derivative(asked)
    if wrong is None:
        return
    argument, result, autodiff, numeric, error = wrong
    case.fail(
        f"d {result} / d {argument} is {autodiff!r} by autodiff, {numeric!r} numerically",
        what=argument.partition("[")[0],
        got=autodiff,
        expected=numeric,
        limit=error,
        why="the estimated error of the numeric derivative plus the rounding of both",
    )


WEIGHTS, VALUES = ("weight",), ("input", "state")

SMOOTH = Wants(batch=(1,), narrow=True, scales=(1.0, 0.25))

CAUGHT = (
    "https://github.com/FluxML/Flux.jl/issues/1209",
    "https://github.com/allenai/allennlp/pull/862",
    "https://github.com/pytorch/pytorch/issues/11662",
)


@law(
    "gradient-of-one-step",
    FAMILY,
    "Over one step, autodiff's derivatives by weights, inputs and states equal numeric ones.",
    caught=CAUGHT[1:],
    wants=replace(SMOOTH, steps=(1,)),
)
def one_step(case: Case) -> None:
    """Compare the whole Jacobian."""
    _check_numeric(case, (*WEIGHTS, *VALUES))


@law(
    "gradient-by-weights",
    FAMILY,
    "Over several steps, autodiff's derivatives by weights equal numeric ones.",
    needs=("weights",),
    caught=CAUGHT,
    wants=replace(SMOOTH, steps=(3,)),
    share=0.67,
)
def by_weights(case: Case) -> None:
    """Compare the Jacobian by weights."""
    _check_numeric(case, WEIGHTS)


@law(
    "gradient-by-inputs-and-states",
    FAMILY,
    "Over several steps, autodiff's derivatives by inputs and initial states equal numeric ones.",
    caught=CAUGHT,
    wants=replace(SMOOTH, steps=(3,)),
    share=0.67,
)
def by_values(case: Case) -> None:
    """Compare the Jacobian by inputs and states."""
    _check_numeric(case, VALUES)


@law(
    "gradient-in-training",
    FAMILY,
    "In training with the masks held, autodiff's derivatives equal numeric ones.",
    needs=("random",),
    caught=("https://github.com/lmnt-com/haste/issues/43",),
    wants=Wants(batch=(3,), steps=(1, 3), scales=(1.0,), narrow=True, training=True),
    share=0.5,
)
def in_training(case: Case) -> None:
    """Compare the whole Jacobian."""
    _check_numeric(case, (*WEIGHTS, *VALUES))


@law(
    "second-derivatives",
    FAMILY,
    "The gradient's own gradient exists and equals numeric derivatives of the gradient.",
    # Numeric second derivatives show next to nothing in less.
    needs=("float64",),
    caught=("https://github.com/pytorch/pytorch/issues/25315",),
    wants=replace(SMOOTH, steps=(2,)),
    share=0.34,
)
def second(case: Case) -> None:
    """Compare the product of the Hessian and a direction."""
    cell = case.cell()
    arguments, directions, cotangents = _chosen(case, cell)
    if not np.isfinite(case.gradient_at(cell, arguments, cotangents)).all():
        raise NotApplicable("a gradient is not finite, of which another law speaks")
    product = _second(case, cell, arguments, cotangents, directions)
    best = np.inf
    for h in STEPS:
        numeric, error = _numeric_product(case, cell, arguments, cotangents, directions, h)
        excess = np.abs(product - numeric) - error
        best = min(best, float(np.max(np.nan_to_num(excess, nan=np.inf), initial=0)))
        if best <= 0:
            return
    worst = int(np.argmax(np.nan_to_num(excess, nan=np.inf)))
    case.fail(
        f"entry {worst} of the Hessian times a direction is {float(product[worst])!r} by "
        f"autodiff, {float(numeric[worst])!r} numerically",
        what="the Hessian",
        index=[worst],
        got=float(product[worst]),
        expected=float(numeric[worst]),
        limit=float(np.broadcast_to(error, product.shape)[worst]),
        why="change of the numeric derivative when its step is halved, plus rounding",
    )


def _chosen(case: Case, cell: Any) -> tuple[list[Array], list[Array], list[Array]]:
    """Return weights, inputs and states to differentiate at, directions, and cotangents."""
    rng, count = case.rng, len(case.weights)
    arguments = [*case.weights.values(), case.xs, *case.states]
    # Off the grid of generated numbers, where a piecewise function may well have its kinks.
    moves = [1e-3 * rng.normal(size=a.shape) for a in arguments]
    for k, what in enumerate(case.domain, len(arguments) - len(case.states)):
        moves[k] = 0.0 * moves[k] if what else moves[k]  # it would leave its domain
    if not case.takes_any:
        moves[count] *= 0.0  # likewise
    arguments = [a + move for a, move in zip(arguments, moves, strict=True)]
    directions = [rng.choice([-1.0, 1.0], a.shape) for a in arguments]
    for k, what in enumerate(case.domain, len(arguments) - len(case.states)):
        directions[k] *= not what
    if not case.takes_any:
        directions[count] *= 0.0
    output = case.batch, *case.output_shape(cell)
    shapes = [output] * case.steps + [s.shape for s in case.states]
    return arguments, directions, [rng.normal(size=shape) for shape in shapes]


#: What TensorFlow says where one of its own operations has no second derivative.
_NO_GRADIENT = re.compile(r"gradient registry has no entry for: (\w+)")


def _second(
    case: Case,
    cell: Any,
    arguments: list[Array],
    cotangents: list[Array],
    directions: list[Array],
) -> Array:
    """Return the product of the Hessian and a direction.

    Raises:
        NotApplicable: the framework has no second derivative of one of its operations.
    """
    try:
        return case.gradient_along(cell, arguments, cotangents, directions)
    except LookupError as error:
        missing = _NO_GRADIENT.search(str(error))
        if missing is None:
            raise
        raise NotApplicable(f"the framework has no gradient of {missing[1]}") from error


def _numeric_product(
    case: Case,
    cell: Any,
    arguments: list[Array],
    cotangents: list[Array],
    directions: list[Array],
    h: float,
) -> tuple[Array, Array]:
    """Return the derivative of the gradient along the directions, and its estimated error."""

    def central(step: float) -> tuple[Array, float]:
        ends = []
        for sign in (1.0, -1.0):
            moved = [a + sign * step * d for a, d in zip(arguments, directions, strict=True)]
            ends.append(case.gradient_at(cell, moved, cotangents))
        size = float(np.max(np.abs(ends), initial=1.0))
        return (ends[0] - ends[1]) / (2 * step), size

    (coarse, size), (fine, _) = central(h), central(h / 2)
    extrapolated = (4 * fine - coarse) / 3
    largest = max(1.0, float(np.max(np.abs(np.concatenate([a.ravel() for a in arguments])))))
    # A float64 cell that computes in less somewhere is caught by the law about that.
    rounding = case.coarsest(cell) * 1024 * size * largest / h
    return extrapolated, np.abs(fine - coarse) + rounding
