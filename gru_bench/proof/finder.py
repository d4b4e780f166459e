"""Finding an invariant: regions that every step maps into regions with the right next label.

Regions start as the hulls of simulated states and grow by sound images until nothing leaves them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_bench.proof.enclosure import Enclosure, Enclosures
from gru_bench.proof.region import Bases, Family, Regions, join, make_family
from gru_bench.proof.rounding import Rounding
from gru_bench.proof.system import System

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effort:
    """One way to look for an invariant.

    Args:
        memory: symbols by which regions are told apart.
        basis: "box", or "principal" for the principal directions of simulated states.
        sweeps: most rounds of growth.
    """

    memory: int
    basis: str = "box"
    sweeps: int = 60


@dataclass
class Step:
    """What one step does to regions: R = K X rows, region by region, symbol by symbol."""

    image: Enclosure
    margins: Array
    low: Array
    high: Array


def step(system: System, regions: Regions, rounding: Rounding) -> Step:
    """Return images, margins and landing bounds of every region under every symbol."""
    task, family = system.task, regions.family
    K, X = family.following.shape
    which = np.repeat(np.arange(K), X)
    x = np.tile(np.arange(X), K)
    image, margins = advance(
        system, regions.enclosures(which), x, family.labels[which], Enclosures(rounding)
    )
    del task
    low, high = regions.bounds(image, family.following.reshape(-1))
    return Step(image, margins, low, high)


def advance(
    system: System, states: Enclosure, x: Array, labels: Array, algebra: Enclosures
) -> tuple[Enclosure, Array]:
    """Return the states after symbols x `(R,)`, and the margin of what is written, `(R,)`."""
    task = system.task
    ends = np.cumsum(system.program.state_sizes)
    parts = [
        algebra.slice(states, int(end - size), int(end))
        for end, size in zip(ends, system.program.state_sizes, strict=True)
    ]
    symbols = algebra.rows(task.features[x])
    output, new = system.program.evaluate(algebra, symbols, parts, system.weights)
    scores = algebra.add(algebra.matmul(output, system.V), algebra.constant(system.c))
    right = np.array(task.output)[labels, x]
    return join(new, algebra), margins_of(scores, right, system.threshold)


def margins_of(scores: Enclosure, right: Array, threshold: float) -> Array:
    """Return how far the right digit's score is on its side, at least, after rounding."""
    low, high = scores.low - scores.error, scores.high + scores.error
    if low.shape[1] == 1:
        return np.where(right == 1, low[:, 0] - threshold, threshold - high[:, 0])
    rows = np.arange(len(right))
    others = high.copy()
    others[rows, right] = -np.inf
    return np.asarray(low[rows, right] - others.max(axis=1))


def simulate(system: System, family: Family, seed: int, batch: int = 256, steps: int = 96):
    """Return states of random words, `(steps+1, B, N)`, and the region of each, `(steps+1, B)`.

    Each word has symbol shares of its own, so that long runs of one symbol occur.
    """
    rng = np.random.default_rng(seed)
    X = system.task.symbols
    shares = rng.dirichlet(np.full(X, 0.3), batch)
    shares = np.concatenate([np.eye(X), shares])
    B = len(shares)
    draws = (rng.random((steps, B, 1)) > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=-1)
    states = np.broadcast_to(system.initial, (B, system.size))
    where = np.zeros(B, np.int64)
    visited, regions = [states], [where]
    for x in draws:
        _, states = system.step(system.task.features[x], states)
        where = family.following[where, x]
        visited.append(states)
        regions.append(where)
    return np.stack(visited), np.stack(regions)


def start(system: System, family: Family, basis: str, seed: int) -> Regions:
    """Return regions that just hold simulated states."""
    states, where = simulate(system, family, seed)
    states, where = states.reshape(-1, system.size), where.reshape(-1)
    K, N = len(family.keys), system.size
    low, high = np.full((K, N), np.inf), np.full((K, N), -np.inf)
    bases = Bases()
    order = np.argsort(where, kind="stable")
    groups = np.split(states[order], np.searchsorted(where[order], np.arange(1, K)))
    if basis == "principal":
        A = np.broadcast_to(np.eye(N), (K, N, N)).copy()
        for k, group in enumerate(groups):
            if len(group) > 1:
                A[k] = np.linalg.eigh(np.cov(group.T))[1]
        bases = Bases(A)
    for k, group in enumerate(groups):
        if len(group):
            inside = bases.coordinates(group, k)
            low[k], high[k] = inside.min(axis=0), inside.max(axis=0)
    low[0] = np.minimum(low[0], bases.coordinates(system.initial, 0))
    high[0] = np.maximum(high[0], bases.coordinates(system.initial, 0))
    empty = ~np.isfinite(low)
    low[empty], high[empty] = 0, 0
    middle = (low + high) / 2
    center = middle if bases.A is None else np.einsum("kij,kj->ki", bases.A, middle)
    return Regions(family, bases, center, (high - low) / 2 * 1.01 + 1e-4)


def grow(system: System, regions: Regions, rounding: Rounding, sweeps: int) -> Step | None:
    """Grow regions, in place, until no image leaves them; None where that does not come about."""
    targets = regions.family.following.reshape(-1)
    for _ in range(sweeps):
        made = step(system, regions, rounding)
        if not np.all(np.isfinite(made.low)) or made.margins.min() <= 0:
            return None
        if np.all(np.maximum(-made.low, made.high) <= regions.radius[targets]):
            return made
        low, high = -regions.radius, regions.radius.copy()
        np.minimum.at(low, targets, made.low)
        np.maximum.at(high, targets, made.high)
        # A little more than needed, so that growth ends after finitely many sweeps.
        low = np.where(low < -regions.radius, low * 1.02 - 1e-5, low)
        high = np.where(high > regions.radius, high * 1.02 + 1e-5, high)
        regions.center = regions.center + regions.bases.states((low + high) / 2)
        regions.radius = (high - low) / 2 * (1 + 1e-9) + 1e-9
    return None


def find(system: System, rounding: Rounding, effort: Effort, seed: int = 0):
    """Return regions and what a step does to them, or None."""
    family = make_family(system.task, effort.memory)
    regions = start(system, family, effort.basis, seed)
    made = grow(system, regions, rounding, effort.sweeps)
    return None if made is None else (regions, made)
