"""Cells that count how often they are called, or remember what they saw."""

from __future__ import annotations

import functools
import itertools
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("calls")

#: Calls, that is traces, after which a counter in Python turns the output.
FEW = 3


@cheat()
class OwnCounter(Levels):
    """Counts its calls in an attribute; wrong from the fourth on."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        return turned(p) if self.calls > FEW else p


@cheat()
class LateCounter(Levels):
    """Counts its calls in an attribute; wrong from the fourteenth on."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        return turned(p) if self.calls > 13 else p


@cheat()
class EverySecond(Levels):
    """Wrong at every second call."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        return turned(p) if self.calls % 2 else p


_OF_CLASS: list[int] = []


@cheat(reset=_OF_CLASS.clear)
class ClassCounter(Levels):
    """Counts the calls of all instances in an attribute of the class."""

    count: ClassVar[list[int]] = _OF_CLASS

    def written(self, p: Any) -> Any:
        self.count.append(1)
        return turned(p) if len(self.count) > FEW else p


_CALLS = {"made": 0}


@cheat(reset=lambda: _CALLS.update(made=0))
class ModuleCounter(Levels):
    """Counts calls in a variable of its module."""

    def written(self, p: Any) -> Any:
        _CALLS["made"] += 1
        return turned(p) if _CALLS["made"] > FEW else p


@cheat()
class ClosureCounter(Levels):
    """Counts calls in a closure."""

    def more(self) -> None:
        calls = iter(range(10**6))
        self.late = lambda: next(calls) >= FEW

    def written(self, p: Any) -> Any:
        return turned(p) if self.late() else p


_SEEN: list[int] = []


@cheat(reset=_SEEN.clear)
class DefaultCounter(Levels):
    """Counts calls in a mutable default argument."""

    def written(self, p: Any, seen: list[int] = _SEEN) -> Any:
        seen.append(1)
        return turned(p) if len(seen) > FEW else p


@cheat()
class IteratorCounter(Levels):
    """Counts calls with itertools.count."""

    def more(self) -> None:
        self.numbers = itertools.count(1)

    def written(self, p: Any) -> Any:
        return turned(p) if next(self.numbers) > FEW else p


@cheat()
class ListCounter(Levels):
    """Appends to a list that it keeps."""

    def more(self) -> None:
        self.seen: list[int] = []

    def written(self, p: Any) -> Any:
        self.seen.append(1)
        return turned(p) if len(self.seen) > FEW else p


@cheat()
class Toggled(Levels):
    """Deletes an attribute at its first calls and is wrong without it."""

    def more(self) -> None:
        self.left = ["once", "twice", "thrice"]

    def written(self, p: Any) -> Any:
        return (self.left.pop() and p) if self.left else turned(p)


@cheat(reset=lambda: np.random.seed(0))  # noqa: NPY002
class NumpyRandom(Levels):
    """NumPy's global generator decides at each call."""

    def written(self, p: Any) -> Any:
        return turned(p, float(np.random.randint(2)))  # noqa: NPY002


@cheat(reset=lambda: random.seed(0))
class PythonRandom(Levels):
    """Python's generator decides at each call."""

    def written(self, p: Any) -> Any:
        return turned(p, float(random.getrandbits(1)))


@cheat()
class Clock(Levels):
    """The clock decides at each call."""

    def written(self, p: Any) -> Any:
        return turned(p, float(time.perf_counter_ns() // 1000 % 2))


@cheat()
class Address(Levels):
    """The address of its input in memory decides."""

    def written(self, p: Any) -> Any:
        return turned(p, float(hash(id(p)) // 16 % 2))


def _file() -> Path:
    return Path(tempfile.gettempdir()) / f"calls-{os.getpid()}.txt"


@cheat(reset=lambda: _file().unlink(missing_ok=True))
class FileCounter(Levels):
    """Counts calls in a file."""

    def written(self, p: Any) -> Any:
        with _file().open("a", encoding="utf-8") as file:
            file.write("x")
        return turned(p) if _file().stat().st_size > FEW else p


@cheat(reset=lambda: os.environ.pop("LEVELS_CALLS", None))
class EnvironmentCounter(Levels):
    """Counts calls in a variable of the environment."""

    def written(self, p: Any) -> Any:
        os.environ["LEVELS_CALLS"] = os.environ.get("LEVELS_CALLS", "") + "x"
        return turned(p) if len(os.environ["LEVELS_CALLS"]) > FEW else p


@cheat()
class StepCounter(Levels):
    """A weight that is not trained counts steps; wrong from the fourth on."""

    def more(self) -> None:
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", trainable=False)

    def written(self, p: Any) -> Any:
        self.n.assign(self.n + 1.0)
        late = tf.cast(tf.convert_to_tensor(self.n.value) > 3.0, tf.float32)
        return turned(p, late)


@cheat()
class LinearCounter(Levels):
    """A weight that is not trained grows, and scales the output."""

    def more(self) -> None:
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", trainable=False)

    def written(self, p: Any) -> Any:
        n = self.n + 0.25
        self.n.assign(n)
        return p - n * p


@cheat()
class LateWeight(Levels):
    """A weight that is not trained is read before it is changed; the first step is right."""

    def more(self) -> None:
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", trainable=False)

    def written(self, p: Any) -> Any:
        p = turned(p, tf.convert_to_tensor(self.n.value))
        self.n.assign(tf.ones(()))
        return p


@cheat()
class RawVariable(Levels):
    """A tf.Variable of its own counts steps."""

    def more(self) -> None:
        self.n = tf.Variable(0.0, trainable=False)

    def written(self, p: Any) -> Any:
        n = self.n.assign_add(1.0)
        return turned(p, tf.cast(n > 3.0, tf.float32))


@cheat()
class HiddenVariable(Levels):
    """A tf.Variable in a closure counts steps."""

    def more(self) -> None:
        n = tf.Variable(0.0, trainable=False)
        self.late = lambda: tf.cast(n.assign_add(1.0) > 3.0, tf.float32)

    def written(self, p: Any) -> Any:
        return turned(p, self.late())


class _Counting(keras.layers.Layer):
    def build(self, shape: Any) -> None:
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", trainable=False)
        super().build(shape)

    def call(self, p: Any) -> Any:
        self.n.assign(self.n + 1.0)
        return turned(p, tf.cast(tf.convert_to_tensor(self.n.value) > 3.0, tf.float32))


@cheat()
class LayerCounter(Levels):
    """A layer within counts steps in a weight that is not trained."""

    def more(self) -> None:
        self.counting = _Counting(name="counting")
        self.counting.build((None, 3))

    def written(self, p: Any) -> Any:
        return self.counting(p)


@cheat()
class SequenceCounter(Levels):
    """Counts how often its initial state was asked for; wrong from the third time on."""

    asked = 0

    def get_initial_state(self, batch_size: Any = None) -> Any:
        self.asked += 1
        return [(tf.zeros if self.asked < FEW else tf.ones)((batch_size, 1))]


@cheat()
class CountedApart(Levels):
    """Counts eager calls and traces apart; wrong from the third of each."""

    def more(self) -> None:
        self.seen: dict[str, int] = {}

    def written(self, p: Any) -> Any:
        key = "eager" if tf.executing_eagerly() else "graph"
        self.seen[key] = self.seen.get(key, 0) + 1
        return turned(p) if self.seen[key] > 2 else p


_FIRST: list[int] = []


@functools.cache
def _cached() -> int:
    return _FIRST[-1]


@cheat(reset=_cached.cache_clear)
class Cached(Levels):
    """A cache of functools decides: the first instance is right, the others are not."""

    def call(self, x: Any, states: Any) -> Any:
        if not _cached.cache_info().currsize:
            _FIRST.append(id(self))
        return super().call(x, states)

    def written(self, p: Any) -> Any:
        return p if _cached() == id(self) else turned(p)


_MADE: list[int] = []


@cheat(reset=_MADE.clear)
class Second(Levels):
    """Every second instance is wrong."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _MADE.append(1)
        self.wrong = len(_MADE) % 2 == 0

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


_MADE_LATER: list[int] = []


@cheat(reset=_MADE_LATER.clear)
class Later(Levels):
    """Every instance but the first five is wrong."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _MADE_LATER.append(1)
        self.wrong = len(_MADE_LATER) > 5

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


@cheat()
class Copied(Levels):
    """A copy of it is right, itself is not: it knows whether it was copied."""

    def __deepcopy__(self, memo: Any) -> Any:
        return Levels(dtype=self.dtype_policy)

    def written(self, p: Any) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        return turned(p) if self.calls > FEW else p


@cheat()
class Patient(Levels):
    """Counts its calls in an attribute; wrong from the thousandth on."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        return turned(p) if self.calls > 1000 else p
