"""An adder to use: a trained network, integers in and integers out, saved and loaded."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError, check_integer, in_one_line
from gru_bench.learning.network import Network
from gru_bench.learning.saved import (
    FACTS,
    FORMAT,
    Saved,
    check_same_arrays,
    load_weights,
    read_saved,
)
from gru_bench.outside.bounds import LENGTH, THRESHOLD
from gru_bench.outside.text import one_line
from gru_bench.outside.writing import check_output, roomy_folder, write_result
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.loading import check_trusted
from gru_bench.subjects.keras.maker import around
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.task.transducer import IntArray, get_task

#: Steps run by one call of the compiled program; longer numbers take several calls.
_STEPS = 128


class Adder:
    """A network with weights that turns integers into the integer it believes is their sum.

    Args:
        network: cell, read-out and task.
        theta: its weights θ, `(P,)`.
        threshold: score above which a two-valued read-out says 1.
        origin: how it was trained (recipe, seed, iterations), kept with it.
    """

    def __init__(
        self,
        network: Network,
        theta: Any,
        threshold: float = 0.0,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network
        self.theta: NDArray[Any] = np.asarray(theta, network.variable_dtype.as_numpy_dtype)
        if self.theta.shape != (network.size,):
            raise UsageError(
                f"this network has {network.size} weights, got an array of {self.theta.shape}"
            )
        self.threshold = THRESHOLD.check("threshold", float(threshold))
        self.origin = dict(origin or {})
        self._advance = tf.function(self._trace, jit_compile=True, autograph=False)

    @overload
    def add(self, a: int, b: int, length: int | None = None) -> int: ...

    @overload
    def add(self, a: Sequence[int], b: Sequence[int], length: int | None = None) -> list[int]: ...

    def add(self, a: Any, b: Any, length: int | None = None) -> Any:
        """Return what the network says a + b is.

        Args:
            a: a non-negative integer of any size, or a sequence or array of them.
            b: the same.
            length: digits per number, leading zeros included; by default those of the largest.

        Returns:
            An integer, or a list of them where a and b are sequences.

        Raises:
            UsageError: another task than an addition, a negative or non-integer addend, or
                sequences of different lengths; a length that is too small.
        """
        if not self.network.task.name.endswith("addition"):
            raise UsageError(f"this network was trained for {self.network.task.name}, not to add")
        return self.compute(a, b, length=length)

    def compute(self, *operands: Any, length: int | None = None) -> Any:
        """Return what the network writes for the task's operands.

        Args:
            *operands: as many non-negative integers, or sequences of them, as the task reads.
            length: digits per number; by default those of the largest operand.

        Raises:
            UsageError: as for `add`.
        """
        single = not any(_is_sequence(operand) for operand in operands)
        columns = [[operand] if single else _as_list(operand) for operand in operands]
        if len({len(column) for column in columns}) > 1:
            lengths = ", ".join(str(len(column)) for column in columns)
            raise UsageError(f"operands must be equally many, got {lengths}")
        rows = list(zip(*columns, strict=True))
        if not rows:
            return []
        task = self.network.task
        if length is not None:
            LENGTH.check("length", length)
        least = max(task.encode(row).size - task.flush for row in rows)
        symbols = np.stack([task.encode(row, length or least) for row in rows])
        values = [task.value(written) for written in self.run(symbols)]
        return values[0] if single else values

    def run(self, symbols: IntArray) -> IntArray:
        """Return the digits the network writes, `(B, T)`, for symbols `(B, T)`."""
        symbols = np.asarray(symbols, np.int32)
        count, steps = symbols.shape
        # Sizes are rounded up, so that a few compiled programs serve all of them.
        rows = 1 << (count - 1).bit_length()
        padded = np.zeros((-(-steps // _STEPS) * _STEPS, rows), np.int32)
        padded[:steps, :count] = symbols.T
        weights = self._weights[:-2] if self.network.learns_start else None
        states = self.network.initial_state(rows, weights)
        written = []
        for start in range(0, steps, _STEPS):
            chunk = tf.constant(padded[start : start + _STEPS])
            digits, states = self._advance(tf.constant(self.theta), chunk, states)
            written.append(digits.numpy())
        return np.concatenate(written)[:steps, :count].T.astype(np.int64)

    @property
    def _weights(self) -> list[Any]:
        return self.network.unpack(tf.constant(self.theta))

    def _trace(self, theta: Any, symbols: Any, states: Any) -> tuple[Any, Any]:
        network = self.network
        weights, frozen = network.unpack(theta), network.frozen(0)
        written = tf.TensorArray(tf.int32, _STEPS, element_shape=symbols.shape[1:])

        def body(t: Any, states: Any, written: Any) -> Any:
            network.forget_masks()
            scores, states = network.step(weights, frozen, network.encode(symbols[t]), states)
            return t + 1, states, written.write(t, network.decide(scores, self.threshold))

        _, states, written = tf.while_loop(
            lambda t, *_: t < _STEPS, body, (tf.constant(0), states, written)
        )
        return written.stack(), states

    def to_model(self) -> Any:
        """Return a Keras model from encoded symbols `(B, T, F)` to scores `(B, T, scores)`."""
        network = self.network
        cell = network.make_cell()
        building.build(cell, network.task.features.shape[1])
        inputs = keras.Input((None, network.task.features.shape[1]), name="symbols")
        layer = around(cell, return_sequences=True, dtype=network.dtype, name="rnn")
        outputs = layer(inputs)
        read_out = keras.layers.Dense(
            network.scores, dtype=network.variable_dtype.name, name="read_out"
        )
        model = keras.Model(inputs, read_out(outputs), name="adder")
        weights = [part.numpy() for part in self._weights]
        for variables, values in (
            (trained_variables(model), weights),
            (cell.non_trainable_variables, network.kept),
        ):
            held, wanted = [tuple(v.shape) for v in variables], [np.shape(v) for v in values]
            if held != wanted:
                raise UsageError(
                    f"Keras's model of cell {network.cell_name!r} has weights of shapes "
                    f"{held}, the network {wanted}"
                )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return model

    def _check_config(self, config: Mapping[str, Any], model: Any) -> None:
        """Refuse a Keras model that is built otherwise than this adder's own.

        Args:
            config: of the model, as a file has it.
            model: this adder's own.

        Raises:
            UsageError: it has other layers, another cell or other options.
        """
        described = json.loads(json.dumps(model.get_config()))
        given, own = (_without_cell_names(c) for c in (dict(config), described))
        if given != own:
            raise UsageError(f"its Keras model is not that of an adder: {_difference(given, own)}")
        kind = type(parts_of(model)[0])
        registered = keras.saving.get_registered_object(keras.saving.get_registered_name(kind))
        if registered not in (None, kind):
            raise UsageError("Keras has registered another class by the name of its cell")

    def save(self, path: str | Path) -> None:
        """Write a Keras file, whole or not at all; Keras itself can load it too.

        Raises:
            UsageError: the name does not end in .keras, or the file cannot be written; where it
                fails only at the end, the line says where the adder is instead.
        """
        path = check_model_path(path)
        network = self.network
        facts = {
            "format": FORMAT,
            "cell": network.cell_name,
            "arguments": network.arguments,
            "task": network.task.name,
            "dtype": network.dtype,
            "threshold": self.threshold,
            "origin": self.origin,
        }
        with roomy_folder(1000 + 20 * self.theta.nbytes) as folder:  # Keras writes to a path only
            temporary = folder / "adder.keras"
            self.to_model().save(temporary)
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.writestr(FACTS, json.dumps(facts, indent=1))
            data = temporary.read_bytes()
        write_result(path, data)

    @classmethod
    def load(cls, path: str | Path, trust: Sequence[str] = ()) -> Adder:
        """Read what `save` wrote.

        Args:
            path: of the file.
            trust: modules of yours whose cell the adder may have: importing them runs their code.

        Raises:
            UsageError: the file is missing, damaged or something else, or its cell is not here,
                or in a module that is neither trusted nor of the bench or of Keras.
        """
        path = Path(path)
        return cls.restore(read_saved(path), path, trust)

    @classmethod
    def restore(cls, saved: Saved, path: Path, trust: Sequence[str] = ()) -> Adder:
        """Make what a file says that has been read.

        Args:
            saved: what `read_saved` returned.
            path: of the file, for messages.
            trust: as `load` takes it.

        Raises:
            UsageError: as `load` raises it, once the file is read.
        """
        facts = saved.facts
        try:
            check_trusted(facts.cell, facts.arguments, trust)
            network = Network(facts.cell, facts.arguments, get_task(facts.task), facts.dtype)
            adder = cls(network, np.zeros(network.size), facts.threshold, facts.origin)
            model = adder.to_model()
            adder._check_config(saved.config, model)
            load_weights(model, saved.weights)
            check_same_arrays(model, saved.weights)
            cell, _ = parts_of(model)
            theta = network.pack([variable.value for variable in trained_variables(model)])
            network.keep([variable.value for variable in cell.non_trainable_variables])
            return cls(network, theta, facts.threshold, facts.origin)
        except UsageError as error:
            raise UsageError(one_line(f"model {str(path)!r}: {error}")) from error
        except Exception as error:  # Keras and HDF5 raise many kinds on files they did not write
            reason = one_line(in_one_line(error))[:300]
            raise UsageError(f"model {str(path)!r} is damaged: {reason}") from error


def parts_of(model: Any) -> tuple[Any, Any]:
    """Return the cell and the read-out of a Keras model that `Adder.to_model` made."""
    return model.get_layer("rnn").cell, model.get_layer("read_out")


def trained_variables(model: Any) -> list[Any]:
    """Return the variables of such a model in the order of θ."""
    return [variable for part in parts_of(model) for variable in part.trainable_variables]


def check_model_path(path: str | Path) -> Path:
    """Return the path a model can be saved at.

    Raises:
        UsageError: it does not end in .keras, or its folder is missing or not writable.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise UsageError(f"a model file must end in .keras, got {str(path)!r}")
    return check_output(path)


#: What Keras appends to the name of a layer that it names itself.
_COUNTED = re.compile(r"_\d+$")


def _without_cell_names(config: Any, inside: bool = False) -> Any:
    """Return a model's configuration without the numbers that Keras gives to layers in its cell.

    Only a layer's configuration has a name of that kind: a policy's name, or an argument that is
    called so, says what is computed.
    """
    if isinstance(config, dict):
        counted = inside and {"name", "trainable", "dtype"} <= config.keys()
        return {
            key: _COUNTED.sub("", str(value))
            if counted and key == "name"
            else _without_cell_names(value, inside or key == "cell")
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return [_without_cell_names(value, inside) for value in config]
    return config


def _difference(given: Any, own: Any, place: str = "") -> str:
    """Say where two configurations differ first."""
    if isinstance(given, dict) and isinstance(own, dict):
        for key in {**own, **given}:
            if given.get(key) != own.get(key):
                return _difference(given.get(key), own.get(key), f"{place}/{key}")
    if isinstance(given, list) and isinstance(own, list) and len(given) == len(own):
        for k, (one, other) in enumerate(zip(given, own, strict=True)):
            if one != other:
                return _difference(one, other, f"{place}/{k}")
    return f"{place or 'it'} is {str(given)!r:.60}, not {str(own)!r:.60}"


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)


def _as_list(value: Any) -> list[int]:
    values = np.asarray(value, object).reshape(-1).tolist() if _is_sequence(value) else [value]
    return [check_integer("an addend", item, 0) for item in values]
