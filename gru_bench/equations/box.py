"""A cell as a closed box: weights are set, one step is taken, and what comes out is compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS, UsageError, in_one_line

Array = NDArray[Any]

#: Rows of the batch that each probe sees; the last ones are large, so that clips are seen.
ROWS = 14
_LARGE = 3

#: The value of every entry of every matrix while it is found out which is which: where all are
#: equal, how they are laid out makes no difference.
LEVEL = 0.35

#: By how much one entry is moved.
MOVE = 0.25

#: Words in the name of a gain; a weight that begins with ones is taken for one too.
_GAINS = ("gamma", "gain", "scale", "alpha")
_BIASES = ("bias", "beta", "shift")

#: Entries of all matrices that are moved one by one; of more than these only the edges are.
_MOVED = 800

#: The largest cells that are read.
_LARGEST = 128

#: How far equal things may lie apart, relative to their size: many roundings of each dtype.
TOLERANCE = {"float64": 1e-9, "float32": 2e-4}


class Opened(Protocol):
    """What a box needs of a cell: floats that can be set, and one step."""

    input_size: int
    dtype: str
    output_shape: tuple[int, ...]
    state_shapes: tuple[tuple[int, ...], ...]

    def fast_step(self, x: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return output and new states of one step."""


class Weight:
    """One weight of a cell.

    Args:
        name: as short as it is unique.
        variable: that can be read and assigned.
        trainable: whether it learns.
    """

    def __init__(self, name: str, variable: Any, trainable: bool) -> None:
        self.name, self.variable, self.trainable = name, variable, trainable
        self.shape = tuple(int(d) for d in variable.shape)
        self.first = np.array(variable.value, np.float64)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, initial=1))

    @property
    def tail(self) -> str:
        """The last word of its name, in lower case."""
        return self.name.rpartition("/")[2].lower()

    @property
    def is_gain(self) -> bool:
        """Whether it looks like the gain of a normalisation."""
        words = any(word in self.tail for word in _GAINS)
        return words or (self.size > 1 and bool(np.all(self.first == 1)))


class Box:
    """A cell whose weights are set at will; `restored` puts them back.

    Args:
        subject: one step of it.
        weights: all its weights that are floats, trainable or not.

    Raises:
        UsageError: the cell's states or output have shapes that no equations here have.
    """

    def __init__(self, subject: Any, weights: Sequence[Weight]) -> None:
        self.subject, self.weights = subject, list(weights)
        self.features = int(subject.input_size)
        shapes = [subject.output_shape, *subject.state_shapes]
        if not subject.state_shapes or any(len(shape) != 1 for shape in shapes):
            raise UsageError(f"states of shapes {list(subject.state_shapes)} are not read here")
        self.units = int(subject.output_shape[0])
        sizes = [shape[0] for shape in subject.state_shapes]
        if self.units < 1 or any(size % self.units for size in sizes):
            self.units = int(np.gcd.reduce(sizes))
        if self.units != int(subject.output_shape[0]):
            raise UsageError(
                f"an output of {subject.output_shape[0]} numbers beside states of {sizes} is not "
                "read here"
            )
        if max(self.units, self.features) > _LARGEST:
            raise UsageError(
                f"cells of at most {_LARGEST} units and inputs are read, not {self.units} and "
                f"{self.features}: make it smaller"
            )
        #: Of each vector of n state values: the state it lies in, and where it begins there.
        self.blocks = [
            (k, start) for k, size in enumerate(sizes) for start in range(0, size, self.units)
        ]
        self._now: list[Array | None] = [None] * len(self.weights)
        self._responses: dict[Any, tuple[Array, list[Array]]] = {}
        rng = np.random.default_rng(1)
        self.x, self.states = self.rows(rng)
        self.dtype = str(subject.dtype)
        #: Whether vectors are no weights of their own: a bias may be a row of a matrix.
        self.together = False

    def rows(self, rng: np.random.Generator, plain: bool = False) -> tuple[Array, list[Array]]:
        """Return inputs and states of a batch; states are positive where there are many.

        Args:
            rng: draws them.
            plain: without rows that are large.
        """
        size = np.ones((ROWS, 1))
        if not plain:
            size[-_LARGE:] = [[3.0], [12.0], [40.0]]
        x = rng.normal(size=(ROWS, self.features)) * np.minimum(size, 3.0)
        states = []
        for _ in self.blocks:
            drawn = rng.uniform(0.1, 0.9, size=(ROWS, self.units))
            sign = 1.0 if len(self.blocks) > 2 else rng.choice([-1.0, 1.0], drawn.shape)
            states.append(drawn * sign * size)
        return x, states

    @cached_property
    def tolerance(self) -> float:
        """How far equal things may lie apart, relative to their size."""
        return TOLERANCE.get(self.precision, TOLERANCE["float32"])

    @cached_property
    def precision(self) -> str:
        """The dtype that the cell really computes in: layers within may have one of their own.

        In double precision the step changes by twice as much where an input is moved twice as far,
        also where it is moved by less than single precision can tell.
        """
        if self.dtype != "float64":
            return self.dtype
        self.assign(self.generic(np.random.default_rng(5), None, True))
        x, states = self.rows(np.random.default_rng(5), plain=True)
        far = 2.0**-34
        steps = [self.step(x + k * far, [s + k * far for s in states]) for k in range(3)]
        once, twice = (steps[k] - steps[0] for k in (1, 2))
        with np.errstate(invalid="ignore"):
            even = (np.abs(twice - 2 * once) <= 0.05 * np.abs(twice) + 2.0**-46) & (once != 0)
        wide = self.step(x + 2.0**-8, [s + 2.0**-8 for s in states]) != steps[0]
        return "float64" if np.mean(even[wide]) > 0.8 else "float32"

    @property
    def vectors(self) -> list[int]:
        """Which weights are vectors, whatever their number of axes."""
        return [] if self.together else self._vectors

    @cached_property
    def _vectors(self) -> list[int]:
        return [k for k, weight in enumerate(self.weights) if not self._is_matrix(weight)]

    def _is_matrix(self, weight: Weight) -> bool:
        axes = [d for d in weight.shape if d > 1]
        if len(axes) < 2 or any(word in weight.tail for word in _BIASES):
            return False
        f, n = self.features, self.units
        wide = [d for d in axes if d % n == 0 or d == f or (d - f) % n == 0]
        return len(wide) >= 2 and any(d % n == 0 for d in axes)

    @property
    def matrices(self) -> list[int]:
        """Which weights are matrices."""
        vectors = set(self.vectors)
        return [k for k in range(len(self.weights)) if k not in vectors]

    def assign(self, values: Sequence[Array]) -> None:
        """Set all weights; those that stay are left alone."""
        for k, (weight, value) in enumerate(zip(self.weights, values, strict=True)):
            old = self._now[k]
            if old is None or not np.array_equal(old, value):
                weight.variable.assign(value.astype(weight.variable.dtype))
                self._now[k] = np.array(value)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Put the weights back when it is over."""
        try:
            yield
        finally:
            self.assign([weight.first for weight in self.weights])

    def step(self, x: Array, states: Sequence[Array]) -> Array:
        """Return output and new states side by side, `(B, (1 + blocks) n)`.

        Args:
            x: `(B, F)`.
            states: n values each, as `blocks` has them.

        Raises:
            UsageError: the cell cannot take the step.
        """
        try:
            output, new = self.subject.fast_step(x, self._joined(states))
        except FAULTS as error:  # a user's cell can fail in any way
            raise UsageError(f"the cell cannot take a step: {in_one_line(error)}") from error
        return np.concatenate([np.asarray(a, np.float64) for a in (output, *new)], axis=-1)

    def _joined(self, states: Sequence[Array]) -> list[Array]:
        """Return states as the cell has them, of n values each."""
        return [
            np.concatenate([states[j] for j, (i, _) in enumerate(self.blocks) if i == k], axis=-1)
            for k in range(len(self.subject.state_shapes))
        ]

    @property
    def height(self) -> float:
        """The value of level matrices: less where more is added, so that gates stay half open."""
        return LEVEL * min(1.0, 3 / float(np.sqrt(self.features + self.units)))

    def level(self, base: float, gains: bool) -> list[Array]:
        """Return weights that are the same however they are laid out.

        Args:
            base: of vectors.
            gains: whether gains are one.
        """
        vectors = set(self.vectors)
        values = []
        for k, weight in enumerate(self.weights):
            value = base if k in vectors else self.height
            if k in vectors and gains and weight.is_gain:
                value = 1.0
            values.append(np.full(weight.shape, value))
        return values

    def generic(self, rng: np.random.Generator, base: float | None, gains: bool) -> list[Array]:
        """Return weights that are all different; vectors stay where `base` is given."""
        values = self.level(0.0 if base is None else base, gains)
        moving = self.matrices if base is not None else range(len(self.weights))
        for k in moving:
            values[k] = rng.uniform(0.15, 0.85, values[k].shape)
            if k in set(self.matrices):
                values[k] *= rng.choice([-1.0, 1.0], values[k].shape) * self.height / LEVEL
        return values

    def responses(self, which: str, base: float, gains: bool) -> tuple[Array, list[Array]]:
        """Return one step, and how it changes with each entry of the matrices, or of the vectors.

        Args:
            which: "matrices", where all weights are level, or "vectors", with generic matrices.
            base: of vectors.
            gains: whether gains are one.

        Returns:
            The step `(B, K)` and for each such weight `(entries, B, K)`.
        """
        key = which, base, gains, self.together
        if key not in self._responses:
            level = which == "matrices"
            values = (
                self.level(base, gains)
                if level
                else self.generic(np.random.default_rng(2), base, gains)
            )
            moved = self.matrices if level else self.vectors
            entries = {k: self.entries(k) for k in moved}
            self._responses[key] = self.moved(values, entries)
        return self._responses[key]

    @property
    def is_large(self) -> bool:
        """Whether matrices are too large for each of their entries to be moved."""
        return sum(self.weights[k].size for k in self.matrices) > _MOVED

    def entries(self, weight: int) -> list[int]:
        """Return the flat indices of the entries that are moved: of a large matrix, its edges.

        Args:
            weight: its number.
        """
        own = self.weights[weight]
        if not self.is_large or weight in set(self.vectors):
            return list(range(own.size))
        at = np.indices(own.shape).reshape(len(own.shape), -1)
        return np.flatnonzero((at > 0).sum(axis=0) <= 1).tolist()

    def moved(
        self, values: Sequence[Array], entries: Mapping[int, Iterable[int]]
    ) -> tuple[Array, list[Array]]:
        """Return one step, and how it changes with entries of some weights.

        Args:
            values: of all weights.
            entries: flat indices by the number of the weight.
        """
        self.assign(values)
        at = self.step(self.x, self.states)
        found = []
        for k, flat in entries.items():
            changes = []
            for entry in flat:
                value = values[k].copy()
                value.ravel()[entry] += MOVE
                self.assign([*values[:k], value, *values[k + 1 :]])
                changes.append(self.step(self.x, self.states) - at)
            found.append(np.array(changes))
        return at, found

    def responses_at(self, base: float, gains: bool) -> Array:
        """Return one step where all weights are level."""
        key = "level", base, gains, self.together
        if key not in self._responses:
            self.assign(self.level(base, gains))
            self._responses[key] = self.step(self.x, self.states), []
        return self._responses[key][0]

    @cached_property
    def is_repeatable(self) -> bool:
        """Whether a step gives the same when it is taken again."""
        self.assign(self.generic(np.random.default_rng(3), None, True))
        states = self._joined(self.states)
        try:
            first, again = (self.subject.call(self.x, states)[0] for _ in range(2))
        except FAULTS as error:  # a user's cell can fail in any way
            raise UsageError(f"the cell cannot be called: {in_one_line(error)}") from error
        return np.array_equal(first, again, equal_nan=True)


def short_names(paths: Sequence[str]) -> list[str]:
    """Return the last words of each path, as many as make it unlike the others."""
    parts = [path.split("/") for path in paths]
    tails: list[str] = []
    for own in parts:
        for length in range(1, len(own) + 1):
            tail = own[-length:]
            if sum(other[-length:] == tail for other in parts) == 1:
                break
        tails.append("/".join(own[-length:]))
    return [t if tails.count(t) == 1 else f"{t} #{k}" for k, t in enumerate(tails, 1)]


def spans(indices: Sequence[int]) -> str:
    """Return numbers in order as ranges: 0:4, 8:12."""
    found, start = [], 0
    for k, (a, b) in enumerate(pairwise([*indices, -9])):
        if b != a + 1:
            found.append(f"{indices[start]}:{a + 1}")
            start = k + 1
    return ", ".join(found)
