"""Long random words of many kinds: carries, repetitions, symmetric and sparse ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gru_bench.refutation.hunt import Array, Hunt
from gru_bench.task.transducer import Transducer

#: Steps drawn at once.
_CHUNK = 256

#: Rows and steps of the waves, in turn; the second number None stands for the longest.
_WAVES = ((1024, 1024), (256, None), (1024, 8192))

#: Rows that a wave has at least, in the first turn and later: few rows read long words, but many
#: at once are read faster.
_FEWEST = (16, 128)

#: Symbols a row draws from: entries of a table of its own, in which some stand often.
_TABLE = 64


def stream(hunt: Hunt) -> None:
    """Read long words while the budget lasts.

    Raises:
        Found: a digit was wrong.
        OutOfBudget: at last.
    """
    wave = 0
    while True:
        rows, steps = _WAVES[wave % len(_WAVES)]
        fewest = _FEWEST[wave >= len(_WAVES)]
        # Half of what is left for each wave, and not so long that it has few rows.
        steps = min(steps or hunt.longest, hunt.longest, max(1024, hunt.left // (2 * fewest)))
        rows = max(1, min(rows, hunt.left // (2 * steps)))
        wave += 1
        reached = hunt.start[np.zeros(rows, np.int64)]
        read: list[Array] = []
        for symbols in words(hunt.stepper.task, rows, steps, hunt.rng):
            reached.front = hunt.walk(reached, symbols, read).front
            read.append(symbols)


def words(task: Transducer, rows: int, steps: int, rng: np.random.Generator) -> Iterator[Array]:
    """Return the pieces `(t, rows)` of random words of `steps` symbols.

    Each row has a table of symbols (some of them only carrying ones, some only pairs of equal
    digits, some mostly one symbol) and reads a stretch of it over and over; now and then, seldom in
    some rows and at every step in others, it goes on to another stretch. A quarter of the rows
    reads in mirrored halves, and a quarter departs and then only carries.
    """
    tables = _tables(task, rows, rng).astype(np.int16)
    period = rng.integers(1, 9, rows)
    stay = (10.0 ** rng.uniform(0, 4, rows)).astype(np.float32)
    stay[rng.random(rows) < 0.25] = 1
    # Places in a table count modulo its size, which divides what a byte can hold.
    stretch = np.zeros(rows, np.uint8)
    columns = np.arange(rows)
    kinds = period - 1 + 8 * (columns % 4 == 0)
    for start in range(0, steps, _CHUNK):
        size = min(_CHUNK, steps - start)
        jumps = rng.random((size, rows), np.float32) * stay < 1
        at = np.cumsum(jumps, axis=0, dtype=np.uint8) + stretch
        stretch = at[-1]
        t = start + np.arange(size)
        ways = np.stack([t, np.abs(steps - 1 - 2 * t) // 2], axis=1)[:, :, None]
        phases = (ways % np.arange(1, 9)).reshape(size, 16).astype(np.uint8)
        places = (at * np.uint8(13) + phases[:, kinds]) % np.uint8(_TABLE)
        yield tables.reshape(-1)[columns * _TABLE + places]


def _tables(task: Transducer, rows: int, rng: np.random.Generator) -> Array:
    """Return each row's table of symbols, `(rows, _TABLE)`."""
    tables = rng.integers(0, task.symbols, (rows, _TABLE))
    few = rng.integers(0, task.symbols, (rows, 2))
    seldom = rng.random((rows, _TABLE)) < rng.choice([0.0, 0.1, 0.5, 1.0], (rows, 1))
    tables = np.where(seldom, tables, few[:, :1])
    kinds = rng.integers(0, 4, rows)
    carrying = rng.choice(np.array(task.carrying), (rows, _TABLE))
    # The departing symbol comes first and then once in a table.
    carrying[:, 0] = rng.choice(np.array(task.departing), rows)
    digits = rng.integers(0, task.base, (rows, _TABLE))
    equal = digits * (task.base ** np.arange(task.operands)).sum()
    return np.where((kinds == 0)[:, None], carrying, np.where((kinds == 1)[:, None], equal, tables))
