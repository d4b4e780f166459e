"""How many adders a search refutes, how fast it is, and how small the margins it saw are.

    python benchmarks/falsification.py [MODEL.keras ...] [--steps 100000000] [-o searches.jsonl]
    python benchmarks/falsification.py --recipe tutorial --seeds 32 --steps 10000000

Searches saved adders, or trains seeds of a recipe and searches those. With -o each search is
written when it is done, and is not repeated when the command is given again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.adder import Adder
from gru_bench.cli.options import parse_settings
from gru_bench.evaluation import binomial_interval
from gru_bench.proof.falsify import Falsifier
from gru_bench.recipe import get_recipe
from gru_bench.task import get_task
from gru_bench.training import train


def adders(chosen: argparse.Namespace) -> Iterator[tuple[str, Adder]]:
    """Return the adders by name."""
    for model in chosen.models:
        yield model, Adder.load(model)
    if chosen.models:
        return
    recipe = get_recipe(chosen.recipe, iterations=chosen.iterations)
    runs = train(
        chosen.cell,
        recipe,
        range(chosen.first_seed, chosen.first_seed + chosen.seeds),
        arguments=parse_settings(chosen.settings),
        task=get_task(chosen.task),
    )
    for run in runs:
        if run.diverged is None:
            yield f"{recipe.name}, {recipe.iterations} iterations, seed {run.seed}", run.adder()


def search_all(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Search each adder that was not searched before."""
    done: dict[str, dict[str, Any]] = {}
    if chosen.output and chosen.output.exists():
        lines = chosen.output.read_text().splitlines()
        done = {record["key"]: record for record in map(json.loads, lines)}
    falsifiers: dict[str, Falsifier] = {}
    records = []
    for name, adder in adders(chosen):
        network = adder.network
        kind = repr((network.cell_name, network.arguments, network.task.name, network.dtype))
        facts = (kind, adder.threshold, chosen.steps, chosen.search_seed, adder.theta.tobytes())
        key = hashlib.sha256(repr(facts).encode()).hexdigest()
        if key not in done:
            maker = falsifiers.setdefault(kind, Falsifier(network, adder.threshold))
            found = maker.falsify(adder.theta, chosen.search_seed, chosen.steps)
            done[key] = {"key": key, "adder": name, **found.to_json()}
            if chosen.output:
                with chosen.output.open("a") as file:
                    file.write(json.dumps(done[key]) + "\n")
        records.append(done[key])
        tell(name, done[key])
    return records


def tell(name: str, record: dict[str, Any]) -> None:
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
        f"{name}: {'-' if found is None else 'refuted'}, {said}; {record['steps']:,} steps, "
        f"{record['seconds']:.1f} s",
        flush=True,
    )


def summarize(records: list[dict[str, Any]], seconds: float) -> None:
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
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    begun = time.perf_counter()
    summarize(search_all(chosen), time.perf_counter() - begun)


if __name__ == "__main__":
    main()
