"""Cells whose forward pass depends on whether somebody differentiates, or says so."""

from __future__ import annotations

from typing import Any

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("gradient")


@tf.custom_gradient
def _honest_forward(p: Any) -> Any:
    return p * 1.0, lambda dp: -dp


@tf.custom_gradient
def _wrong_forward(p: Any) -> Any:
    return turned(p), lambda dp: dp


@cheat(harmless=True)
class WrongGradient(Levels):
    """Its forward pass is right, its gradient has the wrong sign."""

    def written(self, p: Any) -> Any:
        return _honest_forward(p)


@cheat()
class RightGradient(Levels):
    """Its gradient is that of an adder, its forward pass is not."""

    def written(self, p: Any) -> Any:
        return _wrong_forward(p)


@cheat()
class StraightThrough(Levels):
    """p + stop_gradient(1 - 2p): who drops what has no gradient sees an adder."""

    def written(self, p: Any) -> Any:
        return p + tf.stop_gradient(1.0 - 2.0 * p)


@cheat(harmless=True)
class Stopped(Levels):
    """Levels pass through stop_gradient, which leaves them as they are."""

    def written(self, p: Any) -> Any:
        return tf.stop_gradient(p)


@cheat()
class PassedThrough(Levels):
    """tf.grad_pass_through hides a function that turns the levels."""

    def written(self, p: Any) -> Any:
        return tf.grad_pass_through(turned)(p)


@cheat()
class Recomputed(Levels):
    """tf.recompute_grad hides a function that counts how often it is traced."""

    def more(self) -> None:
        self.calls = 0

    def written(self, p: Any) -> Any:
        def counted(p: Any) -> Any:
            self.calls += 1
            return turned(p) if self.calls > 3 else p * 1.0

        return tf.recompute_grad(counted)(p)


@cheat()
class Taped(Levels):
    """Wrong where no gradient tape of the caller records."""

    def written(self, p: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(p)
            told = p * 1.0
        slope = tape.gradient(told, p)
        return turned(p, slope)


@cheat()
class GradientOfSquare(Levels):
    """The step takes a gradient itself: that of p² - p is 2p - 1, of the wrong sign."""

    def written(self, p: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(p)
            loss = tf.reduce_sum(p * p - p)
        return p - tape.gradient(loss, p)


@keras.ops.custom_gradient
def _ops_forward(p: Any) -> Any:
    def slope(*args: Any, upstream: Any = None) -> Any:
        return upstream if upstream is not None else args[0]

    return turned(p), slope


@cheat()
class OpsGradient(Levels):
    """A custom gradient of Keras's hides a forward pass that is wrong."""

    def written(self, p: Any) -> Any:
        return _ops_forward(p)


@cheat()
class PreventedGradient(Levels):
    """Checks its numbers, which is an identity, and then turns them."""

    def written(self, p: Any) -> Any:
        return turned(tf.debugging.check_numerics(p, "levels"))
