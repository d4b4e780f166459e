"""What scripts about Keras cells call, in plain Keras and NumPy; nothing here is run by the bench.

A script holds those of these functions that it calls. `make` and the numbers are its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.subjects.keras.building import finish, initial_states
from gru_bench.subjects.keras.masks import forget_masks
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.trace.tensorflow.narrowed import narrowed

#: What a script says at its top.
dtype, training = "float64", False

if TYPE_CHECKING:

    def make(dtype: str) -> Any:
        """Return the cell with its weights."""


#: Functions that were traced, so that each is traced once.
traced: dict[Any, Any] = {}


def zeroed(cell: Any) -> None:
    """Let a cell that is not built begin with zeros: not all initialisers know every dtype."""

    def with_zeros(add_weight: Any) -> Any:
        def add(*args: Any, **kwargs: Any) -> Any:
            given = {**dict(zip(("shape", "initializer"), args)), **kwargs}
            return add_weight(*args[2:], **{**given, "initializer": "zeros"})

        return add

    for layer in cell._flatten_layers():
        layer.add_weight = with_zeros(layer.add_weight)


def finished(cell: Any, features: int) -> None:
    """Let a cell be built whole, where only a call builds the layers within."""
    finish(cell, features)


def assign(cell: Any, values: Iterable[Any]) -> None:
    """Give the cell other weights."""
    given, variables = list(values), cell.trainable_variables
    few = f"the cell has {len(variables)} weights when it is built, {len(given)} after a call"
    assert len(variables) == len(given) or not given, few
    for variable, value in zip(variables, given):
        variable.assign(value)


def allowed(cell: Any, values: Iterable[Any]) -> list[Any]:
    """Return weights that the constraints of the cell's weights allow."""
    found = []
    for variable, value in zip(cell.trainable_variables, values):
        limit, tries = variable.constraint, [value, np.abs(value)]
        if limit is not None:
            kept = [one for one in tries if np.array_equal(limit(tf.constant(one)), one)]
            projected = tf.cast(limit(tf.constant(value)), "bfloat16")
            found.append(kept[0] if kept else np.asarray(projected, np.float64))
        else:
            found.append(value)
    return found


def parameters(cell: Any) -> dict[str, Any]:
    """Return the weights by name."""
    return {v.path: np.asarray(tf.convert_to_tensor(v.value)) for v in cell.trainable_variables}


def values(cell: Any) -> list[list[Any]]:
    """Return the weights, and what else the cell keeps, as tensors."""
    kinds = cell.trainable_variables, cell.non_trainable_variables
    return [[tf.convert_to_tensor(v.value) for v in kind] for kind in kinds]


def first_states(cell: Any, rows: int) -> list[Any]:
    """Return the cell's own states before the first step."""
    return [np.asarray(s) for s in keras.tree.flatten(initial_states(cell, rows))]


def first_call(cell: Any, x: Any, training: bool = training) -> None:
    """Call a cell with its own states, as they are."""
    (x,), states = tensors(cell, [x]), initial_states(cell, len(x))
    if cell.variable_dtype == cell.compute_dtype:
        weights, kept = values(cell)
        advance(cell, weights, kept, x, keras.tree.flatten(states), training)
    else:  # Keras casts weights in this way only
        cell(x, states, training=training)


def nest(cell: Any, flat: Sequence[Any]) -> Any:
    """Return flat states in the structure, and in the dtypes, in which the cell takes them."""
    like = initial_states(cell, 1)
    kinds = [tf.as_dtype(s.dtype) for s in keras.tree.flatten(like)]
    fit = [tf.cast(tf.round(s), k) if k.is_integer else s for s, k in zip(flat, kinds)]
    return keras.tree.pack_sequence_as(like, fit)


def tensors(cell: Any, arrays: Iterable[Any]) -> list[Any]:
    """Return inputs or states as tensors."""
    return [tf.constant(np.asarray(a, cell.compute_dtype)) for a in arrays]


def call(cell: Any, x: Any, states: Sequence[Any], training: bool = training) -> Any:
    """Return the output and the flat list of states of one call."""
    (x,) = tensors(cell, [x])
    output, new = cell(x, nest(cell, tensors(cell, states)), training=training)
    return np.asarray(output), [np.asarray(s) for s in keras.tree.flatten(new)]


def advance(cell: Any, weights: Any, kept: Any, x: Any, flat: Any, training: bool) -> Any:
    """Return the output, the states and what the cell keeps after one step with given weights."""
    nested = nest(cell, flat)
    takes = "training" in inspect.signature(cell.call).parameters
    if takes or not training:
        told = {"training": training} if takes else {}
        (output, new), kept = cell.stateless_call(weights, kept, x, nested, **told)
        return output, real(cell, new), kept
    variables = [*cell.trainable_variables, *cell.non_trainable_variables]
    with keras.StatelessScope(state_mapping=list(zip(variables, [*weights, *kept]))) as scope:
        output, new = cell(x, nested, training=True)
        kept = [scope.get_current_value(v) for v in cell.non_trainable_variables]
    return output, real(cell, new), kept


def real(cell: Any, states: Any) -> list[Any]:
    """Return states flat, whole numbers as real ones."""
    flat = keras.tree.flatten(states)
    return [s if tf.as_dtype(s.dtype).is_floating else tf.cast(s, cell.compute_dtype) for s in flat]


def compiled(key: Any, function: Callable[..., Any], mode: str) -> Any:
    """Return a function as it is, traced, or compiled by XLA."""
    if mode == "eager":
        return function
    if (key, mode) not in traced:
        xla = mode == "xla"
        traced[key, mode] = tf.function(function, autograph=False, jit_compile=xla)
    return traced[key, mode]


def step(cell: Any, x: Any, states: Any, training: bool = training, mode: str = "eager") -> Any:
    """Return the output and the new states of one step."""

    def function(weights: Any, kept: Any, x: Any, flat: Any) -> Any:
        return advance(cell, weights, kept, x, flat, training)

    one = compiled((id(cell), "step", training), function, mode)
    output, new, _ = one(*values(cell), *tensors(cell, [x]), tensors(cell, states))
    return np.asarray(output), [np.asarray(s) for s in new]


def run_tensors(cell: Any, weights: Any, kept: Any, xs: Any, flat: Any, training: bool) -> Any:
    """Return the outputs of all steps and the final states."""
    outputs = []
    for x in xs:
        output, flat, kept = advance(cell, weights, kept, x, flat, training)
        outputs.append(output)
    return outputs, flat


def run(cell: Any, xs: Any, states: Any, training: bool = training, mode: str = "eager") -> Any:
    """Return the outputs of all steps and the final states."""

    def function(weights: Any, kept: Any, xs: Any, flat: Any) -> Any:
        return run_tensors(cell, weights, kept, xs, flat, training)

    whole = compiled((id(cell), "run", training), function, mode)
    outputs, final = whole(*values(cell), tensors(cell, xs), tensors(cell, states))
    return np.stack([np.asarray(o) for o in outputs]), [np.asarray(s) for s in final]


def call_with(cell: Any, weights: Any, x: Any, states: Any, training: bool = training) -> Any:
    """Return the result of a step with weights that are given, and not the cell's own."""
    pairs = zip(weights, cell.trainable_variables)
    given = [tf.constant(np.asarray(w, v.dtype)) for w, v in pairs]
    (x,), flat = tensors(cell, [x]), tensors(cell, states)
    output, new, _ = advance(cell, given, values(cell)[1], x, flat, training)
    return np.asarray(output), [np.asarray(s) for s in new]


def make_loop(way: str) -> Any:
    """Return a new cell in Keras's loop, looped or unrolled."""
    options = {"return_sequences": True, "return_state": True, "unroll": way == "unrolled"}
    cell = make(dtype)
    return keras.layers.RNN(cell, dtype=cell.dtype_policy, **options)


def draw(cell: Any, seed: int | None) -> None:
    """Let what is random be drawn anew, from a seed where there is one."""
    forget_masks(cell)
    if seed is not None:
        tf.random.set_seed(seed)
        for layer in cell._flatten_layers():
            for generator in layer._seed_generators:
                generator.state.assign([seed, 0])


def run_loop(layer: Any, xs: Any, states: Any, mode: str = "graph", seed: int | None = None) -> Any:
    """Return the outputs and the final states of a run in Keras's loop."""
    cell, told = layer.cell, {"training": True} if training else {}

    def function(x: Any, flat: Any) -> Any:
        outputs, *final = layer(x, initial_state=nest(cell, flat), **told)
        return outputs, keras.tree.flatten(final)

    draw(cell, seed)
    (x,) = tensors(cell, [np.moveaxis(np.asarray(xs), 0, 1)])
    outputs, final = compiled((id(layer), "loop"), function, mode)(x, tensors(cell, states))
    draw(cell, None)
    return np.moveaxis(np.asarray(outputs), 1, 0), [np.asarray(s) for s in final]


def promised(cell: Any) -> Any:
    """Return the shapes that a cell promises for its output (None for nothing) and its states."""
    flat, size = first_states(cell, 1), getattr(cell, "output_size", None)
    sizes = keras.tree.flatten(cell.state_size)
    states = [(n,) for n in sizes] if len(sizes) == len(flat) else [s.shape[1:] for s in flat]
    return (size,) if isinstance(size, int) else None, states


def is_functional(cell: Any, x: Any, training: bool = training) -> bool:
    """Return whether a step leaves what the cell keeps besides weights as it was."""
    weights, kept = values(cell)
    (x,), flat = tensors(cell, [x]), tensors(cell, first_states(cell, len(x)))
    _, _, after = advance(cell, weights, kept, x, flat, training)
    return all(np.array_equal(a, b) for a, b in zip(kept, after))


def changed(cell: Any, x: Any, states: Any) -> str:
    """Return which of its arguments, or of its weights, a call changes; empty for none."""
    given = [tf.Variable(tensor) for tensor in tensors(cell, [x, *states])]
    before = [np.asarray(v) for v in (*given, *values(cell)[0])]
    nested = nest(cell, given[1:])
    flat = keras.tree.flatten(nested)
    cell(given[0], nested, training=training)
    after = keras.tree.flatten(nested)
    if len(after) != len(flat) or not all(a is b for a, b in zip(after, flat)):
        return "the list of states"
    names = ["the inputs", *(f"state {k}" for k in range(len(states)))]
    names += [f"weight {v.path}" for v in cell.trainable_variables]
    now = [np.asarray(v) for v in (*given, *values(cell)[0])]
    triples = zip(names, before, now)
    return ", ".join(
        f"{name}, of which {a.flat[int(np.argmax(a != b))]} became {b.flat[int(np.argmax(a != b))]}"
        for name, a, b in triples
        if not np.array_equal(a, b)
    )


def sources_of(cell: Any, arguments: Sequence[Any]) -> list[Any]:
    """Return weights, the inputs of each step, and states, as tensors."""
    count = len(cell.trainable_variables)
    pairs = zip(arguments, cell.trainable_variables)
    weights = [tf.constant(np.asarray(w, v.dtype)) for w, v in pairs]
    return [*weights, *tensors(cell, [*arguments[count], *arguments[count + 1 :]])]


def results_of(cell: Any, sources: Any, states: int, training: bool) -> list[Any]:
    """Return the outputs of all steps and the final states, for weights, inputs and states."""
    count, last = len(cell.trainable_variables), len(sources) - states
    kept, weights = values(cell)[1], sources[:count]
    given = weights, kept, sources[count:last], sources[last:], training
    outputs, final = run_tensors(cell, *given)
    return [*outputs, *final]


def gradient(cell: Any, arguments: Any, cotangents: Any, training: bool = training) -> list[Any]:
    """Return the gradients of a weighted sum of all results by weights, inputs and states."""
    sources, seeds = sources_of(cell, arguments), tensors(cell, cotangents)
    states = len(arguments) - len(cell.trainable_variables) - 1
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        made = results_of(cell, sources, states, training)
    found = tape.gradient(made, sources, seeds, unconnected_gradients="zero")
    return [np.asarray(tf.convert_to_tensor(part)) for part in found]


def second_gradient(
    cell: Any, arguments: Any, cotangents: Any, directions: Any, training: bool = training
) -> list[Any]:
    """Return the derivatives of the gradients along directions, by a tape through a tape."""
    sources, along = sources_of(cell, arguments), sources_of(cell, directions)
    states = len(arguments) - len(cell.trainable_variables) - 1
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(sources)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            made = results_of(cell, sources, states, training)
        seeds = tensors(cell, cotangents)
        found = tape.gradient(made, sources, seeds, unconnected_gradients="zero")
        product = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(found, along)])
    found = outer.gradient(product, sources, unconnected_gradients="zero")
    return [np.asarray(tf.convert_to_tensor(part)) for part in found]


def gradient_twice(cell: Any, arguments: Any, training: bool = training) -> list[list[Any]]:
    """Return the gradients of the sum of all results, asked for twice of one tape."""
    sources = sources_of(cell, arguments)
    states = len(arguments) - len(cell.trainable_variables) - 1
    found = []
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(sources)
        made = results_of(cell, sources, states, training)
    for _ in range(2):
        grads = tape.gradient(made, sources, unconnected_gradients="zero")
        found.append([np.asarray(tf.convert_to_tensor(part)) for part in grads])
        results_of(cell, sources, states, training)  # what it keeps is overwritten
    return found


def imprecision(cell: Any, x: Any) -> str:
    """Return what in a step is computed or kept in less than float64; empty for nothing."""

    def function(weights: Any, kept: Any, x: Any, flat: Any) -> Any:
        return advance(cell, weights, kept, x, flat, training)

    flat = tensors(cell, first_states(cell, len(x)))
    one = tf.function(function, autograph=False)
    made = one.get_concrete_function(*values(cell), *tensors(cell, [x]), flat)
    return narrowed(made.graph)
