"""A cell written in NumPy in the loop that its users run it in."""

from __future__ import annotations

from gru_bench.subjects.numpy.subject import NumpySubject
from gru_bench.subjects.protocol import Array, Arrays, NotOffered


class NumpyLoop:
    """A cell run over steps, which nothing else calls in between.

    Args:
        subject: the cell; no other may share it.
    """

    def __init__(self, subject: NumpySubject) -> None:
        self.subject = subject

    def run(
        self, xs: Array, states: Arrays, mode: str = "graph", seed: int | None = None
    ) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, B, O)` and the final states.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            mode: traced or not is the same to it, compiled it cannot be.
            seed: nothing is drawn.

        Raises:
            NotOffered: the loop is to be compiled.
        """
        del seed
        if mode == "xla":
            raise NotOffered("a cell written in NumPy is not compiled")
        return self.subject.run(xs, states)
