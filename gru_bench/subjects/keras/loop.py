"""A cell in the loop that its users run it in: `keras.layers.RNN`, looped or unrolled."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_bench.errors import check_known
from gru_bench.subjects.keras.maker import around
from gru_bench.subjects.keras.runtime import keras, tf
from gru_bench.subjects.keras.subject import MODES, KerasSubject
from gru_bench.subjects.protocol import Array, Arrays

#: How a run over steps is executed: by a loop in the graph, or with all steps written out.
UNROLLED, LOOPED = "unrolled", "looped"
WAYS = (LOOPED, UNROLLED)


class Loop:
    """A cell run over steps by Keras, statefully: masks are drawn anew in each run.

    Laws: in inference a run equals `subject.run`; modes and ways agree, in training after the
    same `draw(seed)` too, except that XLA draws other numbers from a seed than TensorFlow does.

    Args:
        subject: the cell; no other may share it, since Keras resets the masks that it keeps.
        way: "looped" or "unrolled".
    """

    def __init__(self, subject: KerasSubject, way: str = LOOPED) -> None:
        self.subject = subject
        self.layer = around(
            subject.cell,
            return_sequences=True,
            return_state=True,
            unroll=check_known("way", way, WAYS) == UNROLLED,
            dtype=subject.cell.dtype_policy,
        )
        self._compiled: dict[str, Any] = {}

    def run(
        self, xs: Array, states: Arrays, mode: str = "graph", seed: int | None = None
    ) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, B, O)` and the final states.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            mode: "eager", "graph" or "xla"; traced for each T and B.
            seed: what `KerasSubject.draw` is told before; None to draw on.
        """
        self.subject.draw(seed)
        dtype = self.subject.dtype
        x = tf.convert_to_tensor(np.moveaxis(np.asarray(xs, dtype), 0, 1))
        first = [tf.convert_to_tensor(np.asarray(s, dtype)) for s in states]
        outputs, final = self._executor(check_known("mode", mode, MODES))(x, first)
        self.subject.draw(None)  # a mask that a trace left behind is not for others
        return np.moveaxis(np.asarray(outputs), 1, 0), [np.asarray(s) for s in final]

    def _executor(self, mode: str) -> Any:
        if mode == "eager":
            return self._call
        if mode not in self._compiled:
            xla = mode == "xla"
            self._compiled[mode] = tf.function(self._call, jit_compile=xla, autograph=False)
        return self._compiled[mode]

    def _call(self, x: Any, states: Any) -> tuple[Any, list[Any]]:
        nested = self.subject.nest(states)
        options = {"training": True} if self.subject.training else {}
        outputs, *final = self.layer(x, initial_state=nested, **options)
        return outputs, keras.tree.flatten(final)
