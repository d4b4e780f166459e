"""Family "learning": gradients are derivatives, and so are their gradients."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array, Case
from gru_bench.laws.cells.learning import GRADIENT
from gru_bench.laws.law import Wants, law

if TYPE_CHECKING:
    from gru_bench.subjects.protocol import Tape


FAMILY = "learning"

#: Entries of a Jacobian beyond which directions are checked, not every entry.
LARGE = 2_000_000

#: Steps of numeric second derivatives, relative to their arguments. All straddle a kink only if
#: it lies right here.
STEPS = (2.0**-12, 2.0**-16, 2.0**-20)

NUMERIC = (
    GRADIENT
    + """
def pick(outputs, states):
    made = [tf.stack(outputs), *states]
    return made[result][tuple(where)]


def value(arguments):
    n = len(weights)
    return float(gradient(arguments[:n], arguments[n], arguments[n + 1 :], pick)[1])


arguments = [*weights, xs, *states]
found, _ = gradient(weights, xs, states, pick)
n, T = len(weights), len(xs)
found = [np.zeros(1) if g is None else np.asarray(tf.convert_to_tensor(g)) for g in found]
found = [*found[:n], found[n : n + T], *found[n + T :]]
if place == n:
    autodiff = float(np.broadcast_to(found[n][entry[0]], xs[0].shape)[tuple(entry[1:])])
else:
    autodiff = float(np.broadcast_to(found[place], arguments[place].shape)[tuple(entry)])
h, ends = 2.0**-17, []
for sign in (1, -1):
    moved = [np.array(a, "float64") for a in arguments]
    moved[place][tuple(entry)] += sign * h
    ends.append(value(moved))
compare(autodiff, (ends[0] - ends[1]) / (2 * h), limit)
"""
)


def _check_numeric(case: Case, arguments: tuple[str, ...]) -> None:
    subject = case.subject()
    entries = sum(w.size for w in case.weights.values()) + case.xs.size
    results = case.steps * case.batch * int(np.prod(subject.output_shape))
    whole = case.target.inputs is not None and case.target.inputs.whole
    asked = tuple(kind for kind in arguments if not (whole and kind == "input"))
    outputs, finals = subject.fast_run(case.xs, case.states)
    if not all(np.isfinite(array).all() for array in (outputs, *finals)):
        raise NotApplicable("a result is not finite, of which another law speaks")
    found = case.target.check_gradients(
        subject,
        steps=case.steps,
        batch=case.batch,
        inputs=case.xs,
        states=case.states,
        arguments=asked,
        seed=case.seed % 2**16,
        method="central" if entries * results < LARGE else "directional",
    )
    worst = found.worst
    if not found.wrong or worst is None:
        return
    gap = abs(worst.autodiff - worst.numeric)
    case.note(**_place(case, worst.argument, worst.result), limit=gap / 2)
    case.fail(
        f"d {worst.result} / d {worst.argument} is {worst.autodiff!r} by autodiff, "
        f"{worst.numeric!r} numerically",
        what=worst.argument.partition("[")[0],
        got=worst.autodiff,
        expected=worst.numeric,
        limit=worst.error,
        why="the estimated error of the numeric derivative plus the rounding of both",
    )


def _place(case: Case, argument: str, result: str) -> dict[str, Any]:
    """Return which entry of which argument and result these labels name."""
    names = [*case.subject().parameter_names, "x"]
    name, entry = _parsed(argument)
    made, where = _parsed(result)
    if case.batch == 1:  # labels leave out the axis of a single row
        where = (where[0], 0, *where[1:]) if made == "output" else (0, *where)
        if name == "x":
            entry = (entry[0], 0, *entry[1:])
        elif name not in names:
            entry = (0, *entry)
    state = _number(name)
    place = names.index(name) if name in names else len(names) + state
    return {
        "place": place,
        "entry": entry,
        "result": 0 if made == "output" else 1 + _number(made.removeprefix("final_")),
        "where": where,
    }


def _parsed(label: str) -> tuple[str, tuple[int, ...]]:
    name, _, index = label.partition("[")
    return name, tuple(int(k) for k in index.rstrip("]").split(",") if k.strip().isdigit())


def _number(state: str) -> int:
    """Return which state `h_0` or `state1_0` is."""
    digits = state.removeprefix("state").partition("_")[0]
    return int(digits) if digits.isdigit() else 0


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
    script=NUMERIC,
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
    script=NUMERIC,
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
    script=NUMERIC,
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
    script=NUMERIC,
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
    script=GRADIENT
    + """
size = len(weights) + len(xs) + len(states)


def flat_gradient(arguments):
    n = len(weights)
    weighted = lambda outputs, states: sum(
        tf.reduce_sum(tf.cast(c, o.dtype) * o) for c, o in zip(cotangents, [*outputs, *states])
    )
    found, _ = gradient(arguments[:n], arguments[n], arguments[n + 1 :], weighted)
    shapes = [*(w.shape for w in weights), *(x.shape for x in xs), *(s.shape for s in states)]
    pairs = zip(found, shapes)
    found = [np.zeros(s) if g is None else np.asarray(tf.convert_to_tensor(g)) for g, s in pairs]
    return np.concatenate([g.ravel() for g in found])


h = 2.0**-16
ends = [
    flat_gradient([a + sign * h * d for a, d in zip([*weights, xs, *states], directions)])
    for sign in (1, -1)
]
compare(product, (ends[0] - ends[1]) / (2 * h), limit)
""",
    # Numeric second derivatives show next to nothing in less.
    needs=("float64",),
    caught=("https://github.com/pytorch/pytorch/issues/25315",),
    wants=replace(SMOOTH, steps=(2,)),
    share=0.34,
)
def second(case: Case) -> None:
    """Compare the product of the Hessian and a direction."""
    rng, subject = case.rng, case.subject()
    tape = case.target.tape(subject)
    arguments = [*case.weights.values(), case.xs, *case.states]
    # Off the grid of generated numbers, where a piecewise function may well have its kinks.
    moves = [1e-3 * rng.normal(size=a.shape) for a in arguments]
    for k, what in enumerate(case.target.domain, len(arguments) - len(case.states)):
        moves[k] = 0.0 * moves[k] if what else moves[k]  # it would leave its domain
    if case.target.inputs is not None:
        moves[len(case.weights)] *= 0.0  # likewise
    arguments = [a + move for a, move in zip(arguments, moves, strict=True)]
    directions = [rng.choice([-1.0, 1.0], a.shape) for a in arguments]
    for k, what in enumerate(case.target.domain, len(arguments) - len(case.states)):
        directions[k] *= not what
    if case.target.inputs is not None:
        directions[len(case.weights)] *= 0.0
    shapes = [(case.batch, *subject.output_shape)] * case.steps + [s.shape for s in case.states]
    cotangents = [rng.normal(size=shape) for shape in shapes]
    if not np.isfinite(tape.first_gradient(arguments, cotangents)).all():
        raise NotApplicable("a gradient is not finite, of which another law speaks")
    product = _second(tape, arguments, cotangents, directions)
    best, gap = np.inf, np.inf
    for h in STEPS:
        numeric, error = _numeric_product(tape, arguments, cotangents, directions, h)
        excess = np.abs(product - numeric) - error
        gap = min(gap, float(np.max(np.abs(product - numeric), initial=0)))
        best = min(best, float(np.max(np.nan_to_num(excess, nan=np.inf), initial=0)))
        if best <= 0:
            return
    worst = int(np.argmax(np.nan_to_num(excess, nan=np.inf)))
    count = len(case.weights)
    case.weights = dict(zip(case.weights, arguments[:count], strict=True))
    case.xs, case.states = arguments[count], arguments[count + 1 :]
    case.note(cotangents=cotangents, directions=directions, product=product, limit=gap / 2)
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


#: What TensorFlow says where one of its own operations has no second derivative.
_NO_GRADIENT = re.compile(r"gradient registry has no entry for: (\w+)")


def _second(
    tape: Tape, arguments: list[Array], cotangents: list[Array], directions: list[Array]
) -> Array:
    """Return the product of the Hessian and a direction.

    Raises:
        NotApplicable: the framework has no second derivative of one of its operations.
    """
    try:
        return tape.second_product(arguments, cotangents, directions)
    except LookupError as error:
        missing = _NO_GRADIENT.search(str(error))
        if missing is None:
            raise
        raise NotApplicable(f"the framework has no gradient of {missing[1]}") from error


def _numeric_product(
    tape: Tape, arguments: list[Array], cotangents: list[Array], directions: list[Array], h: float
) -> tuple[Array, Array]:
    """Return the derivative of the gradient along the directions, and its estimated error."""

    def central(step: float) -> tuple[Array, float]:
        ends = []
        for sign in (1.0, -1.0):
            moved = [a + sign * step * d for a, d in zip(arguments, directions, strict=True)]
            ends.append(tape.first_gradient(moved, cotangents))
        size = float(np.max(np.abs(ends), initial=1.0))
        return (ends[0] - ends[1]) / (2 * step), size

    (coarse, size), (fine, _) = central(h), central(h / 2)
    extrapolated = (4 * fine - coarse) / 3
    largest = max(1.0, float(np.max(np.abs(np.concatenate([a.ravel() for a in arguments])))))
    # A float64 cell that computes in less somewhere is caught by the law about that.
    rounding = tape.epsilon(len(cotangents[0])) * 1024 * size * largest / h
    return extrapolated, np.abs(fine - coarse) + rounding
