"""Finds out what a cell computes, by comparing its steps with published equations."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gru_bench.equations.box import Box, Weight, short_names, spans
from gru_bench.equations.formula import MATRICES, SCALAR, Formula, kind_of
from gru_bench.equations.formulas import FORMULAS
from gru_bench.equations.identity import Identity, Reading
from gru_bench.equations.mutation import Mutant, mutants, role
from gru_bench.equations.order import disorder, turned
from gru_bench.equations.reading import numbers_of
from gru_bench.equations.search import Fit, Words, find_exact
from gru_bench.equations.slot import Slot, rows_of_bias, slot_for
from gru_bench.equations.words import hints_of, said, words_of
from gru_bench.equations.wrapping import together, with_chosen, wrapped
from gru_bench.subjects.making import opened

#: Readings with one mistake that are shown.
_SHOWN = 3


def identify(
    cell: Any, arguments: Mapping[str, Any] | None = None, *, input_size: int | None = None
) -> Identity:
    """Find out which published equations a cell computes, and how its weights are to be read.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance.
        arguments: for the class or the function.
        input_size: F; chosen where it is None.

    Returns:
        The readings that agree exactly, or the nearest ones with what differs.

    Raises:
        UsageError: the cell cannot be made or run, or no equations have states like its.
    """
    subject, name = opened(cell, arguments, input_size)
    return replace(identify_subject(subject), cell=name)


def box_of(subject: Any) -> Box:
    """Return a built cell as a box.

    Args:
        subject: one step of it.
    """
    cell = subject.cell
    variables = numbers_of(cell)
    learning = {id(v) for v in cell.trainable_variables}
    names = short_names([v.path for v in variables])
    return Box(
        subject,
        [Weight(n, v, id(v) in learning) for n, v in zip(names, variables, strict=True)],
    )


def identify_subject(subject: Any, only: Sequence[str] = (), near: bool = True) -> Identity:
    """Find out the same of a cell that is built; it has its own weights again afterwards.

    Args:
        subject: one step of the cell.
        only: families or keys; all where there are none.
        near: whether mistakes are looked for where nothing fits.
    """
    started = time.perf_counter()
    box = box_of(subject)
    words = words_of(subject.cell)
    hints, believed = hints_of(subject.cell)
    with box.restored():
        found, notes = _found(box, words, [*only], hints, near)
        precision = box.precision
    exact = [reading for reading in found if not reading.differs]
    return Identity(
        type(subject.cell).__name__,
        box.features,
        box.units,
        tuple(_distinct(exact)),
        () if exact else tuple(found[:_SHOWN]),
        tuple(notes),
        time.perf_counter() - started,
        hints,
        believed,
        precision,
        tuple(weight.name for weight in box.weights),
        tuple(box.blocks),
    )


def _distinct(readings: Iterable[Reading]) -> list[Reading]:
    """Return one reading for each kind of cell."""
    return list({reading.family: reading for reading in reversed([*readings])}.values())[::-1]


def _found(
    box: Box, words: Words, only: Sequence[str], hints: Sequence[str], near: bool
) -> tuple[list[Reading], list[str]]:
    """Return readings, exact ones or else nearest ones, the likeliest first, and notes."""
    if not box.weights:
        return [], ["the cell has no weights"]
    if not box.is_repeatable:
        return [], ["two equal steps differ: something is drawn at inference, or is kept"]
    asked = [f for f in FORMULAS if not only or f.key in only or f.family in only]
    found = _apart(box, words, asked)
    exact = [reading for reading in found if not reading.differs]
    if not found:
        exact = found = _together(box, words, asked)
    notes = (
        []
        if box.precision == "float64"
        else [f"the cell computes in {box.precision}: compared as exactly as that is"]
    )
    if exact or not near or any(reading.only_vectors for reading in found):
        return exact or _ranked(found, {*only, *hints}), notes
    named = set(hints) | set(only)
    found += nearest(box, words, _likely(box, asked), named)
    if not found:
        found = _together(box, words, asked, named)
    return _ranked(found, {*only, *hints}), notes


def _apart(box: Box, words: Words, asked: Sequence[Formula]) -> list[Reading]:
    """Return readings of a cell whose biases are weights of their own, until one is exact."""
    fitting = [f for f in asked if f.numbers(box.features, box.units) <= _room(box)]
    gains = any(weight.is_gain for weight in box.weights)
    plain = tuple(f for f in fitting if not f.normalised)
    normed = [f for f in fitting if f.normalised] if gains or words.epsilons else []
    found: list[Reading] = []
    tried = (
        (normed, True),
        (plain, True),
        ([*wrapped(plain)], False),
        ([*with_chosen(plain)], True),
    )
    for formulas, wide in tried:
        fits = find_exact(box, formulas, words, wide)
        found += [_reading(fit, box, words) for fit in fits]
        if any(not reading.differs for reading in found):
            break
    return found


def _together(
    box: Box, words: Words, asked: Sequence[Formula], named: set[str] | None = None
) -> list[Reading]:
    """Return readings of a cell whose biases may lie in one weight with its matrices.

    Args:
        box: the cell.
        words: of the cell.
        asked: which equations are tried.
        named: families that are tried first; then with one mistake each.
    """
    box.together = True
    try:
        if box.is_large:
            return []
        formulas = _likely(box, [*together(tuple(asked))])
        if named is not None:
            return nearest(box, words, formulas, named)
        fits = find_exact(box, formulas, words)
        found = [_reading(fit, box, words) for fit in fits if not _slots(fit, box)[1]]
        return [reading for reading in found if not reading.differs]
    finally:
        box.together = False


def _room(box: Box) -> int:
    """Return how many numbers the weights hold that are looked for first."""
    return sum(box.weights[k].size for k in box.matrices)


def _likely(box: Box, formulas: Sequence[Formula]) -> list[Formula]:
    """Return the formulas that have as many numbers: a mistake leaves them where they are."""
    sizes = box.features, box.units
    return [f for f in formulas if not f.normalised and f.numbers(*sizes) == _room(box)]


def nearest(box: Box, words: Words, formulas: Sequence[Formula], hints: set[str]) -> list[Reading]:
    """Return the readings of equations with one mistake, those of a named family alone if any.

    Args:
        box: the cell.
        words: of the cell.
        formulas: in which mistakes are made.
        hints: families or keys that are looked at first.
    """
    first = [f for f in formulas if f.family in hints or f.key in hints]
    others = [f for f in formulas if f not in first]
    for group in (first, others):
        found = [
            _reading(fit, box, words, mutant)
            for mutant in _mutants(group)
            for fit in find_exact(box, [mutant.formula], words, wide=False)
        ]
        if found:
            return found
    return []


def _mutants(formulas: Iterable[Formula]) -> Iterator[Mutant]:
    for formula in formulas:
        if all(formula.constants.values()):
            yield from mutants(formula)


def _ranked(readings: list[Reading], hints: set[str]) -> list[Reading]:
    """Return readings, the likeliest first."""

    def rank(reading: Reading) -> tuple[bool, int, int]:
        hinted = reading.family in hints or reading.key in hints
        return not hinted, reading.rank, len(reading.differs)

    told: dict[tuple[str, tuple[str, ...]], Reading] = {}
    for reading in sorted(readings, key=rank):
        told.setdefault((reading.key, reading.differs), reading)
    return list(told.values())


def _reading(fit: Fit, box: Box, words: Words, mutant: Mutant | None = None) -> Reading:
    """Return what was found as a reading, with what differs from what was published."""
    slots, odd = _slots(fit, box)
    made = fit.hypothesis
    published = made.formula if mutant is None else mutant.of
    differs = [mutant.says] if mutant is not None else []
    dead = _dead(fit, box)
    gone = [p for p in published.matrices if p not in made.formula.matrices]
    lost = sum(int(np.prod(published.shape_of(p, box.features, box.units))) for p in gone)
    matrices = set(box.matrices)
    unused = sum(len(flat) for k, flat in dead.items() if k in matrices)
    told = _unused(fit, box, published, dead, bool(gone))
    differs += told
    differs += _unusual(fit, words) if mutant is None else []
    for slot in slots:
        if slot.factor != 1:
            times = {2.0: "added twice", -1.0: "subtracted"}.get(slot.factor, "scaled")
            differs.append(f"{slot.part} is {times}")
    differs += odd
    rank = (0 if mutant is None else mutant.rank) * 4 + (16 if lost != unused else 0)
    rank += disorder(slots)
    sure = _sure(mutant, bool(gone), lost == unused and unused > 0)
    return Reading(
        made,
        tuple(slots),
        tuple(differs),
        sure,
        published,
        lost == unused,
        rank,
        mutant is None and not unused,
        bool(gone) and lost != unused,
    )


def _sure(mutant: Mutant | None, gone: bool, there: bool) -> str:
    same = "every step compared agrees with it"
    if mutant is None:
        return same
    if gone and there:
        return f"{same}, and the weights that it does not use are there"
    if gone:
        return f"{same}; the cell has no weights for what is missing, so it may be meant"
    return f"{same}; other mistakes may look the same"


def _slots(fit: Fit, box: Box) -> tuple[list[Slot], list[str]]:
    """Return where all parts lie, and which lie irregularly."""
    slots: list[Slot] = []
    odd: list[str] = []
    kinds: dict[int, set[str]] = {}
    for source in fit.layout.sources:
        kinds.setdefault(source.weight, set()).add(kind_of(source.part))
    for source in fit.layout.sources:
        kind = kind_of(source.part)
        sizes = MATRICES.get(kind, ("1",) if kind == SCALAR else ("n",))
        weight = box.weights[source.weight]
        numbers = box.features, box.units
        slot = slot_for(
            source.part,
            weight.name,
            source.at,
            weight.shape,
            sizes,
            numbers,
            source.factor,
            kinds[source.weight] >= {"W", "U"},
        )
        if slot is None:
            odd.append(f"{source.part} lies in no regular order in `{weight.name}`")
        else:
            slots.append(slot)
    return rows_of_bias(slots, (box.features, box.units)), [*odd, *turned(slots)]


def _dead(fit: Fit, box: Box) -> dict[int, list[int]]:
    """Return the entries of weights that learn and change nothing."""
    return {k: flat for k, flat in fit.layout.dead.items() if flat and box.weights[k].trainable}


def _unused(
    fit: Fit, box: Box, published: Formula, dead: Mapping[int, list[int]], gone: bool
) -> list[str]:
    """Return in words which weights have no effect, where the mistake does not say so already."""
    vectors, told = set(box.vectors), []
    there = {source.part for source in fit.layout.sources}
    silent = [p for p in published.vectors if kind_of(p) == "b" and p not in there]
    for k, flat in dead.items():
        weight = box.weights[k]
        whole = len(flat) == weight.size
        where = f"`{weight.name}`" if whole else f"`{weight.name}`[{spans(flat)}]"
        if k in vectors and len(silent) == 1 and not gone:
            gate = silent[0].partition("_")[2]
            named = role({"h": "h_tilde", "c": "c_tilde"}.get(gate, gate))
            told.append(f"the bias of {named} is never added: {where} has no effect")
        elif not gone:
            told.append(f"{where} has no effect")
    return told


def _unusual(fit: Fit, words: Words) -> list[str]:
    """Return in words which functions are neither usual nor asked for."""
    made, told = fit.hypothesis, []
    for letter, name, asked in (
        ("phi", made.phi, words.phi),
        ("sigma", made.sigma, words.sigma),
    ):
        if not made.formula.uses(letter):
            continue
        greek = {"phi": "φ", "sigma": "σ"}[letter]
        if asked is not None and name != asked:
            told.append(f"{greek} is {name}, and {asked} was asked for")
        elif asked is None and name not in getattr(made.formula, letter):
            gated = made.formula.uses("sigma")
            if letter == "sigma" or not said(words, name, gated):
                told.append(f"{greek} is {name}")
    return told
