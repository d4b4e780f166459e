"""Which published equations a cell claims: by name, by what it computes, by its own name."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gru_bench.equations.claim import Array, Claim, UserStep
from gru_bench.equations.file import is_file, reading_from
from gru_bench.equations.following import follow
from gru_bench.equations.formulas import FAMILIES, FORMULAS, KEYS
from gru_bench.equations.identify import identify_subject
from gru_bench.equations.identity import Identity, Reading
from gru_bench.equations.published import EQUATIONS
from gru_bench.equations.reading import (
    NORMS,
    is_stacked,
    numbers_of,
    read_weights,
    weights_by_name,
)
from gru_bench.equations.words import hints_of
from gru_bench.errors import FAULTS, UsageError, check_known, in_one_line
from gru_bench.subjects.loading import import_from_here
from gru_bench.subjects.making import is_subject, make_subject

#: Asks for no comparison with any equations.
NONE = "none"

#: How many random steps a guess compares.
_STEPS = 4

#: How near a step is to the equations that it equals: far above rounding, in float64 and float32.
_NEAR = {"float64": 1e-8, "float32": 2e-4}

#: What `--equations` takes.
CLAIMS = tuple(dict.fromkeys((*EQUATIONS, *KEYS, *FAMILIES, NONE)))


def find_claim(
    cell: Any, given: str | UserStep | None = None, features: int | None = None
) -> Claim | None:
    """Return the equations that a built cell claims, or those that it computes.

    Args:
        cell: a built Keras cell, or a subject.
        given: a name of `CLAIMS`, `package.module:function`, a function of weights by name, x
            and states, the path of a file that `identify --json` wrote, "none", or None for what
            the cell computes or is called.
        features: F; taken from the first weight where it is None.

    Returns:
        None where nothing was claimed and the cell computes nothing that is published, or "none"
        was asked for. Its `fails` says why the cell is not what it claims to be.

    Raises:
        UsageError: the name is unknown, a function or file cannot be read, or the cell cannot run.
    """
    if features is None and not is_subject(cell):
        features = int(weights_by_name(cell).get("kernel", cell.weights[0]).shape[0])
    return search_claim(make_subject(cell, None, features), given)[0]


def search_claim(
    subject: Any, given: str | UserStep | None = None
) -> tuple[Claim | None, list[str]]:
    """Return the claim, and what else there is to say of the cell.

    Args:
        subject: one step of the cell, which has its own weights again afterwards.
        given: as for `find_claim`.

    Raises:
        UsageError: likewise.
    """
    if callable(given):
        return Claim(None, given=given), []
    if given == NONE:
        return None, []
    if given is not None and is_file(given):
        return _by_file(subject, given), []
    if given is not None and ":" in given:
        return Claim(None, given=_load(given)), []
    if given is not None:
        check_known("equations", given, CLAIMS)
        return _claimed(subject, given), []
    return _unclaimed(subject)


def _load(name: str) -> UserStep:
    module, _, attribute = name.partition(":")
    try:
        with import_from_here():
            found: UserStep = getattr(importlib.import_module(module), attribute)
    except FAULTS as error:  # a user's module can fail in any way
        raise UsageError(f"equations {name!r} cannot be imported: {in_one_line(error)}") from error
    if not callable(found):
        raise UsageError(f"equations {name!r} must be a function of weights, x and states")
    return found


def keys_of(name: str) -> set[str]:
    """Return the keys of equations that a name of a family or of one of its members means."""
    keys = {f.key for f in FORMULAS if name in (f.key, f.family)}
    return keys | ({name} if name in EQUATIONS else set())


def _claimed(subject: Any, given: str) -> Claim:
    """Return the claim of a name; names of weights that are read decide, else what it computes."""
    keys, cell = keys_of(given), subject.cell
    named = [c for c in candidates(subject) if c.equations is not None and c.equations.name in keys]
    if given in EQUATIONS:
        # Where Keras's names are used, so is Keras's reading of the update gate.
        stacked = is_stacked(weights_by_name(cell))
        named = [c for c in named if c.keeps == stacked or c.equations.update is None]  # type: ignore[union-attr]
    named = [replace(c, guessed=False) for c in named]
    best, distance = _nearest(subject, named) if named else (None, np.inf)
    if best is not None and (distance <= _near(cell) or names_decide(subject)):
        return best
    identity = identify_subject(subject, sorted(keys))
    exact = [r for r in identity.readings if r.key in keys]
    if exact:
        return _read(exact[0], cell, identity, False)
    if best is not None and not identity.nearest:
        return best
    other = identify_subject(subject, (), near=False) if not identity.nearest else None
    return Claim(None, fails=_refusal(f"{given} was claimed", identity, other), wanted=given)


def _refusal(why: str, identity: Identity, other: Identity | None) -> str:
    """Return why a cell is not what it is claimed to be."""
    told = f"{why}, and the cell does not compute it"
    if identity.nearest:
        nearest = identity.nearest[0]
        told += f": it computes {nearest.title()}, but {'; '.join(nearest.differs)}"
        return f"{told} ({nearest.sure})"
    if other is not None and other.readings:
        return f"{told}: it computes {other.readings[0].title()}"
    notes = "; ".join(identity.notes) or "nor does it with any one of the known mistakes"
    return f"{told}; {notes}"


def _unclaimed(subject: Any) -> tuple[Claim | None, list[str]]:
    """Return what the cell computes, or what its class is called, as a claim."""
    cell = subject.cell
    best, distance = guess(subject)
    if best is not None and distance <= _near(cell):
        return best, []
    decided = best is not None and names_decide(subject)
    try:
        # What nobody calls by a family's name cannot fail: no mistakes are looked for.
        identity = identify_subject(subject, (), near=not decided and bool(hints_of(cell)[0]))
    except UsageError:
        return (best if decided else None), []
    family = _family(best)
    if identity.readings and not (decided and any(r.family == family for r in identity.readings)):
        return _read(identity.readings[0], cell, identity, True), _alternatives(identity)
    if decided:
        return best, []
    return _by_what_it_is_called(identity)


def _by_what_it_is_called(identity: Identity) -> tuple[Claim | None, list[str]]:
    """Return a claim that fails where the class names a family and is one mistake from it."""
    for reading in identity.nearest:
        odd = [told for told in reading.differs if "no regular order" in told]
        if odd and len(odd) == len(reading.differs):
            why = f"all weights but their order are those of {reading.title()}"
            return Claim(None, guessed=True, fails=f"{why}: {'; '.join(odd)}", wanted=why), []
        if reading.family in identity.hints and (reading.lost or not reading.gone):
            why = f"{identity.believed}, so it should be {reading.formula.title}"
            told = _refusal(why, replace(identity, nearest=(reading,)), None)
            told += "; where it should not, ask for equations none"
            return Claim(None, guessed=True, fails=told, wanted=reading.formula.title), []
    told = "; ".join(identity.notes) or "gru-bench identify says what is nearest"
    return None, [f"equations: none that are published are computed exactly; {told}"]


def _alternatives(identity: Identity) -> list[str]:
    return [f"it computes as well: {r.title()}" for r in identity.readings[1:]]


def _read(reading: Reading, cell: Any, identity: Identity, guessed: bool) -> Claim:
    """Return the claim that a reading makes."""
    followed = follow(reading, cell, identity)
    equations = EQUATIONS.get(reading.key)
    plain = not reading.hypothesis.constants.keys() - {"k_f"} and not reading.formula.normalised
    keeps = any(told.endswith("weighs the old state") for told in reading.formula.says)
    return Claim(
        equations if plain else None,
        keeps=keeps,
        guessed=guessed,
        reading=followed,
        precision=identity.dtype,
    )


def _by_file(subject: Any, path: str) -> Claim:
    """Return the claim of a file, which fails where the cell does not compute what it says."""
    reading, cell = reading_from(path), subject.cell
    identity = identify_subject(subject, [reading.key], near=True)
    claim = _read(reading, cell, identity, False)
    try:
        apart = _distances(subject, [claim], 0)[0]
    except (KeyError, ValueError, IndexError) as error:
        raise UsageError(f"{path} does not fit the cell: {in_one_line(error)}") from error
    if apart <= _near(cell):
        return claim
    return Claim(
        None, fails=_refusal(f"{path} says {reading.title()}", identity, None), wanted=path
    )


def names_decide(subject: Any) -> bool:
    """Return whether the names of a cell's weights say what they are for.

    A framework's names are everybody's, but for a cell that is built on one of the framework's
    own; letters say it where there are several gates.

    Args:
        subject: one step of the cell.
    """
    named = weights_by_name(subject.cell)
    if is_stacked(named):
        return subject.extends_own or any(name in NORMS for name in named)
    return sum(name.startswith("W_") for name in named) > 1


def _family(claim: Claim | None) -> str | None:
    if claim is None or claim.equations is None:
        return None
    return next((f.family for f in FORMULAS if f.key == claim.equations.name), None)


def _near(cell: Any) -> float:
    return _NEAR.get(str(cell.compute_dtype), _NEAR["float32"])


def candidates(subject: Any) -> Iterator[Claim]:
    """Yield the claims that the names of a cell's weights and its number of states allow."""
    named = weights_by_name(subject.cell)
    for equations in EQUATIONS.values():
        if equations.states != len(subject.state_shapes) or not named:
            continue
        if isinstance(read_weights(equations, named, is_stacked(named)), str):
            continue
        readings = (True, False) if equations.update else (False,)
        for keeps in readings:
            yield Claim(equations, keeps=keeps, guessed=True)


def guess(subject: Any) -> tuple[Claim | None, float]:
    """Return the claim among `candidates` that the cell is nearest to, and how far it is.

    Args:
        subject: one step of the cell; it has its own weights again afterwards.

    Returns:
        None also where the weights have the names and shapes of equations, but the cell does not
        read inputs of that size: they belong to a layer within it.
    """
    claims = list(candidates(subject))
    return _nearest(subject, claims) if claims else (None, np.inf)


def _nearest(subject: Any, claims: Sequence[Claim]) -> tuple[Claim | None, float]:
    before = [np.asarray(variable.value) for variable in subject.cell.weights]
    try:
        tried = [_distances(subject, claims, seed) for seed in range(_STEPS)]
    finally:
        for variable, value in zip(subject.cell.weights, before, strict=True):
            variable.assign(value)
    distances = np.max(tried, axis=0)
    nearest = int(np.argmin(distances))
    found = float(distances[nearest])
    return (claims[nearest] if np.isfinite(found) else None), found


def _distances(subject: Any, claims: Sequence[Claim], seed: int) -> list[float]:
    """Return how far one random step of the cell is from each claim, ∞ where it cannot be asked."""
    rng = np.random.default_rng(seed)
    for variable in numbers_of(subject.cell):
        variable.assign(rng.normal(size=variable.shape))
    x = rng.normal(size=(3, subject.input_size))
    states = [rng.normal(size=(3, *shape)).astype(subject.dtype) for shape in subject.state_shapes]
    try:
        output, new = subject.call(x, states)
        actual = [np.asarray(a, np.float64) for a in (output, *new)]
    except Exception:  # a user's cell can fail in any way
        return [np.inf] * len(claims)
    return [_distance(claim, subject.cell, x, states, actual) for claim in claims]


def _distance(claim: Claim, cell: Any, x: Array, states: list[Array], actual: list[Array]) -> float:
    try:
        output, new = claim.step(cell, x, states)
        gaps = [np.abs(a - b).max() for a, b in zip((output, *new), actual, strict=True)]
    except ValueError:  # sizes do not fit
        return np.inf
    # A cell that is not finite anywhere is as far from one claim as from the other.
    worst = np.nan_to_num(gaps, nan=np.finfo(float).max, posinf=np.finfo(float).max)
    return float(np.max(worst))
