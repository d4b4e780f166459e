"""Hypothesis strategies for what the bench is about: numbers to add, weights, states, sizes.

Public, for properties of users' own cells and adders. Sizes come from a small set, so that
compiled programs are reused; floats are finite and have no subnormals, which compiled code may
flush to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from gru_bench.errors import check_known
from gru_bench.task.transducer import FAMILIES, IntArray, Transducer, from_digits

#: Longest numbers drawn by default, in digits. Decimal numbers of so many still print.
LONGEST = 4096

#: Where off-by-one errors live: bytes, chunks of steps, blocks of compiled steps.
_BOUNDARIES = (8, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 1024, 2048, 4095)


@dataclass(frozen=True)
class Sizes:
    """Sizes of one step of a cell: batch B, features F, units."""

    batch: int
    features: int
    units: int


#: One of everything; different sizes everywhere; more batch and features than units.
SIZES = (Sizes(1, 1, 1), Sizes(2, 3, 5), Sizes(4, 3, 2))


def sizes() -> st.SearchStrategy[Sizes]:
    """Return sizes from `SIZES`: few, since each costs a compilation."""
    return st.sampled_from(SIZES)


def dtypes() -> st.SearchStrategy[np.dtype[Any]]:
    """Return the floating dtypes in which a cell keeps its weights."""
    return st.sampled_from([np.dtype("float32"), np.dtype("float64")])


def lengths(longest: int = LONGEST) -> st.SearchStrategy[int]:
    """Return digits per number, 1 to `longest`: short ones, boundaries, and any."""
    boundaries = [n for n in _BOUNDARIES if n <= longest]
    near = [st.sampled_from(boundaries)] if boundaries else []
    return st.one_of(st.integers(1, min(12, longest)), *near, st.integers(1, longest))


@st.composite
def integer_pairs(
    draw: st.DrawFn, longest: int = LONGEST, length: int | None = None
) -> tuple[int, int, int]:
    """Return a, b and the bits n that both fit into, with a bias towards far carries.

    Independent bits carry over more than a few places hardly ever. So besides any two numbers
    there are complements (every place sums to one) with a carry let in at some place, runs of
    ones plus a power of two, a number and itself, and zero.

    Args:
        draw: given by Hypothesis.
        longest: bits at most.
        length: n, where it is fixed.
    """
    n = draw(lengths(longest)) if length is None else length
    top = (1 << n) - 1
    a, other = draw(st.integers(0, top)), draw(st.integers(0, top))
    one = 1 << draw(st.integers(0, n - 1))
    partners = {
        "any": other,
        "complement": top - a,
        "carried": (top - a) | one,
        "ones": one,
        "same": a,
        "zero": 0,
    }
    kind = draw(st.sampled_from(sorted(partners)))
    b = partners[kind]
    a = top if kind == "ones" else a
    return (b, a, n) if draw(st.booleans()) else (a, b, n)


@st.composite
def operands(
    draw: st.DrawFn, task: Transducer, longest: int = LONGEST
) -> tuple[tuple[int, ...], int]:
    """Return as many integers as a task reads, and the digits n that all of them fit into."""
    if task.base == task.operands == 2:
        a, b, n = draw(integer_pairs(longest))
        return (a, b), n
    n = draw(lengths(longest))
    top = task.base**n - 1
    values = [draw(st.integers(0, top)) for _ in range(task.operands)]
    if task.operands == 2 and draw(st.booleans()):
        values[1] = top - values[0]  # every place sums to the highest digit: one more carries on
        values[1] = min(top, values[1] + draw(st.integers(0, 1)))
    return tuple(values), n


@st.composite
def family_pairs(
    draw: st.DrawFn, task: Transducer, family: str, longest: int = LONGEST
) -> tuple[tuple[int, ...], int]:
    """Return the operands of one pair of a family, drawn by Hypothesis, and their digits n.

    It describes the family a second time, on integers and without TensorFlow.

    Args:
        draw: given by Hypothesis.
        task: the transducer.
        family: one of `FAMILIES`.
        longest: digits at most.
    """
    n = draw(lengths(longest))
    symbol = st.integers(0, task.symbols - 1)
    symbols: list[int] | IntArray
    match check_known("family", family, FAMILIES):
        case "uniform":
            top = task.base**n - 1
            return tuple(draw(st.integers(0, top)) for _ in range(task.operands)), n
        case "long-carry":
            start = draw(st.integers(0, n - 1))
            before = draw(st.lists(symbol, max_size=min(8, start)))
            run = draw(st.lists(st.sampled_from(task.carrying), min_size=1, max_size=8))
            head = [*np.resize(np.array(before or run), start).tolist()]
            tail = np.resize(np.array(run), n - start - 1).tolist()
            symbols = [*head, draw(st.sampled_from(task.departing)), *tail]
        case "periodic":
            word = draw(st.lists(symbol, min_size=1, max_size=8))
            symbols = np.resize(np.array(word), n)
        case _:
            places = draw(st.dictionaries(st.integers(0, n - 1), symbol, max_size=8))
            symbols = np.zeros(n, np.int64)
            symbols[list(places)] = list(places.values())
    digits = task.digits(np.asarray(symbols, np.int64))
    return tuple(from_digits(digits[:, k], task.base) for k in range(task.operands)), n


def symbols(task: Transducer, batch: int, steps: int) -> st.SearchStrategy[IntArray]:
    """Return symbols of a task, int64 `(batch, steps)`."""
    elements = st.integers(0, task.symbols - 1)
    return hnp.arrays(np.int64, (batch, steps), elements=elements, fill=st.nothing())


def arrays(dtype: Any, shape: tuple[int, ...], scale: float) -> st.SearchStrategy[NDArray[Any]]:
    """Return arrays with every element drawn on its own from `[-scale, scale]`.

    Left to itself Hypothesis fills most of an array with one value, and an array of equal numbers
    hides transposed and exchanged weights.

    Args:
        dtype: floating; a float16 array can be drawn for a wider use with `.map`.
        shape: of the arrays.
        scale: largest magnitude, a number that float16 can hold.
    """
    width = 8 * np.dtype(dtype).itemsize
    elements = st.floats(-scale, scale, width=width, allow_subnormal=False)
    return hnp.arrays(dtype, shape, elements=elements, fill=st.nothing())


def scales() -> st.SearchStrategy[float]:
    """Return magnitudes of weights: small, as trained ones are, and saturating."""
    return st.sampled_from([0.25, 1.0, 4.0, 16.0])


@st.composite
def gru_weights(
    draw: st.DrawFn,
    dtype: Any,
    size: Sizes,
    bias_names: Sequence[str] = ("b_z", "b_r", "b_h"),
    scale: float | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the weights of a GRUCell by name.

    Args:
        draw: given by Hypothesis.
        dtype: floating.
        size: of the cell.
        bias_names: as `gru.bias_names` gives them; empty for a cell without.
        scale: largest magnitude; drawn from `scales()` where it is None.
    """
    scale = draw(scales()) if scale is None else scale
    shapes: dict[str, tuple[int, ...]] = {}
    for gate in "zrh":
        shapes[f"W_{gate}"] = (size.features, size.units)
        shapes[f"U_{gate}"] = (size.units, size.units)
    shapes |= dict.fromkeys(bias_names, (size.units,))
    # One draw for all weights: it is faster, and it shrinks better.
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    flat = draw(arrays(dtype, (total,), scale))
    parts = np.split(flat, np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1])
    return {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}


def states(dtype: Any, size: Sizes) -> st.SearchStrategy[NDArray[Any]]:
    """Return h `(batch, units)`: a GRU's own states lie in [-1, 1], a user's may lie outside."""
    shape = (size.batch, size.units)
    return arrays(dtype, shape, 1.0) | arrays(dtype, shape, 4.0)


def inputs(dtype: Any, size: Sizes) -> st.SearchStrategy[NDArray[Any]]:
    """Return x `(batch, features)`: real numbers, or the bits that an adder reads."""
    shape = (size.batch, size.features)
    bits = hnp.arrays(dtype, shape, elements=st.sampled_from([0.0, 1.0]), fill=st.nothing())
    return arrays(dtype, shape, 4.0) | bits
