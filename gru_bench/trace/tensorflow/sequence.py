"""A cell run for T steps as a problem: its weights, inputs and first states are the arguments.

The results are the outputs of all steps and the final states. Autodiff's Jacobian is put together
from the derivatives of each step at the states that the run visits,

    ds_t/dθ = ∂s_t/∂s_{t-1} ds_{t-1}/dθ + ∂s_t/∂θ

all of them from one vectorised call of TensorFlow's own backward pass of the step. One tape
through the whole sequence, with a random cotangent, then confirms the product; where it does not,
the Jacobian is taken row by row from such tapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.subjects.keras.runtime import tf
from gru_bench.subjects.keras.subject import KerasSubject
from gru_bench.trace.problem import (
    Array,
    as_rows,
    densified,
    displaced,
    displaced_points,
    padded,
)
from gru_bench.trace.rows import Rows, Value
from gru_bench.trace.run import RunProblem
from gru_bench.trace.tensorflow.function import (
    FunctionProblem,
    OneByOne,
    forward_mode,
    gradient_problem,
)
from gru_bench.trace.tensorflow.traced import traced_step
from gru_bench.trace.unsupported import UnsupportedOperationError


class CellProblem(RunProblem):
    """See the module.

    Args:
        subject: the cell.
        xs: `(T, B, F)`.
        states: before the first step.
        outputs: whether the outputs of all steps belong to the results, or only the final states.
        weights: of the cell; its own where None.
    """

    def __init__(
        self,
        subject: KerasSubject,
        xs: Array,
        states: Sequence[Array],
        outputs: bool = True,
        weights: Sequence[Array] | None = None,
    ) -> None:
        super().__init__(subject, xs, states, outputs, weights)
        self._step = traced_step(subject, xs.shape[1])
        self.epsilon, self.overrides = self._step.epsilon, self._step.overrides
        self.surrogate = self._step.surrogate
        self._use_replay = self._step.replay is not None
        self._one_by_one = OneByOne()
        self.path = "replay" if self._use_replay else "vectorized"
        try:
            self._visit()
            self._try_replay()
        except UnsupportedOperationError:
            self.use_framework()

    @property
    def numeric_epsilon(self) -> float:
        """The machine epsilon of `evaluate`: a replay is in float64, whatever the cell is."""
        return float(np.finfo(np.float64).eps) if self._use_replay else self.epsilon

    def _visit(self) -> None:
        """Keep the states and frozen values before each step, and the results."""
        weights, xs, states = self._parts(np.float64 if self._use_replay else None)
        self._visited, self._frozen_visited, outputs = [states], [self._step.frozen], []
        for output, new, frozen in self._steps(weights, list(xs), states):
            outputs.append(np.asarray(output))
            self._visited.append([np.asarray(s) for s in new])
            self._frozen_visited.append(list(frozen))
        final = self._visited[-1]
        self.value = self.results.join([np.stack(outputs), *final] if self._outputs else final)

    def _steps(self, weights: Any, xs: Any, states: Any) -> Any:
        """Yield output, states and frozen values after each step."""
        if self._use_replay:
            yield from self._replayed_steps(weights, xs, states)
            return
        frozen = self._step.frozen
        tensors = [tf.constant(w) for w in weights]
        for x in xs:
            given = [tf.constant(s) for s in states]
            output, states, frozen = self._step(tensors, frozen, tf.constant(x), given)
            yield output, states, frozen

    def _try_replay(self) -> None:
        """Replay two points for each tensor once: what knows one point may not know several."""
        if self._use_replay and not self._step.tried:
            first = np.array([part.offset for part in self.arguments.parts if part.size])
            self.evaluate(np.repeat(first, 2), np.zeros(2 * len(first)))
            self.evaluate_at(np.stack([self.point, self.point]))
            self._step.tried = True

    def use_framework(self) -> None:
        """Evaluate with TensorFlow from now on."""
        self._use_replay = False
        self.path = "vectorized"
        self._visit()

    def _replayed_steps(
        self, weights: Sequence[Value], xs: Sequence[Value], states: Sequence[Value]
    ) -> Iterator[tuple[Value, list[Value], list[Value]]]:
        replay = self._step.wide
        assert replay is not None
        count = len(self.subject.state_shapes)
        frozen: list[Value] = [np.asarray(f) for f in self._step.frozen]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            known = replay.prepare(weights)
            for x in xs:
                output, *rest = replay.finish(known, frozen, [x], states)
                states, frozen = rest[:count], rest[count:]
                yield output, list(states), frozen

    def _replayed(
        self, weights: Sequence[Value], xs: Sequence[Value], states: Sequence[Value]
    ) -> list[Value]:
        outputs: list[Value] = []
        final = list(states)
        for output, final, _ in self._replayed_steps(weights, xs, states):  # noqa: B007
            outputs.append(output)
        return [*outputs, *final] if self._outputs else final

    def evaluate(self, index: NDArray[np.int64], delta: Array) -> Array:
        """Return the results at points that displace one entry each, `(P, m)`."""
        if not self._use_replay:
            return self.evaluate_at(displaced_points(self.point, index, delta))
        weights, xs, states = self._parts(np.float64)
        parts = [*weights, *xs, *states]
        offsets = np.cumsum([0, *(part.size for part in parts)])[:-1]
        p, t = len(weights), len(xs)
        found = []
        for k in range(0, len(index), self.chunk):
            rows = slice(k, k + self.chunk)
            values = displaced(parts, list(offsets), index[rows], delta[rows])
            moving = densified(values[p:])
            made = self._replayed(values[:p], moving[:t], moving[t:])
            found.append(as_rows(made, len(index[rows])))
        return np.concatenate(found)

    def evaluate_at(self, points: Array) -> Array:
        """Return the results at points `(P, n)`, `(P, m)`."""
        if self._use_replay:
            return self._together(points)
        return self._one_by_one.checked(self, points, lambda: self._together(points))

    def _together(self, points: Array) -> Array:
        p = len(self._weights)
        found = []
        chunk = max(2, min(self.chunk, int(2e8) // (8 * self.arguments.size)))
        for rows, count in padded(points, chunk):
            parts = self.arguments.split(rows)
            weights, states = parts[:p], parts[p + 1 :]
            xs = np.moveaxis(parts[p], 1, 0)
            if self._use_replay:
                lifted = (
                    [Rows(w) for w in weights],
                    [Rows(x) for x in xs],
                    [Rows(s) for s in states],
                )
                found.append(as_rows(self._replayed(*lifted), len(rows))[:count])
                continue
            outputs, final = self._step.run_rows(
                [tf.constant(w) for w in weights], tf.constant(xs), [tf.constant(s) for s in states]
            )
            flat = [np.asarray(s).reshape(len(rows), -1) for s in final]
            if self._outputs:
                flat = [np.moveaxis(np.asarray(outputs), 0, 1).reshape(len(rows), -1), *flat]
            found.append(np.concatenate(flat, axis=1)[:count])
        return np.concatenate(found)

    def jacobian(self) -> Array:
        """Return autodiff's derivatives, `(n, m)`."""
        found = super().jacobian()
        names = [part.name for part in self.arguments.parts]
        self.unconnected = tuple(names[k] for k in self._step.unconnected)
        return found

    def final_states(self) -> list[Array]:
        """Return the states after the last step."""
        return list(self._visited[-1])

    def _step_jacobians(self, output_size: int, sizes: Sequence[int]) -> Any:
        """Yield for each step the derivatives by weights, x and states, `(n', O + S)`."""
        alias = self._step.output_is_state
        skipped = output_size if alias is not None else 0
        rows = output_size + sum(sizes) - skipped
        n_local = sum(w.size for w in self._weights)
        block = max(1, int(1e8) // (8 * rows * (n_local + rows)))
        for first in range(0, self.steps, block):
            steps = range(first, min(first + block, self.steps))
            flat = self._pull_back_steps(steps, output_size, sizes, skipped)
            for local in flat.reshape(len(steps), rows, -1):
                if alias is not None:
                    start = sum(sizes[:alias])
                    local = np.concatenate([local[start : start + output_size], local])  # noqa: PLW2901
                yield local.T

    def _pull_back_steps(
        self, steps: range, output_size: int, sizes: Sequence[int], skipped: int
    ) -> Array:
        weights, xs, _ = self._parts()
        cotangents = np.eye(output_size + sum(sizes), dtype=self.point.dtype)[skipped:]
        count = len(cotangents)
        tiled = np.tile(cotangents, (len(steps), 1))
        d_output = tiled[:, :output_size].reshape(-1, xs.shape[1], *self.subject.output_shape)
        cuts = np.cumsum([output_size, *sizes])
        d_states = [
            tiled[:, a:b].reshape(-1, *s.shape)
            for a, b, s in zip(cuts[:-1], cuts[1:], self._visited[0], strict=True)
        ]

        def repeated(values: Sequence[Any]) -> Any:
            return tf.constant(np.repeat(np.stack([np.asarray(v) for v in values]), count, axis=0))

        frozen = [
            repeated([self._frozen_visited[t][k] for t in steps])
            for k in range(len(self._step.frozen))
        ]
        dtype = self.point.dtype
        states = [
            repeated([self._visited[t][k].astype(dtype, copy=False) for t in steps])
            for k in range(len(sizes))
        ]
        gradients = self._step.pull_back_rows(
            [tf.constant(w) for w in weights],
            frozen,
            repeated([xs[t] for t in steps]),
            states,
            tf.constant(d_output),
            [tf.constant(d) for d in d_states],
        )
        return np.concatenate([np.asarray(g).reshape(len(tiled), -1) for g in gradients], axis=1)

    def pull_back(self, cotangent: Array) -> tuple[Array, Array, Array]:
        """Return Σ_o cotangent_o ∂result_o by one tape, asked for twice; and the results."""
        weights, xs, states = self._parts()
        parts = self.results.split(cotangent.astype(self.point.dtype))
        shape = (self.steps, xs.shape[1], *self.subject.output_shape)
        d_outputs = parts.pop(0) if self._outputs else np.zeros(shape, self.point.dtype)
        groups = (weights, list(xs), states, list(d_outputs), parts)
        given = [[tf.constant(a) for a in group] for group in groups]
        # Eagerly the first time, which needs no tracing; traced for a cell that is checked again.
        again = self.steps in self._step.taped
        self._step.taped.add(self.steps)
        made = (self._step.tape if again else self._step.pull_back)(*given)
        outputs, final, once, twice = (
            [np.asarray(tf.convert_to_tensor(a)) for a in group] for group in made
        )
        value = self.results.join([*outputs, *final] if self._outputs else final)
        return self.arguments.join(once), self.arguments.join(twice), value

    def _function(self, *tensors: Any) -> list[Any]:
        """Return the results for weights, x `(T, B, F)` and states, tensors in and out."""
        p = len(self._weights)
        xs = tf.unstack(tensors[p])
        outputs, final = self.subject.run_tensors(tensors[:p], xs, tensors[p + 1 :])
        return [tf.stack(outputs), *final] if self._outputs else final

    def push_forward(self, direction: Array) -> Array:
        """Return J d by TensorFlow's forward mode, `(m,)`."""
        primals = [tf.constant(a) for a in self.arguments.split(self.point)]
        tangents = [tf.constant(a) for a in self.arguments.split(direction)]
        return self.results.join(forward_mode(lambda: self._function(*primals), primals, tangents))

    def gradient(self, cotangent: Array) -> FunctionProblem:
        """Return the gradient of Σ_o cotangent_o result_o as a problem of its own."""
        parts = [tf.constant(a) for a in self.results.split(cotangent)]
        return gradient_problem(self, self._function, parts)
