"""A module in the loop that its users run it in: Python's."""

from __future__ import annotations

import contextlib

import numpy as np

from gru_bench.subjects.protocol import Array, Arrays, NotOffered
from gru_bench.subjects.torch.runtime import drawing_from, to_numpy, torch
from gru_bench.subjects.torch.subject import TorchSubject


class TorchLoop:
    """A module run over steps, which nothing else calls in between.

    Args:
        subject: the cell; no other may share it.
    """

    def __init__(self, subject: TorchSubject) -> None:
        self.subject = subject

    def run(
        self, xs: Array, states: Arrays, mode: str = "graph", seed: int | None = None
    ) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, B, O)` and the final states.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            mode: "eager" or "graph", which is the same here.
            seed: from which masks are drawn, anew in each step; None draws on.

        Raises:
            NotOffered: the loop is to be compiled.
        """
        if mode == "xla":
            raise NotOffered("a module is not compiled here")
        subject = self.subject
        drawn = contextlib.nullcontext() if seed is None else drawing_from(seed)
        with torch.no_grad(), drawn:
            outputs, now = [], subject.state_tensors(states)
            for x in subject.tensor(xs):
                output, now = subject.convention.step(subject.own, x, now)
                outputs.append(to_numpy(output))
        return np.stack(outputs), [to_numpy(state) for state in now]
