"""A cell with a linear read-out, as a pure function of one flat vector of weights θ.

    s_t = o_t V + c

o_t is the cell's output `(B, O)`; the scores s_t are `(B, 1)` where the task writes one of two
values (above the threshold means 1) and `(B, outputs)` otherwise (the largest wins).
"""

from __future__ import annotations

import contextlib
import inspect
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.loading import make_cell
from gru_bench.subjects.keras.masks import forget_masks
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.subjects.loading import cell_name
from gru_bench.task.transducer import Transducer

_ONE_SEED_AT_A_TIME = threading.Lock()


class Network:
    """A built cell and its read-out; holds shapes, not weights.

    Args:
        cell: a cell class or its `package.module:Name`.
        arguments: for the cell's constructor.
        task: the transducer to learn; it fixes the sizes of input and read-out.
        dtype: a Keras dtype policy.

    Raises:
        UsageError: the cell cannot be made, built, or run for one step.
    """

    def __init__(
        self,
        cell: str | type[Any],
        arguments: Mapping[str, Any],
        task: Transducer,
        dtype: str = "float32",
    ) -> None:
        self.task = task
        self.dtype = dtype
        self.arguments = dict(arguments)
        self.cell_name = cell if isinstance(cell, str) else cell_name(cell)
        self._given = cell
        self.scores = 1 if task.outputs == 2 else task.outputs
        with _drawn_alike():
            self.cell = make_cell(cell, arguments, dtype)
            self._build_cell()
        call = inspect.signature(self.cell.call).parameters
        self.takes_training = "training" in call
        self._call_options = {"training": True} if self.takes_training else {}
        self._try_one_step()

    def _build_cell(self) -> None:
        try:
            building.build(self.cell, self.task.features.shape[1])
        except UsageError:
            raise
        except FAULTS as error:  # a user's cell can fail in any way
            raise self._cannot_run(error) from error

    def _cannot_run(self, error: BaseException) -> UsageError:
        return UsageError(f"cell {self.cell_name!r} cannot run one step: {in_one_line(error)}")

    def _try_one_step(self) -> None:
        features = self.task.features.shape[1]
        try:
            self.variable_dtype = tf.as_dtype(self.cell.variable_dtype)
            self.compute_dtype = tf.as_dtype(self.cell.compute_dtype)
            x = tf.zeros((1, features), self.compute_dtype)
            self._nested = building.initial_states(self.cell, 1)
            output, _ = self.cell(x, self._nested)
        except UsageError:
            raise
        except FAULTS as error:  # a user's cell can fail in any way
            raise self._cannot_run(error) from error
        if not building.is_tensor(output):
            raise UsageError(
                f"the output of cell {self.cell_name!r} must be one tensor, "
                f"got {building.kind_of(output)}"
            )
        if len(np.shape(output)) != 2:
            raise UsageError(
                f"cell {self.cell_name!r} must return an output of shape (batch, size), "
                f"got rank {len(np.shape(output))}"
            )
        read_out = [(int(output.shape[1]), self.scores), (self.scores,)]
        shapes = [tuple(v.shape) for v in self.cell.trainable_variables]
        self.shapes: list[tuple[int, ...]] = [*shapes, *read_out]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]

    @property
    def size(self) -> int:
        """Number of trainable weights P, the length of θ."""
        return sum(self.sizes)

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the frameworks in which it runs, by name."""
        return {"tensorflow": tf.__version__, "keras": keras.__version__}

    def subject(self) -> KerasSubject:
        """Return the cell behind NumPy."""
        return KerasSubject(self.cell, self.task.features.shape[1])

    def again(self) -> Network:
        """Return the same network with a cell made anew, and all this one's cell keeps."""
        other = Network(self._given, self.arguments, self.task, self.dtype)
        other.keep(self.kept)
        return other

    def make_cell(self) -> Any:
        """Return a new cell of this kind, not yet built."""
        with _drawn_alike():
            return make_cell(self._given, self.arguments, self.dtype)

    @cached_property
    def learns_start(self) -> bool:
        """Whether the cell's initial state depends on its trainable weights."""
        weights = [tf.convert_to_tensor(v.value) for v in self.cell.trainable_variables]
        pairs = zip(self.cell.trainable_variables, weights, strict=True)
        with tf.GradientTape() as tape, keras.StatelessScope(state_mapping=list(pairs)):
            tape.watch(weights)
            states = keras.tree.flatten(self.initial_state(1))
        return any(slope is not None for slope in tape.gradient(states, weights))

    @property
    def kept(self) -> list[NDArray[Any]]:
        """What the cell keeps beside its weights: frozen weights, and its random generators."""
        return [np.asarray(variable.value) for variable in self.cell.non_trainable_variables]

    def keep(self, values: Sequence[Any]) -> None:
        """Set what the cell keeps, as `kept` returned it.

        Raises:
            UsageError: it keeps values of other shapes.
        """
        variables = self.cell.non_trainable_variables
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [np.shape(value) for value in values]:
            raise UsageError(
                f"cell {self.cell_name!r} keeps values of shapes {shapes}, "
                f"got {[np.shape(value) for value in values]}"
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def initial_state(self, batch: int, weights: Sequence[Any] | None = None) -> Any:
        """Return the cell's states before the first step, as the cell nests them.

        Args:
            batch: B.
            weights: the cell's, where a state may depend on them; by default those the cell has.
        """
        if weights is not None and self.learns_start:
            pairs = zip(self.cell.trainable_variables, weights, strict=True)
            with keras.StatelessScope(state_mapping=list(pairs)):
                return self.initial_state(batch)
        return self._outside(building.initial_states(self.cell, batch))

    def _outside(self, states: Any) -> Any:
        """Return states as they are kept between steps: nested alike, whole numbers as real ones.

        A cell may return its one state bare, or a tuple for a list.
        """
        dtype = self.compute_dtype
        flat = [
            state if state.dtype.is_floating else tf.cast(state, dtype)
            for state in map(tf.convert_to_tensor, keras.tree.flatten(states))
        ]
        if len(flat) != len(keras.tree.flatten(self._nested)):
            raise UsageError(
                f"cell {self.cell_name!r} returns {len(flat)} states, "
                f"it begins with {len(keras.tree.flatten(self._nested))}"
            )
        return keras.tree.pack_sequence_as(self._nested, flat)

    def _inside(self, states: Any) -> Any:
        """Return states in the dtypes in which the cell keeps them."""
        return keras.tree.map_structure(
            lambda state, kept: (
                state if kept.dtype.is_floating else tf.cast(tf.round(state), kept.dtype)
            ),
            states,
            self._nested,
        )

    @property
    def left_out(self) -> str:
        """What of the cell training does not count, empty for nothing."""
        x = tf.zeros((1, self.task.features.shape[1]), self.compute_dtype)
        self.cell(x, self._nested, **self._call_options)
        variables = self.cell.trainable_variables
        if any(getattr(variable, "regularizer", None) is not None for variable in variables):
            return "a regulariser of its weights"
        if self.cell.losses:
            return "a loss that it adds"
        if any(getattr(variable, "constraint", None) is not None for variable in variables):
            return "a constraint on its weights"
        return ""

    def unpack(self, theta: Any) -> list[Any]:
        """Return the weights in θ, shaped: those of the cell, then V and c."""
        parts = tf.split(theta, self.sizes)
        return [tf.reshape(part, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def pack(self, weights: Sequence[Any]) -> NDArray[Any]:
        """Return θ for shaped weights, the inverse of `unpack`."""
        return np.concatenate([np.asarray(weight).reshape(-1) for weight in weights])

    def frozen(self, seed: int) -> list[Any]:
        """Return the cell's non-trainable values, its random generators seeded with `seed`."""
        values = []
        for variable in self.cell.non_trainable_variables:
            value = tf.convert_to_tensor(variable.value)
            if variable.name == "seed_generator_state":
                value = tf.constant([seed % 2**31, 0], value.dtype)
            values.append(value)
        return values

    def forget_masks(self) -> None:
        """Drop the dropout masks a cell keeps from step to step; called while tracing."""
        forget_masks(self.cell)

    def cell_step(
        self, weights: Sequence[Any], frozen: Any, x: Any, states: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Return the cell's output `(B, O)`, the new states and the new non-trainable values.

        Args:
            weights: the cell's, the first of what `unpack` returns.
            frozen: as `frozen` returns them.
            x: encoded symbols, `(B, F)`.
            states: as `initial_state` returns them.
            training: whether dropout and the like are active.
        """
        options = {**self._call_options, "training": training} if self._call_options else {}
        variables = [*self.cell.trainable_variables, *self.cell.non_trainable_variables]
        values = zip(variables, [*weights, *frozen], strict=True)
        # Not `stateless_call`: it leaves out the casts of mixed precision.
        with keras.StatelessScope(state_mapping=list(values)) as scope:
            output, states = self.cell(x, self._inside(states), **options)
        after = [scope.get_current_value(v) for v in self.cell.non_trainable_variables]
        return output, self._outside(states), after

    def read_out(self, weights: Sequence[Any], outputs: Any) -> Any:
        """Return the scores `(..., scores)` for outputs `(..., O)` and weights (V, c)."""
        V, c = weights
        return tf.tensordot(tf.cast(outputs, self.variable_dtype), V, 1) + c

    def step(self, weights: Sequence[Any], frozen: Any, x: Any, states: Any) -> tuple[Any, Any]:
        """Return the scores `(B, scores)` and the new states, outside training."""
        output, states, _ = self.cell_step(weights[:-2], frozen, x, states)
        return self.read_out(weights[-2:], output), states

    def encode(self, symbols: Any) -> Any:
        """Return the features of int32 symbols: `(..., F)` for shape `(...)`."""
        return tf.gather(tf.constant(self.task.features, self.compute_dtype), symbols)

    def decide(self, scores: Any, threshold: float) -> Any:
        """Return the digits the network writes, int32 `(...)` for scores `(..., scores)`."""
        if self.scores == 1:
            return tf.cast(scores[..., 0] > threshold, tf.int32)
        return tf.argmax(scores, axis=-1, output_type=tf.int32)

    def initial_weights(self, seed: int, stddev: float | None) -> Any:
        """Return θ before training.

        Args:
            seed: of the replicate.
            stddev: of a truncated normal for every weight; None for the cell's own initialisers
                and a Glorot-uniform read-out.
        """
        if stddev is not None:
            return tf.random.stateless_truncated_normal(
                (self.size,),
                [seed, INITIAL_WEIGHTS],
                stddev=stddev,
                dtype=self.variable_dtype,
                alg="philox",
            )
        weights = [np.asarray(v.value) for v in self._fresh_cell(seed).trainable_variables]
        V, c = self.shapes[-2:]
        glorot = keras.initializers.GlorotUniform(seed=seed)
        weights += [np.asarray(glorot(V, dtype=self.variable_dtype.name)), np.zeros(c)]
        return tf.constant(self.pack(weights), self.variable_dtype)

    def _fresh_cell(self, seed: int) -> Any:
        """Build the cell anew under a global seed, which unseeded initialisers read.

        The seed is the whole process's, so threads that start runs do it one after the other.
        """
        with _ONE_SEED_AT_A_TIME:
            keras.utils.set_random_seed(seed % 2**32)
            cell = make_cell(self._given, self.arguments, self.dtype)
            building.build(cell, self.task.features.shape[1])
        return cell


@contextlib.contextmanager
def _drawn_alike() -> Iterator[None]:
    """Let unseeded initialisers draw the same each time, and leave the process's state as it was.

    A cell's frozen weights are not in θ: without this each network of a cell would have others.
    """
    with _ONE_SEED_AT_A_TIME:
        plain, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002  # users' state
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(arrays)  # noqa: NPY002


#: Purposes of random streams: each run's seed is split by them.
INITIAL_WEIGHTS, TRAINING_PAIRS, STATE_NOISE, TEST_PAIRS = range(1, 5)
