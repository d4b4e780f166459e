"""Any TensorFlow function of float tensors as a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import UsageError
from gru_bench.subjects.keras.runtime import quietly, tf
from gru_bench.trace.layout import Layout
from gru_bench.trace.problem import (
    Array,
    Problem,
    agrees,
    as_rows,
    chunk_for,
    displaced,
    displaced_points,
    padded,
)
from gru_bench.trace.rows import Value
from gru_bench.trace.tensorflow.replay import Replay
from gru_bench.trace.tensorflow.surrogate import surrogate
from gru_bench.trace.tensorflow.traced import coarsest_epsilon, has_own_gradients
from gru_bench.trace.unsupported import UnsupportedOperationError


class FunctionProblem:
    """Any TensorFlow function of float tensors.

    Args:
        function: takes the tensors and returns a tensor, or a list of them.
        values: the point.
        names: of the arguments.
        name: of the function.
        results: names of what it returns.

    Raises:
        UsageError: see `gru_bench.gradients.check_gradients`.
    """

    steps = 1

    def __init__(
        self,
        function: Callable[..., Any],
        values: Sequence[Array],
        names: Sequence[str],
        name: str = "function",
        results: Sequence[str] = (),
    ) -> None:
        self.name, self._result_names = name, tuple(results)
        self.unconnected: tuple[str, ...] = ()
        arrays = [np.asarray(value) for value in values]
        self.arguments = Layout(
            [(n, "weight", a.shape, None) for n, a in zip(names, arrays, strict=True)]
        )
        self.point = self.arguments.join(arrays)
        self._function = function
        self._traced = tf.function(self._flat, autograph=False)
        specs = [tf.TensorSpec(a.shape, a.dtype) for a in arrays]
        concrete = self._traced.get_concrete_function(*specs)
        self._dtype = arrays[0].dtype.name
        self.epsilon = self.numeric_epsilon = coarsest_epsilon(concrete.graph, self._dtype)
        self.overrides = has_own_gradients(concrete.graph)
        self.surrogate = surrogate(concrete.graph) if self.overrides else ""
        made = concrete.structured_outputs
        if not made:
            raise UsageError(f"{name!r} returns no differentiable output")
        self.results = Layout(
            [
                (self._result_name(k, len(made)), "output", tuple(t.shape), None)
                for k, t in enumerate(made)
            ]
        )
        self.value = self.results.join([np.asarray(t) for t in self._traced(*self._tensors())])
        self._replay = self._make_replay(concrete, len(arrays))
        self.path = "replay" if self._replay else "vectorized"
        self._compiled: dict[str, Any] = {}
        self._one_by_one = OneByOne()
        self.chunk = chunk_for(max([1, *(p.shape[-1] for p in self.arguments.parts if p.shape)]))

    def _result_name(self, k: int, count: int) -> str:
        if self._result_names:
            return self._result_names[k]
        return f"output{k}" if count > 1 else "output"

    def _flat(self, *tensors: Any) -> list[Any]:
        made = self._function(*tensors)
        returned = [tf.convert_to_tensor(t) for t in tf.nest.flatten(made) if t is not None]
        return [t for t in returned if t.dtype.is_floating]

    def _make_replay(self, concrete: Any, count: int) -> Replay | None:
        graph = concrete.graph
        captured = list(zip(graph.inputs[count:], concrete.captured_inputs, strict=True))
        try:
            replay = Replay(graph, [graph.inputs[:count]], concrete.outputs, captured)
            with np.errstate(all="ignore"):
                values = replay.finish(replay.prepare(self._parts()))
                replay.finish(replay.prepare(self._several()))
        except UnsupportedOperationError:
            return None
        return replay if agrees(as_rows(values, 1)[0], self.value, self.epsilon) else None

    def _several(self) -> list[Value]:
        """Return two points for each tensor, all of them this one: not all know several points."""
        offsets = [part.offset for part in self.arguments.parts]
        first = [part.offset for part in self.arguments.parts if part.size]
        index = np.array(first, np.int64).repeat(2)
        return displaced(self._parts(), offsets, index, np.zeros(len(index)))

    def _parts(self) -> list[Array]:
        return self.arguments.split(self.point)

    def _tensors(self) -> list[Any]:
        return [tf.constant(part) for part in self._parts()]

    def evaluate(self, index: NDArray[np.int64], delta: Array) -> Array:
        """Return the results at points that displace one entry each, `(P, m)`."""
        if self._replay is None:
            return self.evaluate_at(displaced_points(self.point, index, delta))
        offsets = [part.offset for part in self.arguments.parts]
        found = []
        for k in range(0, len(index), self.chunk):
            rows = slice(k, k + self.chunk)
            values = displaced(self._parts(), offsets, index[rows], delta[rows])
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                made = self._replay.finish(self._replay.prepare(values))
            found.append(as_rows(made, len(index[rows])))
        return np.concatenate(found)

    def evaluate_at(self, points: Array) -> Array:
        """Return the results at points `(P, n)`, `(P, m)`."""
        return self._one_by_one.checked(self, points, lambda: self._vectorized(points))

    def _vectorized(self, points: Array) -> Array:
        if "at" not in self._compiled:
            self._compiled["at"] = tf.function(
                lambda *rows: tf.vectorized_map(lambda r: self._flat(*r), rows), autograph=False
            )
        found = []
        for rows, count in padded(points, self.chunk):
            made = self._compiled["at"](*(tf.constant(a) for a in self.arguments.split(rows)))
            found.append(
                np.concatenate([np.asarray(t).reshape(len(rows), -1) for t in made], 1)[:count]
            )
        return np.concatenate(found)

    def jacobian(self) -> Array:
        """Return autodiff's derivatives, `(n, m)`."""
        if "jacobian" not in self._compiled:
            self._compiled["jacobian"] = tf.function(self._vectorized_pull_back, autograph=False)
        try:
            with quietly():
                jacobian = np.concatenate(list(self._jacobian_rows())).T
        except Exception:  # what cannot be mapped, or fails alone just as well
            alone = [self.pull_back(row)[0] for row in np.eye(self.results.size)]
            jacobian = np.stack(alone, axis=1)
        sizes = [np.abs(jacobian[p.where]).max(axis=0, initial=1) for p in self.arguments.parts]
        self.blur = 5 * np.stack([*sizes, np.ones(self.results.size)])
        self.blur *= max(1.0, float(np.abs(self.point).max()))
        return jacobian

    def _jacobian_rows(self) -> Iterator[Array]:
        for rows, count in padded(np.eye(self.results.size, dtype=self._dtype), self.chunk):
            gradients = self._compiled["jacobian"](tf.constant(rows), *self._tensors())
            flat = [np.asarray(g).reshape(len(rows), -1) for g in gradients]
            yield np.concatenate(flat, axis=1)[:count]

    def _vectorized_pull_back(self, rows: Any, *tensors: Any) -> Any:
        return tf.vectorized_map(lambda row: self._gradients(row, tensors), rows)

    def _gradients(self, row: Any, tensors: Sequence[Any]) -> list[Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(tensors))
            made = self._flat(*tensors)
        parts = [tf.reshape(row[p.where], p.shape) for p in self.results.parts]
        found = tape.gradient(made, list(tensors), output_gradients=parts)
        names = [p.name for p in self.arguments.parts]
        self.unconnected = tuple(n for n, g in zip(names, found, strict=True) if g is None)
        return [
            tf.zeros_like(t) if g is None else tf.convert_to_tensor(g)
            for g, t in zip(found, tensors, strict=True)
        ]

    def pull_back(self, cotangent: Array) -> tuple[Array, Array, Array]:
        """Return Σ_o cotangent_o ∂result_o, `(n,)`, asked for twice; and the results, `(m,)`."""
        tensors = self._tensors()
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            made = self._flat(*tensors)
        parts = [tf.constant(p) for p in self.results.split(cotangent.astype(self._dtype))]
        zero = tf.UnconnectedGradients.ZERO
        once, twice = (
            self.arguments.join(tape.gradient(made, tensors, parts, unconnected_gradients=zero))
            for _ in range(2)
        )
        return once, twice, self.results.join(made)

    def use_framework(self) -> None:
        """Evaluate with TensorFlow from now on."""
        self._replay, self.path = None, "vectorized"

    def push_forward(self, direction: Array) -> Array:
        """Return J d by TensorFlow's forward mode, `(m,)`."""
        tensors = self._tensors()
        tangents = [tf.constant(d) for d in self.arguments.split(direction)]
        return self.results.join(forward_mode(lambda: self._flat(*tensors), tensors, tangents))

    def gradient(self, cotangent: Array) -> FunctionProblem:
        """Return the gradient of Σ_o cotangent_o result_o as a problem of its own."""
        parts = [tf.constant(p) for p in self.results.split(cotangent)]
        return gradient_problem(self, self._flat, parts)

    def at(self, point: Array) -> FunctionProblem:
        """Return the same function at another point."""
        names = [part.name for part in self.arguments.parts]
        return FunctionProblem(self._function, self.arguments.split(point), names, self.name)


def forward_mode(
    function: Callable[[], list[Any]], primals: Sequence[Any], tangents: Sequence[Any]
) -> list[Any]:
    """Return the derivatives of what `function` makes of `primals` along `tangents`."""
    with tf.autodiff.ForwardAccumulator(list(primals), list(tangents)) as accumulator:
        made = function()
    return [
        tf.zeros_like(t) if d is None else d for t, d in ((t, accumulator.jvp(t)) for t in made)
    ]


def gradient_problem(
    problem: Problem, function: Callable[..., list[Any]], cotangents: Sequence[Any]
) -> FunctionProblem:
    """Return θ -> ∂/∂θ Σ cotangents ∘ function(θ), at the point of `problem`."""

    def gradient(*tensors: Any) -> list[Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(tensors))
            made = function(*tensors)
        zero = tf.UnconnectedGradients.ZERO
        found: list[Any] = tape.gradient(made, list(tensors), list(cotangents), zero)
        return found

    names = [part.name for part in problem.arguments.parts]
    values = problem.arguments.split(problem.point)
    named = [f"d/d{name}" for name in names]
    return FunctionProblem(gradient, values, names, f"gradient of {problem.name}", named)


class OneByOne:
    """Whether TensorFlow can be trusted to evaluate points together.

    Its vectorised maps of rare operations are not all right: in 2.21 that of Roll along the last
    axis mixes points. So the first points are compared with what they give alone.
    """

    def __init__(self) -> None:
        self._needed: bool | None = None

    def checked(self, problem: Problem, points: Array, together: Callable[[], Array]) -> Array:
        """Return the results at points `(P, n)`, together where that is right.

        Args:
            problem: evaluates one point as another problem's `value`.
            points: `(P, n)`.
            together: evaluates them all.
        """
        if self._needed is None:
            try:
                with quietly():
                    found = together()
            except Exception:  # what cannot be mapped, or fails alone just as well
                self._needed = True
        elif not self._needed:
            found = together()
        if not self._needed:
            if self._needed is None:
                few = range(min(2, len(points)))
                alone = [problem.at(points[k]).value for k in few]
                right = agrees(found[: len(few)], np.stack(alone), problem.epsilon)
                self._needed = not right and bool(np.isfinite(alone).all())
            if not self._needed:
                return found
        return np.stack([problem.at(point).value for point in points])
