"""What the searches for a counterexample share: weights, budget, the words that led to a state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.refutation.stepper import Front, Stepper, Walk

Array = NDArray[Any]

#: Margins below this share of what a score's terms can add up to are small: a row that is read
#: alone sums in another order, and each of its steps may differ by some units of float32's 2^-24.
_SMALL = 2.0**-14

#: Words with small margins that are read alone, in one call and in all.
_ALONE_AT_ONCE, _ALONE = 16, 1000

#: How far below the largest index the parents of a pumped edge are kept apart from symbols.
_PUMPED = -2


class Found(Exception):  # noqa: N818  # it ends a search, and is no error
    """A word was found that the network, read as it is used, gets wrong."""

    def __init__(self, word: Array) -> None:
        super().__init__()
        self.word = word


class OutOfBudget(Exception):  # noqa: N818
    """The steps or seconds that a search was given are spent."""


@dataclass
class Effort:
    """What one search did.

    Args:
        search: its name.
        steps: of the network.
        longest: the longest word it read.
        margin: the smallest margin it saw.
        seconds: by the wall clock.
    """

    search: str
    steps: int = 0
    longest: int = 0
    margin: float = np.inf
    seconds: float = 0.0


class Tree:
    """Words, each a word before and some more symbols, so that millions share their beginnings."""

    def __init__(self) -> None:
        self._parents = [np.array([-1])]
        self._symbols = [np.array([-1], np.int32)]
        self._lengths = [np.array([0])]
        self._starts = [0]
        self._pumped: dict[int, Array] = {}
        self.size = 1

    def add(self, parents: Array, symbols: Array) -> Array:
        """Lengthen each parent by a symbol; return the new words' numbers."""
        self._starts.append(self.size)
        self._parents.append(parents)
        self._symbols.append(symbols.astype(np.int32))
        self._lengths.append(self.lengths(parents) + 1)
        self.size += len(parents)
        return np.arange(self.size - len(parents), self.size)

    def add_words(self, parents: Array, words: list[Array]) -> Array:
        """Lengthen each parent by a word of its own; return the new words' numbers."""
        numbers = self.add(parents, np.full(len(parents), _PUMPED))
        for number, word in zip(numbers.tolist(), words, strict=True):
            self._pumped[number] = word
        self._lengths[-1] = self._lengths[-1] - 1 + np.array([len(word) for word in words], int)
        return numbers

    def mark(self) -> int:
        """Return what `cut` takes to forget all words added from now on."""
        return len(self._starts)

    def cut(self, mark: int) -> None:
        """Forget the words added since `mark`."""
        if mark < len(self._starts):
            self.size = self._starts[mark]
        for column in (self._parents, self._symbols, self._lengths, self._starts):
            del column[mark:]

    def lengths(self, numbers: Array) -> Array:
        """Return how long words are."""
        blocks = np.searchsorted(self._starts, numbers, "right") - 1
        lengths = np.empty(len(numbers), np.int64)
        for block in np.unique(blocks):
            here = blocks == block
            lengths[here] = self._lengths[block][numbers[here] - self._starts[block]]
        return lengths

    def word(self, number: int) -> Array:
        """Return a word's symbols."""
        pieces: list[Array] = []
        while number > 0:
            block = int(np.searchsorted(self._starts, number, "right")) - 1
            at = number - self._starts[block]
            symbol = self._symbols[block][at : at + 1]
            pieces.append(self._pumped[number] if symbol[0] == _PUMPED else symbol)
            number = int(self._parents[block][at])
        return np.concatenate(pieces[::-1]) if pieces else np.zeros(0, np.int32)


@dataclass
class Reached:
    """States with the words that lead to them.

    Args:
        front: the states.
        words: their numbers in the hunt's tree, `(B,)`.
    """

    front: Front
    words: Array

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, rows: Any) -> Reached:
        return Reached(self.front[rows], self.words[rows])


def together(parts: list[Reached]) -> Reached:
    """Return all rows of several."""
    front = Front(
        np.concatenate([part.front.states for part in parts]),
        np.concatenate([part.front.labels for part in parts]),
    )
    return Reached(front, np.concatenate([part.words for part in parts]))


@dataclass
class Hunt:
    """One network under search.

    Args:
        stepper: its compiled programs.
        theta: its weights θ, a tensor.
        confirm: whether the network, read as it is used, gets a word wrong.
        rng: of the searches.
        longest: steps of the longest word to try.
        deadline: by `time.perf_counter`, or infinity.
        tree: the words.
        efforts: of the searches so far, the one at hand last.
        unconfirmed: words wrong in a batch that `confirm` says are right.
        near: margins below this are small, so that such words are read alone too.
        alone: words with small margins that were read alone.
        untried: words with small margins that were not.
        exhaustive: every word up to so many symbols is right.
        allowance: steps the search at hand may take.
    """

    stepper: Stepper
    theta: Any
    confirm: Callable[[Array], bool]
    rng: np.random.Generator
    longest: int
    deadline: float = np.inf
    tree: Tree = field(default_factory=Tree)
    efforts: list[Effort] = field(default_factory=list)
    unconfirmed: int = 0
    exhaustive: int = 0
    allowance: int = 0
    near: float = field(init=False)
    alone: int = 0
    untried: int = 0

    def __post_init__(self) -> None:
        """Say which margins are small, by the read-out."""
        V, c = (np.asarray(part) for part in self.stepper.network.unpack(self.theta)[-2:])
        terms = np.abs(V).sum(axis=0) + np.abs(c) + abs(self.stepper.threshold)
        self.near = _SMALL * float(np.max(np.where(np.isfinite(terms), terms, 0)))

    def begin(self, search: str, steps: int) -> None:
        """Start a search that may take so many steps."""
        self.efforts.append(Effort(search))
        self.allowance = steps

    @property
    def start(self) -> Reached:
        """The initial state."""
        return Reached(self.stepper.initial, np.zeros(1, np.int64))

    def afford(self, steps: int) -> None:
        """Check that so many steps may still be taken.

        Raises:
            OutOfBudget: they may not.
        """
        if time.perf_counter() > self.deadline or steps > self.left:
            raise OutOfBudget

    @property
    def left(self) -> int:
        """Steps the search at hand may still take."""
        return self.allowance - self.efforts[-1].steps

    def expand(self, reached: Reached) -> tuple[Front, Array]:
        """Read every symbol from every state; return the successors and their margins.

        Raises:
            Found: a digit was wrong.
            OutOfBudget: there is too little left.
        """
        self.afford(len(reached) * self.stepper.task.symbols)
        front, wrong, margin = self.stepper.expand(self.theta, reached.front)
        self._inspect(reached, wrong, margin)
        return front, margin

    def judge(self, reached: Reached) -> None:
        """Read every symbol from every state, as `expand` does, for the outputs alone.

        Raises:
            Found: a digit was wrong.
            OutOfBudget: there is too little left.
        """
        self.afford(len(reached) * self.stepper.task.symbols)
        self._inspect(reached, *self.stepper.judge(self.theta, reached.front))

    def _inspect(self, reached: Reached, wrong: Array, margin: Array) -> None:
        symbols = self.stepper.task.symbols
        lengths = self.tree.lengths(reached.words[:: max(1, len(reached) // 64)]) + 1
        self._count(len(wrong), int(lengths.max()), margin)
        rows = np.flatnonzero(wrong)
        # Symbol 0 last makes the shortest numbers: the flush reads it, and no digit is needed.
        for row in rows[np.argsort(rows % symbols != 0, kind="stable")][:64].tolist():
            word = self.tree.word(int(reached.words[row // symbols]))
            self._try(np.append(word, row % symbols))
        for row in self._small(margin, wrong):
            word = self.tree.word(int(reached.words[row // symbols]))
            self._try_alone(np.append(word, row % symbols))

    def keep(self, reached: Reached, front: Front, rows: Array) -> Reached:
        """Return some of the successors of `reached`, their words remembered."""
        symbols = self.stepper.task.symbols
        return Reached(front[rows], self.tree.add(reached.words[rows // symbols], rows % symbols))

    def walk(self, reached: Reached, symbols: Array, read: list[Array] | None = None) -> Walk:
        """Let each state read a word, `(T, B)`.

        Args:
            reached: B rows.
            symbols: one column a row; -1 where a word has ended.
            read: what was read since `reached.words`, before these symbols.

        Raises:
            Found: a digit was wrong.
            OutOfBudget: there is too little left.
        """
        self.afford(symbols.size)
        walk = self.stepper.walk(self.theta, reached.front, symbols)
        before = sum(map(len, read or []))
        longest = int(self.tree.lengths(reached.words).max()) + before + len(symbols)
        self._count(symbols.size, longest, walk.margin)
        rows = np.flatnonzero(walk.wrong >= 0)
        for row in rows[np.argsort(walk.wrong[rows], kind="stable")][:16].tolist():
            self._try(self._word(reached, row, read, symbols[: walk.wrong[row] + 1]))
        for row in self._small(walk.margin, walk.wrong >= 0):
            self._try_alone(self._word(reached, row, read, symbols[: walk.lowest[row] + 1]))
        return walk

    def _word(self, reached: Reached, row: int, read: list[Array] | None, last: Array) -> Array:
        """Return all that a row has read."""
        since = [part[:, row] for part in (*(read or []), last)]
        return np.concatenate([self.tree.word(int(reached.words[row])), *since])

    def _small(self, margin: Array, wrong: Array) -> list[int]:
        """Return the rows with the smallest margins that are small, and count the others."""
        small = np.flatnonzero((margin < self.near) & ~wrong.astype(bool))
        few = min(_ALONE_AT_ONCE, _ALONE - self.alone)
        self.untried += max(0, small.size - few)
        rows: list[int] = small[np.argsort(margin[small], kind="stable")][:few].tolist()
        return rows

    def _try_alone(self, word: Array) -> None:
        self.alone += 1
        if self.confirm(word):
            raise Found(word)

    def _count(self, steps: int, longest: int, margin: Array) -> None:
        effort = self.efforts[-1]
        effort.steps += steps
        effort.longest = max(effort.longest, longest)
        effort.margin = min(effort.margin, float(margin.min()))

    def _try(self, word: Array) -> None:
        if self.confirm(word):
            raise Found(word)
        self.unconfirmed += 1


def fingerprints(labels: Array, numbers: Array) -> Array:
    """Return a 64-bit mixture of each row's label and whole numbers, `(B,)` for `(B, D)`."""
    # A random linear form modulo 2^64: rows that differ get equal values about once in 2^60.
    factors = np.random.default_rng(numbers.shape[1]).integers(
        -(2**63), 2**63 - 1, numbers.shape[1] + 1, endpoint=True
    )
    mixed: Array = numbers.astype(np.int64, copy=False) @ (factors[1:] | 1)
    mixed += labels.astype(np.int64) * (factors[0] | 1)
    return mixed.view(np.uint64)
