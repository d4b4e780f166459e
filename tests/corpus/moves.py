"""Rules that only move numbers: each makes a shape from another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.corpus.spec import B, Shape
from tests.corpus.writer import Rule, UnfitError, Writer


def lead(shape: Shape) -> int:
    """Return how many axes are the batch's: 0 or 1."""
    return int(shape[:1] == (B,))


def an_axis(w: Writer, shape: Shape, fits: Callable[[int], bool] = lambda _: True) -> int:
    """Return an axis of the rows whose length fits.

    Raises:
        UnfitError: there is none.
    """
    axes = [k for k in range(lead(shape), len(shape)) if fits(shape[k])]
    if not axes:
        raise UnfitError
    return w.rng.choice(axes)


def counted(w: Writer, axis: int, rank: int) -> int:
    """Return an axis, sometimes counted from behind."""
    return axis - rank if w.rng.random() < 0.3 else axis


def replaced(shape: Shape, axis: int, *sizes: Any) -> Shape:
    """Return a shape with other sizes in the place of one."""
    return (*shape[:axis], *sizes, *shape[axis + 1 :])


def factors(w: Writer, size: int) -> tuple[int, ...]:
    """Return one to three sizes with this product."""
    sizes = []
    for _ in range(w.rng.choice([0, 1, 1, 2])):
        divisor = w.rng.choice([d for d in range(1, size + 1) if size % d == 0] or [1])
        sizes.append(divisor)
        size //= divisor
    sizes.append(size)
    w.rng.shuffle(sizes)
    return tuple(sizes)


def reshaped(w: Writer, shape: Shape, budget: int) -> str:
    """Other axes, in the same order of entries."""
    first = lead(shape)
    source = (*shape[:first], *factors(w, int(np.prod(shape[first:]))))
    asked = list(shape)
    if asked and 0 not in asked and w.rng.random() < 0.4:
        asked[0 if first else w.rng.randrange(len(asked))] = -1
    return w.emit("reshape", w.make(source, budget), shape=tuple(asked))


def transposed(w: Writer, shape: Shape, budget: int) -> str:
    """Axes in another order."""
    first = lead(shape)
    axes = list(range(first, len(shape)))
    if len(axes) < 2:
        raise UnfitError
    w.rng.shuffle(axes)
    perm = (*range(first), *axes)
    source = tuple(shape[perm.index(k)] for k in range(len(shape)))
    return w.emit("transpose", w.make(source, budget), perm=perm)


def around(w: Writer, shape: Shape, budget: int) -> str:
    """The batch last, and first again."""
    if lead(shape) == 0 or len(shape) < 2:
        raise UnfitError
    last = tuple(range(1, len(shape)))
    there = w.emit("transpose", w.make(shape, budget), perm=(*last, 0))
    if w.rng.random() < 0.5 and len(shape) == 2:
        there = w.emit("reverse", there, axes=(0,))
    return w.emit("transpose", there, perm=(len(last), *range(len(last))))


def _strides(w: Writer, size: int) -> tuple[int, tuple[Any, Any, Any]]:
    """Return the length of an axis, and a slice that takes so many of its places."""
    stride = w.rng.choice([1, 1, 1, 1, 1, 1, 2, 3, -1, -1, -2])
    reach = (size - 1) * abs(stride) + 1
    before, after = w.rng.choice([0, 0, 1, 2]), w.rng.choice([0, 0, 1, 2])
    length = before + reach + after
    first, last = (before, before + reach) if stride > 0 else (length - 1 - before, after - 1)
    begin: Any = None if before == 0 and w.rng.random() < 0.6 else first
    end: Any = None if after == 0 and (stride < 0 or w.rng.random() < 0.6) else last
    if begin is not None and w.rng.random() < 0.3:
        begin -= length
    if end is not None and stride > 0 and end < length and w.rng.random() < 0.3:
        end -= length
    if end == length and w.rng.random() < 0.1:
        end += 2  # Python cuts what reaches beyond
    return length, (begin, end, None if stride == 1 else stride)


def sliced(w: Writer, shape: Shape, budget: int) -> str:
    """Places of an axis or of several, with any stride; axes taken away and added."""
    source: list[Any] = []
    index: list[Any] = []
    cut = False
    for axis, size in enumerate(shape):
        if size == B:
            source.append(size)
            index.append((None, None, None))
            continue
        draw = w.rng.random()
        if draw < 0.12:  # an axis of which one place is taken
            length = w.rng.randint(1, 3)
            source.append(length)
            index.append(w.rng.randrange(length) - (length if w.rng.random() < 0.3 else 0))
            cut = True
        if size == 1 and axis >= lead(shape) and w.rng.random() < 0.3:
            index.append(None)
            cut = True
        elif draw > 0.45:
            length, part = _strides(w, size)
            source.append(length)
            index.append(part)
            cut = True
        else:
            source.append(size)
            index.append((None, None, None))
    if not cut:
        raise UnfitError
    return w.emit("slice", w.make(tuple(source), budget), index=_shortened(w, index))


def _shortened(w: Writer, index: list[Any]) -> tuple[Any, ...]:
    """Return an index with an ellipsis for whole axes, or without the last of them."""
    whole = (None, None, None)
    places = [k for k, entry in enumerate(index) if entry == whole]
    if places and w.rng.random() < 0.3:
        first = end = w.rng.choice(places)
        while end + 1 in places:
            end += 1
        return (*index[:first], "...", *index[end + 1 :])
    while index and index[-1] == whole and len(index) > 1 and w.rng.random() < 0.5:
        index = index[:-1]
    return tuple(index)


def windowed(w: Writer, shape: Shape, budget: int) -> str:
    """A block, by its beginning and its size."""
    if not shape:
        raise UnfitError
    begin = [0 if size == B else w.rng.choice([0, 0, 1, 2]) for size in shape]
    after = [0 if size == B else w.rng.choice([0, 0, 1]) for size in shape]
    source = tuple(
        size if size == B else size + a + b for size, a, b in zip(shape, begin, after, strict=True)
    )
    return w.emit("window", w.make(source, budget), begin=tuple(begin), size=shape)


def joined(w: Writer, shape: Shape, budget: int) -> str:
    """Pieces side by side."""
    axis = an_axis(w, shape, lambda n: n >= 2)
    sizes = []
    rest = shape[axis]
    while rest:
        sizes.append(w.rng.randint(1, rest))
        rest -= sizes[-1]
    budgets = w.parts(budget, len(sizes))
    pieces = [
        w.make(replaced(shape, axis, n), part) for n, part in zip(sizes, budgets, strict=True)
    ]
    return w.emit("concat", *pieces, axis=counted(w, axis, len(shape)))


def stacked(w: Writer, shape: Shape, budget: int) -> str:
    """Pieces along an axis of their own."""
    axis = an_axis(w, shape, lambda n: n <= 3)
    piece = replaced(shape, axis)
    pieces = [w.make(piece, part) for part in w.parts(budget, shape[axis])]
    return w.emit("stack", *pieces, axis=counted(w, axis, len(shape)))


def split(w: Writer, shape: Shape, budget: int) -> str:
    """One of several pieces; the others are there to be used too."""
    axis = an_axis(w, shape)
    size = shape[axis]
    count = w.rng.choice([2, 2, 3])
    sizes = [size] * count
    if w.rng.random() < 0.4:
        sizes = [w.rng.randint(1, 3) for _ in range(count - 1)] + [size]
        w.rng.shuffle(sizes)
    source = w.make(replaced(shape, axis, sum(sizes)), budget)
    w.emit("split", source, results=count, sizes=tuple(sizes), axis=counted(w, axis, len(shape)))
    return w.rng.choice([n for n in w.steps[-1].results if w.shape(n) == shape])


def unstacked(w: Writer, shape: Shape, budget: int) -> str:
    """One of several pieces along an axis that goes."""
    axis = w.rng.randint(lead(shape), len(shape))
    count = w.rng.choice([1, 2, 3])
    source = w.make((*shape[:axis], count, *shape[axis:]), budget)
    w.emit("unstack", source, results=count, axis=counted(w, axis, len(shape) + 1))
    return w.rng.choice(w.steps[-1].results)


def squeezed(w: Writer, shape: Shape, budget: int) -> str:
    """Without axes of length one."""
    axis = w.rng.randint(lead(shape), len(shape))
    source = w.make((*shape[:axis], 1, *shape[axis:]), budget)
    axes = (counted(w, axis, len(shape) + 1),)
    return w.emit("squeeze", source, axes=axes)


def expanded(w: Writer, shape: Shape, budget: int) -> str:
    """With an axis of length one."""
    axis = an_axis(w, shape, lambda n: n == 1)
    source = w.make(replaced(shape, axis), budget)
    return w.emit("expand", source, axis=counted(w, axis, len(shape)))


def tiled(w: Writer, shape: Shape, budget: int) -> str:
    """The same several times: whole, or each place."""
    axis = an_axis(w, shape)
    times = w.rng.choice([d for d in range(1, shape[axis] + 1) if shape[axis] % d == 0] or [1])
    source = w.make(replaced(shape, axis, shape[axis] // times), budget)
    if w.rng.random() < 0.5:
        return w.emit("repeat", source, times=times, axis=counted(w, axis, len(shape)))
    return w.emit("tile", source, reps=replaced((1,) * len(shape), axis, times))


def broadcast(w: Writer, shape: Shape, budget: int) -> str:
    """The same along axes that had length one, or were not there: the batch's too."""
    source = list(shape)
    for axis in range(len(source)):
        if w.rng.random() < 0.5:
            source[axis] = 1
    while source and w.rng.random() < 0.4:
        source = source[1:]
    if shape[:1] == (B,) and source[:1] != [B] and w.rng.random() < 0.5:
        raise UnfitError  # mostly rows stay what they are
    return w.emit("broadcast", w.make(tuple(source), budget), shape=shape)


def repeated_rows(w: Writer, shape: Shape, budget: int) -> str:
    """What is the same for each row, written for each."""
    if not lead(shape):
        raise UnfitError
    reps = (B, *(1 for _ in shape[1:]))
    return w.emit("tile", w.make((1, *shape[1:]), budget), reps=reps)


def gathered(w: Writer, shape: Shape, budget: int) -> str:
    """Places of an axis by their numbers, in any order and any number of times."""
    axis = an_axis(w, shape)
    length = w.rng.randint(1, 4)
    indices = tuple(w.rng.randrange(length) for _ in range(shape[axis]))
    source = w.make(replaced(shape, axis, length), budget)
    return w.emit("gather", source, indices=indices, axis=counted(w, axis, len(shape)))


def turned(w: Writer, shape: Shape, budget: int) -> str:
    """The last first, along one axis or two."""
    axes = {an_axis(w, shape)} | ({an_axis(w, shape)} if w.rng.random() < 0.3 else set())
    return w.emit("reverse", w.make(shape, budget), axes=tuple(sorted(axes)))


def rolled(w: Writer, shape: Shape, budget: int) -> str:
    """Places moved on, the last to the beginning."""
    axis = an_axis(w, shape)
    shift = w.rng.choice([1, 2, -1])
    return w.emit("roll", w.make(shape, budget), shift=shift, axis=axis)


def padded(w: Writer, shape: Shape, budget: int) -> str:
    """Constants before and behind."""
    axis = an_axis(w, shape, lambda n: n >= 2)
    before = w.rng.randint(0, shape[axis] - 1)
    after = w.rng.randint(0, shape[axis] - 1 - before)
    source = w.make(replaced(shape, axis, shape[axis] - before - after), budget)
    widths = replaced(((0, 0),) * len(shape), axis, (before, after))
    return w.emit("pad", source, widths=widths, value=w.rng.choice([0.0, 0.0, 0.0, 1.0, -0.5]))


def nothing(w: Writer, shape: Shape, budget: int) -> str:
    """Joined with an empty slice."""
    if not w.features.empty:
        raise UnfitError
    axis = an_axis(w, shape)
    source = w.make(shape, budget)
    other = w.make(shape, 0)
    place = w.rng.randint(0, shape[axis])
    index = (*((None, None, None) for _ in shape[:axis]), (place, place, None))
    empty = w.emit("slice", other, index=index)
    if w.rng.random() < 0.5 and lead(shape):
        empty = w.emit("tanh", empty)
    pieces = [source, empty]
    w.rng.shuffle(pieces)
    return w.emit("concat", *pieces, axis=axis)


def same(w: Writer, shape: Shape, budget: int) -> str:
    """A copy."""
    return w.emit("same", w.make(shape, budget))


RULES: tuple[tuple[float, Rule], ...] = (
    (3, reshaped),
    (2, transposed),
    (0.5, around),
    (4, sliced),
    (1, windowed),
    (3, joined),
    (1.5, stacked),
    (2, split),
    (1, unstacked),
    (1, squeezed),
    (1, expanded),
    (1, tiled),
    (1, broadcast),
    (0.3, repeated_rows),
    (1.5, gathered),
    (1, turned),
    (0.7, rolled),
    (0.7, padded),
    (1, nothing),
    (0.5, same),
)

#: The commonest.
PLAIN = tuple(
    (weight, rule)
    for weight, rule in RULES
    if rule in (reshaped, transposed, sliced, joined, split, squeezed, expanded, stacked)
)
