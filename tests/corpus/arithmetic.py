"""Rules that compute: elementwise, products, convex combinations, layers."""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np

from tests.corpus.moves import lead
from tests.corpus.spec import Argument, B, Shape
from tests.corpus.writer import CELLS, Rule, UnfitError, Writer


def unary(w: Writer, shape: Shape, budget: int) -> str:
    """Of one value."""
    op = w.rng.choice(["sigmoid", "sigmoid", "tanh", "tanh", "tanh", "relu", "neg", "square"])
    if not lead(shape) and w.rng.random() < 0.5:
        raise UnfitError  # of weights alone less often
    return w.emit(op, w.make(shape, budget))


def _narrower(w: Writer, shape: Shape) -> Shape:
    """Return a shape that broadcasts to one."""
    made = [1 if w.rng.random() < 0.4 else size for size in shape]
    while made and w.rng.random() < 0.3:
        made = made[1:]
    if w.rng.random() < 0.1:
        made = w.rng.choice([[], [1], [1, 1]])[: len(shape)]
    return tuple(made)


def _two(w: Writer, shape: Shape, budget: int) -> list[Argument]:
    """Return two operands whose common shape is the one wanted."""
    left, right = shape, shape
    draw = w.rng.random()
    if draw < 0.45:
        right = _narrower(w, shape)
    elif draw < 0.6:  # a column and a row, say
        left, right = _narrower(w, shape), _narrower(w, shape)
        sizes = [{d for d in dims if d != 1} for dims in zip(left, right, strict=False)]
        if len(left) != len(right) or any(len(s) > 1 for s in sizes):
            left = shape
    part, rest = w.parts(budget, 2)
    operands: list[Argument] = [w.make(left, part)]
    if left == shape and w.rng.random() < 0.15:
        operands.append(w.number())
    elif left == shape and w.rng.random() < 0.08:
        operands.append(w.emit("like", operands[0], value=w.rng.choice([1.0, 1.0, 0.0])))
    elif w.rng.random() < 0.07:
        operands.append(w.emit("full", value=w.number(), shape=right))
    else:
        operands.append(w.make(right, rest))
    w.rng.shuffle(operands)
    return operands


def binary(w: Writer, shape: Shape, budget: int) -> str:
    """Of two values, with all broadcasting."""
    op = w.rng.choice(["add", "add", "sub", "mul", "mul"])
    if not lead(shape) and w.rng.random() < 0.5:
        raise UnfitError
    return w.emit(op, *_two(w, shape, budget))


#: (1-z) a + z b, in all its ways, and what looks like it; `w.emit` is cut short to `e`.
COMBINATIONS: tuple[Callable[..., str], ...] = (
    lambda e, z, a, b: e("add", e("mul", e("sub", 1.0, z), a), e("mul", z, b)),
    lambda e, z, a, b: e("add", e("mul", z, b), e("mul", e("sub", 1.0, z), a)),
    lambda e, z, a, b: e("add", e("mul", a, e("sub", 1.0, z)), e("mul", b, z)),
    lambda e, z, a, b: e("add", e("mul", z, a), e("mul", e("sub", 1.0, z), b)),
    lambda e, z, a, b: e("add", a, e("mul", z, e("sub", b, a))),
    lambda e, z, a, b: e("add", e("mul", e("sub", b, a), z), a),
    lambda e, z, a, b: e("sub", a, e("mul", z, e("sub", a, b))),
    lambda e, z, a, b: e("sub", a, e("mul", e("sub", a, b), z)),
    lambda e, z, a, b: e("add", b, e("mul", e("sub", 1.0, z), e("sub", a, b))),
    lambda e, z, a, b: e("add", e("mul", e("sub", e("like", z, value=1.0), z), a), e("mul", z, b)),
    lambda e, z, a, b: e(
        "add", e("mul", e("sub", e("full", value=1.0, shape=()), z), a), e("mul", z, b)
    ),
    # not one
    lambda e, z, a, b: e("add", e("mul", e("sub", 2.0, z), a), e("mul", z, b)),
    lambda e, z, a, b: e("add", e("mul", e("sub", z, 1.0), a), e("mul", z, b)),
    lambda e, z, a, b: e("sub", e("mul", e("sub", 1.0, z), a), e("mul", z, b)),
    lambda e, z, a, b: e("add", a, e("mul", z, e("sub", a, b))),
    lambda e, z, a, b: e("sub", a, e("mul", z, e("sub", b, a))),
    lambda e, z, a, b: e("add", a, e("mul", z, e("add", b, a))),
    lambda e, z, a, b: e("add", e("mul", e("sub", 1.0, z), a), e("mul", e("sub", 1.0, z), b)),
    lambda e, z, a, b: e("sub", e("mul", z, e("sub", a, b)), a),
)


def combination(w: Writer, shape: Shape, budget: int) -> str:
    """Two values mixed by a gate, which may be one or not."""
    if not lead(shape):
        raise UnfitError
    parts = w.parts(budget, 3)
    gate = shape if w.rng.random() < 0.7 else _narrower(w, shape)
    z = w.make(gate, parts[0])
    act = w.rng.choice(["sigmoid", "sigmoid", "sigmoid", "relu", "tanh", ""])
    z = w.emit(act, z) if act else z
    others = [shape if w.rng.random() < 0.8 else _narrower(w, shape) for _ in range(2)]
    a, b = (w.make(s, part) for s, part in zip(others, parts[1:], strict=True))
    return w.rng.choice(COMBINATIONS)(w.emit, z, a, b)


def product(w: Writer, shape: Shape, budget: int) -> str:
    """Rows times a matrix, in one of its spellings."""
    if len(shape) < 2 or (not lead(shape) and w.rng.random() < 0.7):
        raise UnfitError
    rows = w.rows()
    size = w.size(w.rng.choice(rows)) if rows else w.rng.randint(1, 4)
    budgets = w.parts(budget, 2)
    vector = w.make((*shape[:-1], size), budgets[0])
    turned = w.rng.random() < 0.25
    matrix = w.make((shape[-1], size) if turned else (size, shape[-1]), budgets[1])
    kind = w.rng.choice(["matmul", "matmul", "matmul", "matmul", "einsum", "tensordot"])
    if kind == "matmul":
        return w.emit("matmul", vector, matrix, **({"tb": True} if turned else {}))
    if kind == "tensordot":
        axes = ((len(shape) - 1,), (1,) if turned else (0,))
        return w.emit("tensordot", vector, matrix, axes=axes)
    letters = string.ascii_lowercase[: len(shape) - 1]
    equation = [letters + "y", "zy" if turned else "yz"]
    operands = [vector, matrix]
    if w.rng.random() < 0.3:
        operands.reverse()
        equation.reverse()
    return w.emit("einsum", *operands, equation=f"{','.join(equation)}->{letters}z")


def joint(w: Writer, shape: Shape, budget: int) -> str:
    """[x, h] times [W; U]."""
    if not lead(shape) or len(shape) != 2:
        raise UnfitError
    pieces = [w.rng.choice(w.rows()) for _ in range(2)]
    sizes = [w.size(name) for name in pieces]
    part, rest = w.parts(budget, 2)
    matrices = [w.make((n, shape[1]), b) for n, b in zip(sizes, (part, rest), strict=True)]
    both = w.emit("concat", *pieces, axis=w.rng.choice([1, -1]))
    return w.emit("matmul", both, w.emit("concat", *matrices, axis=w.rng.choice([0, -2])))


def columns(w: Writer, shape: Shape, budget: int) -> str:
    """Matrix times columns: the batch last, and first again."""
    if not lead(shape) or len(shape) != 2:
        raise UnfitError
    vector = w.rng.choice(w.rows())
    size = w.size(vector)
    turned = w.rng.random() < 0.4
    matrix = w.make((size, shape[1]) if turned else (shape[1], size), budget)
    flags = {"ta": True} if turned else {}
    if w.rng.random() < 0.5:
        made = w.emit("matmul", matrix, w.emit("transpose", vector, perm=(1, 0)), **flags)
    else:
        made = w.emit("matmul", matrix, vector, tb=True, **flags)
    return w.emit("transpose", made, perm=(1, 0))


def two_axes(w: Writer, shape: Shape, budget: int) -> str:
    """Two axes summed at once."""
    if not lead(shape) or len(shape) != 2:
        raise UnfitError
    p, q = w.rng.choice([(2, 2), (1, 3), (2, 1), (3, 2)])
    part, rest = w.parts(budget, 2)
    vector, block = w.make((B, p, q), part), w.make((p, q, shape[1]), rest)
    if w.rng.random() < 0.5:
        return w.emit("tensordot", vector, block, axes=((1, 2), (0, 1)))
    return w.emit("einsum", vector, block, equation="bpq,pqz->bz")


def dense(w: Writer, shape: Shape, budget: int) -> str:
    """A dense layer within."""
    if not w.features.layers or not lead(shape) or len(shape) < 2:
        raise UnfitError
    size = w.rng.randint(1, 4)
    if len(shape) == 2 and w.rng.random() < 0.7:
        size = w.size(w.rng.choice(w.rows()))
    vector = w.make((*shape[:-1], size), budget)
    return w.emit("layer", vector, layer=w.layer("dense", size, shape[-1]).name)


def cell(w: Writer, shape: Shape, budget: int) -> str:
    """A smaller cell within."""
    if not w.features.layers or not lead(shape) or len(shape) != 2:
        raise UnfitError
    kind = w.rng.choice(CELLS)
    x = w.rng.choice(w.rows())
    features = w.size(x)
    states = [w.make(shape, part) for part in w.parts(budget, 2 if kind == "lstm" else 1)]
    layer = w.layer(kind, features, shape[1])
    w.emit("layer", x, *states, results=len(states), layer=layer.name)
    return w.rng.choice(w.steps[-1].results)


def detour(w: Writer, shape: Shape, budget: int) -> str:
    """Elementwise with more axes, or fewer."""
    if not lead(shape):
        raise UnfitError
    size = int(np.prod(shape[1:]))
    divisors = [d for d in range(1, size + 1) if size % d == 0] or [1]
    p = w.rng.choice(divisors)
    there = w.make((B, p, size // p), budget)
    return w.emit("reshape", there, shape=shape)


RULES: tuple[tuple[float, Rule], ...] = (
    (5, unary),
    (8, binary),
    (2.5, combination),
    (6, product),
    (1.5, joint),
    (0.7, columns),
    (0.4, two_axes),
    (2.5, dense),
    (2, cell),
    (0.7, detour),
)
