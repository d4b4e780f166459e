"""What inputs a cell takes: vectors of any size, of some sizes only, or none that laws can give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gru_bench.errors import FAULTS, NotSupportedError, UsageError
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject

#: Sizes that are tried where the usual ones fail, beside those that the states suggest.
TRIED = (*range(1, 13), 16, 24, 32, 64)

#: Shapes of other inputs, without the batch, and what they are called.
SHAPES: tuple[tuple[Any, str], ...] = (
    ((4, 3), "sequences or pictures"),
    ((5, 5, 3), "pictures"),
    ((4, 4, 4, 2), "volumes"),
    (((3,), (1,)), "pairs"),
    (((3,), (3,)), "pairs"),
    (((3,), (3,), (1,)), "tuples of three"),
    (((3,), (3,), (3,)), "tuples of three"),
)

Make = Callable[[], Any]


def working(make: Make, units: int) -> list[int]:
    """Return the sizes of vectors with which a cell can run one step.

    Args:
        make: gives a new cell, not built.
        units: the largest of its states' sizes.
    """
    return [size for size in sorted({*TRIED, units, units + 1, 2 * units}) if _runs(make, size)]


def _runs(make: Make, size: int) -> bool:
    try:
        KerasSubject(make(), size)
    except UsageError:
        return False
    return True


def chosen(sizes: Sequence[int], usual: Sequence[int]) -> tuple[int, ...]:
    """Return which sizes to choose from where not all usual ones work; empty for the usual ones.

    A cell that takes all sizes up to some one, or from some one on, is none of a fixed size: that
    it fails for the others is a fault of its own.

    Args:
        sizes: that work.
        usual: that are chosen from otherwise.
    """
    if len(sizes) > 1 and sizes[0] == 1:
        sizes = sizes[1:]  # one number is as many as anybody wants where arrays are broadcast
    tried = sorted({*TRIED, *sizes} - {1})
    first, last = tried.index(sizes[0]), tried.index(sizes[-1])
    together = last - first + 1 == len(sizes)
    if len(sizes) > 1 and together and (first == 0 or last == len(tried) - 1):
        return ()
    return tuple(sorted(sizes, key=lambda size: abs(size - usual[0]))[: len(usual)])


def refuse_others(make: Make, name: str) -> None:
    """Refuse a cell that takes other inputs than vectors.

    Args:
        make: gives a new cell, not built.
        name: of the cell.

    Raises:
        NotSupportedError: it takes pictures, pairs, or inputs by name.
    """
    for shape, what in SHAPES:
        if _takes(make, shape):
            raise _refused(name, what)
    names = _asked_names(make)
    if names:
        raise _refused(name, f"inputs by name ({', '.join(names)})")


def _refused(name: str, what: str) -> NotSupportedError:
    return NotSupportedError(
        f"cell {name!r} takes {what}, and laws give a vector a step, of shape (batch, inputs)"
    )


def _takes(make: Make, shape: Any) -> bool:
    several = isinstance(shape[0], tuple)
    shapes = [(None, *part) for part in (shape if several else (shape,))]
    given = [tf.zeros((1, *full[1:])) for full in shapes]
    try:
        cell = make()
        cell.build(tuple(shapes) if several else shapes[0])
        cell(tuple(given) if several else given[0], _states(cell, given[0]))
    except FAULTS:  # a user's cell can fail in any way
        return False
    return True


def _states(cell: Any, x: Any) -> Any:
    """Return states; cells of pictures are told by their layers what their states are."""
    try:
        return building.initial_states(cell, 1)
    except FAULTS:
        filters = getattr(cell, "filters", 1)
        made = tf.zeros((*x.shape[:-1], filters))
        return [made for _ in keras.tree.flatten(cell.state_size)]


class _Names(dict[str, Any]):
    """Has whatever is asked for, and keeps by which names that was."""

    def __init__(self, value: Any, names: list[str]) -> None:
        super().__init__()
        self._value, self._names = value, names

    def __missing__(self, name: str) -> Any:
        if isinstance(name, str) and name not in self._names:
            self._names.append(name)
        return self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)


def _asked_names(make: Make) -> list[str]:
    """Return the names by which a cell asks for parts of its inputs, empty for none."""
    names: list[str] = []
    try:
        cell = make()
        type(cell).build(cell, _Names((None, 3), names))
        type(cell).call(cell, _Names(tf.zeros((1, 3)), names), building.initial_states(cell, 1))
    except FAULTS:
        pass  # that it asked for names is enough
    return names
