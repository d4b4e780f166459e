"""Every word, shortest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gru_bench.refutation.hunt import Array, Hunt, Reached, fingerprints
from gru_bench.refutation.stepper import Front

#: States held at most. Longer words than that allows are read from them a few at a time.
_STORED = 2**17


@dataclass
class Exhausted:
    """What trying every word has reached.

    Args:
        closed: no word leads to a state that a shorter one does not: all words are right.
        last: the longest words' states that are held.
    """

    closed: bool
    last: Reached


def exhaust(hunt: Hunt, length: int | None = None) -> Exhausted:
    """Try every word while the budget lasts, states that are equal bit for bit only once.

    It keeps `hunt.exhaustive` up to date.

    Args:
        hunt: the search.
        length: stop there; by default only the budget limits it.

    Raises:
        Found: a word of the least possible length is wrong.
    """
    seen, symbols = _Seen(hunt.start.front), hunt.stepper.task.symbols
    reached, done = hunt.start, 0
    while done != length and len(reached) * symbols <= min(hunt.left, _STORED):
        front, _ = hunt.expand(reached)
        done += 1
        hunt.exhaustive = max(hunt.exhaustive, done)
        fresh = seen.add(front)
        if not fresh.size:
            return Exhausted(True, reached)
        reached = hunt.keep(reached, front, fresh)
    levels = 1
    while done != length and len(reached) * _words(symbols, levels) <= hunt.left:
        _beyond(hunt, reached, levels)
        done, levels = done + 1, levels + 1
        hunt.exhaustive = max(hunt.exhaustive, done)
    return Exhausted(False, reached)


def _words(symbols: int, levels: int) -> int:
    """Return how many words of 1 to `levels` symbols there are."""
    return sum(symbols**level for level in range(1, levels + 1))


def _beyond(hunt: Hunt, reached: Reached, levels: int) -> None:
    """Read every word of `levels` symbols from each state, some states at a time, keeping none."""
    size = max(1, _STORED // hunt.stepper.task.symbols**levels)
    for at in range(0, len(reached), size):
        part, mark = reached[at : at + size], hunt.tree.mark()
        for _ in range(levels - 1):
            front, _ = hunt.expand(part)
            part = hunt.keep(part, front, np.arange(len(front)))
        hunt.judge(part)
        hunt.tree.cut(mark)


class _Seen:
    """The states met so far, told apart bit for bit."""

    def __init__(self, first: Front) -> None:
        self._keys = np.zeros(0, np.uint64)
        self._fronts = Front(first.states[:0], first.labels[:0])
        self.add(first)

    def add(self, front: Front) -> Array:
        """Remember states; return the rows of those that were not known, each once."""
        bits = front.states.view(f"i{front.states.itemsize}")
        keys = fingerprints(front.labels, bits)
        # Equal keys of different states only let a state through twice, never hide one.
        rows: Array = np.arange(len(keys))
        if self._keys.size:
            at = np.minimum(np.searchsorted(self._keys, keys), self._keys.size - 1)
            rows = rows[~((self._keys[at] == keys) & _same(self._fronts, at, front, rows))]
        _, first, inverse = np.unique(keys[rows], return_index=True, return_inverse=True)
        representative = rows[first][inverse]
        rows = rows[(representative == rows) | ~_same(front, representative, front, rows)]
        order = np.argsort(np.concatenate([self._keys, keys[rows]]), kind="stable")
        self._keys = np.concatenate([self._keys, keys[rows]])[order]
        self._fronts = Front(
            np.concatenate([self._fronts.states, front.states[rows]])[order],
            np.concatenate([self._fronts.labels, front.labels[rows]])[order],
        )
        return rows


def _same(one: Front, rows: Array, other: Front, columns: Array) -> Array:
    """Return where rows of two fronts are equal bit for bit."""
    kind = f"i{one.states.itemsize}"
    bits = one.states[rows].view(kind) == other.states[columns].view(kind)
    equal: Array = np.asarray(bits.all(axis=1) & (one.labels[rows] == other.labels[columns]))
    return equal
