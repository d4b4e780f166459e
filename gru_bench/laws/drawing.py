"""What laws ask of a case about chance: other cells of the kind, calls that draw, masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.tolerance import epsilon

if TYPE_CHECKING:
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Subject

Array = NDArray[Any]


class Drawing:
    """Verbs of a case."""

    if TYPE_CHECKING:
        target: Target
        dtype: str

        @property
        def features(self) -> int:
            """F."""

        @property
        def rng(self) -> np.random.Generator:
            """A new generator."""

        def subject(self) -> Subject:
            """Return the cell."""

        def note(self, **facts: Any) -> None:
            """Keep facts."""

    @property
    def epsilon(self) -> float:
        """The machine epsilon of the case's dtype."""
        return epsilon(self.dtype)

    def another(self, **changes: Any) -> Subject:
        """Return a new cell with this case's weights, never called.

        Args:
            **changes: constructor arguments beside those given.
        """
        made: Subject = self.target.another(self, **changes)
        return made

    def takes(self, **arguments: Any) -> bool:
        """Return whether the cell's constructor takes these arguments."""
        return self.target.takes(self.dtype, **arguments)

    def called(
        self, cell: Any, x: Array, states: Sequence[Array], training: bool
    ) -> tuple[Array, list[Array]]:
        """Return the output and the states of one call, with the masks that the cell keeps.

        Args:
            cell: that `another` made.
            x: `(B, F)`.
            states: each `(B, ...)`.
            training: whether it is called so.
        """
        return self.target.called(cell, x, states, training)

    def forget_masks(self, cell: Any) -> None:
        """Let the next call of a cell that `another` made draw the masks that it keeps."""
        self.target.forget_masks(cell)

    def keeps_masks(self, cell: Any) -> bool:
        """Return whether a cell that `another` made keeps masks from step to step."""
        return self.target.keeps_masks(cell)

    def rates(self) -> dict[str, float]:
        """Return the cell's dropout rates above zero, by the arguments that set them."""
        return self.target.rates()

    def drawn(self, rows: int) -> tuple[Array, list[Array]]:
        """Return inputs and states of so many rows that are nowhere zero.

        A script draws the same, but for what the cell does not take or does not reach by itself.
        """
        rng = self.rng

        def draw(shape: tuple[int, ...]) -> Array:
            array = rng.normal(size=shape)
            return np.asarray(array + np.copysign(0.25, array))

        x = self.target.fit(draw((rows, self.features)))
        states = self.target.states(self.subject(), rng, rows, draw)
        if self.target.inputs is not None or any(self.target.domain):
            self.note(x=x, start=states)
        return x, states
