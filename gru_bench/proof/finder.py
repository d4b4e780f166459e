"""Finding an invariant: regions that every step maps into regions with the right next label.

Regions start as the hulls of simulated states and grow by sound images until nothing leaves them.
Finer and finer regions are tried, since smaller ones are enclosed more tightly.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.program.enclosure import EPS, Enclosure, Enclosures
from gru_bench.program.rounding import Rounding
from gru_bench.proof.exploration import explore, simulate
from gru_bench.proof.region import Family, Regions
from gru_bench.proof.system import System

Array = NDArray[np.float64]

#: Resolutions tried, coarse to fine (at 2 there is one region for each transducer state, beside
#: the initial one), and the most regions that are followed up. The finer ones lie closer, since
#: twice the regions take twice as long to find and to check.
RESOLUTIONS = (2.0, 1.0, 0.5, 0.35, 0.25, 0.17, 0.12, 0.085, 0.06, 0.042, 0.03)
MOST_REGIONS = 2000
_FEWEST = 64

#: Rounds of growth after which regions are taken to grow for ever.
_SWEEPS = 200

#: Landing bounds are claimed with this room, beside which the finder's own rounding is nothing.
_ROOM = 1e-6


@dataclass
class Invariant:
    """Regions closed under every step, with the bounds that show it.

    Args:
        regions: the regions.
        resolution: at which they were told apart.
        images: bound on |image - c_j| for region k and symbol x, `(K, X, N)`.
        margins: of what is written, `(K, X)`.
    """

    regions: Regions
    resolution: float
    images: Array
    margins: Array


@dataclass
class Attempt:
    """What came of one resolution.

    Args:
        resolution: tried.
        regions: how many there were; None where they were too many.
        reason: why no invariant came of it; empty where one did.
    """

    resolution: float
    regions: int | None
    reason: str


def find(
    system: System,
    rounding: Rounding,
    seed: int = 0,
    seconds: float = 60.0,
    regions: int = MOST_REGIONS,
) -> tuple[Invariant | None, list[Attempt]]:
    """Look for an invariant, and say what was tried.

    Args:
        system: the network and its task.
        rounding: float32's error model.
        seed: of the simulated words.
        seconds: after which no further resolution is begun.
        regions: most that are followed up, with four symbols; with more symbols, fewer, but
            at least 64.
    """
    attempts: list[Attempt] = []
    end = time.perf_counter() + seconds
    most = max(_FEWEST, regions * 4 // system.task.symbols)
    for resolution in RESOLUTIONS:
        if time.perf_counter() > end:
            break
        found = _try(system, rounding, resolution, most, seed, end, attempts)
        if found is not None:
            return found, attempts
        if attempts[-1].regions is None:
            break
    return None, attempts


def _try(
    system: System,
    rounding: Rounding,
    resolution: float,
    most: int,
    seed: int,
    end: float,
    attempts: list[Attempt],
) -> Invariant | None:
    """Return the invariant at a resolution, if there is one, and add what came of it."""
    family = explore(system, resolution, most)
    if family is None:
        attempts.append(Attempt(resolution, None, "too many regions"))
        return None
    found = close(system, enclose_words(system, family, seed), rounding, end)
    reason = found if isinstance(found, str) else ""
    attempts.append(Attempt(resolution, len(family.labels), reason))
    if isinstance(found, str):
        return None
    found.resolution = resolution
    return found


def enclose_words(system: System, family: Family, seed: int) -> Regions:
    """Return regions that just hold the states of simulated words."""
    states, where = simulate(system, family, seed)
    low, high = family.founders.copy(), family.founders.copy()
    np.minimum.at(low, where, states)
    np.maximum.at(high, where, states)
    return Regions(family, (low + high) / 2, (high - low) / 2 + 1e-4)


def close(
    system: System, regions: Regions, rounding: Rounding, end: float = np.inf
) -> Invariant | str:
    """Grow regions, in place, until no image leaves them; or say why that does not come about."""
    K, X = regions.family.following.shape
    targets = regions.family.following.reshape(-1)
    which, x = np.repeat(np.arange(K), X), np.tile(np.arange(X), K)
    labels = regions.family.labels[which]
    for _ in range(_SWEEPS):
        states = regions.enclosures(which)
        image, margins = advance(system, states, x, labels, Enclosures(rounding))
        low, high = regions.bounds(image, targets)
        if not np.all(np.isfinite(low) & np.isfinite(high)):
            return "the regions grow beyond all bounds"
        if margins.min() <= _ROOM:
            return "regions grow until a digit is no longer certain"
        images = np.maximum(-low, high) * (1 + _ROOM) + _ROOM
        if np.all(images <= regions.radius[targets]):
            shape = (K, X, system.size)
            return Invariant(regions, np.nan, images.reshape(shape), margins.reshape(K, X) - _ROOM)
        if time.perf_counter() > end:
            return "time ran out"
        below, above = -regions.radius, regions.radius.copy()
        np.minimum.at(below, targets, low * (1 + _ROOM) - 2 * _ROOM)
        np.maximum.at(above, targets, high * (1 + _ROOM) + 2 * _ROOM)
        regions.enlarge(below, above)
    return f"regions still grow after {_SWEEPS} rounds"


def advance(
    system: System, states: Enclosure, x: Any, labels: Any, algebra: Enclosures
) -> tuple[Enclosure, Array]:
    """Return the states after symbols x `(R,)`, and the margin of what is written, `(R,)`."""
    task, sizes = system.task, system.program.state_sizes
    ends = np.cumsum(sizes)
    parts = [
        algebra.slice(states, int(end - size), int(end))
        for end, size in zip(ends, sizes, strict=True)
    ]
    symbols = algebra.rows(task.features[x])
    output, new = system.program.evaluate(algebra, symbols, parts, system.weights)
    scores = algebra.add(algebra.matmul(output, system.V), algebra.constant(system.c))
    right = np.array(task.output)[labels, x]
    image = algebra.concat(new) if len(new) > 1 else new[0]
    return image, margins_of(scores, right, system.threshold)


def margins_of(scores: Enclosure, right: Any, threshold: float) -> Array:
    """Return how far the right digit's score is on its side, at least, after rounding."""
    if scores.low.shape[1] == 1:
        low, high = scores.low - scores.error, scores.high + scores.error
        return np.where(right == 1, low[:, 0] - threshold, threshold - high[:, 0])
    rows = np.arange(len(right))
    # Scores rise and fall together: their differences vary less than they do.
    apart = scores.center[rows, right][:, None] - scores.center
    gens = scores.gens[rows, right][:, None] - scores.gens
    radius = np.abs(gens).sum(axis=-1) + scores.slack[rows, right][:, None] + scores.slack
    ranges = scores.low[rows, right][:, None] - scores.high
    reach = 64 * EPS * (scores.largest[rows, right][:, None] + scores.largest + radius)
    margins = np.maximum(apart - radius - reach, ranges - reach)
    margins -= scores.error[rows, right][:, None] + scores.error
    margins[rows, right] = np.inf
    return np.asarray(margins.min(axis=1))
