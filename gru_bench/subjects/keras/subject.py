"""A Keras cell as a subject: NumPy in and out, in any mode that TensorFlow can execute."""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gru_bench.errors import (
    FAULTS,
    NotSupportedError,
    UsageError,
    check_integer,
    check_known,
    in_one_line,
)
from gru_bench.subjects.inputs import Inputs
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.loading import default_policy, make_cell
from gru_bench.subjects.keras.masks import forget_masks
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.loading import cell_name
from gru_bench.subjects.protocol import Array, Arrays

#: How a step can be executed.
MODES = ("eager", "graph", "xla")


class KerasSubject:
    """A Keras RNN cell as a subject.

    Args:
        cell: it has `state_size` and `call(inputs, states)`; it is built here where it is not.
        input_size: F; taken from the first weight of a built cell where it is None.
        training: whether dropout and the like are active. Masks that the cell keeps are drawn
            once, here, and held fixed from then on.
        batch: the B for which masks are drawn.

    Raises:
        UsageError: the cell cannot be built or cannot run one step.
    """

    modes = MODES
    #: Which inputs the cell takes; None for any. Others are folded in where they come.
    accepts: Inputs | None = None

    def __init__(
        self, cell: Any, input_size: int | None = None, training: bool = False, batch: int = 1
    ) -> None:
        if not hasattr(cell, "state_size"):
            raise UsageError(f"{cell!r} is not a recurrent cell: it has no state_size")
        if isinstance(cell, keras.layers.RNN):
            raise UsageError(f"{cell.name!r} is a whole layer, not a cell: give its .cell")
        self.cell = cell
        self.name = getattr(cell, "name", type(cell).__name__)
        self.input_size = _input_size(cell, input_size)
        self.training = training
        self._takes_training = _takes_training(cell)
        self._compiled: dict[str, Any] = {}
        self._loop: Any = None
        self._traceable = True
        #: What others traced from this cell, by batch size; kept here so that it lives as long.
        self.traced: dict[int, Any] = {}
        #: The same cell in float64, where someone made it.
        self.double: KerasSubject | None = None
        self._try_one_step(batch)

    def _try_one_step(self, batch: int) -> None:
        try:
            building.build(self.cell, self.input_size)
            self.dtype = str(self.cell.compute_dtype)
            self._nested = building.initial_states(self.cell, batch)
            flat = keras.tree.flatten(self._nested)
            self.state_shapes = tuple(tuple(state.shape[1:]) for state in flat)
            #: Dtypes of states that are whole numbers, such as counters; None for the others.
            self.whole = tuple(_whole(state) for state in flat)
            self.forget_masks()
            x = tf.zeros((batch, self.input_size), self.dtype)
            if self.cell.variable_dtype == self.cell.compute_dtype:
                first = self._outside(flat)
                output, _, _ = self.step_tensors(self.weights, self.frozen, x, first)
            else:  # Keras's stateless_call does not cast weights to the compute dtype
                output, _ = self.cell(x, self._nested, training=self.training)
        except FAULTS as error:  # a user's cell can fail in any way
            raise UsageError(
                f"cell {self.name!r} cannot run one step: {in_one_line(error)}"
            ) from error
        self._check_supported(output, flat)
        self.output_shape = tuple(output.shape[1:])
        self.output_dtype = output.dtype

    def _check_supported(self, output: Any, states: Sequence[Any]) -> None:
        """Refuse what no law can be asked of."""
        if not building.is_tensor(output):
            raise NotSupportedError(
                f"the output of cell {self.name!r} must be one tensor, "
                f"got {building.kind_of(output)}"
            )
        for what, tensor in (("output", output), *(("state", state) for state in states)):
            dtype = tf.as_dtype(tensor.dtype)
            if dtype.is_complex or dtype.is_bool:
                raise NotSupportedError(
                    f"the {what} of cell {self.name!r} must be real or whole numbers, "
                    f"got {dtype.name}"
                )

    @property
    def computes_in(self) -> str:
        """The dtype of the output: layers within may compute in less than the cell is asked for."""
        name = tf.as_dtype(self.output_dtype)
        return str(name.name if name.is_floating else self.dtype)

    @property
    def nested(self) -> Any:
        """States in the shape in which the cell takes them, as an example."""
        return self._nested

    def _outside(self, flat: Sequence[Any]) -> list[Any]:
        """Return states as everybody outside the cell knows them: whole numbers as real ones."""
        pairs = zip(flat, self.whole, strict=False)
        return [state if kind is None else tf.cast(state, self.dtype) for state, kind in pairs]

    def _flat(self, states: Any) -> list[Any]:
        """Return the states that the cell returned, flat, as everybody outside knows them."""
        flat = keras.tree.flatten(states)
        return self._outside(flat) if any(self.whole) and len(flat) == len(self.whole) else flat

    def _initial_tensors(self, batch: int) -> Any:
        return building.initial_states(self.cell, batch)

    def forget_masks(self) -> None:
        """Let the next step draw the dropout masks that the cell keeps."""
        forget_masks(self.cell)

    def with_cell(self, cell: Any) -> KerasSubject:
        """Return a subject of another cell of the same kind, which nothing has been asked yet.

        Args:
            cell: built, and otherwise never called.
        """
        other = copy.copy(self)
        other.cell, other._compiled, other._loop = cell, {}, None
        other.traced, other.double = {}, None
        return other

    @property
    def promised_states(self) -> list[tuple[int, ...]] | None:
        """The shapes that `state_size` promises, None where it does not say one for each state."""
        sizes = keras.tree.flatten(self.cell.state_size)
        if len(sizes) != len(self.state_shapes):
            return None
        return [(int(size),) for size in sizes]

    @property
    def promised_output(self) -> tuple[int, ...] | None:
        """The shape that `output_size` promises, None where it is not said."""
        size = getattr(self.cell, "output_size", None)
        return (int(size),) if isinstance(size, int) else None

    @property
    def is_functional(self) -> bool:
        """Whether a step leaves what the cell keeps besides weights as it was."""
        x = np.zeros((1, self.input_size))
        before = self.frozen
        first = [self._tensor(s) for s in self.initial_state(1)]
        _, _, after = self.step_tensors(self.weights, before, self._tensor(x), first)
        return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))

    @cached_property
    def draws_by_kernels(self) -> bool:
        """Whether a step draws numbers whose seed TensorFlow keeps, not the cell.

        Only then is TensorFlow's seed set: that empties its cache of kernels, so that each
        compiled function is prepared anew.
        """
        x = tf.zeros((1, self.input_size), self.dtype)
        states = [self._tensor(s) for s in self.initial_state(1)]
        step = tf.function(self.step_tensors, autograph=False)
        graph = step.get_concrete_function(self.weights, self.frozen, x, states).graph
        defined = graph.as_graph_def()
        nodes = [*defined.node, *(n for f in defined.library.function for n in f.node_def)]
        return any("seed2" in node.attr for node in nodes)

    def draw(self, seed: int | None) -> None:
        """Let what is random be drawn anew at the next call.

        Args:
            seed: of all generators that the cell keeps, and of TensorFlow's own; None goes on
                where they are.
        """
        if seed is not None and self.draws_by_kernels:
            tf.random.set_seed(seed)
        self.forget_masks()
        if seed is None:
            return
        for layer in self.cell._flatten_layers():
            for generator in layer._seed_generators:
                generator.state.assign([seed, 0])

    def nest(self, states: Sequence[Any]) -> Any:
        """Return flat states in the structure, and in the dtypes, that the cell keeps them in."""
        given = [
            state if kind is None else tf.cast(tf.round(state), kind)
            for state, kind in zip(states, self.whole, strict=True)
        ]
        return keras.tree.pack_sequence_as(self._nested, given)

    @property
    def weights(self) -> list[Any]:
        """The trainable weights as tensors, in the cell's order."""
        return [tf.convert_to_tensor(v.value) for v in self.cell.trainable_variables]

    @property
    def frozen(self) -> list[Any]:
        """The other values the cell keeps (random generators among them) as tensors."""
        return [tf.convert_to_tensor(v.value) for v in self.cell.non_trainable_variables]

    @property
    def parameter_names(self) -> list[str]:
        """Names of the trainable weights: short where that is unique, numbered where none is."""
        variables = self.cell.trainable_variables
        short, long = ([getattr(v, kind) for v in variables] for kind in ("name", "path"))
        names = [v.path if short.count(v.name) > 1 else v.name for v in variables]
        return [f"{name} #{k}" if long.count(name) > 1 else name for k, name in enumerate(names, 1)]

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the trainable weights by name."""
        shapes = [tuple(v.shape) for v in self.cell.trainable_variables]
        return dict(zip(self.parameter_names, shapes, strict=True))

    @property
    def parameters(self) -> dict[str, Array]:
        """The trainable weights by name."""
        return {
            name: np.asarray(weight)
            for name, weight in zip(self.parameter_names, self.weights, strict=True)
        }

    def allowed(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Return weights that the constraints of the cell's weights allow.

        Args:
            parameters: in the cell's order.

        Returns:
            Each value itself where its constraint leaves it alone, else its absolute value, else
            what the constraint makes of it, in the eight bits that every dtype holds.
        """
        pairs = zip(parameters.items(), self.cell.trainable_variables, strict=True)
        return {name: _constrained(value, v.constraint) for (name, value), v in pairs}

    def assign(self, parameters: Mapping[str, Array]) -> None:
        """Set the trainable weights by name.

        Raises:
            UsageError: the names differ from the cell's.
        """
        names = self.parameter_names
        if set(names) != set(parameters):
            raise UsageError(f"weights must be named {sorted(names)}, got {sorted(parameters)}")
        for name, variable in zip(names, self.cell.trainable_variables, strict=True):
            variable.assign(parameters[name])

    def assign_values(self, values: Iterable[Array]) -> None:
        """Set the trainable weights in the cell's order."""
        for variable, value in zip(self.cell.trainable_variables, values, strict=True):
            variable.value.assign(np.asarray(value, variable.dtype), read_value=False)

    def initial_state(self, batch: int = 1) -> list[Array]:
        """Return the states before the first step, each `(B, ...)`."""
        return [np.asarray(s) for s in keras.tree.flatten(self._initial_tensors(batch))]

    def initial_tensors(self, weights: Sequence[Any], frozen: Sequence[Any], batch: Any) -> Any:
        """Return the states before the first step, flat, as tensors.

        Args:
            weights: in the cell's order; an initial state can be one of them.
            frozen: likewise.
            batch: B, an integer or a tensor of one.
        """
        variables = [*self.cell.trainable_variables, *self.cell.non_trainable_variables]
        pairs = zip(variables, [*weights, *frozen], strict=True)
        with keras.StatelessScope(state_mapping=list(pairs)):
            return self._flat(self._initial_tensors(batch))

    def step_tensors(
        self,
        weights: Sequence[Any],
        frozen: Sequence[Any],
        x: Any,
        states: Sequence[Any],
        told: Mapping[str, Any] | None = None,
    ) -> tuple[Any, list[Any], list[Any]]:
        """Return output, states and frozen values of one step, tensors in and out.

        Args:
            weights: in the cell's order.
            frozen: likewise.
            x: `(B, F)`.
            states: flat.
            told: further arguments of the cell's `call`; by default whether it trains, where it
                asks for that.
        """
        nested = self.nest(states)
        x = self._fitted(x)
        if told is None:
            if self.training and not self._takes_training:
                return self._step_in_context(weights, frozen, x, nested)
            told = {"training": self.training} if self._takes_training else {}
        (output, states), frozen = self.cell.stateless_call(
            list(weights), list(frozen), x, nested, **told
        )
        return output, self._flat(states), list(frozen)

    def _fitted(self, x: Any) -> Any:
        """Return inputs that the cell takes."""
        if self.accepts is None:
            return x
        low, high = (tf.cast(end, x.dtype) for end in (self.accepts.low, self.accepts.high))
        width = high - low
        x = low + width - tf.abs(tf.math.floormod(tf.abs(x - low), 2 * width) - width)
        return tf.round(x) if self.accepts.whole else x

    def _step_in_context(
        self, weights: Sequence[Any], frozen: Sequence[Any], x: Any, nested: Any
    ) -> tuple[Any, list[Any], list[Any]]:
        """Return the same of a cell that is not told that it trains, but has layers that are.

        Keras tells them in `__call__`, as in its loop; `stateless_call` goes round that.
        """
        kept = self.cell.non_trainable_variables
        pairs = [
            *zip(self.cell.trainable_variables, weights, strict=True),
            *zip(kept, frozen, strict=True),
        ]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            output, states = self.cell(x, nested, training=self.training)
            after = [scope.get_current_value(variable) for variable in kept]
        return output, self._flat(states), after

    def step(self, x: Array, states: Arrays, mode: str = "eager") -> tuple[Array, list[Array]]:
        """Return the output `(B, O)` and the new states of one step.

        Args:
            x: `(B, F)`.
            states: as `initial_state` returns them.
            mode: "eager", "graph" or "xla".
        """
        function = self._executor(check_known("mode", mode, MODES))
        output, new, _ = function(
            self.weights, self.frozen, self._tensor(x), [self._tensor(s) for s in states]
        )
        return np.asarray(output), [np.asarray(state) for state in new]

    def fast_step(self, x: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what `step` gives, traced where the cell can be traced.

        Args:
            x: `(B, F)`.
            states: as `initial_state` returns them.
        """
        if self._traceable:
            try:
                return self.step(x, states, "graph")
            except Exception:  # a cell that no graph takes, or a step that fails anyhow
                self._traceable = False
        return self.step(x, states)

    def call(self, x: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what calling the cell itself gives, as users do; `step` hands weights over.

        Args:
            x: `(B, F)`.
            states: as `initial_state` returns them.
        """
        nested = self.nest([self._tensor(s) for s in states])
        output, new = self.cell(self._fitted(self._tensor(x)), nested, training=self.training)
        return np.asarray(output), [np.asarray(s) for s in keras.tree.flatten(new)]

    def step_with(
        self, weights: Iterable[Array], x: Array, states: Arrays
    ) -> tuple[Array, list[Array]]:
        """Return one step with weights that are given and not the cell's own."""
        given = [
            tf.convert_to_tensor(np.asarray(w), v.dtype)
            for w, v in zip(weights, self.cell.trainable_variables, strict=True)
        ]
        first = [self._tensor(s) for s in states]
        output, new, _ = self.step_tensors(given, self.frozen, self._tensor(x), first)
        return np.asarray(output), [np.asarray(s) for s in new]

    def changed_by_call(self, x: Array, states: Arrays) -> str:
        """Return which of its arguments, or of its weights, a call changes; empty for none."""
        given = [tf.Variable(self._tensor(value)) for value in (x, *states)]
        before = [np.asarray(v) for v in (*given, *self.weights)]
        nested = self.nest(given[1:])
        before_call = keras.tree.flatten(nested)
        self.cell(given[0], nested, training=self.training)
        after = keras.tree.flatten(nested)
        same = all(map(operator.is_, after, before_call))
        if len(after) != len(states) or not same:
            return "the list of states"
        names = ["the inputs", *(f"state {k}" for k in range(len(states)))]
        names += [f"weight {name}" for name in self.parameter_names]
        now = [np.asarray(v) for v in (*given, *self.weights)]
        equal = [np.array_equal(a, b) for a, b in zip(before, now, strict=True)]
        return ", ".join(n for n, same in zip(names, equal, strict=True) if not same)

    def _executor(self, mode: str) -> Any:
        if mode == "eager":
            return self.step_tensors
        if mode not in self._compiled:
            xla = mode == "xla"
            self._compiled[mode] = tf.function(self.step_tensors, jit_compile=xla, autograph=False)
        return self._compiled[mode]

    def _tensor(self, value: Any) -> Any:
        return tf.convert_to_tensor(np.asarray(value, dtype=self.dtype))

    def run_tensors(
        self, weights: Sequence[Any], xs: Sequence[Any], states: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return the outputs of all steps and the final states, tensors in and out."""
        frozen, outputs = self.frozen, []
        for x in xs:
            output, states, frozen = self.step_tensors(weights, frozen, x, states)
            outputs.append(output)
        return outputs, list(states)

    def run(self, xs: Array, states: Arrays | None = None) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, B, O)` and the final states.

        Args:
            xs: `(T, B, F)`.
            states: before the first step; None for `initial_state`.
        """
        start = self.initial_state(xs.shape[1]) if states is None else states
        tensors = [self._tensor(s) for s in start]
        outputs, final = self.run_tensors(self.weights, [self._tensor(x) for x in xs], tensors)
        return np.stack([np.asarray(o) for o in outputs]), [np.asarray(s) for s in final]

    def fast_run(self, xs: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what `run` gives, by a loop that is traced once for all T and B.

        Args:
            xs: `(T, B, F)`, at least one step.
            states: before the first step.
        """
        given = self.weights, self.frozen, self._tensor(xs), [self._tensor(s) for s in states]
        if self._loop is None:
            specs = [tf.TensorSpec((None, *shape), self.dtype) for shape in self.state_shapes]
            inputs = tf.TensorSpec((None, None, self.input_size), self.dtype)
            fixed = [[tf.TensorSpec(v.shape, v.dtype) for v in values] for values in given[:2]]
            loop = tf.function(
                self._trace_loop, autograph=False, input_signature=(*fixed, inputs, specs)
            )
            try:
                loop.get_concrete_function()
                self._loop = loop
            except Exception:  # a cell that takes fixed sizes only, or none at all
                self._loop = False
        if not self._loop:
            return self.run(xs, states)
        outputs, *final = self._loop(*given)
        return np.asarray(outputs), [np.asarray(s) for s in final]

    def _trace_loop(self, weights: Any, frozen: Any, xs: Any, states: Any) -> Any:
        """Return outputs and final states, with a loop in the graph."""
        steps = tf.shape(xs)[0]
        outputs = tf.TensorArray(self.output_dtype, steps, element_shape=(None, *self.output_shape))

        def body(t: Any, outputs: Any, frozen: Any, states: Any) -> Any:
            output, states, frozen = self.step_tensors(weights, frozen, xs[t], states)
            return t + 1, outputs.write(t, output), frozen, states

        start = (tf.constant(0), outputs, frozen, states)
        _, outputs, _, final = tf.while_loop(lambda t, *_: t < steps, body, start)
        return [outputs.stack(), *final]

    def vjp(
        self, xs: Array, states: Arrays, outputs: Array, finals: Arrays
    ) -> tuple[dict[str, Array], Array, list[Array]]:
        """Return the gradients of Σ outputs ∘ o + Σ finals ∘ s_T by TensorFlow's tape.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            outputs: weights of the outputs, `(T, B, O)`.
            finals: weights of the final states.

        Returns:
            Gradients for the parameters by name, for xs and for the states; zeros where
            TensorFlow finds no connection.
        """
        weights = self.weights
        x_list = [self._tensor(x) for x in xs]
        s_list = [self._tensor(s) for s in states]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weights, x_list, s_list])
            made, last = self.run_tensors(weights, x_list, s_list)
        seeds = [*(self._tensor(o) for o in outputs), *(self._tensor(s) for s in finals)]
        found = tape.gradient(
            [*made, *last],
            [*weights, *x_list, *s_list],
            output_gradients=seeds,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        arrays = [np.asarray(tf.convert_to_tensor(g)) for g in found]
        p, t = len(weights), len(x_list)
        by_name = dict(zip(self.parameter_names, arrays[:p], strict=True))
        return by_name, np.stack(arrays[p : p + t]), arrays[p + t :]

    def rebuild(self, dtype: str | None = None) -> KerasSubject:
        """Return the same cell made again from its configuration, its weights copied.

        Args:
            dtype: a Keras dtype policy for the new cell; None keeps the cell's.

        Raises:
            UsageError: the cell cannot be made from its own configuration.
        """
        try:
            config = dict(self.cell.get_config())
            config["dtype"] = dtype or self.cell.dtype_policy.name
            cell = type(self.cell).from_config(config)
            building.build(cell, self.input_size)
            for new, old in zip(cell.weights, self.cell.weights, strict=True):
                new.assign(tf.cast(old.value, new.dtype))
        except Exception as error:
            raise UsageError(
                f"cell {self.name!r} cannot be rebuilt from its configuration: {in_one_line(error)}"
            ) from error
        return KerasSubject(cell, self.input_size, self.training)


def make_subject(
    cell: Any,
    arguments: Mapping[str, Any] | None = None,
    input_size: int | None = None,
    dtype: str = "float64",
    training: bool = False,
) -> KerasSubject:
    """Return the subject for a cell, a cell class, or its `package.module:Name`.

    Args:
        cell: what to adapt.
        arguments: for the constructor, where `cell` is a class or a name.
        input_size: F; 2 for a new cell where it is None.
        dtype: of a new cell.
        training: as for `KerasSubject`.
    """
    if isinstance(cell, KerasSubject):
        return cell
    if isinstance(cell, (str, type)) or inspect.isfunction(cell):
        source: Any = cell
        with default_policy(dtype):  # layers within may be made without a dtype
            made = make_cell(source, arguments or {}, dtype)
            subject = KerasSubject(made, 2 if input_size is None else input_size, training)
        subject.name = cell if isinstance(cell, str) else cell_name(source)
        return subject
    return KerasSubject(cell, input_size, training)


def _constrained(value: Array, constraint: Any) -> Array:
    if constraint is None:
        return value
    for one in (value, np.abs(value)):
        if np.array_equal(np.asarray(constraint(tf.constant(one))), one):
            return one
    projected = tf.cast(constraint(tf.constant(value)), "bfloat16")
    return np.asarray(projected, np.float64)


def _whole(state: Any) -> Any:
    """Return the dtype of a state of whole numbers, None for any other."""
    dtype = tf.as_dtype(state.dtype)
    return dtype if dtype.is_integer else None


def _takes_training(cell: Any) -> bool:
    try:
        return "training" in inspect.signature(cell.call).parameters
    except (AttributeError, TypeError, ValueError):
        return False


def _input_size(cell: Any, given: int | None) -> int:
    if given is not None:
        return check_integer("input_size", given, 1)
    if cell.built and cell.weights and len(cell.weights[0].shape) == 2:
        return int(cell.weights[0].shape[0])
    raise UsageError(f"cell {cell.name!r} is not built: say its input_size")
