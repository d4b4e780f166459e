"""Refuting: search for operands that a trained network gets wrong, at any length."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gru_bench.errors import UsageError, check_integer
from gru_bench.learning.adder import Adder
from gru_bench.learning.network import Network
from gru_bench.refutation.counterexample import Counterexample, replay
from gru_bench.refutation.exhaustive import Exhausted, exhaust
from gru_bench.refutation.extreme import push, slow_directions
from gru_bench.refutation.hunt import Array, Effort, Found, Hunt, OutOfBudget, Reached, together
from gru_bench.refutation.pump import branch, pump
from gru_bench.refutation.shrink import shrink
from gru_bench.refutation.stepper import Stepper
from gru_bench.refutation.stream import stream
from gru_bench.refutation.target import aim
from gru_bench.subjects.keras.runtime import tf

#: Steps of the network that a search may take where the caller names no number.
STEPS = 10**7

#: Longest word that a search tries where the caller names none.
LONGEST = 100_000

#: Share of all steps that each search may take; `stream` takes what is left.
_SHARES = {"exhaustive": 0.3, "loops": 0.1, "branches": 0.1, "extremes": 0.05, "hypothesis": 0.01}

#: Steps granted to making a counterexample short, beside those of the search.
_SHORTENING = 5 * 10**6

#: States, of all that loops settle in, whose slow directions are looked at.
_SETTLED = 64


@dataclass(frozen=True)
class Search:
    """How far a network was searched, and what was found.

    Args:
        task: name of the task.
        seed: of the searches.
        steps: of the network, over all searches.
        seconds: by the wall clock.
        longest: the longest word read.
        exhaustive: every word up to so many symbols is right, many being read at once.
        closed: every word of any length leads to a state, equal bit for bit, that was tried.
        margin: the smallest margin seen, in units of the score; below zero is wrong.
        unconfirmed: words wrong in a batch, where sums are rounded in another order, and right
            when read alone, as the network is used.
        near: margins below this are small: a word that is read alone may be wrong.
        alone: words with small margins that were read alone, and are right.
        untried: words with small margins that were not read alone.
        efforts: by search.
        counterexample: operands that the network gets wrong, or None.
    """

    task: str
    seed: int
    steps: int = 0
    seconds: float = 0.0
    longest: int = 0
    exhaustive: int = 0
    closed: bool = False
    margin: float = np.inf
    unconfirmed: int = 0
    near: float = 0.0
    alone: int = 0
    untried: int = 0
    efforts: tuple[Effort, ...] = field(default=())
    counterexample: Counterexample | None = None

    @property
    def words(self) -> str:
        """Say of which words all were tried, and how."""
        small = f"with margins below {self.near:.2g}"
        alone = f"{self.alone:,} {small} were also read alone" if self.alone else f"none {small}"
        untried = f", {self.untried:,} were not" if self.untried else ""
        return (
            f"every word of at most {self.exhaustive} symbols is right, many being read at once "
            f"({alone}{untried})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        values = {
            name: getattr(self, name)
            for name in ("task", "seed", "steps", "seconds", "longest", "exhaustive", "closed")
        }
        found = self.counterexample
        return {
            **values,
            "margin": self.margin if np.isfinite(self.margin) else None,
            "unconfirmed": self.unconfirmed,
            "near": self.near,
            "alone": self.alone,
            "untried": self.untried,
            "searches": [
                {**vars(effort), "margin": effort.margin if np.isfinite(effort.margin) else None}
                for effort in self.efforts
            ],
            "counterexample": None if found is None else found.to_json(),
        }


class Interrupted(KeyboardInterrupt):
    """A search was interrupted; `.search` says how far it had come."""

    def __init__(self, search: Search) -> None:
        super().__init__()
        self.search = search


class Falsifier:
    """The compiled searches of one network, for as many of its adders as there are.

    Args:
        network: cell, read-out and task.
        threshold: of a two-valued read-out.

    Raises:
        UsageError: the cell's states have several dtypes.
    """

    def __init__(self, network: Network, threshold: float) -> None:
        self.stepper = Stepper(network, threshold)
        self._adder = Adder(network, np.zeros(network.size), threshold)

    def falsify(
        self,
        theta: Any,
        seed: int = 0,
        steps: int = STEPS,
        seconds: float | None = None,
        longest: int = LONGEST,
    ) -> Search:
        """Search for operands that the network with weights θ gets wrong.

        Args:
            theta: the weights θ, `(P,)`.
            seed: the same seed and steps, without a limit in seconds, search the same words.
            steps: of the network, at most; making a counterexample short comes on top.
            seconds: at most, roughly; None for no limit.
            longest: symbols of the longest word.

        Raises:
            UsageError: a number that is too small.
            Interrupted: Ctrl-C; it says how far the search had come.
        """
        check_integer("steps", steps, 1)
        check_integer("longest", longest, 1)
        if seconds is not None and not seconds > 0:
            raise UsageError(f"seconds must be above 0, got {seconds!r}")
        self._adder.theta = np.asarray(theta, self._adder.theta.dtype)
        hunt = Hunt(
            self.stepper,
            tf.constant(self._adder.theta),
            lambda word: replay(self._adder, word) is not None,
            np.random.default_rng(check_integer("seed", seed, 0)),
            longest,
            np.inf if seconds is None else time.perf_counter() + seconds,
        )
        return _Quest(hunt, self._adder, seed, steps).run()


def falsify(adder: Adder, **options: Any) -> Search:
    """Search for operands that a trained adder gets wrong; options as in `Falsifier.falsify`."""
    return Falsifier(adder.network, adder.threshold).falsify(adder.theta, **options)


class _Quest:
    """One call: the searches in turn, and what they leave to each other."""

    def __init__(self, hunt: Hunt, adder: Adder, seed: int, steps: int) -> None:
        self.hunt, self.adder, self.steps = hunt, adder, steps
        self.seed = seed
        self.begun = time.perf_counter()
        self.exhausted = Exhausted(False, hunt.start)
        self.settled: Reached = hunt.start
        self.found: Counterexample | None = None

    def run(self) -> Search:
        try:
            self._search()
        except KeyboardInterrupt:
            raise Interrupted(self._record()) from None
        return self._record()

    def _search(self) -> None:
        searches: dict[str, Callable[[], None]] = {
            "exhaustive": self._exhaust,
            "loops": self._loops,
            "branches": self._branch,
            "extremes": self._push,
            "hypothesis": lambda: aim(self.hunt, self.seed),
            "streams": lambda: stream(self.hunt),
        }
        for name, search in searches.items():
            spent = sum(effort.steps for effort in self.hunt.efforts)
            share = int(self.steps * _SHARES[name]) if name in _SHARES else self.steps
            try:
                self._timed(name, min(share, self.steps - spent), search)
            except Found as found:
                self._shorten(found.word)
                return
            if self.exhausted.closed:
                return

    def _timed(self, name: str, steps: int, search: Callable[[], None]) -> None:
        self.hunt.begin(name, steps)
        begun = time.perf_counter()
        try:
            search()
        except OutOfBudget:
            pass
        finally:
            self.hunt.efforts[-1].seconds = time.perf_counter() - begun

    def _exhaust(self) -> None:
        self.exhausted = exhaust(self.hunt)

    def _loops(self) -> None:
        """Pump from the initial state and from one state of each other label."""
        last = self.exhausted.last
        labels = last.front.labels
        firsts = [int(np.flatnonzero(labels == q)[0]) for q in np.unique(labels)]
        self.settled = pump(self.hunt, together([self.hunt.start, last[np.array(firsts)]]))

    def _branch(self) -> None:
        branch(self.hunt, self.settled)

    def _push(self) -> None:
        few = self.settled[:_SETTLED]
        starts = together([self.hunt.start, self.settled[: 16 * _SETTLED]])
        push(self.hunt, starts, slow_directions(self.hunt, few))

    def _shorten(self, word: Array) -> None:
        """Make a counterexample out of a wrong word: shrink it, then look for shorter ones."""
        hunt, granted = self.hunt, min(_SHORTENING, 5 * self.steps)
        self.found = replay(self.adder, word)
        self._timed("shrinking", granted, lambda: self._shrink(word))
        slow = slow_directions(hunt, self.settled[:_SETTLED])
        while self.found is not None and self.found.steps > hunt.exhaustive + 1:
            length = self.found.steps - 1
            seek = partial(self._seek, length, slow)
            try:
                self._timed("shorter ones", granted, seek)
            except Found as found:
                self._timed("shrinking", granted, partial(self._shrink, found.word))
            if self.found.steps > length:
                break
        if self.found is not None:
            shortest = self.found.steps <= hunt.exhaustive + 1
            self.found = replace(self.found, shortest=shortest)

    def _shrink(self, word: Array) -> None:
        self.found = replay(self.adder, shrink(self.hunt, word))

    def _seek(self, length: int, slow: Array) -> None:
        """Look for a wrong word of at most `length` symbols: among the extreme ones, then all."""
        push(self.hunt, self.hunt.start, slow, length)
        symbols = self.hunt.stepper.task.symbols
        if sum(symbols**k for k in range(1, length + 1)) <= self.hunt.left:
            self.exhausted = exhaust(self.hunt, length)

    def _record(self) -> Search:
        efforts = self.hunt.efforts
        return Search(
            self.hunt.stepper.task.name,
            self.seed,
            sum(effort.steps for effort in efforts),
            time.perf_counter() - self.begun,
            max((effort.longest for effort in efforts), default=0),
            self.hunt.exhaustive,
            self.exhausted.closed,
            min((effort.margin for effort in efforts), default=np.inf),
            self.hunt.unconfirmed,
            self.hunt.near,
            self.hunt.alone,
            self.hunt.untried,
            tuple(efforts),
            self.found,
        )
