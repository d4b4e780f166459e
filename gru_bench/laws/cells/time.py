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

#: The layer of the script that runs a cell as its users do.
LAYER = """
def layer_run(xs, states):
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype=dtype)
    first = tensors(cell, states)
    nested = nest(cell, first)
    outputs, *final = layer(tf.constant(np.moveaxis(xs, 0, 1), dtype), initial_state=nested)
    final = [np.asarray(s) for s in keras.tree.flatten(final)]
    return np.moveaxis(np.asarray(outputs), 1, 0), final


"""


@law(
    "chunks-equal-whole",
    FAMILY,
    "A run in two chunks, carrying the states, equals the whole run.",
    script=LAYER
    + """
whole, final = layer_run(xs, states)
head, carried = layer_run(xs[:split], states)
tail, last = layer_run(xs[split:], carried)
compare(np.concatenate([head, tail]), whole, limit)
for a, b in zip(last, final):
    compare(a, b, limit)
""",
    wants=SPLIT,
    share=0.5,
    caught=("https://github.com/facebookresearch/DME/issues/3",),
)
def chunks(case: Case) -> None:
    """Split the run somewhere."""
    loop, split = case.loop("looped"), int(case.rng.integers(1, case.steps))
    case.note(split=split)
    whole, final = loop.run(case.xs, case.states, "graph")
    head, carried = loop.run(case.xs[:split], case.states, "graph")
    tail, last = loop.run(case.xs[split:], carried, "graph")
    case.agree(np.concatenate([head, tail]), whole, case.rounding, "outputs in chunks")
    for k, (a, b) in enumerate(zip(last, final, strict=True)):
        case.agree(a, b, case.rounding, f"final state {k} after chunks")


@law(
    "later-inputs-do-not-matter",
    FAMILY,
    "Outputs do not depend on later inputs.",
    script=LAYER
    + """
outputs, _ = layer_run(xs, states)
changed, _ = layer_run(np.concatenate([xs[:split], later]), states)
compare(changed[:split], outputs[:split], limit)
""",
    wants=SPLIT,
    share=0.5,
    caught=("https://github.com/facebookresearch/DME/issues/3",),
)
def causal(case: Case) -> None:
    """Change what comes later."""
    loop, split = case.loop("looped"), int(case.rng.integers(1, case.steps))
    later = case.fit(np.round(64 * case.rng.normal(size=case.xs[split:].shape)) / 64)
    case.note(split=split, later=later)
    outputs, _ = loop.run(case.xs, case.states, "graph")
    changed, _ = loop.run(np.concatenate([case.xs[:split], later]), case.states, "graph")
    case.agree(changed[:split], outputs[:split], case.rounding, "outputs before the change")


@law(
    "run-equals-steps",
    FAMILY,
    "A run over steps equals calling the cell step by step.",
    script=LAYER
    + """
outputs, final = layer_run(xs, states)
stepped, last = run(cell, xs, states)
compare(outputs, stepped, limit)
for a, b in zip(final, last):
    compare(a, b, limit)
""",
    share=0.5,
    caught=(
        "https://github.com/apache/mxnet/issues/16037",
        "https://github.com/tensorflow/tensorflow/issues/125391",
    ),
)
def stepped(case: Case) -> None:
    """Run in Keras's loop and by hand."""
    outputs, final = case.loop("looped").run(case.xs, case.states, "eager")
    subject, states, made = case.subject(), case.states, []
    for x in case.xs:
        output, states = subject.call(x, states)
        made.append(output)
    case.agree(outputs, np.stack(made), case.rounding, "outputs of the run")
    for k, (a, b) in enumerate(zip(final, states, strict=True)):
        case.agree(a, b, case.rounding, f"final state {k} of the run")


def _some(case: Case, count: int) -> list[Array]:
    """Return standard normal inputs `(T, B, F)`, as many arrays as are asked for."""
    rng = np.random.default_rng([case.seed, count])
    return [case.fit(rng.normal(size=case.xs.shape)) for _ in range(count)]


SOME = """
rng = np.random.default_rng(seed)
for _ in range(50):
    for variable, value in zip(cell.trainable_variables, weights):
        variable.assign(rng.normal(size=value.shape) / np.sqrt(value.shape[0]))
    xs, other = rng.normal(size=xs.shape), rng.normal(size=xs.shape)
    states = [rng.normal(size=s.shape) for s in states]
"""


@law(
    "state-carries-information",
    FAMILY,
    "Some earlier input changes a later output.",
    script=SOME
    + """
    other[1:] = xs[1:]
    if not np.array_equal(run(cell, xs, states)[0][-1], run(cell, other, states)[0][-1]):
        break
else:
    raise AssertionError("the last output never depends on the first input")
""",
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
        subject = attempt.subject()
        one, two = (subject.run(xs, attempt.states)[0][-1] for xs in (attempt.xs, other))
        if not np.array_equal(one, two):
            return
    case.fail(f"the last output never depended on the first input, in {TRIES} tries")


@law(
    "input-matters",
    FAMILY,
    "Some input changes the output, with one row too.",
    script=SOME
    + """
    if not np.array_equal(run(cell, xs, states)[0][-1], run(cell, other, states)[0][-1]):
        break
else:
    raise AssertionError("the output never depends on the inputs")
""",
    wants=Wants(batch=(1,), steps=(2,), scales=(1.0,), zero_state=False),
    most=2,
    caught=("https://github.com/tensorflow/addons/pull/2142",),
)
def heard(case: Case) -> None:
    """Change all inputs."""
    for attempt in attempts(case):
        (other,) = _some(attempt, 1)
        subject = attempt.subject()
        one, two = (subject.run(xs, attempt.states)[0][-1] for xs in (attempt.xs, other))
        if not np.array_equal(one, two):
            return
    case.fail(f"the output never depended on the inputs, in {TRIES} tries")


@law(
    "state-advances",
    FAMILY,
    "Each state is changed by some step.",
    script=SOME
    + """
    new = call(cell, xs[0], states)[1]
    if not any(np.array_equal(a, b) for a, b in zip(new, states)):
        break
else:
    raise AssertionError("a state never changes")
""",
    needs=("state",),
    wants=Wants(steps=(1,), scales=(1.0,), zero_state=False),
    most=2,
    caught=("https://github.com/tensorflow/tensorflow/issues/26990",),
)
def advances(case: Case) -> None:
    """Step from some state."""
    still = set(range(len(case.states)))
    for attempt in attempts(case):
        _, new = attempt.subject().call(attempt.xs[0], attempt.states)
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
        attempt.states = case.target.states(
            attempt.subject(), rng, case.batch, lambda shape: rng.normal(size=shape)
        )
        yield attempt


def _ordinary(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    rows = shape[0] if shape else 1  # a weight may be a single number
    return np.asarray(rng.normal(size=shape) / np.sqrt(rows))
