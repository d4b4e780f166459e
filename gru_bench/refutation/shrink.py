"""A word that is wrong made as short as can be, then as simple."""

from __future__ import annotations

import numpy as np

from gru_bench.refutation.hunt import Array, Hunt

#: Shorter words tried at once.
_WIDTH = 256

#: Longest word whose symbols are made simpler one by one.
_SIMPLE = 512


def shrink(hunt: Hunt, word: Array) -> Array:
    """Return a word that is wrong at its end only, from which no symbol can be left out.

    Leaves out ever smaller pieces (delta debugging, Zeller and Hildebrandt 2002) while what
    remains is wrong, and then makes symbols 0 where that changes nothing. It ends early, with the
    best so far, when the budget is spent.

    Args:
        hunt: its `confirm` decides, and its budget is used.
        word: wrong somewhere, `(T,)`.
    """
    word, before = np.asarray(word, np.int32), None
    while before is None or word.tobytes() != before.tobytes():
        before = word
        word = _simpler(hunt, _shorter(hunt, word))
    return word


def _shorter(hunt: Hunt, word: Array) -> Array:
    size = max(1, len(word) // 2)
    while True:
        shorter = _best(hunt, _without(hunt, word, size), len(word) - 1)
        if shorter is not None:
            word = shorter
            size = min(size, max(1, len(word) // 2))
        elif size > 1:
            size //= 2
        else:
            return word


def _without(hunt: Hunt, word: Array, size: int) -> list[Array]:
    """Return the word without one piece of `size`, for many places of the piece."""
    places = np.arange(0, len(word), max(1, size // 2))
    if len(places) > _WIDTH:
        places = np.sort(hunt.rng.choice(places, _WIDTH, replace=False))
    return [np.delete(word, np.s_[place : place + size]) for place in places.tolist()]


def _best(hunt: Hunt, candidates: list[Array], longest: int) -> Array | None:
    """Return the shortest candidate that is wrong, cut at its first wrong digit, or None."""
    candidates = [word for word in candidates if len(word)]
    steps = max(map(len, candidates), default=0)
    if not steps or steps * len(candidates) > hunt.left:
        return None
    symbols = np.full((steps, len(candidates)), -1, np.int32)
    for column, word in enumerate(candidates):
        symbols[: len(word), column] = word
    starts = hunt.start[np.zeros(len(candidates), np.int64)].front
    wrong = hunt.stepper.walk(hunt.theta, starts, symbols).wrong
    hunt.efforts[-1].steps += symbols.size
    rows = np.flatnonzero((wrong >= 0) & (wrong < longest))
    for row in rows[np.argsort(wrong[rows], kind="stable")].tolist():
        word = symbols[: wrong[row] + 1, row]
        if hunt.confirm(word):
            return word
    return None


def _simpler(hunt: Hunt, word: Array) -> Array:
    """Return a word no longer with more of its symbols 0, from the end on."""
    while len(word) <= _SIMPLE:
        candidates = []
        for place in np.flatnonzero(word)[::-1].tolist():
            candidate = word.copy()
            candidate[place] = 0
            candidates.append(candidate)
        simpler = _best(hunt, candidates, len(word))
        if simpler is None:
            break
        word = simpler
    return word
