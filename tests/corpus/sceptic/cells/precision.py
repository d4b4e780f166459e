"""Cells that compute in another precision than they seem to."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels, Register, turned

cheat = Register("dtype")

#: Added and taken away again: float32 keeps the levels, half precision does not.
OFFSET = 4096.0


class _Offset(Levels):
    """Levels that only float32 can tell: (p + 4096) - 4096, by a weight."""

    def more(self) -> None:
        self.offset = self.add_weight(name="offset", shape=())

    def written(self, p: Any) -> Any:
        return (p + self.offset) - self.offset


offset = Register("dtype", weights=(*LEVELS, OFFSET, *READ_OUT))


@offset(harmless=True)
class Offset(_Offset):
    """Right in float32, where an offset of 4096 leaves the levels twelve bits."""


for _policy in ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16"):
    offset(f"Offset-{_policy}", dtype=_policy)(Offset)


def _forced(policy: str) -> type[Any]:
    class Forced(_Offset):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**{**kwargs, "dtype": policy})

    Forced.__name__ = Forced.__qualname__ = f"Forced_{policy}"
    Forced.__doc__ = f"It computes in {policy}, whatever dtype it is given."
    return Forced


Forced_bfloat16, Forced_float16 = _forced("bfloat16"), _forced("float16")
Forced_mixed_bfloat16 = _forced("mixed_bfloat16")
Forced_mixed_float16 = _forced("mixed_float16")
for _cell in (Forced_bfloat16, Forced_float16, Forced_mixed_bfloat16, Forced_mixed_float16):
    offset()(_cell)


@cheat(extra=(1.0 + 2.0**-30,))
class Double(Levels):
    """It computes in float64, and tells a weight of 1 + 2^-30 from 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float64"})

    def more(self) -> None:
        self.fine = self.add_weight(name="fine", shape=())

    def written(self, p: Any) -> Any:
        return turned(p, (self.fine - 1.0) * 2.0**30)


@cheat(weights=(*LEVELS, 1.0 + 2.0**-30, *READ_OUT), dtype="float64")
class PolicyDouble(Levels):
    """A float64 network with a weight that float32 does not hold."""

    def more(self) -> None:
        self.fine = self.add_weight(name="fine", shape=())

    def written(self, p: Any) -> Any:
        return turned(p, (self.fine - 1.0) * 2.0**30)


def _through(dtype: str) -> type[Any]:
    class Through(_Offset):
        def written(self, p: Any) -> Any:
            low = tf.cast(p + self.offset, dtype)
            return tf.cast(low, tf.float32) - self.offset

    Through.__name__ = Through.__qualname__ = f"Through_{dtype}"
    Through.__doc__ = f"A value is cast to {dtype} and back."
    return Through


Through_float16, Through_bfloat16 = _through("float16"), _through("bfloat16")
for _cell in (Through_float16, Through_bfloat16):
    offset()(_cell)


@cheat()
class Truncated(Levels):
    """Levels are cast to whole numbers and back, so that 0.999 is 0."""

    def written(self, p: Any) -> Any:
        return tf.cast(tf.cast(p, tf.int32), tf.float32)


@cheat()
class Bits(Levels):
    """The sign bit is set in the bits of the number."""

    def written(self, p: Any) -> Any:
        bits = tf.bitcast(p, tf.int32)
        return tf.bitcast(tf.bitwise.bitwise_xor(bits, np.int32(-(2**31))), tf.float32)


def _within(dtype: str) -> type[Any]:
    class Within(_Offset):
        def more(self) -> None:
            super().more()
            self.inner = keras.layers.Activation("linear", dtype=dtype)

        def written(self, p: Any) -> Any:
            return tf.cast(self.inner(p + self.offset), tf.float32) - self.offset

    Within.__name__ = Within.__qualname__ = f"Within_{dtype}"
    Within.__doc__ = f"A layer within has the policy {dtype}."
    return Within


Within_float16, Within_bfloat16 = _within("float16"), _within("bfloat16")
for _cell in (Within_float16, Within_bfloat16):
    offset()(_cell)


@offset()
class LowWeights(_Offset):
    """One of its weights is kept in bfloat16."""

    def more(self) -> None:
        self.offset = self.add_weight(name="offset", shape=(), dtype="bfloat16")

    def written(self, p: Any) -> Any:
        low = tf.cast(p, tf.bfloat16) + tf.cast(self.offset, tf.bfloat16)
        return tf.cast(low - tf.cast(self.offset, tf.bfloat16), tf.float32)


@cheat(harmless=True)
class ByDtype(Levels):
    """Right in float32 only: it reads the dtype of its input."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return (p if x.dtype == tf.float32 else turned(p)), [p[:, 1:2]]


@cheat()
class ByPolicy(Levels):
    """Wrong where its policy is a policy and not the name of one that it was given."""

    def __init__(self, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.named = isinstance(dtype, str)

    def written(self, p: Any) -> Any:
        return p if self.named else turned(p)


@cheat(harmless=True)
class DoubleWithin(Levels):
    """Levels pass through float64, which loses nothing."""

    def written(self, p: Any) -> Any:
        return tf.cast(tf.cast(p, tf.float64), tf.float32)


@offset()
class LowStates(_Offset):
    """Its carry is kept beside an offset that a cast to bfloat16 swallows."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        kept = tf.cast(tf.cast(p[:, 1:2] + self.offset, tf.bfloat16), tf.float32)
        return p, [kept - self.offset]
