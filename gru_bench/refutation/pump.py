"""Short words repeated until the state settles, and what can follow a settled state.

A network that forgets goes wrong, if it does, soon or never; one that does not forget drifts, and
nothing shows it like one short word read over and over (Khmelnitsky et al. 2020 and Mayr and Yovine
2021 pump counterexamples for the same reason). A state that comes back bit for bit after a
repetition stays where it is for ever.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gru_bench.refutation.hunt import Array, Hunt, Reached, fingerprints, together

#: Steps between two looks at the states: a multiple of every length of a word up to 8.
_SEGMENT = 840

#: States that differ less than this count as one when what follows them is tried.
_GRID = 1e-5

#: Rows branched from at most.
_WIDEST = 1 << 17


def lyndon_words(symbols: int) -> Iterator[tuple[int, ...]]:
    """Return one word of each class of rotations, none a repetition, shorter ones first.

    Duval's algorithm (1988), run for each length up to 8.
    """
    for length in range(1, 9):
        word = [-1]
        while word:
            word[-1] += 1
            if len(word) == length:
                yield tuple(word)
            word = (word * length)[:length]
            while word and word[-1] == symbols - 1:
                word.pop()


def pump(hunt: Hunt, starts: Reached) -> Reached:
    """Repeat short words from each start until the states settle; return the settled states.

    Raises:
        Found: a digit was wrong.
        OutOfBudget: before one segment was read.
    """
    count = max(1, hunt.left // (2 * _SEGMENT * len(starts)))
    words = [w for w, _ in zip(lyndon_words(hunt.stepper.task.symbols), range(count), strict=False)]
    columns = np.array([np.resize(np.array(word), _SEGMENT) for word in words], np.int32).T
    rows = np.repeat(np.arange(len(starts)), len(words))
    symbols = np.tile(columns, len(starts))
    moving, settled, read = starts[rows], [], 0
    origin = moving.words
    while len(moving) and read < hunt.longest and hunt.left >= symbols.size:
        walk = hunt.walk(moving, symbols, [symbols] * (read // _SEGMENT))
        read += _SEGMENT
        still = (walk.front.states == moving.front.states).all(axis=1)
        still &= walk.front.labels == moving.front.labels
        ends = Reached(walk.front, origin)
        if still.any():
            settled.append(_remember(hunt, ends[still], symbols[:, still], read))
        moving, symbols, origin = ends[~still], symbols[:, ~still], origin[~still]
    if len(moving):
        settled.append(_remember(hunt, moving, symbols, read))
    return together(settled)


def _remember(hunt: Hunt, ends: Reached, symbols: Array, read: int) -> Reached:
    # Views of one column: a repeated word costs no memory of its own.
    words = [np.tile(column, read // _SEGMENT) for column in symbols.T]
    return Reached(ends.front, hunt.tree.add_words(ends.words, words))


def branch(hunt: Hunt, starts: Reached) -> Reached:
    """Read every word after each start while the budget lasts; return the last states.

    Raises:
        Found: a digit was wrong.
        OutOfBudget: always, when the budget is spent, unless nothing new is reached.
    """
    reached = thinned(starts, _GRID)
    while len(reached) * hunt.stepper.task.symbols <= min(hunt.left, _WIDEST):
        front, _ = hunt.expand(reached)
        successors = hunt.keep(reached, front, np.arange(len(front)))
        reached = thinned(successors, _GRID)
    return reached


def thinned(reached: Reached, grid: float) -> Reached:
    """Return one row for each cell of a grid in which there are any."""
    states = reached.front.states
    with np.errstate(invalid="ignore", over="ignore"):  # what no integer can hold becomes the least
        cells = np.rint(states / states.dtype.type(grid)).astype(np.int64)
    keys = fingerprints(reached.front.labels, cells)
    return reached[np.sort(np.unique(keys, return_index=True)[1])]
