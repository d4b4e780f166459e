"""Arguments of a cell's constructor that seem to do nothing: said, and never a failure.

Each is changed on its own. What may change with it: weights, what they begin with and what holds
them; states; and a step in inference and in training, of small numbers and of large ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gru_bench.errors import FAULTS
from gru_bench.laws.case import Array
from gru_bench.laws.chance import same_chance
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.runtime import keras

#: Arguments of every layer, and seeds, of which nothing is seen where nothing is drawn.
_GENERAL = ("self", "name", "dtype", "trainable", "seed", "autocast", "activity_regularizer")

#: Other values, by how the name of an argument ends.
_OTHERS: Mapping[str, tuple[Any, ...]] = {
    "activation": ("softsign", "elu"),
    "initializer": (keras.initializers.Constant(0.375), keras.initializers.Constant(0.625)),
    "regularizer": ("l2",),
    "constraint": ("non_neg",),
}

#: What the note begins with.
_TOLD = "no effect was seen of the constructor's arguments: "

#: By what inputs and states are multiplied: a clip does nothing to small numbers.
_SCALES = (1.0, 64.0)


def remark(target: Any) -> None:
    """Say once which arguments seem to do nothing.

    Args:
        target: to whose notes it is added.
    """
    if target.is_layer or any(note.startswith(_TOLD) for note in target.notes):
        return
    found = idle(target)
    if found:
        target.notes.append(_TOLD + ", ".join(found))


def idle(target: Any) -> list[str]:
    """Return the arguments whose changes change nothing that was looked at.

    Args:
        target: a cell.
    """
    if not isinstance(target.source, type):
        return []
    given = _arguments(target)
    plain = _seen(target, {})
    if plain is None:
        return []
    found = [name for name, value in given.items() if _does_nothing(target, name, value, plain)]
    # What is switched off has no effect: each is tried again with each switch turned.
    switches = {k: list(_others(k, v)) for k, v in given.items() if not v or isinstance(v, bool)}
    for turned in ({name: others[0]} for name, others in switches.items() if others):
        rest = [name for name in found if name not in turned]
        beside = _seen(target, turned) if rest else None
        for name in rest:
            if not _does_nothing(target, name, given[name], beside, turned):
                found.remove(name)
    return found


def _does_nothing(
    target: Any,
    name: str,
    value: Any,
    before: list[Any] | None,
    beside: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Return whether a change is seen beside what was seen before; not where nothing was."""
    others = list(_others(name, value))
    return bool(others) and all(
        before is None or _same(target, before, {**beside, name: other}) for other in others
    )


def _arguments(target: Any) -> dict[str, Any]:
    """Return what the class's own constructor takes by name, with what it has been given."""
    own = inspect.signature(target.source.__init__).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        one.name: target.arguments.get(one.name, one.default)
        for one in own
        if one.kind in kinds and one.name not in _GENERAL
    }


def _others(name: str, value: Any) -> Iterator[Any]:
    """Yield other values of an argument, none where nobody knows what it may be."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield from (0.25, 0.125) if value == 0 else (value / 2, 2 * value)
    elif value is None or isinstance(value, (str, dict)):
        for ending, others in _OTHERS.items():
            if name.endswith(ending):
                yield from (other for other in others if other != value)


def _seen(target: Any, changes: Mapping[str, Any]) -> list[Any] | None:
    """Return what a cell shows, None where it cannot be had."""
    try:
        return list(_shown(target, changes))
    except FAULTS:  # a user's cell can fail in any way
        return None


def _shown(target: Any, changes: Mapping[str, Any]) -> Iterator[Any]:
    features = target.features[0]
    with same_chance(0):
        cell = target.make(target.dtype, **changes)
        building.build(cell, features)
        yield from _of_weights(cell)
        yield from _of_steps(target, cell, features)


def _of_weights(cell: Any) -> Iterator[Any]:
    for variable in cell.weights:
        held = [getattr(variable, name, None) for name in ("regularizer", "constraint")]
        yield [type(one).__name__ for one in held]
        yield variable.trainable
        yield np.asarray(variable.value)
    yield cell.state_size
    yield getattr(cell, "output_size", None)


def _of_steps(target: Any, cell: Any, features: int) -> Iterator[Array]:
    rng = np.random.default_rng(0)
    for variable in cell.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    initial = keras.tree.flatten(building.initial_states(cell, 3))
    yield from (np.asarray(state) for state in initial)
    for scale in _SCALES:
        x = target.fit(scale * rng.normal(size=(3, features)))
        states = [scale * rng.normal(size=state.shape) for state in initial]
        for training in (False, True):
            output, new = target.called(cell, x, states, training)
            yield from (output, *new)


def _same(target: Any, before: list[Any], changes: Mapping[str, Any]) -> bool:
    """Return whether a changed cell shows the same; it is looked at until it does not."""
    try:
        return all(_equal(a, b) for a, b in zip(before, _shown(target, changes), strict=True))
    except FAULTS:  # it has heeded the argument
        return False


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.dtype.kind in "fc":
        return np.array_equal(a, b, equal_nan=True)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)
