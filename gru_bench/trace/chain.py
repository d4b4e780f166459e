"""The Jacobian of a run, put together from those of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.trace.blur import Blur
from gru_bench.trace.layout import Layout

Array = NDArray[Any]


def chained(
    arguments: Layout,
    point: Array,
    parts: tuple[Sequence[Array], Array, Sequence[Array]],
    output_size: int,
    steps: Iterable[Array],
    outputs: bool,
) -> tuple[Array, Array]:
    """Return the derivatives of a run `(n, m)`, and by how many roundings they are blurred.

    Args:
        arguments: the layout of weights, xs and states.
        point: their values, flat.
        parts: the same, apart.
        output_size: numbers in the output of one step.
        steps: for each step the derivatives of output and new states by weights, x and states.
        outputs: whether the outputs of all steps are results, or only the final states.
    """
    weights, xs, states = parts
    sizes = [s.size for s in states]
    n_weights = sum(w.size for w in weights)
    d_state = np.zeros((arguments.size, sum(sizes)))
    d_state[arguments.size - sum(sizes) :] = np.eye(sum(sizes))
    blur = Blur(arguments, point, sum(sizes))
    columns, blurs = [], []
    for t, local in enumerate(steps):
        by_weight, by_x, by_state = np.split(local, np.cumsum([n_weights, xs[t].size]), axis=0)
        blurred = blur.step(d_state, by_state)
        d_made = d_state @ by_state
        d_made[:n_weights] += by_weight
        where = n_weights + t * xs[t].size
        d_made[where : where + xs[t].size] += by_x
        d_output, d_state = d_made[:, :output_size], d_made[:, output_size:]
        blur.keep(blurred[:, output_size:])
        if outputs:
            columns.append(d_output)
            blurs.append(blurred[:, :output_size])
    rows = np.concatenate([*blurs, blur.rows], axis=1)
    return np.concatenate([*columns, d_state], axis=1), rows
