"""How many adders a search refutes, how fast it is, and how small the margins it saw are.

    python benchmarks/falsification.py [MODEL.keras ...] [--steps 100000000] [-o searches.jsonl]
    python benchmarks/falsification.py --recipe tutorial --seeds 32 --steps 10000000
    python benchmarks/falsification.py --recipe provable --proved --seeds 100 -o searches.jsonl

Searches saved adders, or trains seeds of a recipe and searches those; with --proved only those
that are PROVED. With -o each search is written when it is done, and neither training nor search is
repeated when the command is given again: a line holds as long as the seed, all options, the
versions and the source of training and search are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import gru_bench
from gru_bench.cli.options import parse_settings
from gru_bench.learning.adder import Adder
from gru_bench.learning.evaluation import binomial_interval
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import TrainedRun, train
from gru_bench.proof.verdict import Prover
from gru_bench.refutation.falsify import Falsifier
from gru_bench.runs.provenance import source_hash, versions
from gru_bench.subjects.keras.loading import load_cell_class
from gru_bench.task.transducer import get_task

#: Where the code is that trains and searches.
ROOMS = ("learning", "program", "proof", "refutation", "subjects", "task", "trace")


class Searches:
    """Searches by key, kept in a file if there is one."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        self.path: Path | None = chosen.output
        self.done: dict[str, dict[str, Any]] = {}
        if self.path and self.path.exists():
            lines = self.path.read_text().splitlines()
            self.done = {record["key"]: record for record in map(json.loads, lines)}
        self._falsifiers: dict[str, Falsifier] = {}
        self._provers: dict[str, Prover] = {}

    def key(self, *facts: Any) -> str:
        """Return the key of a search: a hash of all it depends on."""
        chosen = self.chosen
        every = (chosen.steps, chosen.search_seed, chosen.proved, versions(), source(), *facts)
        return hashlib.sha256(repr(every).encode()).hexdigest()

    def add(self, key: str, name: str, adder: Adder) -> None:
        """Search an adder, unless it was to be proved first and is not."""
        network = adder.network
        kind = repr((network.cell_name, network.arguments, network.task.name, network.dtype))
        record: dict[str, Any] = {"key": key, "adder": name}
        if self.chosen.proved:
            prover = self._provers.setdefault(kind, Prover(network, adder.threshold))
            record["outcome"] = prover.judge(adder.theta, steps=0).outcome
        if record.get("outcome") in (None, "PROVED"):
            maker = self._falsifiers.setdefault(kind, Falsifier(network, adder.threshold))
            found = maker.falsify(adder.theta, self.chosen.search_seed, self.chosen.steps)
            record.update(found.to_json())
        self.done[key] = record
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        tell(record)


def source() -> str:
    """Return a hash of the code that trains and searches."""
    folder = Path(gru_bench.__file__).parent
    rooms = [folder.glob(f"{room}/**/*.py") for room in ROOMS]
    files = sorted([*folder.glob("*.py"), *itertools.chain(*rooms)])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def search_models(chosen: argparse.Namespace, searches: Searches) -> list[dict[str, Any]]:
    """Search saved adders."""
    keys = []
    for model in chosen.models:
        adder = Adder.load(model)
        network = adder.network
        kind = (network.cell_name, network.arguments, network.task.name, network.dtype)
        keys.append(searches.key(kind, adder.threshold, adder.theta.tobytes()))
        if keys[-1] not in searches.done:
            searches.add(keys[-1], model, adder)
    return [searches.done[key] for key in keys]


def search_seeds(chosen: argparse.Namespace, searches: Searches) -> list[dict[str, Any]]:
    """Train seeds, and search each while the next one trains."""
    recipe, task = get_recipe(chosen.recipe, iterations=chosen.iterations), get_task(chosen.task)
    arguments = parse_settings(chosen.settings)
    hashed = source_hash(load_cell_class(chosen.cell))
    facts = (chosen.cell, hashed, arguments, task.name, recipe.model_dump())
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    keys = {seed: searches.key(*facts, seed) for seed in seeds}
    missing = [seed for seed, key in keys.items() if key not in searches.done]

    def take(run: TrainedRun) -> None:
        if run.diverged is None:
            name = f"{recipe.name}, {recipe.iterations} iterations, seed {run.seed}"
            searches.add(keys[run.seed], name, run.adder())

    if missing:
        train(chosen.cell, recipe, missing, arguments=arguments, task=task, on_run=take, workers=1)
    return [searches.done[key] for key in keys.values() if key in searches.done]


def tell(record: dict[str, Any]) -> None:
    if "steps" not in record:
        print(f"{record['adder']}: {record['outcome']}, not searched", flush=True)
        return
    found = record["counterexample"]
    last = [
        s["search"] for s in record["searches"] if s["search"] not in {"shrinking", "shorter ones"}
    ]
    said = (
        f"margin {record['margin']:.3g}"
        if found is None
        else f"{found['steps']} steps{' (shortest)' if found['shortest'] else ''}, by {last[-1]}"
    )
    print(
        f"{record['adder']}: {'-' if found is None else 'refuted'}, {said}; "
        f"{record['steps']:,} steps, {record['seconds']:.1f} s",
        flush=True,
    )


def summarize(every: list[dict[str, Any]], seconds: float) -> None:
    records = [r for r in every if "steps" in r]
    proved = sum(r.get("outcome") == "PROVED" for r in every)
    if any("outcome" in r for r in every):
        print(f"\nPROVED, and so searched: {proved} of {len(every)}")
    if not records:
        return
    refuted = [r for r in records if r["counterexample"] is not None]
    others = [r for r in records if r["counterexample"] is None]
    low, high = binomial_interval(len(refuted), len(records))
    print(f"\nrefuted: {len(refuted)} of {len(records)} [{low:.2f}, {high:.2f}]; {seconds:.0f} s")
    if refuted:
        lengths = [r["counterexample"]["steps"] for r in refuted]
        shortest = sum(r["counterexample"]["shortest"] for r in refuted)
        print(
            f"steps to the wrong digit: median {np.median(lengths):g}, largest {max(lengths)}; "
            f"known to be the shortest: {shortest}; "
            f"median {np.median([r['seconds'] for r in refuted]):.2f} s each"
        )
    if others:
        steps, took = (np.array([r[key] for r in others], float) for key in ("steps", "seconds"))
        margins = [r["margin"] for r in others if r["margin"] is not None]
        print(
            f"not refuted: {len(others)}; {steps.min():,.0f} steps each at least; "
            f"median {np.median(took):.1f} s each, {steps.sum() / took.sum():,.0f} steps/s; "
            f"smallest margins: least {min(margins):.3g}, median {np.median(margins):.3g}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--cell", default="gru_bench:GRUCell")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--task", default="addition")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=10**8)
    parser.add_argument("--search-seed", type=int, default=0)
    parser.add_argument("--proved", action="store_true", help="search only what is PROVED")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    begun = time.perf_counter()
    searches = Searches(chosen)
    search = search_models if chosen.models else search_seeds
    summarize(search(chosen, searches), time.perf_counter() - begun)


if __name__ == "__main__":
    main()
