"""Cells that know whether they are trained, or who asks."""

from __future__ import annotations

from typing import Any

from tests.corpus.sceptic.bench import keras
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("training")


class _Told(Levels):
    """A cell whose `wrong(training)` says when it lies."""

    def call(self, x: Any, states: Any, training: Any = None) -> Any:
        p = self.levels(x, states[0])
        return (turned(p) if self.wrong(training) else p), [p[:, 1:2]]

    def wrong(self, training: Any) -> bool:
        raise NotImplementedError


@cheat()
class NotTold(_Told):
    """Wrong where training is None."""

    def wrong(self, training: Any) -> bool:
        return training is None


@cheat()
class ToldFalse(_Told):
    """Wrong where training is the object False, not a number that equals it."""

    def wrong(self, training: Any) -> bool:
        return training is False


@cheat(harmless=True)
class ToldTrue(_Told):
    """Wrong where it is trained, which is no deployment."""

    def wrong(self, training: Any) -> bool:
        return bool(training)


@cheat()
class NotPassed(Levels):
    """Wrong where the caller does not pass training at all."""

    def call(self, x: Any, states: Any, training: Any = "not passed") -> Any:
        p = self.levels(x, states[0])
        return (turned(p) if training == "not passed" else p), [p[:, 1:2]]


@cheat()
class Passed(Levels):
    """Wrong where the caller passes training, whatever it is."""

    def call(self, x: Any, states: Any, training: Any = "not passed") -> Any:
        p = self.levels(x, states[0])
        return (p if training == "not passed" else turned(p)), [p[:, 1:2]]


@cheat()
class HiddenOption(Levels):
    """Takes training among **options, where no signature shows it."""

    def call(self, x: Any, states: Any, **options: Any) -> Any:
        p = self.levels(x, states[0])
        return (p if "training" in options else turned(p)), [p[:, 1:2]]


class _Asking(keras.layers.Layer):
    def call(self, p: Any, training: Any = None) -> Any:
        return p if training is None else turned(p)


@cheat()
class LayerTold(Levels):
    """A layer within is wrong where Keras's context says False and not nothing."""

    def more(self) -> None:
        self.asking = _Asking(name="asking")

    def written(self, p: Any) -> Any:
        return self.asking(p)


@cheat()
class AlwaysDropping(Levels):
    """Dropout that is always on: its layer within is told to train."""

    def more(self) -> None:
        self.drop = keras.layers.Dropout(0.5, seed=0)

    def written(self, p: Any) -> Any:
        return self.drop(p, training=True)


@cheat(harmless=True)
class Dropping(Levels):
    """Dropout that is on in training only."""

    def more(self) -> None:
        self.drop = keras.layers.Dropout(0.5, seed=0)

    def written(self, p: Any) -> Any:
        return self.drop(p)


@cheat()
class AlwaysNoisy(Levels):
    """Gaussian noise of 0.3 that is always on."""

    def more(self) -> None:
        self.noise = keras.layers.GaussianNoise(0.3, seed=0)

    def written(self, p: Any) -> Any:
        return self.noise(p, training=True)


@cheat(extra=(1.0, 1.0, 1.0, 0.0, 0.0, 0.0))
class BatchNormalised(Levels):
    """A batch normalisation that always takes the statistics of its rows."""

    def more(self) -> None:
        self.norm = keras.layers.BatchNormalization(name="norm")
        self.norm.build((None, 3))

    def written(self, p: Any) -> Any:
        return self.norm(p, training=True)


@cheat()
class Frozen(Levels):
    """Wrong once somebody says that it is not trainable."""

    def written(self, p: Any) -> Any:
        return p if self.trainable else turned(p)
