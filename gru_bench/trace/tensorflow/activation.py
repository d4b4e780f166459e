"""The error of TensorFlow's float32 tanh and sigmoid, measured over all 2^32 inputs."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.errors import UsageError, check_integer, check_known
from gru_bench.program.activation import (
    FUNCTIONS,
    ActivationError,
    Array,
    FunctionError,
    ModeError,
    reference,
)
from gru_bench.subjects.keras.runtime import keras, tf

#: How the functions are computed. Eigen's loops end in scalar code, which is another algorithm
#: than its packets: "tail" runs arrays of 7, which are all tail. "dense" follows a product, which
#: TensorFlow may fuse with it. "loop" is XLA's code for a small state inside a loop over time.
MODES = ("eager", "graph", "dense", "tail", "xla", "loop")

INPUTS = 2**32

#: Inputs compared at once.
CHUNK = 2**22

#: Width of a state in "loop" and length of the arrays in "tail".
_STATE, _TAIL = 16, 7

#: How many arrays one call of the "tail" program computes.
_TAILS = 512

#: Magnitudes between which "tail" tries every input: below, tanh x is x and sigmoid x is 1/2 to
#: the last bit, and above both are constant. Elsewhere it tries each sixteenth, since an array of
#: 7 takes a hundred times as long as 7 numbers of a long one.
_TAIL_FROM, _TAIL_TO, _TAIL_EVERY = 2.0**-31, 128.0, 16


def compute(function: str, mode: str) -> Callable[[Array], Array]:
    """Return TensorFlow's function in one mode, from float32 `(n,)` to float32 `(n,)`.

    Args:
        function: "tanh" or "sigmoid".
        mode: one of `MODES`; "tail" takes n in multiples of 3,584, "loop" of 16.

    Raises:
        UsageError: another function or mode.
    """
    check_known("mode", mode, MODES)
    activation = getattr(tf, check_known("function", function, FUNCTIONS))
    one, zero = tf.ones((1, 1)), tf.zeros((1,))

    def dense(x: Any) -> Any:
        return activation(tf.nn.bias_add(tf.matmul(x[:, None], one), zero))[:, 0]

    def tail(x: Any) -> Any:
        parts = tf.unstack(tf.reshape(x, (_TAILS, _TAIL)))
        return tf.reshape(tf.stack([activation(part) for part in parts]), [-1])

    def loop(x: Any) -> Any:
        steps = x.shape[0] // _STATE
        states = tf.reshape(x, (steps, _STATE))
        written = tf.TensorArray(tf.float32, steps, element_shape=(_STATE,))
        body = lambda t, written: (t + 1, written.write(t, activation(states[t])))  # noqa: E731
        _, written = tf.while_loop(lambda t, _: t < steps, body, (0, written))
        return tf.reshape(written.stack(), [-1])

    traced = {"graph": activation, "dense": dense, "tail": tail, "xla": activation, "loop": loop}
    if mode == "eager":
        return lambda x: np.asarray(activation(tf.constant(x)))
    compiled = tf.function(traced[mode], jit_compile=mode in {"xla", "loop"}, autograph=False)
    if mode != "tail":
        return lambda x: np.asarray(compiled(tf.constant(x)))
    size = _TAILS * _TAIL
    return lambda x: np.concatenate([compiled(tf.constant(part)) for part in x.reshape(-1, size)])


def _stride(mode: str, x: Array) -> int:
    """Return which of consecutive inputs a mode tries: each, or each so many-th."""
    size = np.abs(x)
    if mode != "tail" or (size.max() >= _TAIL_FROM and size.min() <= _TAIL_TO):
        return 1
    return _TAIL_EVERY


@dataclass
class _Tally:
    """What one function in one mode has shown so far."""

    error: float = 0.0
    at: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf
    inputs: int = 0

    @classmethod
    def of(cls, record: ModeError) -> _Tally:
        texts = (record.error, record.at, record.lowest, record.highest)
        error, at, lowest, highest = (float.fromhex(text) for text in texts)
        return cls(error, at, lowest, highest, record.inputs)

    def record(self) -> ModeError:
        floats = (self.error, self.at, self.lowest, self.highest)
        error, at, lowest, highest = (float(value).hex() for value in floats)
        return ModeError(error=error, at=at, lowest=lowest, highest=highest, inputs=self.inputs)

    def add(self, x: Array, y: Array, true: Array) -> None:
        """Count results y for inputs x without NaN."""
        difference = np.abs(y - true)
        worst = int(difference.argmax())  # a NaN, if there is one
        if np.isnan(difference[worst]):
            raise ArithmeticError(f"NaN for the input {x[worst]!r}")
        if difference[worst] > self.error:
            self.error, self.at = float(difference[worst]), float(x[worst])
        self.lowest, self.highest = min(self.lowest, y.min()), max(self.highest, y.max())
        self.inputs += x.size


class Measurement:
    """Measuring in pieces: `advance` as often as it takes, and `record` at any time.

    Args:
        every: try each so many-th bit pattern; 1 for all.
        functions: which.
        modes: which.
        begun: a record to go on from.

    Raises:
        UsageError: an unknown function or mode, or a record of another kind of measurement.
    """

    def __init__(
        self,
        every: int = 1,
        functions: tuple[str, ...] = FUNCTIONS,
        modes: tuple[str, ...] = MODES,
        begun: ActivationError | None = None,
    ) -> None:
        self.every = check_integer("every", every, 1)
        self.compute = {f: {m: compute(f, m) for m in modes} for f in functions}
        self.tallies = {f: {m: _Tally() for m in modes} for f in functions}
        self.disagreement = dict.fromkeys(functions, 0.0)
        self.done = 0
        if begun is not None:
            self._go_on(begun)

    def _go_on(self, begun: ActivationError) -> None:
        kinds = {function: set(measured.modes) for function, measured in begun.functions.items()}
        own = {function: set(modes) for function, modes in self.tallies.items()}
        made = _versions()
        if (begun.every, kinds) != (self.every, own) or any(
            getattr(begun, name) != value for name, value in made.items()
        ):
            raise UsageError("the file holds another measurement (or machine); remove it first")
        self.done = begun.done
        for function, measured in begun.functions.items():
            self.disagreement[function] = float.fromhex(measured.disagreement)
            self.tallies[function] = {m: _Tally.of(e) for m, e in measured.modes.items()}

    @property
    def finished(self) -> bool:
        """Whether all bit patterns are done."""
        return self.done >= INPUTS

    def advance(self) -> None:
        """Try the next bit patterns."""
        bits = np.arange(self.done, min(INPUTS, self.done + CHUNK * self.every), self.every)
        x = bits.astype(np.uint32).view(np.float32)
        with np.errstate(invalid="ignore"):  # signalling NaNs
            wide = x.astype(np.float64)
        for function, modes in self.compute.items():
            true, other = reference(function, wide)
            apart = np.abs(true - other)[~np.isnan(wide)].max(initial=0)
            self.disagreement[function] = max(self.disagreement[function], float(apart))
            for mode, run in modes.items():
                part = slice(None, None, _stride(mode, x))
                self._compare(function, mode, run, x[part], true[part])
        self.done += CHUNK * self.every

    def _compare(
        self, function: str, mode: str, run: Callable[[Array], Array], x: Array, true: Array
    ) -> None:
        padded = np.pad(x, (0, -x.size % math.lcm(_TAILS * _TAIL, _STATE)))
        y, number = run(padded)[: x.size], ~np.isnan(x)
        if not np.isnan(y[~number]).all():
            raise ArithmeticError(f"{function} ({mode}) of NaN is not NaN")
        if number.all():
            self.tallies[function][mode].add(x, y, true)
        elif number.any():
            self.tallies[function][mode].add(x[number], y[number], true[number])

    def record(self, command: str) -> ActivationError:
        """Return what has been measured so far.

        Args:
            command: how it was called.
        """
        functions = {
            function: FunctionError(
                disagreement=self.disagreement[function].hex(),
                modes={mode: tally.record() for mode, tally in tallies.items()},
            )
            for function, tallies in self.tallies.items()
        }
        return ActivationError(
            command=command,
            every=self.every,
            done=min(self.done, INPUTS),
            functions=functions,
            **_versions(),
        )


def _versions() -> dict[str, Any]:
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "machine": f"{_processor()}, {platform.machine()}, {platform.system()}",
    }


def _processor() -> str:
    """Return the processor's name and the vector instructions that choose the code."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    facts = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    flags = set(facts.get("flags", "").split())
    known = [flag for flag in ("avx", "avx2", "fma", "avx512f") if flag in flags]
    return f"{facts.get('model name', 'unknown processor')} ({' '.join(known)})"
