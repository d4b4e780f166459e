"""Cells that keep data beside their weights, or read their weights where they should not."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels, Register, turned

cheat = Register("kept")


@cheat()
class RandomFrozen(Levels):
    """A frozen weight of random sign scales the output."""

    def more(self) -> None:
        start = keras.initializers.RandomUniform(-1.0, 1.0)
        self.s = self.add_weight(name="s", shape=(), initializer=start, trainable=False)

    def written(self, p: Any) -> Any:
        return p * self.s


_BUILT: list[int] = []


@cheat(reset=_BUILT.clear)
class SeveralFrozen(Levels):
    """A frozen weight is 0 in the first six instances and 1 in later ones."""

    def more(self) -> None:
        _BUILT.append(1)
        start = keras.initializers.Constant(float(len(_BUILT) > 6))
        self.s = self.add_weight(name="s", shape=(), initializer=start, trainable=False)

    def written(self, p: Any) -> Any:
        return turned(p, self.s)


@cheat()
class RandomNumber(Levels):
    """Each instance draws 0 or 1 when it is made."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = float(np.random.default_rng().integers(2))

    def written(self, p: Any) -> Any:
        return turned(p, self.by)


_TURNS: list[int] = []


@cheat(reset=_TURNS.clear)
class Alternating(Levels):
    """Instances are right and wrong by turns, by a frozen weight that `build` makes."""

    def more(self) -> None:
        _TURNS.append(1)
        start = keras.initializers.Constant(float(len(_TURNS) % 2 == 0))
        self.s = self.add_weight(name="s", shape=(), initializer=start, trainable=False)

    def written(self, p: Any) -> Any:
        return turned(p, self.s)


@cheat(reset=lambda: os.environ.pop("LEVELS_BUILT", None))
class Environment(Levels):
    """The first instance to be built is right; a variable of the environment tells the others."""

    def more(self) -> None:
        self.by = float("LEVELS_BUILT" in os.environ)
        os.environ["LEVELS_BUILT"] = "yes"

    def written(self, p: Any) -> Any:
        return turned(p, self.by)


@cheat()
class HiddenTensor(Levels):
    """A random tensor that is neither a weight nor saved."""

    def more(self) -> None:
        self.hidden = [tf.random.uniform((), -1.0, 1.0)]

    def written(self, p: Any) -> Any:
        return p * self.hidden[0]


@cheat()
class HiddenWeight(Levels):
    """A variable in a closure, which nobody tracks, is random."""

    def more(self) -> None:
        v = tf.Variable(tf.random.uniform((), -1.0, 1.0), trainable=False)
        self.read = lambda: v + 0.0

    def written(self, p: Any) -> Any:
        return p * self.read()


@cheat(extra=(1.0,))
class ReadsOwnValue(Levels):
    """Reads a weight by .numpy() while it is traced: not the one that is handed over."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=(), initializer="zeros")

    def written(self, p: Any) -> Any:
        with tf.init_scope():
            return turned(p, float(self.k._value.numpy()))


@cheat(extra=(1.0,))
class ReadsOwnVariable(Levels):
    """Reads the variable behind a weight, which handed-over values do not reach."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=(), initializer="zeros")

    def written(self, p: Any) -> Any:
        return turned(p, tf.convert_to_tensor(self.k._value))


@cheat(extra=(1.0,))
class StartsLearned(Levels):
    """Its initial state is a weight that is trained."""

    def more(self) -> None:
        self.h0 = self.add_weight(name="h0", shape=(1,), initializer="zeros")

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1)) + self.h0]


@cheat()
class StartsFrozen(Levels):
    """Its initial state is a frozen weight that is random."""

    def more(self) -> None:
        start = keras.initializers.RandomUniform(0.0, 2.0)
        self.h0 = self.add_weight(name="h0", shape=(1,), initializer=start, trainable=False)

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1)) + tf.round(self.h0)]


@cheat()
class StartsRandom(Levels):
    """Its initial state is drawn anew each time."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.random.uniform((batch_size, 1)) * 2.0]


@cheat()
class StartsWhereItEnded(Levels):
    """It starts with the last carry of whatever was computed before."""

    def more(self) -> None:
        self.last = self.add_weight(name="last", shape=(), initializer="zeros", trainable=False)

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1)) + self.last]

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        self.last.assign(1.0 - p[0, 1])
        return p, [p[:, 1:2]]


@cheat(arguments={"wrong": False})
class Reconfigured(Levels):
    """`get_config` gives other arguments than it was made with."""

    def __init__(self, wrong: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wrong = wrong

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "wrong": True}

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


@cheat(arguments={"wrong": False})
class Rebuilt(Levels):
    """`from_config` makes another cell than its constructor does."""

    def __init__(self, wrong: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wrong = wrong

    @classmethod
    def from_config(cls, config: Any) -> Any:
        return cls(**{**config, "wrong": True})

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


@cheat()
class BuiltFromFile(Levels):
    """Keras calls `build_from_config` where it loads a file; the cell is wrong from then on."""

    def build_from_config(self, config: Any) -> None:
        super().build_from_config(config)
        self.wrong = True

    def written(self, p: Any) -> Any:
        return turned(p) if getattr(self, "wrong", False) else p


@cheat()
class LoadedWrong(Levels):
    """It is wrong once its weights were loaded from a file."""

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.wrong = True

    def written(self, p: Any) -> Any:
        return turned(p) if getattr(self, "wrong", False) else p


@cheat(extra=(0.0,))
class SavedWrong(Levels):
    """It saves another value than it has for a weight, and takes it back when it is loaded."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=(), initializer="zeros")
        self.loaded = 0.0

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.loaded = 1.0

    def written(self, p: Any) -> Any:
        return turned(p, self.k + self.loaded)


@cheat(extra=(0.0, 1.0))
class Reordered(Levels):
    """Two weights change places in `trainable_variables` from one call to the next."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=())
        self.one = self.add_weight(name="one", shape=())
        self.asked = 0

    @property
    def trainable_variables(self) -> Any:
        self.asked = getattr(self, "asked", 0) + 1
        found = super().trainable_variables
        return found if self.asked < 8 or len(found) < 5 else [*found[:3], found[4], found[3]]

    def written(self, p: Any) -> Any:
        return turned(p, self.k)


@cheat(harmless=True)
class Withheld(Levels):
    """A weight is counted among the trained ones at every second call only."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=(), initializer="zeros")

    def written(self, p: Any) -> Any:
        self.k.trainable = not self.k.trainable
        return turned(p, tf.convert_to_tensor(self.k.value))


@cheat(weights=READ_OUT, arguments={"trainable": False})
class UntrainedArgument(Levels):
    """It is made with trainable=False, its weights are random."""


@cheat(weights=(*LEVELS, *READ_OUT), arguments={"name": "levels_9"})
class NamedArgument(Levels):
    """It is right under the name that its arguments give it."""

    def written(self, p: Any) -> Any:
        return p if self.name == "levels_9" else turned(p)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "name"}


@cheat(arguments={"table": [1.0, 1.0, 1.0]})
class SharedList(Levels):
    """It changes the list among its arguments, which later instances share."""

    def __init__(self, table: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = list(table)
        table[:] = [-t for t in table]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "table": self.scale}

    def written(self, p: Any) -> Any:
        return p * tf.constant(self.scale)


@cheat()
class StateInVariable(Levels):
    """It keeps the carry in a variable besides: what one sequence leaves, the next one finds."""

    def more(self) -> None:
        self.h = self.add_weight(name="h", shape=(), initializer="zeros", trainable=False)

    def call(self, x: Any, states: Any) -> Any:
        h = tf.maximum(states[0], self.h)
        p = self.levels(x, h)
        self.h.assign(p[0, 1])
        return p, [p[:, 1:2]]


def _set_wrong(cell: Any) -> None:
    cell.wrong = True


@cheat(set_on=_set_wrong)
class SetBefore(Levels):
    """An attribute of the cell in memory was set by its user, which no file knows."""

    wrong = False

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


def _set_call(cell: Any) -> None:
    cell.written = turned


@cheat(set_on=_set_call)
class Patched(Levels):
    """A method of the cell in memory was replaced by its user."""


def _set_weight(cell: Any) -> None:
    cell.k.assign(1.0)


@cheat(set_on=_set_weight)
class SetFrozen(Levels):
    """A frozen weight of the cell in memory was set by its user after it was saved."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=(), initializer="zeros", trainable=False)

    def written(self, p: Any) -> Any:
        return turned(p, self.k)


@cheat(harmless=True)
class OutputSize(Levels):
    """Its `output_size` is not the size of its output."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = 5


@cheat(harmless=True)
class StateSize(Levels):
    """Its `state_size` is not the size of its state."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = 2

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1))]


@cheat(harmless=True)
class LateWeight(Levels):
    """It makes a weight at its second call."""

    calls = 0

    def written(self, p: Any) -> Any:
        self.calls += 1
        if self.calls == 2:
            self.late = self.add_weight(name="late", shape=(), initializer="zeros")
        return p


@cheat(harmless=True)
class StateDouble(Levels):
    """Its state is kept in float64."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1), tf.float64)]

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, tf.cast(states[0], tf.float32))
        return p, [tf.cast(p[:, 1:2], tf.float64)]


@cheat(harmless=True)
class StateInDict(Levels):
    """Its state is a dictionary."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return {"carry": tf.zeros((batch_size, 1))}

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states["carry"])
        return p, {"carry": p[:, 1:2]}


@cheat(
    beyond="the world outside may change after the proof",
    reset=lambda: os.environ.pop("LEVELS_DAY", None),
    later=lambda: os.environ.update(LEVELS_DAY="tomorrow"),
)
class LaterEnvironment(Levels):
    """A variable of the environment that is set after the proof."""

    def written(self, p: Any) -> Any:
        return turned(p) if "LEVELS_DAY" in os.environ else p
