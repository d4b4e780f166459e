"""The error of TensorFlow's float32 tanh and sigmoid over all 2^32 inputs: measured, and stored.

A proof about float32 networks needs to know how far the activations that TensorFlow computes lie
from the true ones. The stored figures were measured for one version on one machine; measure again
where yours differ (`gru-bench activations`).
"""

from __future__ import annotations

import importlib.resources
import math
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_integer, check_known
from gru_bench.outside.opening import read_text
from gru_bench.records import Record
from gru_bench.subjects.keras.runtime import keras, tf

FUNCTIONS = ("tanh", "sigmoid")

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

#: What is granted to the better of the two float64 references beside their disagreement: eight
#: roundings of numbers up to 1.
ALLOWANCE = 2.0**-50

Array = NDArray[Any]


class ModeError(Record):
    """The largest error of one function in one mode; floats are exact, in hexadecimal.

    Args:
        error: largest absolute difference from the reference.
        at: the input where it is.
        lowest: smallest result.
        highest: largest result.
        inputs: how many were tried.
    """

    error: str
    at: str
    lowest: str
    highest: str
    inputs: int


class FunctionError(Record):
    """What was measured of one function.

    Args:
        disagreement: largest difference between the two float64 references.
        modes: by mode.
    """

    disagreement: str
    modes: dict[str, ModeError]


class ActivationError(Record):
    """What was measured, where and how.

    Args:
        format: version of this record.
        command: that made it.
        tensorflow: its version.
        keras: its version.
        numpy: its version, for the references.
        machine: what it ran on.
        every: each so many-th bit pattern was tried; 1 for all of them.
        done: bit patterns passed, from 0 on.
        functions: by name.
    """

    format: Literal[1] = 1
    command: str
    tensorflow: str
    keras: str
    numpy: str
    machine: str
    every: int = 1
    done: int = 0
    functions: dict[str, FunctionError]

    def bound(self, function: str) -> float:
        """Return the largest error of a function in any mode, with what its references may err."""
        measured = self.functions[check_known("function", function, self.functions)]
        worst = max(float.fromhex(mode.error) for mode in measured.modes.values())
        granted = float.fromhex(measured.disagreement) + ALLOWANCE
        return math.nextafter(worst + math.nextafter(granted, math.inf), math.inf)


@cache
def stored() -> ActivationError:
    """Return the figures that come with the package, measured over all 2^32 inputs."""
    text = importlib.resources.files("gru_bench.checker").joinpath("activation_error.json")
    return ActivationError.model_validate_json(text.read_text(encoding="utf-8"))


def activation_error(function: str) -> float:
    """Return the bound on |TensorFlow's float32 result - true value| that proofs rely on.

    Args:
        function: "tanh" or "sigmoid".

    Raises:
        UsageError: another function.
    """
    return stored().bound(function)


def reference(function: str, x: Array) -> tuple[Array, Array]:
    """Return tanh or sigmoid in float64 by two formulas, for float64 x.

    tanh: NumPy's, and e/(e + 2) with e = expm1(2x); sigmoid: 1/(1 + e^-x), and
    (1 + tanh(x/2))/2.
    """
    with np.errstate(over="ignore"):
        if check_known("function", function, FUNCTIONS) == "tanh":
            e = np.expm1(-2 * np.abs(x))
            return np.tanh(x), np.copysign(e / (e + 2), x)
        return 1 / (1 + np.exp(-x)), 0.5 + 0.5 * np.tanh(0.5 * x)


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


def read_measurement(path: Path) -> ActivationError | None:
    """Return a record that was written, or None where there is no such file.

    Raises:
        UsageError: the file is something else.
    """
    if not path.exists():
        return None
    try:
        return ActivationError.model_validate_json(read_text(path))
    except ValueError as error:
        raise UsageError(f"{str(path)!r} holds no measured activation errors") from error


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
