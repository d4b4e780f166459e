"""What laws ask of a case about its cell, beyond calls and runs.

What scripts cannot find out by themselves (the domain of a state, say) is kept where it is asked,
and stands in the script.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import in_one_line
from gru_bench.laws.derivative import Wrong, place_of
from gru_bench.trace.tolerance import Bound, epsilon, run_error

if TYPE_CHECKING:
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Loop, Subject
    from gru_bench.trace.response import RunBound

Array = NDArray[Any]

#: Outputs and states.
Result = tuple[Array, list[Array]]

#: Entries of a Jacobian beyond which directions are checked, not every entry.
LARGE = 2_000_000


class Asking:
    """Verbs of a case."""

    if TYPE_CHECKING:
        target: Target
        weights: dict[str, Array]
        xs: Array
        states: list[Array]
        seed: int
        told: dict[str, Any]

        @property
        def steps(self) -> int:
            """T."""

        @property
        def batch(self) -> int:
            """B."""

        @property
        def features(self) -> int:
            """F."""

        def subject(self, dtype: str | None = None, training: bool | None = None) -> Subject:
            """Return the cell."""

        def bounds(self, dtype: str | None = None) -> RunBound:
            """Return how far two correct runs may lie apart."""

        def loop(self, way: str) -> Loop:
            """Return the cell in a loop."""

        def note(self, **facts: Any) -> None:
            """Keep facts."""

    # What is known of the cell

    @property
    def widest(self) -> str:
        """The widest dtype that the cell supports."""
        return str(self._told("widest", self.target.dtype))

    @property
    def domain(self) -> list[str]:
        """What is true of each state that the cell reaches by itself, empty for nothing."""
        found: list[str] = self._told("domain", self.target.domain)
        return found

    @property
    def unread(self) -> list[int]:
        """Which states nothing depends on."""
        found: list[int] = self._told("unread", self.target.unread)
        return found

    @property
    def structured(self) -> dict[str, Array]:
        """Which entries of each weight the cell masks, or may choose not to read."""
        found = self.target.structured(self.features)
        self._told("structured", list(found.values()))
        return found

    @property
    def takes_any(self) -> bool:
        """Whether the cell takes any inputs, and not those of a domain only."""
        return self.target.inputs is None

    @property
    def takes_whole(self) -> bool:
        """Whether the cell takes whole numbers only."""
        return self.target.inputs is not None and self.target.inputs.whole

    @property
    def loose(self) -> str:
        """What within the cell has not the dtype that the cell is given; empty for nothing."""
        return self.target.loose

    def _told(self, name: str, value: Any) -> Any:
        self.told[name] = value
        return value

    def promised(self, cell: Subject) -> tuple[tuple[int, ...], Sequence[tuple[int, ...]]]:
        """Return the shapes of output and states, without rows, that a cell promises.

        Those that it gave in its first step stand for what it does not say.
        """
        return cell.promised_output or cell.output_shape, cell.promised_states or cell.state_shapes

    def output_shape(self, cell: Subject) -> tuple[int, ...]:
        """Return the shape of what a cell gives for a row."""
        return cell.output_shape

    def parameters(self, cell: Subject) -> dict[str, Array]:
        """Return the weights of a cell by name."""
        return cell.parameters

    def is_functional(self, cell: Subject) -> bool:
        """Return whether a step leaves what the cell keeps besides weights as it was."""
        return cell.is_functional

    def in_one_line(self, error: BaseException) -> str:
        """Return what a cell raised in a few words."""
        return in_one_line(error)[:120]

    # States to start from

    def initial(self, cell: Subject, rows: int) -> list[Array]:
        """Return the cell's own states before the first step."""
        return cell.initial_state(rows)

    def drawn_states(self, rng: np.random.Generator) -> list[Array]:
        """Return states to start from: standard normal, or reached where a state has a domain."""
        told = self.domain  # a script has to know it
        del told
        return self.target.states(
            self.subject(), rng, self.batch, lambda shape: np.asarray(rng.normal(size=shape))
        )

    # Ways to compute

    def step(
        self, cell: Subject, x: Array, states: Sequence[Array], mode: str | None = None
    ) -> Result:
        """Return the output and the new states of one step.

        Args:
            cell: as `cell` returned it.
            x: `(B, F)`.
            states: each `(B, ...)`.
            mode: "eager", "graph" or "xla"; None for the fastest.
        """
        return cell.fast_step(x, states) if mode is None else cell.step(x, states, mode)

    def call_with(
        self, cell: Subject, weights: Iterable[Array], x: Array, states: Sequence[Array]
    ) -> Result:
        """Return the result of a step with weights that are given, and not the cell's own."""
        return cell.step_with(weights, x, states)

    def run_in_loop(
        self,
        xs: Array,
        states: Sequence[Array],
        way: str = "looped",
        mode: str = "graph",
        seed: int | None = None,
    ) -> Result:
        """Return the outputs and the final states of a run in the loop of the framework.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            way: "looped" or "unrolled".
            mode: "eager", "graph" or "xla".
            seed: of what is drawn; None draws on.
        """
        return self.loop(way).run(xs, states, mode, seed)

    def changed(self, cell: Subject, x: Array, states: Sequence[Array]) -> str:
        """Return which of its arguments, or of its weights, a call changes; empty for none."""
        found = cell.changed_by_call(x, states)
        if found:
            self.target.forget(cell)  # whatever it did to the weights
        return found

    # Gradients

    def gradient(
        self,
        cell: Subject,
        xs: Array,
        states: Sequence[Array],
        outputs: Array,
        finals: Sequence[Array],
    ) -> tuple[dict[str, Array], Array, list[Array]]:
        """Return the gradients of Σ outputs ∘ o + Σ finals ∘ s_T by weights, xs and states."""
        return cell.vjp(xs, states, outputs, finals)

    def gradient_twice(
        self, cell: Subject, xs: Array, states: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """Return the gradients of the sum of all results, asked for twice of one tape."""
        return self.target.tape(cell).vjp_twice(xs, states)

    def gradient_at(
        self, cell: Subject, arguments: Sequence[Array], cotangents: Sequence[Array]
    ) -> Array:
        """Return the gradient of Σ cotangent ∘ result, flat.

        Args:
            cell: as `cell` returned it.
            arguments: weights, xs and states.
            cotangents: one for the output of each step, then one for each final state.
        """
        return self.target.tape(cell).first_gradient(arguments, cotangents)

    def gradient_along(
        self,
        cell: Subject,
        arguments: Sequence[Array],
        cotangents: Sequence[Array],
        directions: Sequence[Array],
    ) -> Array:
        """Return the derivative of `gradient_at` along directions, by a tape through a tape."""
        return self.target.tape(cell).second_product(arguments, cotangents, directions)

    def coarsest(self, cell: Subject) -> float:
        """Return the machine epsilon of the least precise dtype in which a step computes."""
        return float(self._told("coarsest", self.target.tape(cell).epsilon(self.batch)))

    def wrong_derivative(self, arguments: Sequence[str]) -> Wrong | None:
        """Return the derivative that is farthest from the numeric one, None where none is wrong.

        A script finds that one again, by a difference.

        Args:
            arguments: kinds of what is differentiated by: "weight", "input", "state".
        """
        subject = self.subject()
        entries = sum(w.size for w in self.weights.values()) + self.xs.size
        results = self.steps * self.batch * int(np.prod(subject.output_shape))
        found = self.target.check_gradients(
            subject,
            steps=self.steps,
            batch=self.batch,
            inputs=self.xs,
            states=self.states,
            arguments=tuple(arguments),
            seed=self.seed % 2**16,
            method="central" if entries * results < LARGE else "directional",
        )
        worst = found.worst
        if not found.wrong or worst is None:
            return None
        gap = abs(worst.autodiff - worst.numeric)
        names = subject.parameter_names
        self.note(**place_of(names, self.batch, worst.argument, worst.result), limit=gap / 2)
        return Wrong(worst.argument, worst.result, worst.autodiff, worst.numeric, worst.error)

    # Precision

    def each_rounding(self, dtype: str) -> tuple[Bound, list[Bound]]:
        """Return how far outputs, and each final state, of two correct runs may lie apart.

        Args:
            dtype: in which the less precise of both is computed.
        """
        bounds = self.bounds(dtype)
        return bounds.outputs, bounds.finals

    def imprecision(self, cell: Subject) -> str:
        """Return what in a step is computed or kept in less than float64; empty for nothing."""
        return self.target.imprecision(cell, self.batch)

    def smoothness(self) -> Bound:
        """Return what float64 leaves of a fourth difference of zero.

        The running error of the trace would grant a cast to float32 what it rounds.
        """
        subject = self.subject("float64")

        def results(arguments: list[Array]) -> Array:
            return subject.fast_run(arguments[0], arguments[1:])[0].ravel()

        operations = 4 * (self.features + sum(s.shape[-1] for s in self.states) + 16)
        own = run_error(results, [self.xs, *self.states], operations, "float64")
        rest = Bound(16 * np.asarray(own.limit), f"the fourth difference of {own.why}")
        return Bound(epsilon("float32") * 2.0**-8, "1/256 ε of float32") + rest
