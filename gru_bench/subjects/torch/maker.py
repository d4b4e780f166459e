"""Makes modules: what their constructors take is read off and tried."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Mapping
from typing import Any

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.numpy.maker import INPUT_NAMES, NumpyMaker
from gru_bench.subjects.torch.convention import SIZES
from gru_bench.subjects.torch.runtime import DTYPES, torch
from gru_bench.subjects.torch.subject import TorchSubject


class TorchMaker(NumpyMaker):
    """Makes a module as often as laws need it.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a module, or an instance,
            which is copied.
        arguments: for the class or the function.

    Raises:
        UsageError: the constructor refuses the arguments.
    """

    def __init__(self, cell: Any, arguments: Mapping[str, Any] | None = None) -> None:
        super().__init__(cell, arguments)
        self._found: dict[int, Any] = {}

    def make(self, dtype: str, features: int, **changes: Any) -> Any:
        """Return a new module.

        Args:
            dtype: to which it is brought; it is made in the default one, as users make it.
            features: F, where the constructor takes it.
            **changes: arguments beside those given.

        Raises:
            UsageError: the constructor refuses the arguments, or makes no module.
        """
        if not (isinstance(self.source, type) or inspect.isroutine(self.source)):
            return copy.deepcopy(self.source).to(DTYPES[dtype])
        arguments = {**self.arguments, **changes}
        if self.size_name is not None:
            arguments.setdefault(self.size_name, features)
        given = ", ".join(f"{k}={v!r}" for k, v in arguments.items()) or "no arguments"
        try:
            made = self.source(**arguments)
        except FAULTS as error:  # a user's constructor can fail in any way
            missing = re.search(r"missing 1 required positional argument: '(\w+)'", str(error))
            # A signature of *args says nothing of it.
            if self.size_name is None and missing and missing[1] in INPUT_NAMES:
                self.size_name = missing[1]
                return self.make(dtype, features, **changes)
            raise UsageError(f"cell {self.name!r} refused {given}: {in_one_line(error)}") from error
        if not isinstance(made, torch.nn.Module):
            raise UsageError(f"{self.name!r} returns a {type(made).__name__}, not a module")
        return made.to(DTYPES[dtype])

    def subject(  # type: ignore[override]
        self, dtype: str, features: int, training: bool = False
    ) -> TorchSubject:
        """Return the subject of a new module.

        Args:
            dtype: in which it is to compute.
            features: F.
            training: whether it is in training.

        Raises:
            UsageError: it cannot be made or cannot run one step.
        """

        def remake(other: str) -> Any:
            return self.make(other, features)

        made = self.make(dtype, features)
        found = self._found.get(features)
        given = made, features, self.name, dtype, training, self.state_sizes(made), remake
        subject = TorchSubject(*given, found)
        self._found[features] = subject.convention
        return subject

    def state_sizes(self, made: Any) -> list[int]:
        """Return sizes that a module says its state has, the likeliest first."""
        said = [self.arguments.get(name, getattr(made, name, None)) for name in SIZES]
        return [n for n in said if isinstance(n, int) and 0 < n < 4096]

    def source_lines(self, features: int) -> tuple[str, str]:
        """Return Python that imports what is checked, and an expression that makes a new module.

        Args:
            features: F.
        """
        module, _, found = self.name.partition(":")
        given = {**self.arguments, **({self.size_name: features} if self.size_name else {})}
        words = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return f"from {module} import {found.partition('.')[0]}", f"{found}({words}, **changes)"

    def sizes(self) -> tuple[int, ...]:
        """Return sizes of an input for which the module is made, at most two; found by trying.

        Raises:
            UsageError: the constructor refuses all sizes, or runs whole sequences.
        """
        try:
            return super().sizes()
        finally:
            self._found.clear()
