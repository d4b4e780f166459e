"""Where the weights of the equations lie in a cell's, found by moving one entry at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations.box import MOVE, Box
from gru_bench.equations.completion import DEAD, NOWHERE, UNKNOWN, Key, complete
from gru_bench.equations.formula import kind_of
from gru_bench.equations.hypothesis import Hypothesis, changes, level_weights

Array = NDArray[Any]

#: How often a vector may be added: with which factor it counts.
_FACTORS = (1.0, 2.0, -1.0)


@dataclass(frozen=True)
class Source:
    """Where one weight of the equations, or one of its summands, lies.

    Args:
        part: of the equations.
        weight: number of the cell's weight.
        at: flat index in it of each entry of the part, in the part's shape.
        factor: with which it counts.
    """

    part: str
    weight: int
    at: Array
    factor: float = 1.0


@dataclass
class Layout:
    """Sources of all parts, and what is left.

    Args:
        sources: in the order of the cell's weights.
        dead: for each of the cell's weights, the flat indices of entries without any effect.
        unknown: how many entries have an effect that the equations do not have.
    """

    sources: list[Source] = field(default_factory=list)
    dead: dict[int, list[int]] = field(default_factory=dict)
    unknown: int = 0

    def of(self, part: str) -> list[Source]:
        """Return the sources of a part."""
        return [source for source in self.sources if source.part == part]

    def read(self, arrays: Sequence[Any]) -> dict[str, Any]:
        """Return the equations' weights.

        Args:
            arrays: the cell's weights, in its order.
        """
        found: dict[str, Any] = {}
        for source in self.sources:
            value = source.factor * np.asarray(arrays[source.weight]).reshape(-1)[source.at]
            found[source.part] = found[source.part] + value if source.part in found else value
        return found


def dictionary(
    hypothesis: Hypothesis, box: Box, weights: Mapping[str, Any], parts: Sequence[str]
) -> tuple[list[Key], Array]:
    """Return what each entry of the equations' weights changes.

    Args:
        hypothesis: the equations.
        box: whose inputs and states are used.
        weights: where they are moved from.
        parts: which of them.
    """
    keys: list[Key] = []
    rows = []
    for part in parts:
        factors = (1.0,) if kind_of(part) in "WU" else _FACTORS
        entries = _entries(part, weights, box)
        for factor in factors:
            found = changes(hypothesis, box, weights, part, entries, MOVE * factor)
            rows.append(found.reshape(len(found), -1))
            keys += [Key(part, entry, factor) for entry in entries]
    return keys, np.concatenate(rows) if rows else np.zeros((0, 1))


def _entries(part: str, weights: Mapping[str, Any], box: Box) -> list[int]:
    """Return which entries of a part are moved: of a matrix of a large cell, its edges."""
    value = np.asarray(weights[part])
    if not box.is_large or value.ndim < 2:
        return list(range(value.size))
    rows, columns = value.shape
    return [*range(columns), *range(columns, rows * columns, columns)]


def labels(
    responses: Array, rows: Array, scale: Array, taken: dict[tuple[int, ...], int]
) -> list[int]:
    """Return for each response the row of the dictionary that it equals, DEAD or UNKNOWN.

    Args:
        responses: `(entries, values)`.
        rows: `(rows, values)`.
        scale: how far equal values may lie apart, `(values,)`.
        taken: how often rows with the same effect were returned; it is kept for the next weight.
    """
    ask, known = responses / scale, rows / scale
    ask, known = np.nan_to_num(ask, nan=np.inf), np.nan_to_num(known, nan=-np.inf)
    look = np.random.default_rng(0).uniform(0.5, 1, ask.shape[1])
    slack = float(np.sum(look))
    with np.errstate(invalid="ignore"):
        sums = known @ look
        asked = ask @ look
    order = np.argsort(sums)
    found: list[int] = []
    for own, total in zip(ask, asked, strict=True):
        if np.abs(own).max() <= 1:
            found.append(DEAD)
            continue
        first, last = np.searchsorted(sums[order], [total - slack, total + slack])
        near = order[first:last]
        apart = np.abs(known[near] - own).max(axis=1) if len(near) else np.zeros(0)
        if not len(near) or apart.min() > 1:
            found.append(UNKNOWN)
            continue
        best = known[near[np.argmin(apart)]]
        # Entries that have the same effect are taken in their order.
        tied = tuple(np.sort(near[np.abs(known[near] - best).max(axis=1) <= 0.1]).tolist())
        found.append(tied[taken.get(tied, 0) % len(tied)])
        taken[tied] = taken.get(tied, 0) + 1
    return found


def scale_of(box: Box, at: Array) -> Array:
    """Return how far equal changes of a step may lie apart, flat."""
    return (box.tolerance * (1 + np.abs(at))).reshape(-1)


def place(
    which: Sequence[int],
    found: Sequence[Sequence[int]],
    keys: Sequence[Key],
    shapes: Mapping[str, tuple[int, ...]],
    layout: Layout,
) -> bool:
    """Add to a layout what the labels of some weights say.

    Args:
        which: numbers of the cell's weights.
        found: labels of their entries.
        keys: what the labels stand for.
        shapes: of the parts.
        layout: which grows.

    Returns:
        Whether each part that was found in a weight is there as a whole.
    """
    whole = True
    for weight, own in zip(which, found, strict=True):
        # A part can lie in a weight more than once: two biases that are added.
        places: dict[tuple[str, float, int], dict[int, int]] = {}
        times: dict[int, int] = {}
        for flat, label in enumerate(own):
            if label == NOWHERE:
                continue
            if label == DEAD:
                layout.dead.setdefault(weight, []).append(flat)
            elif label == UNKNOWN:
                layout.unknown += 1
            else:
                key = keys[label]
                times[label] = times.get(label, 0) + 1
                entries = places.setdefault((key.part, key.factor, times[label]), {})
                entries[key.entry] = flat
        for (part, factor, _), entries in places.items():
            size = int(np.prod(shapes[part]))
            if len(entries) != size:
                whole = False
                continue
            at = np.array([entries[k] for k in range(size)]).reshape(shapes[part])
            layout.sources.append(Source(part, weight, at, factor))
    return whole


def find_layout(  # noqa: PLR0911  one for each reason why it cannot
    hypothesis: Hypothesis, box: Box
) -> Layout | None:
    """Return where the weights of a hypothesis lie, None where it cannot be read so.

    Args:
        hypothesis: whose step equals the cell's where all weights are level.
        box: the cell.
    """
    formula = hypothesis.formula
    gains, base = formula.normalised, formula.base
    shapes = {p: formula.shape_of(p, box.features, box.units) for p in formula.parts}
    layout = Layout()
    at, answers = box.responses("matrices", base, gains)
    weights = level_weights(formula, box)
    scale = scale_of(box, at)
    flat = [a.reshape(len(a), -1) for a in answers]
    if not box.is_large and not _plausible(hypothesis, box, weights, flat, scale):
        return None
    keys, rows = dictionary(hypothesis, box, weights, formula.first)
    taken: dict[tuple[int, ...], int] = {}
    found = [labels(a, rows, scale, taken) for a in flat]
    if box.is_large:
        filled = complete(box, found, keys, shapes)
        if filled is None:
            return None
        found, keys = filled
    if not place(box.matrices, found, keys, shapes, layout) or layout.unknown:
        return None
    if formula.normalised:
        _look_again(hypothesis, box, weights, shapes, layout)
    if any(not layout.of(part) for part in formula.first):
        return None
    values = box.generic(np.random.default_rng(2), base, gains)
    at, answers = box.responses("vectors", base, gains)
    weights = {**weights, **layout.read(values)}
    if not same(box, hypothesis.joined(weights, box.x, box.states), at):
        return None
    keys, rows = dictionary(hypothesis, box, weights, formula.second)
    scale = scale_of(box, at)
    taken = {}
    found = [labels(a.reshape(len(a), -1), rows, scale, taken) for a in answers]
    if not place(box.vectors, found, keys, shapes, layout) or layout.unknown:
        return None
    return layout


def _look_again(
    hypothesis: Hypothesis,
    box: Box,
    weights: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    layout: Layout,
) -> None:
    """Look for matrices that change nothing where all weights are level, but do where they are not.

    What a normalisation takes away from equal columns it leaves where the columns differ: all
    entries that are known by now are made different, and the others are moved again.
    """
    missing = [part for part in hypothesis.formula.matrices if not layout.of(part)]
    dead = {k: flat for k, flat in layout.dead.items() if k in set(box.matrices)}
    if not missing or not dead:
        return
    generic = box.generic(np.random.default_rng(6), hypothesis.formula.base, True)
    level = box.level(hypothesis.formula.base, True)
    for k, flat in dead.items():
        generic[k].ravel()[flat] = level[k].ravel()[flat]
    at, answers = box.moved(generic, dead)
    known = {**weights, **layout.read(generic)}
    if not same(box, hypothesis.joined(known, box.x, box.states), at):
        return
    keys, rows = dictionary(hypothesis, box, known, missing)
    taken: dict[tuple[int, ...], int] = {}
    again: list[list[int]] = []
    for (k, flat), changed in zip(dead.items(), answers, strict=True):
        own = [NOWHERE] * box.weights[k].size
        found = labels(changed.reshape(len(changed), -1), rows, scale_of(box, at), taken)
        for entry, label in zip(flat, found, strict=True):
            own[entry] = label
        again.append(own)
        del layout.dead[k]
    place(list(dead), again, keys, shapes, layout)


def _plausible(
    hypothesis: Hypothesis, box: Box, weights: Mapping[str, Any], answers: list[Array], scale: Array
) -> bool:
    """Return whether the first entry of each matrix of the equations is one of the cell's."""
    everything = np.concatenate(answers) if answers else np.zeros((0, len(scale)))
    at = hypothesis.joined(weights, box.x, box.states)
    for part in hypothesis.formula.first:
        value = np.array(weights[part])
        value.ravel()[0] += MOVE
        one = hypothesis.joined({**weights, part: value}, box.x, box.states) - at
        if not len(everything):
            return False
        if not (np.abs(everything - one.reshape(-1)) <= scale).all(axis=1).any():
            return False
    return True


def same(box: Box, got: Array, wanted: Array) -> bool:
    """Return whether two steps agree as far as the cell's dtype allows."""
    finite = np.isfinite(wanted)
    if not finite.any() or got.shape != wanted.shape:
        return False
    with np.errstate(invalid="ignore"):
        near = np.abs(got - wanted) <= box.tolerance * (1 + np.abs(wanted))
    return bool((near | ~finite).all()) and np.array_equal(finite, np.isfinite(got))
