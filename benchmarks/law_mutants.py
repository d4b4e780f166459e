"""Are mistakes in the laws' own code noticed? `python -m benchmarks.law_mutants`.

Each mutant is one function of a law's module with one change. It is noticed where a law that uses
the function lets a wrong cell pass that it caught, or accuses a correct one: what the tests try
too (`tests/test_scripts_of_failures.py`, `tests/test_law_scripts.py`).
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from gru_bench.laws import LAWS
from gru_bench.laws.running import shrink
from gru_bench.laws.running.runner import run_law
from gru_bench.laws.target import make_target
from gru_bench.laws.telling.outcome import FAILED
from tests.corpus.law_mutants import Mutant, mutants
from tests.corpus.wrong_cells.catching import cells_for
from tests.corpus.wrong_cells.closure import modules, reached

#: Correct cells: a layer that drops out, a cell without, and one with weights gate by gate.
CORRECT = (
    ("keras.layers:GRU", {"units": 2, "dropout": 0.5, "recurrent_dropout": 0.5}),
    ("keras.layers:LSTMCell", {"units": 2}),
    ("gru_bench:GRUCell", {"units": 2}),
)


@cache
def correct() -> list[Any]:
    """Return the correct cells as targets."""
    return [make_target(cell, arguments) for cell, arguments in CORRECT]


@cache
def wrong(law: str) -> Any | None:
    """Return a wrong cell that a law catches, as a target; None where there is none at `quick`."""
    for cell in cells_for(law):
        target = make_target(cell.make, cell.arguments, equations=cell.equations)
        if fails(target, law):
            return target
    return None


def fails(target: Any, law: str) -> bool:
    """Return whether a law accuses a cell."""
    outcome = run_law(target, LAWS[law], "quick", 0)
    return bool(outcome.status == FAILED)


@contextmanager
def put(mutant: Mutant) -> Iterator[None]:
    """Let a mutant stand in for its function, wherever the laws use it."""
    original = getattr(sys.modules[mutant.module], mutant.function)
    made = mutant.made()
    places = [
        module
        for name, module in sys.modules.items()
        if name.startswith("gru_bench.laws") and getattr(module, mutant.function, None) is original
    ]
    changed = [law for law in LAWS.values() if law.check is original]
    try:
        for module in places:
            setattr(module, mutant.function, made)
        for law in changed:
            LAWS[law.name] = replace(law, check=made)
        yield
    finally:
        for module in places:
            setattr(module, mutant.function, original)
        for law in changed:
            LAWS[law.name] = law


def users(mutant: Mutant) -> list[str]:
    """Return the laws that use the function of a mutant, its own module's first."""
    place = mutant.module, mutant.function
    found = [law for law in LAWS.values() if place in reached(law.check)]
    return [
        law.name for law in sorted(found, key=lambda law: law.check.__module__ != mutant.module)
    ]


def noticed(mutant: Mutant) -> str:
    """Return what notices a mutant, in words; empty for nothing."""
    laws = users(mutant)
    for law in laws:
        wrong(law)  # found by what the law is, not by what it was made into
    with put(mutant):
        for law in laws:
            target = wrong(law)
            if target is not None and not fails(target, law):
                return f"{law} lets {target.name} pass"
            accused = next((t.name for t in correct() if fails(t, law)), None)
            if accused is not None:
                return f"{law} accuses {accused}"
    return ""


def main() -> None:
    """Try a sample and print who was not noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=300, help="how many are tried")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--of", default="", help="only modules whose name contains this")
    options = parser.parse_args()
    shrink.ATTEMPTS = 0  # a smallest case is for a reader
    places = [n for n in sorted(modules()) if ".cells." in n or ".keras." in n]
    chosen_modules = [importlib.import_module(name) for name in places if options.of in name]
    every = [mutant for module in chosen_modules for mutant in mutants(module) if users(mutant)]
    rng = np.random.default_rng(options.seed)
    chosen = [every[k] for k in sorted(rng.permutation(len(every))[: options.mutants])]
    begun, seen, tried = time.monotonic(), Counter[str](), Counter[str]()
    for k, mutant in enumerate(chosen, 1):
        told = noticed(mutant)
        room = mutant.module.removeprefix("gru_bench.laws.")
        tried[room] += 1
        seen[room] += bool(told)
        if not told:
            print(f"not noticed: {mutant}", flush=True)
        print(f"\r{k} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    print()
    for room, count in tried.items():
        print(f"{room}: {seen[room]} of {count}")
    total = sum(seen.values())
    print(f"noticed: {total} of {len(chosen)} ({total / len(chosen):.1%}), of {len(every)} in all")
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
