"""A subject: what laws, gradient checks and proofs know of a recurrent cell, NumPy in and out.

Shapes: T steps, B rows of a batch, F inputs, O outputs; states keep the cell's own shapes after B.
Each framework has an adapter: `keras`, and `numpy`, which is the smallest; another one needs the
same few methods. What a framework has nothing of raises `NotOffered`, which says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Sequence[Array]


class NotOffered(Exception):  # noqa: N818
    """Cells of this kind have no such thing, and need not have it; the message says why."""


class Subject(Protocol):
    """One recurrent cell behind NumPy.

    Laws: `run` equals `step` repeated; `vjp` is the transpose of the derivative of `run`;
    `rebuild()` has the same parameters and gives the same results.
    """

    name: str
    input_size: int
    output_shape: tuple[int, ...]
    state_shapes: tuple[tuple[int, ...], ...]
    dtype: str
    training: bool

    @property
    def tracer(self) -> str | None:
        """Which of the readers in `trace` reads its steps; None for none."""

    @property
    def extends_own(self) -> bool:
        """Whether the cell is one that its framework brings along, or built on one."""

    @property
    def modes(self) -> tuple[str, ...]:
        """How a step can be executed; "eager" is always among them."""

    @property
    def computes_in(self) -> str:
        """The dtype of the output."""

    @property
    def parameters(self) -> dict[str, Array]:
        """The trainable weights by name."""

    @property
    def parameter_names(self) -> list[str]:
        """Their names."""

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Their shapes by name."""

    @property
    def promised_states(self) -> list[tuple[int, ...]] | None:
        """The shapes that the cell promises for its states, None where it promises nothing."""

    @property
    def promised_output(self) -> tuple[int, ...] | None:
        """The shape that the cell promises for its output, None where it promises nothing."""

    @property
    def is_functional(self) -> bool:
        """Whether a step leaves what the cell keeps besides weights as it was."""

    def allowed(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Return weights, given in the cell's order, that its constraints allow."""

    def assign(self, parameters: Mapping[str, Array]) -> None:
        """Set the trainable weights by name."""

    def assign_values(self, values: Iterable[Array]) -> None:
        """Set the trainable weights in the cell's order."""

    def initial_state(self, batch: int = 1) -> list[Array]:
        """Return the states before the first step."""

    def step(self, x: Array, states: Arrays, mode: str = "eager") -> tuple[Array, list[Array]]:
        """Return the output and the new states of one step."""

    def fast_step(self, x: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what `step` gives, in whatever mode is fastest."""

    def call(self, x: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what calling the cell itself gives, as users do."""

    def step_with(
        self, weights: Iterable[Array], x: Array, states: Arrays
    ) -> tuple[Array, list[Array]]:
        """Return one step with weights that are given and not the cell's own."""

    def changed_by_call(self, x: Array, states: Arrays) -> str:
        """Return which of its arguments, or of its weights, a call changes; empty for none."""

    def run(self, xs: Array, states: Arrays | None = None) -> tuple[Array, list[Array]]:
        """Return the outputs of all steps and the final states."""

    def fast_run(self, xs: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what `run` gives, in whatever mode is fastest."""

    def vjp(
        self, xs: Array, states: Arrays, outputs: Array, finals: Arrays
    ) -> tuple[dict[str, Array], Array, list[Array]]:
        """Return the gradients of the weighted sum of outputs and final states."""

    def rebuild(self, dtype: str | None = None) -> Subject:
        """Return the same cell made again from its configuration."""


class Loop(Protocol):
    """A cell run over steps in the loop that its users run it in."""

    @property
    def subject(self) -> Subject:
        """The cell, which no other shares."""

    def run(
        self, xs: Array, states: Arrays, mode: str = "graph", seed: int | None = None
    ) -> tuple[Array, list[Array]]:
        """Return the outputs and the final states; what is random is drawn anew, from a seed."""


class Tape(Protocol):
    """What a framework's own gradients give beyond one gradient."""

    def epsilon(self, batch: int) -> float:
        """Return the machine epsilon of the least precise dtype in which a step computes."""

    def vjp_twice(self, xs: Array, states: Arrays) -> tuple[list[Array], list[Array]]:
        """Return the gradients of the sum of all results, asked for twice of one forward pass."""

    def first_gradient(self, arguments: Arrays, cotangents: Arrays) -> Array:
        """Return the gradient of Σ cotangent ∘ result, flat."""

    def second_product(self, arguments: Arrays, cotangents: Arrays, directions: Arrays) -> Array:
        """Return the derivative of `first_gradient` along directions."""
