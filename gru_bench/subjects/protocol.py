"""A subject: what laws, gradient checks and proofs know of a recurrent cell, NumPy in and out.

Shapes: T steps, B rows of a batch, F inputs, O outputs; states keep the cell's own shapes after B.
Keras cells are the first adapter (`keras.subject`); another framework needs the same few methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Sequence[Array]


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
    modes: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Array]:
        """The trainable weights by name."""

    def assign(self, parameters: Mapping[str, Array]) -> None:
        """Set the trainable weights by name."""

    def initial_state(self, batch: int = 1) -> list[Array]:
        """Return the states before the first step."""

    def step(self, x: Array, states: Arrays, mode: str = "eager") -> tuple[Array, list[Array]]:
        """Return the output and the new states of one step."""

    def run(self, xs: Array, states: Arrays | None = None) -> tuple[Array, list[Array]]:
        """Return the outputs of all steps and the final states."""

    def vjp(
        self, xs: Array, states: Arrays, outputs: Array, finals: Arrays
    ) -> tuple[dict[str, Array], Array, list[Array]]:
        """Return the gradients of the weighted sum of outputs and final states."""

    def rebuild(self, dtype: str | None = None) -> Subject:
        """Return the same cell made again from its configuration."""
