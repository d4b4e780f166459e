"""What a stand-in for a case answers about its cell, beyond calls and runs.

As `stand_in`, of whose `Case` this is a part: nothing here is run by the bench.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np


class Asking:
    """What a case is asked about its cell."""

    if TYPE_CHECKING:
        given: dict[str, Any]
        weights: dict[str, Any]
        xs: Any
        states: Any
        batch: int
        features: int

        def cell(self) -> Any:
            """Return the cell."""

        def run(self, cell: Any, xs: Any, states: Sequence[Any]) -> Any:
            """Return outputs and final states."""

        def trains(self, cell: Any) -> bool:
            """Return whether a cell runs in training mode."""

        def rounding(self) -> Any:
            """Return how far results may lie apart."""

    @property
    def widest(self) -> str:
        """The widest dtype that the cell supports."""
        return str(self.given["widest"])

    @property
    def domain(self) -> Any:
        """What is true of each state that the cell reaches by itself, empty for nothing."""
        return self.given["domain"]

    @property
    def unread(self) -> Any:
        """Which states nothing depends on."""
        return self.given["unread"]

    @property
    def structured(self) -> dict[str, Any]:
        """Which entries of each weight the cell masks, or may choose not to read."""
        return dict(zip(self.weights, self.given["structured"]))

    @property
    def loose(self) -> str:
        """Return nothing: that layers within have another dtype is no failure of its own."""
        return ""

    @property
    def takes_any(self) -> bool:
        """Whether the cell takes any inputs."""
        return "inputs" not in self.given

    @property
    def takes_whole(self) -> bool:
        """Whether the cell takes whole numbers only."""
        return "inputs" in self.given and bool(self.given["inputs"][2])

    def promised(self, cell: Any) -> Any:
        """Return the shapes of output and states, without rows, that a cell promises."""
        output, states = self.given["promised"](cell)
        return output or self.output_shape(cell), states

    def output_shape(self, cell: Any) -> Any:
        """Return the shape of what a cell gives for a row."""
        first = self.given["first_states"](cell, 1)
        return self.given["call"](cell, np.zeros((1, self.features)), first)[0].shape[1:]

    def parameters(self, cell: Any) -> Any:
        """Return the weights of a cell by name."""
        return self.given["parameters"](cell)

    def is_functional(self, cell: Any) -> bool:
        """Return whether a step leaves what the cell keeps besides weights as it was."""
        zeros = np.zeros((1, self.features))
        return bool(self.given["is_functional"](cell, zeros, self.trains(cell)))

    def in_one_line(self, error: BaseException) -> str:
        """Return what a cell raised in a few words."""
        return f"{type(error).__name__}: {error}"[:120]

    def initial(self, cell: Any, rows: int) -> Any:
        """Return the cell's own states before the first step."""
        return self.given["first_states"](cell, rows)

    def drawn_states(self, rng: np.random.Generator) -> list[Any]:
        """Return states to start from: standard normal, or reached where a state has a domain."""
        if not any(self.domain):
            return [rng.normal(size=state.shape) for state in self.states]
        cell, steps = self.cell(), int(rng.integers(1, 6))
        states = self.initial(cell, self.batch)
        for x in rng.normal(size=(steps, self.batch, self.features)):
            _, states = self.step(cell, x, states)
        return [np.asarray(np.asarray(s, np.float16), np.float64) for s in states]

    def step(self, cell: Any, x: Any, states: Sequence[Any], mode: str | None = None) -> Any:
        """Return the output and the new states of one step, eagerly, traced or compiled."""
        trains = self.trains(cell)
        if mode is not None:
            return self.given["step"](cell, x, states, trains, mode)
        return self.given["call"](cell, x, states, trains)

    def call_with(self, cell: Any, weights: Iterable[Any], x: Any, states: Sequence[Any]) -> Any:
        """Return the result of a step with weights that are given, and not the cell's own."""
        return self.given["call_with"](cell, weights, x, states, self.trains(cell))

    def run_in_loop(
        self,
        xs: Any,
        states: Sequence[Any],
        way: str = "looped",
        mode: str = "graph",
        seed: int | None = None,
    ) -> Any:
        """Return the outputs and the final states of a run in the loop of the framework."""
        loops = self.given.setdefault("loops", {})
        if way not in loops:
            loops[way] = self.given["make_loop"](way)
        return self.given["run_loop"](loops[way], xs, states, mode, seed)

    def changed(self, cell: Any, x: Any, states: Sequence[Any]) -> str:
        """Return which of its arguments, or of its weights, a call changes; empty for none."""
        return str(self.given["changed"](cell, x, states))

    def gradient(self, cell: Any, xs: Any, states: Any, outputs: Any, finals: Any) -> Any:
        """Return the gradients of a weighted sum of all results by weights, xs and states."""
        arguments = [*self.weights.values(), xs, *states]
        found = self.given["gradient"](cell, arguments, [*outputs, *finals], self.trains(cell))
        count = len(self.weights)
        by_weight = dict(zip(self.weights, found))
        return by_weight, np.stack(found[count : count + len(xs)]), found[count + len(xs) :]

    def gradient_twice(self, cell: Any, xs: Any, states: Any) -> Any:
        """Return the gradients of the sum of all results, asked for twice of one tape."""
        arguments = [*self.weights.values(), xs, *states]
        return self.given["gradient_twice"](cell, arguments, self.trains(cell))

    def gradient_at(self, cell: Any, arguments: Any, cotangents: Any) -> Any:
        """Return the gradient of a weighted sum of all results, flat."""
        found = self.given["gradient"](cell, arguments, cotangents, self.trains(cell))
        return np.concatenate([part.ravel() for part in found])

    def gradient_along(self, cell: Any, arguments: Any, cotangents: Any, directions: Any) -> Any:
        """Return the derivative of `gradient_at` along directions."""
        given = cell, arguments, cotangents, directions, self.trains(cell)
        return np.concatenate([part.ravel() for part in self.given["second_gradient"](*given)])

    def coarsest(self, cell: Any) -> Any:
        """Return the machine epsilon of the least precise dtype in which a step computes."""
        del cell
        return self.given["coarsest"]

    def wrong_derivative(self, arguments: Any) -> Any:
        """Return the derivative that was wrong, and a difference in its place; None where equal."""
        del arguments  # it is known which one
        at = [*self.weights.values(), self.xs, *self.states]
        place, entry = self.given["place"], self.given["entry"]
        result, where = self.given["result"], self.given["where"]
        cell, h, ends = self.cell(), 2.0**-17, []
        outputs, finals = self.run(cell, self.xs, self.states)
        asked = [np.zeros(np.shape(array)) for array in (outputs, *finals)]
        asked[result][where] = 1.0
        found = self.gradient(cell, self.xs, self.states, asked[0], asked[1:])
        by_weight, by_x, by_state = found
        autodiff = float([*by_weight.values(), by_x, *by_state][place][entry])
        for sign in (1.0, -1.0):
            moved = [np.array(array, np.float64) for array in at]
            moved[place][entry] += sign * h
            count = len(self.weights)
            self.given["assign"](cell, moved[:count])
            outputs, finals = self.run(cell, moved[count], moved[count + 1 :])
            ends.append(float([outputs, *finals][result][where]))
        self.given["assign"](cell, at[: len(self.weights)])
        numeric = (ends[0] - ends[1]) / (2 * h)
        if abs(autodiff - numeric) <= self.given["limit"]:
            return None
        names = [*self.weights, "x", *(f"state {k}" for k in range(len(self.states)))]
        results = ["output", *(f"final state {k}" for k in range(len(self.states)))]
        told = f"{names[place]}{list(entry)}", f"{results[result]}{list(where)}"
        return *told, autodiff, numeric, self.given["limit"]

    def each_rounding(self, dtype: str) -> Any:
        """Return how far each output and each final state may lie from a correct one."""
        del dtype  # the comparison that failed was of one
        return self.rounding(), [self.rounding() for _ in self.states]

    def imprecision(self, cell: Any) -> str:
        """Return what in a step is computed or kept in less than float64; empty for nothing."""
        found = self.given["imprecision"](cell, np.zeros((self.batch, self.features)))
        return str(found)

    def smoothness(self) -> Any:
        """Return what float64 leaves of a fourth difference of zero."""
        return self.rounding()
