"""Makes cells written in NumPy: what their constructors take is read off and tried."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.loading import cell_name, load
from gru_bench.subjects.numpy.subject import NumpySubject

#: Names under which constructors take the size of an input, F.
INPUT_NAMES = (
    "input_size",
    "inputs",
    "input_dim",
    "input_units",
    "input_features",
    "in_features",
    "features",
    "num_inputs",
    "n_inputs",
    "n_in",
    "n_input",
    "num_features",
    "n_features",
    "d_in",
    "d_input",
    "in_size",
    "in_dim",
    "size_in",
    "nin",
)

#: Names under which they take the size of the state, which is for the user to say.
STATE_NAMES = frozenset(
    (
        "units",
        "hidden",
        "hidden_size",
        "hidden_dim",
        "hidden_units",
        "num_units",
        "n_units",
        "num_hidden",
        "n_hidden",
        "state_size",
        "state_dim",
        "n_out",
        "out_features",
        "size",
    )
)

#: Sizes of an input that are tried on a cell that does not say its own.
TRIED = (3, 5, 2, 4, 1, 6, 8)


class NumpyMaker:
    """Makes a cell written in NumPy as often as laws need it.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance,
            which is copied.
        arguments: for the class or the function.

    Raises:
        UsageError: the constructor refuses the arguments.
    """

    def __init__(self, cell: Any, arguments: Mapping[str, Any] | None = None) -> None:
        self.arguments = dict(arguments or {})
        self.source = load(cell, functions=True) if isinstance(cell, str) else cell
        self.name = cell if isinstance(cell, str) else _name(self.source)
        self._parameters = _parameters(self.source)
        #: Whether the constructor takes a dtype that the user has not fixed.
        self.takes_dtype = "dtype" in self._parameters and "dtype" not in self.arguments
        #: Which of its arguments is the size of an input; None where it takes none.
        self.size_name = self._size_name()

    def _size_name(self) -> str | None:
        """Return the argument that the user has not given and that is the size of an input."""
        free = {n: p for n, p in self._parameters.items() if n not in self.arguments}
        named = next((name for name in INPUT_NAMES if name in free), None)
        if named is not None:
            return named
        missing = [n for n, p in free.items() if p.default is p.empty and n != "dtype"]
        # One that is missing and is not the state's must be it.
        return missing[0] if len(missing) == 1 and missing[0] not in STATE_NAMES else None

    def make(self, dtype: str, features: int) -> Any:
        """Return a new cell.

        Args:
            dtype: of its weights, where the constructor takes one.
            features: F, likewise.

        Raises:
            UsageError: the constructor refuses the arguments.
        """
        if not (isinstance(self.source, type) or inspect.isroutine(self.source)):
            return copy.deepcopy(self.source)
        arguments = dict(self.arguments)
        if self.size_name is not None:
            arguments[self.size_name] = features
        if self.takes_dtype:
            arguments["dtype"] = self._as_default(dtype)
        try:
            return self.source(**arguments)
        except FAULTS as error:  # a user's constructor can fail in any way
            given = ", ".join(f"{k}={v!r}" for k, v in self.arguments.items()) or "no arguments"
            raise UsageError(f"cell {self.name!r} refused {given}: {in_one_line(error)}") from error

    def _as_default(self, dtype: str) -> Any:
        """Return a dtype in the form of the argument's default: a type, or its name."""
        default = self._parameters["dtype"].default
        return np.dtype(dtype).type if isinstance(default, type) else dtype

    def source_lines(self, features: int) -> tuple[str, str]:
        """Return Python that imports what is checked, and an expression that makes a new cell.

        Args:
            features: F.
        """
        module, _, found = self.name.partition(":")
        given = {**self.arguments, **({self.size_name: features} if self.size_name else {})}
        words = [f"{name}={value!r}" for name, value in given.items()]
        if self.takes_dtype:
            typed = isinstance(self._parameters["dtype"].default, type)
            words.append("dtype=np.dtype(dtype).type" if typed else "dtype=dtype")
        top, *rest = found.split(".")
        return f"from {module} import {top}", f"{'.'.join([top, *rest])}({', '.join(words)})"

    def subject(self, dtype: str, features: int) -> NumpySubject:
        """Return the subject of a new cell.

        Args:
            dtype: in which it is to compute.
            features: F.

        Raises:
            UsageError: it cannot be made or cannot run one step.
        """
        made = self.make(dtype, features)

        def remake(other: str) -> Any:
            return self.make(other, features)

        return NumpySubject(made, features, self.name, dtype, self.takes_dtype, remake)

    def opened(self, input_size: int | None) -> tuple[Any, str]:
        """Return the subject of a new cell in double precision, and what the user calls it.

        Args:
            input_size: F; found out where it is None.

        Raises:
            UsageError: it cannot be made or run.
        """
        size = self.sizes()[0] if input_size is None else input_size
        return self.subject("float64", size), self.name

    def sizes(self) -> tuple[int, ...]:
        """Return sizes of an input for which the cell is made, at most two; found by trying.

        Fewer than the state has units, and more: never as many where there is a choice. Where
        the constructor takes the size, all that it does not refuse should run.

        Returns:
            One size where no step runs at all.

        Raises:
            UsageError: the constructor refuses all sizes.
        """
        first = None
        candidates = list(self._candidates())
        for features in candidates:
            try:
                subject = self.subject("float64", features)
            except UsageError as error:
                first = first or error
                continue
            units = max([1, *(shape[-1] for shape in subject.state_shapes if shape)])
            wanted = ((3 if units > 3 else units + 2), units + 1)
            accepts = self._runs if self.size_name is None else self._makes
            return wanted if all(map(accepts, wanted)) else (features,)
        for features in filter(self._makes, candidates):
            return (features,)
        assert first is not None
        raise first

    def _makes(self, features: int) -> bool:
        """Return whether the constructor takes this size."""
        try:
            self.make("float64", features)
        except UsageError:
            return False
        return True

    def _runs(self, features: int) -> bool:
        """Return whether one step runs with this size."""
        try:
            self.subject("float64", features)
        except UsageError:
            return False
        return True

    def _candidates(self) -> Iterator[int]:
        """Yield sizes that may be that of an input: first what the cell itself may say."""
        seen: set[int] = set()
        for size in (*(self._told() if self.size_name is None else ()), *TRIED):
            if size not in seen:
                seen.add(size)
                yield size

    def _told(self) -> Iterator[int]:
        """Yield the arguments, attributes and rows of weights that may be the size of an input."""
        try:
            cell = self.make("float64", 1)
        except UsageError:
            return
        for name in INPUT_NAMES:
            for size in (self.arguments.get(name), getattr(cell, name, None)):
                if isinstance(size, int) and 0 < size < 4096:
                    yield size
        found = getattr(cell, "parameters", None)
        for array in found.values() if isinstance(found, Mapping) else ():
            yield from (n for n in np.shape(array)[-2:] if 0 < n < 4096)


def _parameters(source: Any) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a constructor or a function."""
    if not (isinstance(source, type) or inspect.isroutine(source)):
        return {}
    try:
        found = inspect.signature(source).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {p.name: p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def _name(source: Any) -> str:
    if isinstance(source, type):
        return cell_name(source)
    if inspect.isroutine(source):
        return f"{source.__module__}:{source.__qualname__}"
    return cell_name(type(source))
