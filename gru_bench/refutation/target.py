"""Hypothesis, told to make the margin small."""

from __future__ import annotations

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st

from gru_bench.refutation.hunt import Found, Hunt, OutOfBudget

#: Pieces of a word, symbols of a piece, and how often a piece is repeated.
_PIECES, _SYMBOLS, _REPEATS = 6, 6, 100

_EXAMPLES = 200


def aim(hunt: Hunt, seed: int) -> None:
    """Search words made of repeated pieces, guided by the smallest margin seen.

    Args:
        hunt: the search.
        seed: of Hypothesis.

    Raises:
        Found: a digit was wrong.
    """
    count = hunt.stepper.task.symbols
    piece = st.tuples(
        st.lists(st.integers(0, count - 1), min_size=1, max_size=_SYMBOLS),
        st.integers(1, _REPEATS),
    )
    ended: list[Found] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=min(_EXAMPLES, max(1, hunt.left // 1000)),
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @hypothesis.given(st.lists(piece, min_size=1, max_size=_PIECES))
    def search(pieces: list[tuple[list[int], int]]) -> None:
        word = np.concatenate([np.tile(symbols, times) for symbols, times in pieces])
        word = word[: hunt.longest]
        if ended or word.size > hunt.left:
            return
        try:
            walk = hunt.walk(hunt.start, word[:, None].astype(np.int32))
        except Found as found:
            ended.append(found)
        except OutOfBudget:
            return
        else:
            margin = float(walk.margin[0])
            hypothesis.target(-margin if np.isfinite(margin) else 0.0, label="margin")

    search()
    if ended:
        raise ended[0]
