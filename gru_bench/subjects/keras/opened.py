"""A cell made for a look into it: small, in double precision where that can be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.keras.loading import default_policy
from gru_bench.subjects.keras.maker import Maker
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.keras.subject import KerasSubject

#: Input sizes to try, so that inputs and units are not as many.
_SIZES = (5, 7)


def opened(
    cell: Any, arguments: Mapping[str, Any] | None, input_size: int | None
) -> tuple[KerasSubject, str]:
    """Return one step of a cell, and its name.

    Args:
        cell: a class, its name, a function that returns a cell, or an instance.
        arguments: for the class or the function.
        input_size: F; found out where it is None.

    Raises:
        UsageError: it cannot be made or run.
    """
    maker = Maker(cell, arguments)
    errors: list[str] = []
    for dtype in ("float64", "float32"):
        with floats(dtype):
            for size in _sizes(maker.make_cell(dtype), arguments or {}, input_size):
                try:
                    made = maker.make_cell(dtype)
                    made.build((None, size))
                    return KerasSubject(made, size), maker.name
                except FAULTS as error:  # a user's cell can fail in any way
                    errors.append(
                        str(error)
                        if isinstance(error, UsageError)
                        else f"cell {maker.name!r} cannot be built: {in_one_line(error)}"
                    )
    raise UsageError(errors[0])


@contextmanager
def floats(dtype: str) -> Iterator[None]:
    """Let layers that are made without a dtype have one.

    Args:
        dtype: which.
    """
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        with default_policy(dtype):
            yield
    finally:
        keras.config.set_floatx(before)


def _sizes(cell: Any, arguments: Mapping[str, Any], given: int | None) -> list[int]:
    if given is not None:
        return [given]
    sizes = keras.tree.flatten(cell.state_size)
    units = max([1, *(n for n in sizes if isinstance(n, int))])
    free = [n for n in _SIZES if units % n and n != units] or [units + 1]
    own = [v for v in arguments.values() if isinstance(v, int) and not isinstance(v, bool)]
    return list(dict.fromkeys([free[0], *own, units, *range(1, 9)]))
