"""The machine that writes cells: a seed is a cell."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.corpus import arithmetic, matrices, moves, tricks
from tests.corpus.spec import B, Spec, without_the_unused
from tests.corpus.writer import Features, Rule, UnfitError, Writer

#: How often a cell has what is not ordinary.
SHARES = {
    "strange": 0.1,
    "tricks": 0.1,
    "layers": 0.3,
    "empty": 0.1,
    "rank_3": 0.06,
    "frozen": 0.25,
}

#: Of all rules, a cell knows one of these shares: a cell of a few kinds goes deeper into these.
KNOWN = (0.15, 0.3, 0.5, 0.8)


def write(seed: int) -> Spec:
    """Return the cell of a seed: always the same.

    Args:
        seed: any integer that is not negative.
    """
    for attempt in range(100):
        try:
            return _written(seed, random.Random(f"{seed} {attempt}"))
        except UnfitError:
            continue
    raise AssertionError(f"no cell could be written from seed {seed}")


def _written(seed: int, rng: random.Random) -> Spec:
    features = Features(**{name: rng.random() < share for name, share in SHARES.items()})
    theme = rng.choices(list(THEMES), weights=[weight for weight, _ in THEMES.values()])[0]
    w = Writer(rng, _rules(rng, features, theme), features)
    size = rng.randint(1, 4)
    states = tuple(rng.randint(1, 4) for _ in range(rng.choice([1, 1, 1, 2, 2, 3])))
    if rng.random() < 0.4:  # then many values, and many weights, have one shape
        states = states[:1] * len(states)
        size = rng.choice([size, states[0]])
    w.given("x", (B, size))
    for k, n in enumerate(states):
        w.given(f"h{k}", (B, n))
    last = [_new_state(w, k, n, THEMES[theme][1]) for k, n in enumerate(states)]
    if rng.random() < 0.2:
        last = _exchanged(rng, last, states)
    output = _output(w, last)
    return without_the_unused(
        Spec(
            seed,
            size,
            states,
            tuple(rng.choice([0.0, 0.0, 0.5, -1.0]) for _ in states),
            tuple(w.weights),
            tuple(w.layers),
            tuple(w.steps),
            output,
            tuple(last),
        )
    )


def _rules(rng: random.Random, features: Features, theme: str) -> list[tuple[float, Rule]]:
    """Return the rules that one cell knows, with how often each is tried."""
    if theme == "matrices":
        chosen = list(matrices.RULES)
    elif theme != "any":
        few = moves.PLAIN if rng.random() < 0.6 else moves.RULES
        chosen = list(rng.sample(few, rng.randint(2, 6)))
    else:
        ordinary, share = [*moves.RULES, *arithmetic.RULES], rng.choice(KNOWN)
        known = [rule for rule in ordinary if rng.random() < share] or ordinary
        chosen = [(w * rng.uniform(0.5, 2), rule) for w, rule in known]
    for asked, rules in ((features.strange, tricks.STRANGE), (features.tricks, tricks.BATCHED)):
        if asked:  # one kind or two, so that most of the cell is as others are
            chosen += [(4 * w, rule) for w, rule in rng.sample(rules, rng.choice([1, 1, 2]))]
    return chosen


def _anything(w: Writer, size: int) -> str:
    return w.make((B, size), w.rng.choice([2, 3, 5, 8, 12, 16, 20]))


def _of_moved_weights(w: Writer, size: int) -> str:
    """A row times a matrix that has been moved about, plus such a vector, perhaps activated."""
    vector = w.rng.choice(w.rows())
    matrix = w.make((w.size(vector), size), w.rng.choice([2, 3, 4, 6, 8]))
    made = w.emit("matmul", vector, matrix)
    if w.rng.random() < 0.5:
        bias = w.make(w.rng.choice([(size,), (1, size)]), w.rng.choice([1, 2, 4]))
        made = w.emit(w.rng.choice(["add", "sub", "mul"]), made, bias)
    return w.emit("tanh", made) if w.rng.random() < 0.5 else made


def _of_moved_rows(w: Writer, size: int) -> str:
    """Inputs and states moved about, and combined."""
    pieces = [w.make((B, size), w.rng.choice([2, 3, 4, 6])) for _ in range(2)]
    return w.emit(w.rng.choice(["add", "sub", "mul"]), *pieces)


#: What cells are about: how often, and how a state `(B, n)` is made.
THEMES: dict[str, tuple[float, Callable[[Writer, int], str]]] = {
    "any": (0.5, _anything),
    "weights": (0.2, _of_moved_weights),
    "matrices": (0.15, _of_moved_weights),
    "rows": (0.15, _of_moved_rows),
}


def _new_state(w: Writer, k: int, size: int, make: Callable[[Writer, int], str]) -> str:
    draw = w.rng.random()
    if draw < 0.04:
        return f"h{k}"
    if draw < 0.05:
        return w.make((size,), 2)  # the same for each row, without an axis for them
    return make(w, size)


def _exchanged(rng: random.Random, last: list[str], sizes: tuple[int, ...]) -> list[str]:
    """Return new states in another order, where their sizes allow it."""
    places = list(range(len(last)))
    rng.shuffle(places)
    fits = all(sizes[k] == sizes[place] for k, place in enumerate(places))
    return [last[place] for place in places] if fits else last


def _output(w: Writer, last: list[str]) -> str:
    draw = w.rng.random()
    if draw < 0.4:
        return w.rng.choice(last)
    if draw < 0.45:
        return w.rng.choice(["x", "h0"])
    size = w.rng.randint(1, 4)
    if draw < 0.52:  # perhaps the same for each row, with or without an axis for them
        kinds = [(size,), (1, size), *[(B, size)] * 4]
        return w.make(w.rng.choice(kinds), w.rng.choice([0, 1, 3]))
    if draw < 0.53:
        return w.make((B, 1, size), 2)
    return w.make((B, size), w.rng.choice([0, 1, 2, 4, 6, 9]))
