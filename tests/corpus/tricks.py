"""Rules for what no program has: other functions, and rows that know of each other."""

from __future__ import annotations

from tests.corpus.moves import an_axis, lead
from tests.corpus.spec import B, Shape
from tests.corpus.writer import Rule, UnfitError, Writer


def function(w: Writer, shape: Shape, budget: int) -> str:
    """A function that is not elementary."""
    _allow(w.features.strange)
    op = w.rng.choice(["exp", "softmax", "norm", "abs", "sign", "cube", "softplus", "cast"])
    if op in ("softmax", "norm") and (len(shape) <= lead(shape) or 0 in shape):
        raise UnfitError
    return w.emit(op, w.make(shape, budget))


def of_two(w: Writer, shape: Shape, budget: int) -> str:
    """Division, the larger of two, a choice by a constant mask."""
    _allow(w.features.strange)
    operands = [w.make(shape, part) for part in w.parts(budget, 2)]
    op = w.rng.choice(["div", "maximum", "where"])
    if op != "where":
        return w.emit(op, *operands)
    mask = tuple(w.rng.randint(0, 1) for _ in range(shape[-1])) if shape[lead(shape) :] else (1,)
    return w.emit(op, *operands, mask=mask)


def along(w: Writer, shape: Shape, budget: int) -> str:
    """A running sum, a sum, an order along an axis of the rows."""
    _allow(w.features.strange)
    axis = an_axis(w, shape)
    op = w.rng.choice(["cumsum", "sort", "sum", "mean", "max"])
    source = w.make(shape, budget)
    if op in ("cumsum", "sort"):
        return w.emit(op, source, axis=axis)
    return w.emit("mul", w.emit(op, source, axis=axis, keep=True), w.make(shape, 0))


def summed(w: Writer, shape: Shape, budget: int) -> str:
    """Without an axis, over which it is summed."""
    _allow(w.features.strange)
    axis = w.rng.randint(lead(shape), len(shape))
    source = w.make((*shape[:axis], w.rng.randint(1, 3), *shape[axis:]), budget)
    return w.emit(w.rng.choice(["sum", "mean"]), source, axis=axis)


def masked(w: Writer, shape: Shape, budget: int) -> str:
    """The lower part of a matrix."""
    _allow(w.features.strange and not lead(shape) and len(shape) == 2)
    return w.emit("lower", w.make(shape, budget))


def of_itself(w: Writer, shape: Shape, budget: int) -> str:
    """A product of two values that vary."""
    _allow(w.features.strange and lead(shape) == 1 and len(shape) == 2)
    vector = w.make(shape, budget)
    left = w.emit("reshape", vector, shape=(B, 1, shape[1]))
    right = w.emit("expand", vector, axis=2)
    made = w.emit("matmul", left, right)
    return w.emit("mul", w.emit("reshape", made, shape=(-1, 1)), vector)


def _allow(condition: bool) -> None:
    if not condition:
        raise UnfitError


def _batched(w: Writer, shape: Shape) -> None:
    _allow(w.features.tricks and lead(shape) == 1)


def rows_moved(w: Writer, shape: Shape, budget: int) -> str:
    """Rows in another order."""
    _batched(w, shape)
    source = w.make(shape, budget)
    ways = (
        ("reverse", {"axes": (0,)}),
        ("roll", {"shift": w.rng.choice([1, -1]), "axis": 0}),
        ("sort", {"axis": 0}),
        ("cumsum", {"axis": 0}),
        ("slice", {"index": ((None, None, -1),)}),
    )
    op, attributes = w.rng.choice(ways)
    return w.emit(op, source, **attributes)


def one_row(w: Writer, shape: Shape, budget: int) -> str:
    """One row for all, or the mean of all."""
    _batched(w, shape)
    source = w.make(shape, budget)
    draw = w.rng.random()
    if draw < 0.5:
        part = w.rng.choice([(None, 1, None), (-1, None, None)])
        one = w.emit("slice", source, index=(part,))
    elif draw < 0.6:
        one = w.emit("gather", source, indices=(0,), axis=0)
    else:
        one = w.emit(w.rng.choice(["mean", "sum", "max"]), source, axis=0, keep=True)
    other = w.make(shape, 0)
    return w.emit(w.rng.choice(["add", "sub", "mul"]), one, other)


def counted(w: Writer, shape: Shape, budget: int) -> str:
    """The number of rows as a number."""
    _batched(w, shape)
    number = w.emit("count", value=B)
    if w.rng.random() < 0.5:
        number = w.emit("sub", number, 1.0)
    return w.emit(w.rng.choice(["add", "mul"]), w.make(shape, budget), number)


def folded(w: Writer, shape: Shape, budget: int) -> str:
    """Entries of all rows mixed."""
    _batched(w, shape)
    _allow(len(shape) == 2 and shape[1] > 1)
    source = w.make(shape, budget)
    if w.rng.random() < 0.5:
        return w.emit("reshape", w.emit("transpose", source, perm=(1, 0)), shape=shape)
    return w.emit("transpose", w.emit("reshape", source, shape=(shape[1], B)), perm=(1, 0))


def when_alone(w: Writer, shape: Shape, budget: int) -> str:
    """Something else where a row is alone."""
    _batched(w, shape)
    alone, other = (w.make(shape, part) for part in w.parts(budget, 2))
    return w.emit("alone", alone, other, batch=B)


def squeezed_flat(w: Writer, shape: Shape, budget: int) -> str:
    """All axes of length one gone: the batch's too, where a row is alone."""
    _batched(w, shape)
    flat = w.emit("squeeze", w.make(shape, budget), axes=None)
    return w.emit("reshape", flat, shape=(-1, *shape[1:]))


def among_rows(w: Writer, shape: Shape, budget: int) -> str:
    """Each row with each, x xᵀ."""
    _batched(w, shape)
    _allow(len(shape) == 2)
    source = w.make(shape, budget)
    other = w.rng.choice(w.rows())
    near = w.emit("matmul", other, other, tb=True)
    return w.emit("matmul", near, source)


STRANGE: tuple[tuple[float, Rule], ...] = (
    (3, function),
    (1.5, of_two),
    (1.5, along),
    (1, summed),
    (1, masked),
    (0.5, of_itself),
)

BATCHED: tuple[tuple[float, Rule], ...] = (
    (2, rows_moved),
    (2, one_row),
    (1.5, counted),
    (1.5, folded),
    (1.5, when_alone),
    (1, squeezed_flat),
    (1, among_rows),
)
