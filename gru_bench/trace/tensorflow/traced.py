"""One step of a cell traced by TensorFlow, with what is made from the trace."""

from __future__ import annotations

from typing import Any

from gru_bench.subjects.keras.runtime import quietly, tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.tensorflow.replay import Replay
from gru_bench.trace.tensorflow.surrogate import surrogate
from gru_bench.trace.unsupported import UnsupportedOperationError


def coarsest_epsilon(graph: Any, dtype: str) -> float:
    """Return the machine epsilon of the least precise floating dtype in which a graph computes.

    Only what the graph's arguments flow through counts: numbers that are drawn in float32, and
    held, blur nothing.
    """
    found = {tf.as_dtype(dtype)}
    reached = {t.ref() for t in graph.inputs if t.dtype.is_floating or t.dtype == tf.resource}
    for operation in graph.get_operations():
        given = operation.type == "Placeholder"
        if any(t.ref() in reached for t in (operation.outputs if given else operation.inputs)):
            reached |= {t.ref() for t in operation.outputs}
            found |= {t.dtype for t in operation.outputs if t.dtype.is_floating}
    return max(float(tf.experimental.numpy.finfo(d.as_numpy_dtype).eps) for d in found)


#: Operations whose gradient somebody chose, or that have none.
_BY_HAND = frozenset(["StopGradient", "PreventGradient", "PyFunc", "EagerPyFunc"])


def has_own_gradients(graph: Any) -> bool:
    """Return whether gradients in a graph, or a function in it, were written or stopped by hand.

    TensorFlow marks what `tf.custom_gradient` wraps; Python within a graph has no gradient.
    """
    defined = graph.as_graph_def()
    nodes = [*defined.node, *(n for f in defined.library.function for n in f.node_def)]
    return any(
        (node.op == "IdentityN" and "_gradient_op_type" in node.attr) or node.op in _BY_HAND
        for node in nodes
    )


class TracedStep:
    """One step of a subject traced for one batch size, and what is made from it.

    Args:
        subject: whose step.
        batch: B.
    """

    def __init__(self, subject: KerasSubject, batch: int) -> None:
        self.subject = subject
        self.frozen = subject.frozen
        self.output_is_state: int | None = None
        self.unconnected: tuple[int, ...] = ()
        dtype = subject.dtype
        self._specs = (
            [tf.TensorSpec(w.shape, w.dtype) for w in subject.weights],
            [tf.TensorSpec(f.shape, f.dtype) for f in self.frozen],
            tf.TensorSpec((batch, subject.input_size), dtype),
            [tf.TensorSpec((batch, *shape), dtype) for shape in subject.state_shapes],
        )
        self._step = tf.function(self._trace, autograph=False)
        self.concrete = self._step.get_concrete_function(*self._specs)
        self.epsilon = coarsest_epsilon(self.concrete.graph, dtype)
        self.overrides = has_own_gradients(self.concrete.graph)
        self.surrogate = surrogate(self.concrete.graph) if self.overrides else ""
        self._pull_back_together = tf.function(self._vectorized_pull_back, autograph=False)
        self._pull_back_alone = tf.function(self._pull_back_step, autograph=False)
        self._run_together = tf.function(self._vectorized_run, autograph=False)
        #: Whether TensorFlow can map the step over rows; lists and loops within are beyond it.
        self._maps = True
        self.tape = tf.function(self.pull_back, autograph=False)
        self.taped: set[int] = set()
        #: Whether the replay has been seen to evaluate several points at once.
        self.tried = False
        self.replay = self._make_replay()
        #: The same as precise as what it is given: float64, whatever the cell computes in.
        self.wide = None if self.replay is None else self.replay.widened()

    def _trace(self, weights: Any, frozen: Any, x: Any, states: Any) -> Any:
        output, new, frozen = self.subject.step_tensors(weights, frozen, x, states)
        self.output_is_state = next((k for k, s in enumerate(new) if s is output), None)
        return output, new, frozen

    def __call__(self, weights: Any, frozen: Any, x: Any, states: Any) -> Any:
        """Return output, states and frozen values of one step, in graph mode."""
        return self._step(weights, frozen, x, states)

    def _make_replay(self) -> Replay | None:
        graph = self.concrete.graph
        inputs = list(graph.inputs)
        groups = []
        for spec in self._specs:
            size = len(spec) if isinstance(spec, list) else 1
            groups.append(inputs[:size])
            inputs = inputs[size:]
        captured = list(zip(inputs, self.concrete.captured_inputs, strict=True))
        try:
            return Replay(graph, groups, self.concrete.outputs, captured)
        except UnsupportedOperationError:
            return None

    def pull_back_rows(self, weights: Any, *rows: Any) -> Any:
        """Return the gradients of one step for each row, by weights, x and states.

        Args:
            weights: in the cell's order.
            *rows: frozen values, x, states and the gradients of output and states, each with a
                leading axis of rows.
        """
        if self._maps:
            try:
                with quietly():
                    return self._pull_back_together(weights, *rows)
            except Exception:  # what cannot be mapped, or fails one by one just as well
                self._maps = False
        made = []
        for k in range(_count(rows)):
            made.append(self._pull_back_alone(weights, *_row(rows, k)))
        return [tf.stack(parts) for parts in zip(*made, strict=True)]

    def run_rows(self, weights: Any, xs: Any, states: Any) -> Any:
        """Return outputs `(T, P, B, O)` and final states for P weights, inputs and states.

        Args:
            weights: each `(P, ...)`.
            xs: `(T, P, B, F)`.
            states: each `(P, B, ...)`.
        """
        if self._maps:
            try:
                with quietly():
                    return self._run_together(weights, xs, states)
            except Exception:  # likewise
                self._maps = False
        outputs, finals = [], []
        for k in range(int(xs.shape[1])):
            frozen, shown = list(self.frozen), []
            now = _row(states, k)
            for x in xs[:, k]:
                output, now, frozen = self._step(_row(weights, k), frozen, x, now)
                shown.append(output)
            outputs.append(tf.stack(shown))
            finals.append(now)
        return tf.stack(outputs, axis=1), [tf.stack(part) for part in zip(*finals, strict=True)]

    def _vectorized_pull_back(self, weights: Any, *rows: Any) -> Any:
        return tf.vectorized_map(lambda row: self._pull_back_step(weights, *row), rows)

    def _pull_back_step(
        self, weights: Any, frozen: Any, x: Any, states: Any, d_output: Any, d_states: Any
    ) -> Any:
        sources = [*weights, x, *states]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            output, new, _ = self.subject.step_tensors(weights, frozen, x, states)
        found = tape.gradient([output, *new], sources, output_gradients=[d_output, *d_states])
        self.unconnected = tuple(k for k, g in enumerate(found) if g is None)
        return [
            tf.zeros_like(s) if g is None else tf.convert_to_tensor(g)
            for s, g in zip(sources, found, strict=True)
        ]

    def _vectorized_run(self, weights: Any, xs: Any, states: Any) -> Any:
        """Return outputs `(T, P, B, O)` and final states for weights with a leading axis P."""
        steps = int(xs.shape[0])
        outputs = tf.TensorArray(xs.dtype, size=steps)

        def body(t: Any, outputs: Any, frozen: Any, states: Any) -> Any:
            output, states, after = tf.vectorized_map(
                lambda row: self.subject.step_tensors(row[0], frozen, row[1], row[2]),
                (weights, xs[t], states),
            )
            return t + 1, outputs.write(t, output), [f[0] for f in after], list(states)

        start = (0, outputs, list(self.frozen), list(states))
        _, outputs, _, states = tf.while_loop(lambda t, *_: t < steps, body, start)
        return outputs.stack(), states

    def pull_back(self, weights: Any, xs: Any, states: Any, d_outputs: Any, d_final: Any) -> Any:
        """Return results, and their gradients asked for twice of one tape through all steps."""
        sources = [*weights, *xs, *states]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(sources)
            outputs, final = self.subject.run_tensors(weights, xs, states)
        made, cotangents = [*outputs, *final], [*d_outputs, *d_final]
        zero = tf.UnconnectedGradients.ZERO
        once, twice = (
            tape.gradient(made, sources, cotangents, unconnected_gradients=zero) for _ in range(2)
        )
        return outputs, final, once, twice


def _count(rows: Any) -> int:
    return int(tf.nest.flatten(rows)[0].shape[0])


def _row(rows: Any, k: int) -> Any:
    """Return row k of everything."""
    return tf.nest.map_structure(lambda tensor: tensor[k], rows)


def traced_step(subject: KerasSubject, batch: int) -> TracedStep:
    """Return the traced step of a subject, traced once for each batch size."""
    if batch not in subject.traced:
        subject.traced[batch] = TracedStep(subject, batch)
    found: TracedStep = subject.traced[batch]
    return found
