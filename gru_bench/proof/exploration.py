"""Exploring a network: which states it visits, told apart as coarsely as a resolution allows.

From the initial state on, each state is tried with every symbol. A new state joins the region of
a state that it lies close to, if the transducer is in the same state there; otherwise it founds a
region of its own. So every region has one following region for each symbol, by construction, and
states that the network keeps apart for ever, however it does so, get regions of their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gru_bench.proof.region import Family
from gru_bench.proof.system import System

Array = NDArray[np.float64]


def explore(system: System, resolution: float, most: int) -> Family | None:
    """Return the regions of a network, or None where there are more than `most`.

    Args:
        system: the network and its task.
        resolution: largest difference, in any entry of tanh(state), that is no difference: a
            cell acts on its states through functions that saturate much as tanh does.
        most: regions.
    """
    task, next_state = system.task, np.array(system.task.next_state)
    founders, labels = [system.initial], np.zeros(1, np.int64)
    places = np.tanh(system.initial)[None]
    following: list[NDArray[np.int64]] = []
    done = 0
    while done < len(founders):
        new = np.stack(founders[done:])
        x = np.tile(np.arange(task.symbols), len(new))
        _, states = system.step(task.features[x], np.repeat(new, task.symbols, axis=0))
        reached = next_state[np.repeat(labels[done:], task.symbols), x]
        done = len(founders)
        row = np.empty(len(x), np.int64)
        for k, (state, label) in enumerate(zip(states, reached, strict=True)):
            place = np.tanh(state)
            apart = np.abs(places - place).max(axis=1)
            # The initial region stays what it is: one state.
            apart[(labels != label) | (np.arange(len(apart)) == 0)] = np.inf
            row[k] = int(apart.argmin())
            if apart[row[k]] > resolution:
                if len(founders) == most:
                    return None
                row[k] = len(founders)
                founders.append(state)
                labels = np.append(labels, label)
                places = np.concatenate([places, place[None]])
        following.append(row.reshape(-1, task.symbols))
    return Family(np.stack(founders), np.concatenate(following), labels)


def simulate(
    system: System, family: Family, seed: int, words: int = 128, steps: int = 128
) -> tuple[Array, NDArray[np.int64]]:
    """Return states that random words lead to, `(S, N)`, and the region of each, `(S,)`.

    Each word has symbol shares of its own, so that long runs of one symbol occur; the first words
    are such runs.
    """
    rng = np.random.default_rng(seed)
    X = system.task.symbols
    shares = np.concatenate([np.eye(X), rng.dirichlet(np.full(X, 0.3), words)])
    draws = rng.random((steps, len(shares), 1)) > np.cumsum(shares, axis=1)[:, :-1]
    states = np.broadcast_to(system.initial, (len(shares), system.size))
    where = np.zeros(len(shares), np.int64)
    visited, regions = [], []
    for x in draws.sum(axis=-1):
        _, states = system.step(system.task.features[x], states)
        where = family.following[where, x]
        visited.append(states)
        regions.append(where)
    return np.concatenate(visited), np.concatenate(regions)
