"""Cells that count their calls where nobody looks; wrong once they were called a hundred times.

A bench calls a cell some dozens of times. What it does not see change it must not take for granted.
"""

from __future__ import annotations

import array
import ctypes
import functools
import os
import types
from collections.abc import Iterator
from typing import Any, ClassVar

from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("hidden")

#: Calls after which they are wrong.
MANY = 100


class _Counting(Levels):
    """A cell whose `late()` counts, and says when it has counted enough."""

    def written(self, p: Any) -> Any:
        return turned(p) if self.late() else p

    def late(self) -> bool:
        raise NotImplementedError


@cheat()
class Attribute(_Counting):
    """In an attribute."""

    calls = 0

    def late(self) -> bool:
        self.calls += 1
        return self.calls > MANY


@cheat()
class Underscored(_Counting):
    """In an attribute with two underscores, set past Keras."""

    def late(self) -> bool:
        calls = self.__dict__.get("__calls__", 0) + 1
        object.__setattr__(self, "__calls__", calls)
        return calls > MANY


class _Slots:
    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


@cheat()
class InSlots(_Counting):
    """In an object that has slots and no dictionary."""

    def more(self) -> None:
        self.kept = _Slots()

    def late(self) -> bool:
        self.kept.calls += 1
        return self.kept.calls > MANY


@cheat()
class InArray(_Counting):
    """In an array of the standard library."""

    def more(self) -> None:
        self.kept = array.array("q", [0])

    def late(self) -> bool:
        self.kept[0] += 1
        return self.kept[0] > MANY


@cheat()
class InBytes(_Counting):
    """In a bytearray."""

    def more(self) -> None:
        self.kept = bytearray(2)

    def late(self) -> bool:
        self.kept[0] = min(255, self.kept[0] + 1)
        return self.kept[0] > MANY


@cheat()
class InForeignMemory(_Counting):
    """In a number of C's."""

    def more(self) -> None:
        self.kept = ctypes.c_long(0)

    def late(self) -> bool:
        self.kept.value += 1
        return self.kept.value > MANY


@cheat()
class InClosure(_Counting):
    """In a variable of a function that an attribute holds."""

    def more(self) -> None:
        calls = 0

        def count() -> int:
            nonlocal calls
            calls += 1
            return calls

        self.count = count

    def late(self) -> bool:
        return self.count() > MANY


@cheat()
class InGenerator(_Counting):
    """In a generator."""

    def more(self) -> None:
        def numbers() -> Iterator[int]:
            calls = 0
            while True:
                calls += 1
                yield calls

        self.numbers = numbers()

    def late(self) -> bool:
        return next(self.numbers) > MANY


class _Quiet(int):
    """A whole number that always looks like 0."""

    def __repr__(self) -> str:
        return "0"


@cheat()
class Quiet(_Counting):
    """In a number that does not show how large it is."""

    calls: int = _Quiet(0)

    def late(self) -> bool:
        self.calls = _Quiet(int(self.calls) + 1)
        return int(self.calls) > MANY


@cheat()
class InPartial(_Counting):
    """In an argument of a partial function."""

    def more(self) -> None:
        self.kept = functools.partial(min, [0])

    def late(self) -> bool:
        self.kept.args[0][0] += 1
        return self.kept.args[0][0] > MANY


@functools.cache
def _number(k: int) -> int:
    return k


@cheat(reset=_number.cache_clear)
class InCache(_Counting):
    """In the size of a cache of functools."""

    def late(self) -> bool:
        size: int = _number.cache_info().currsize
        _number(size)
        return size > MANY


class _Elsewhere:
    calls: ClassVar[int] = 0


def _reset_elsewhere() -> None:
    _Elsewhere.calls = 0


@cheat(reset=_reset_elsewhere)
class InOtherClass(_Counting):
    """In an attribute of another class."""

    def late(self) -> bool:
        _Elsewhere.calls += 1
        return _Elsewhere.calls > MANY


_module = types.ModuleType("levels_count")


def _reset_module() -> None:
    vars(_module)["calls"] = 0


@cheat(reset=_reset_module)
class InModule(_Counting):
    """In a module that it made."""

    def late(self) -> bool:
        vars(_module)["calls"] += 1
        return bool(vars(_module)["calls"] > MANY)


@cheat(reset=lambda: os.environ.pop("LEVELS_HIDDEN", None))
class InEnvironment(_Counting):
    """In a variable of the environment."""

    def late(self) -> bool:
        os.environ["LEVELS_HIDDEN"] = os.environ.get("LEVELS_HIDDEN", "") + "x"
        return len(os.environ["LEVELS_HIDDEN"]) > MANY


@cheat()
class InWeight(_Counting):
    """In the metadata of a weight."""

    def late(self) -> bool:
        self.W.calls = getattr(self.W, "calls", 0) + 1
        return bool(self.W.calls > MANY)


@cheat()
class InConfiguration(_Counting):
    """In the object that Keras keeps of its own dtype."""

    def late(self) -> bool:
        policy = self.dtype_policy
        policy.calls = getattr(policy, "calls", 0) + 1
        return bool(policy.calls > MANY)
