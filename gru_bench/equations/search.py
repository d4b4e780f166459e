"""Looks for the equations that a cell computes: cheap comparisons first, whole layouts last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.equations.box import Box
from gru_bench.equations.formula import Formula
from gru_bench.equations.hypothesis import Hypothesis, level_weights
from gru_bench.equations.layout import Layout, find_layout, same

Array = NDArray[Any]

#: Generic points at which a reading is compared before it counts.
_POINTS = 4


@dataclass(frozen=True)
class Words:
    """What the cell itself says of its functions and numbers.

    Args:
        phi: its `activation`, by name.
        sigma: its `recurrent_activation`.
        others: further activations that it keeps.
        own: functions of activations that have no usual name.
        numbers: floats among its arguments and attributes.
        epsilons: those of its normalisations.
        text: its class's name and docstring.
    """

    phi: str | None = None
    sigma: str | None = None
    others: tuple[str, ...] = ()
    own: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    numbers: tuple[float, ...] = ()
    epsilons: tuple[float, ...] = ()
    text: str = ""


@dataclass
class Fit:
    """A hypothesis with the layout that goes with it.

    Args:
        hypothesis: what is computed.
        layout: where its weights lie.
    """

    hypothesis: Hypothesis
    layout: Layout


def choices(formula: Formula, words: Words, wide: bool) -> Iterator[tuple[str, str, str]]:
    """Yield φ, σ and ψ to try: the cell's own first.

    Args:
        formula: says which are usual.
        words: of the cell.
        wide: whether all usual ones are tried, or the first only.
    """
    phis = tuple(n for n in (words.phi, *words.others, *formula.phi) if n)
    sigmas = tuple(n for n in (words.sigma, *words.others, *formula.sigma) if n)
    psis = (*formula.psi, *words.others) if formula.uses("psi") else ("phi",)
    if not formula.uses("sigma"):
        sigmas = sigmas[:1]
    if not formula.uses("phi"):
        phis = phis[:1]
    if not wide:
        phis, sigmas = phis[: 1 if formula.uses("sigma") else 3], sigmas[:1]
    seen = set()
    for phi in phis:
        for sigma in sigmas:
            for psi in psis:
                key = phi, sigma, phi if psi == "phi" else psi
                if key not in seen:
                    seen.add(key)
                    yield phi, sigma, psi


def fitting(formula: Formula, box: Box, words: Words, wide: bool = True) -> Iterator[Hypothesis]:
    """Yield the hypotheses of a formula whose step equals the cell's where weights are level."""
    if len(formula.states) != len(box.blocks) or (formula.square and box.features != box.units):
        return
    wanted = box.responses_at(formula.base, formula.normalised)
    weights = level_weights(formula, box)
    epsilons = (*words.epsilons, 1e-3, 1e-5, 1e-6, 1e-8, 1e-12) if formula.normalised else (1e-3,)
    for order in permutations(range(len(formula.states))):
        for k, (phi, sigma, psi) in enumerate(choices(formula, words, wide)):
            for epsilon in dict.fromkeys(epsilons):
                made = Hypothesis(formula, order, phi, sigma, psi, {}, epsilon, words.own)
                yield from with_constants(made, box, weights, wanted, words, k == 0)


def with_constants(
    made: Hypothesis,
    box: Box,
    weights: Mapping[str, Any],
    wanted: Array,
    words: Words,
    fitted: bool = True,
) -> Iterator[Hypothesis]:
    """Yield a hypothesis with numbers with which its step equals the cell's."""
    usual = {n: v for n, v in made.formula.constants.items() if v}
    free = [n for n, v in made.formula.constants.items() if not v]

    def gap(constants: Mapping[str, float]) -> Array:
        step = made.at(constants=constants).joined(weights, box.x, box.states)
        with np.errstate(all="ignore"):
            return np.asarray((step - wanted) / (1 + np.abs(wanted)))

    def good(constants: Mapping[str, float]) -> bool:
        step = made.at(constants=constants).joined(weights, box.x, box.states)
        return same(box, step, wanted)

    values = [tuple(dict.fromkeys((*v, *words.numbers))) for v in usual.values()]
    for chosen in product(*values):
        given = dict(zip(usual, chosen, strict=True))
        if not free and good(given):
            yield made.at(constants=given)
            return
        if free:
            start = {name: _start(name, made, box, wanted) for name in free}
            found = _solved(gap, good, start, given, box.tolerance)
            if found is not None:
                yield made.at(constants=found)
                return
    if usual and fitted:
        start = {n: v[-1] for n, v in usual.items()}
        start |= {name: _start(name, made, box, wanted) for name in free}
        found = _solved(gap, good, start, {}, box.tolerance)
        if found is not None:
            yield made.at(constants=found)


def _solved(
    gap: Callable[[Mapping[str, float]], Array],
    good: Callable[[Mapping[str, float]], bool],
    start: Mapping[str, float],
    given: Mapping[str, float],
    tolerance: float,
) -> dict[str, float] | None:
    """Return numbers that close a gap, beside those given, and that mean something."""
    found = solve(lambda free: gap({**given, **free}), start, tolerance)
    if found is None:
        return None
    rounded = {**given, **{name: float(f"{value:.10g}") for name, value in found.items()}}
    return rounded if good(rounded) and _means_something(rounded) else None


def _start(name: str, made: Hypothesis, box: Box, wanted: Array) -> float:
    """Return where the search for a number begins: for a clip, at the largest state."""
    if name != "k_clip":
        return 0.5
    block = made.order.index(len(made.formula.states) - 1)
    first = wanted.shape[-1] - (len(made.order) - block) * box.units
    return float(np.abs(wanted[:, first : first + box.units]).max())


def _means_something(constants: Mapping[str, float]) -> bool:
    """Return whether no number makes the equations those of another, simpler cell."""
    kept = [v for n, v in constants.items() if n.startswith(("k_keep", "k_zone"))]
    return not kept or any(abs(value) > 1e-6 for value in kept)


def solve(
    gap: Callable[[Mapping[str, float]], Array], start: Mapping[str, float], tolerance: float
) -> dict[str, float] | None:
    """Return the numbers that close a gap, by Gauss's and Newton's rule; None where none do.

    Args:
        gap: of some numbers.
        start: from where.
        tolerance: what counts as closed.
    """
    now = dict(start)
    if not now:
        return None
    for _ in range(7):
        at = gap(now)
        if not np.isfinite(at).all():
            return None
        if np.abs(at).max() <= tolerance * 1e-2:
            break
        columns = []
        for name, value in now.items():
            step = 1e-6
            columns.append(((gap({**now, name: value + step}) - at) / step).ravel())
        matrix = np.stack(columns, axis=1)
        if not np.isfinite(matrix).all():
            return None
        change, *_ = np.linalg.lstsq(matrix, -at.ravel(), rcond=None)
        after = {
            n: v + float(np.clip(c, -3, 3)) for (n, v), c in zip(now.items(), change, strict=True)
        }
        # A step that closes nothing of the gap will not close it later.
        if np.linalg.norm(gap(after)) > 0.3 * np.linalg.norm(at) and np.abs(at).max() > 1e-6:
            return None
        now = after
    return now if np.abs(gap(now)).max() <= tolerance else None


def holds(fit: Fit, box: Box) -> bool:
    """Return whether a reading agrees with the cell at generic points, everything different."""
    for seed in range(_POINTS):
        rng = np.random.default_rng([seed, 4])
        values = box.generic(rng, None, False)
        x, states = box.rows(rng)
        box.assign(values)
        got = box.step(x, states)
        weights = fit.layout.read(values)
        if not same(box, fit.hypothesis.joined(weights, x, states), got):
            return False
    return True


def find_exact(box: Box, formulas: Iterable[Formula], words: Words, wide: bool = True) -> list[Fit]:
    """Return all readings of the formulas that agree with the cell; dead weights are allowed."""
    found = []
    for formula in formulas:
        for hypothesis in fitting(formula, box, words, wide):
            layout = find_layout(hypothesis, box)
            if layout is None:
                continue
            fit = Fit(hypothesis, layout)
            if holds(fit, box):
                found.append(fit)
                break
    return found
