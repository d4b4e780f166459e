"""The states that lie furthest out, in directions that matter.

A network errs where a reachable state lies beyond its decision border. So keep, step by step, the
states with the smallest margins and those that lie furthest in some directions: those in which a
disturbance dies out slowest, towards the border, and others at random.
"""

from __future__ import annotations

import numpy as np

from gru_bench.refutation.hunt import Array, Hunt, Reached
from gru_bench.refutation.pump import thinned
from gru_bench.refutation.stepper import SUCCESSORS, Front

#: Directions looked at in one round, and how many states each keeps per transducer state at least:
#: more where the budget allows for more rounds than these.
_DIRECTIONS, _KEPT, _ROUNDS = 12, 8, 800

#: Steps over which a margin is traced back to the state.
_BACK = 32

#: Rounds between two probes, and steps of a probe.
_PROBE, _PROBE_STEPS = 24, 128

_GRID = 1e-3


def slow_directions(hunt: Hunt, settled: Reached) -> Array:
    """Return the directions in which later margins fall, at the states that loops settle in.

    The margin's gradient, traced back through a symbol read again and again, turns into the left
    eigenvector of the step's Jacobian whose eigenvalue is largest: what dies out slowest.

    Args:
        hunt: the search.
        settled: states, B of them.

    Returns:
        Unit vectors `(K, D)`; none where all gradients vanish.
    """
    symbols = np.arange(len(settled)) % hunt.stepper.task.symbols
    size = settled.front.states.shape[1]
    weights = np.zeros((len(settled), size + 1), settled.front.states.dtype)
    weights[:, -1] = 1
    found = []
    for back in range(_BACK):
        gradient = hunt.stepper.pull(hunt.theta, settled.front, symbols, weights)
        norm = np.linalg.norm(gradient, axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = gradient / norm
        weights = np.concatenate([np.nan_to_num(unit), 0 * norm], axis=1).astype(weights.dtype)
        if back in (0, 4, _BACK - 1):
            found.append(-unit[np.isfinite(unit).all(axis=1)])
    return np.concatenate(found)


def push(hunt: Hunt, starts: Reached, slow: Array, rounds: int | None = None) -> Reached:
    """Drive states outwards, step by step, while the budget lasts.

    Args:
        hunt: the search.
        starts: where to begin.
        slow: directions, `(K, D)`, tried in every round.
        rounds: steps at most; by default only the budget limits them.

    Raises:
        Found: a digit was wrong.
    """
    reached, made, task = starts, 0, hunt.stepper.task
    symbols, most = task.symbols, max(1, SUCCESSORS[-1] // task.symbols)
    # A round goes on from about five states per transducer state and `kept`, with all symbols.
    wide = hunt.left // (5 * _ROUNDS * task.states * symbols)
    kept = max(_KEPT, wide) if rounds is None else _KEPT
    while len(reached) * symbols <= hunt.left and (rounds is None or made < rounds):
        front, margin = hunt.expand(reached)
        chosen = _outermost(hunt, front, margin, slow, kept)
        reached = thinned(hunt.keep(reached, front, chosen), _GRID)
        if len(reached) > most:
            reached = reached[np.sort(hunt.rng.choice(len(reached), most, replace=False))]
        made += 1
        if rounds is None and made % _PROBE == 0:
            _probe(hunt, reached, margin.size)
    return reached


def _outermost(hunt: Hunt, front: Front, margin: Array, slow: Array, most: int) -> Array:
    """Return the rows that lie furthest out, for each transducer state."""
    size = front.states.shape[1]
    random = hunt.rng.normal(size=(_DIRECTIONS - _DIRECTIONS // 2, size))
    few = hunt.rng.permutation(len(slow))[: _DIRECTIONS // 2]
    directions = np.concatenate([slow[few], random]).astype(front.states.dtype)
    # Not `@`: so small a product costs a library's threads more than it costs.
    scores = np.einsum("bd,kd->bk", front.states, directions)
    scores = np.concatenate([scores, -margin[:, None].astype(scores.dtype)], axis=1)
    chosen = []
    for label in np.unique(front.labels):
        rows = np.flatnonzero(front.labels == label)
        kept = min(most, len(rows))
        best = np.argpartition(-scores[rows], kept - 1, axis=0)[:kept]
        chosen += [rows[best.reshape(-1)], rows[np.argsort(margin[rows])[: 4 * most]]]
        chosen.append(hunt.rng.choice(rows, min(len(rows), 2 * most), replace=False))
    return np.unique(np.concatenate(chosen))


def _probe(hunt: Hunt, reached: Reached, successors: int) -> None:
    """Repeat each single symbol from some states: one outside its basin shows it only later."""
    symbols = hunt.stepper.task.symbols
    count = min(len(reached), max(1, successors // (symbols * 16)))
    if count * symbols * _PROBE_STEPS > hunt.left:
        return
    rows = np.repeat(hunt.rng.choice(len(reached), count, replace=False), symbols)
    words = np.tile(np.arange(symbols, dtype=np.int32), (_PROBE_STEPS, count))
    hunt.walk(reached[rows], words)
