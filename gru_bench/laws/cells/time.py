"""Family "time": what a run over steps has to do with its steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law

FAMILY = "time"

#: Tries of a law that says that something happens for some inputs. A correct cell may well be
#: deaf at one of them (all its gates shut, all its units off), but not at all.
TRIES = 50

#: Runs that are cut somewhere, in few shapes, so that few are traced.
SPLIT = Wants(batch=(3,), steps=(4, 2), narrow=True)


@law(
    "chunks-equal-whole",
    FAMILY,
    "A run in two chunks, carrying the states, equals the whole run.",
    wants=SPLIT,
    share=0.5,
    caught=("https://github.com/facebookresearch/DME/issues/3",),
)
def chunks(case: Case) -> None:
    """Split the run somewhere."""
    split = int(case.rng.integers(1, case.steps))
    case.note(split=split)
    whole, final = case.run_in_loop(case.xs, case.states)
    head, carried = case.run_in_loop(case.xs[:split], case.states)
    tail, last = case.run_in_loop(case.xs[split:], carried)
    case.agree(np.concatenate([head, tail]), whole, case.rounding, "outputs in chunks")
    for k, (a, b) in enumerate(zip(last, final, strict=True)):
        case.agree(a, b, case.rounding, f"final state {k} after chunks")


@law(
    "later-inputs-do-not-matter",
    FAMILY,
    "Outputs do not depend on later inputs.",
    wants=SPLIT,
    share=0.5,
    caught=("https://github.com/facebookresearch/DME/issues/3",),
)
def causal(case: Case) -> None:
    """Change what comes later."""
    split = int(case.rng.integers(1, case.steps))
    later = case.fit(np.round(64 * case.rng.normal(size=case.xs[split:].shape)) / 64)
    case.note(split=split)
    outputs, _ = case.run_in_loop(case.xs, case.states)
    changed, _ = case.run_in_loop(np.concatenate([case.xs[:split], later]), case.states)
    case.agree(changed[:split], outputs[:split], case.rounding, "outputs before the change")


@law(
    "run-equals-steps",
    FAMILY,
    "A run over steps equals calling the cell step by step.",
    share=0.5,
    caught=(
        "https://github.com/apache/mxnet/issues/16037",
        "https://github.com/tensorflow/tensorflow/issues/125391",
    ),
)
def stepped(case: Case) -> None:
    """Run in the framework's loop and by hand."""
    outputs, final = case.run_in_loop(case.xs, case.states, mode="eager")
    cell, states, made = case.cell(), case.states, []
    for x in case.xs:
        output, states = case.call(cell, x, states)
        made.append(output)
    case.agree(outputs, np.stack(made), case.rounding, "outputs of the run")
    for k, (a, b) in enumerate(zip(final, states, strict=True)):
        case.agree(a, b, case.rounding, f"final state {k} of the run")


def _some(case: Case, count: int) -> list[Array]:
    """Return standard normal inputs `(T, B, F)`, as many arrays as are asked for."""
    rng = np.random.default_rng([case.seed, count])
    return [case.fit(rng.normal(size=case.xs.shape)) for _ in range(count)]


@law(
    "state-carries-information",
    FAMILY,
    "Some earlier input changes a later output.",
    needs=("state",),
    wants=Wants(steps=(3,), scales=(1.0,), zero_state=False),
    most=2,
    caught=(
        "https://github.com/nyu-dl/dl4mt-tutorial/pull/65",
        "https://github.com/tensorflow/tensorflow/issues/26990",
        "https://github.com/tensorflow/addons/pull/2142",
    ),
)
def carries(case: Case) -> None:
    """Change the first input."""
    for attempt in attempts(case):
        (other,) = _some(attempt, 1)
        other[1:] = attempt.xs[1:]
        cell = attempt.cell()
        one, two = (attempt.run(cell, x, attempt.states, "eager")[0] for x in (attempt.xs, other))
        if not np.array_equal(one[-1], two[-1]):
            return
    case.fail(f"the last output never depended on the first input, in {TRIES} tries")


@law(
    "input-matters",
    FAMILY,
    "Some input changes the output, with one row too.",
    wants=Wants(batch=(1,), steps=(2,), scales=(1.0,), zero_state=False),
    most=2,
    caught=("https://github.com/tensorflow/addons/pull/2142",),
)
def heard(case: Case) -> None:
    """Change all inputs."""
    for attempt in attempts(case):
        (other,) = _some(attempt, 1)
        cell = attempt.cell()
        one, two = (attempt.run(cell, x, attempt.states, "eager")[0] for x in (attempt.xs, other))
        if not np.array_equal(one[-1], two[-1]):
            return
    case.fail(f"the output never depended on the inputs, in {TRIES} tries")


@law(
    "state-advances",
    FAMILY,
    "Each state is changed by some step.",
    needs=("state",),
    wants=Wants(steps=(1,), scales=(1.0,), zero_state=False),
    most=2,
    caught=("https://github.com/tensorflow/tensorflow/issues/26990",),
)
def advances(case: Case) -> None:
    """Step from some state."""
    still = set(range(len(case.states)))
    for attempt in attempts(case):
        _, new = attempt.call(attempt.cell(), attempt.xs[0], attempt.states)
        still -= {k for k in still if not np.array_equal(new[k], attempt.states[k])}
        if not still:
            return
    case.fail(f"state {min(still)} never changed, in {TRIES} tries")


def attempts(case: Case) -> Iterator[Case]:
    """Yield the case, then others of its sizes with weights of ordinary size that are allowed."""
    yield case
    rng = case.rng
    for _ in range(TRIES - 1):
        weights = {name: _ordinary(rng, w.shape) for name, w in case.weights.items()}
        xs = case.fit(rng.normal(size=case.xs.shape))
        attempt = case.with_weights(weights, xs=xs)
        attempt.states = attempt.drawn_states(rng)
        yield attempt


def _ordinary(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    rows = shape[0] if shape else 1  # a weight may be a single number
    return np.asarray(rng.normal(size=shape) / np.sqrt(rows))
