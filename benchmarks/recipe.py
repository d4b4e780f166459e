"""How many seeds of a recipe make no error, by length and family.

    python benchmarks/recipe.py [--recipe default] [--cell gru_bench:GRUCell] [--seeds 100]

A seed counts when it has no error on 1,000 pairs at each of 8, 64, 256 and 1,024 bits in each
family, after the recipe's last iteration.
"""

from __future__ import annotations

import argparse
import time

from gru_bench.cli.options import parse_settings
from gru_bench.learning.compiled import Program
from gru_bench.learning.evaluation import Evaluator, binomial_interval
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import make_network, train_network
from gru_bench.task.transducer import FAMILIES

LENGTHS = (8, 64, 256, 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--cell", default="gru_bench:GRUCell")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--evaluation-seed", type=int, default=0)
    chosen = parser.parse_args()
    recipe = get_recipe(chosen.recipe)
    network = make_network(chosen.cell, recipe, parse_settings(chosen.settings))
    evaluator = Evaluator(network, recipe.threshold, chosen.pairs, chosen.evaluation_seed)
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    begun = time.perf_counter()
    runs = train_network(
        Program(network, recipe),
        seeds,
        [recipe.iterations],
        lambda theta, _: evaluator.measure_all(theta, FAMILIES, LENGTHS),
        lambda _: None,
        lambda _: None,
    )
    print(
        f"{chosen.cell}, recipe {recipe.name!r}, {recipe.iterations} iterations, "
        f"{chosen.pairs} pairs each, {time.perf_counter() - begun:.0f} s"
    )
    print("seeds without an error:\n| bits | " + " | ".join(FAMILIES) + " |")
    print("|---|" + "---|" * len(FAMILIES))
    measured = [run.measurements.get(recipe.iterations, []) for run in runs]
    for length in LENGTHS:
        counts = [
            sum(
                m.exact == m.pairs
                for row in measured
                for m in row
                if (m.family, m.length) == (family, length)
            )
            for family in FAMILIES
        ]
        print(f"| {length} | " + " | ".join(map(str, counts)) + " |")
    solved = [
        run.seed
        for run, row in zip(runs, measured, strict=True)
        if row and all(m.exact == m.pairs for m in row)
    ]
    low, high = binomial_interval(len(solved), len(runs))
    print(
        f"everywhere: {len(solved)} of {len(runs)} seeds [{low:.2f}, {high:.2f}]; not: "
        f"{sorted(set(seeds) - set(solved))}"
    )


if __name__ == "__main__":
    main()
