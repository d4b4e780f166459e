"""Runs of several cells and recipes in a small table, from which comparisons are simulated.

    python -m benchmarks.bank [--seeds 128] [--only NAME] [--output reports/comparison/bank.csv]

A row is a seed: the iteration from which on it made no error at any length in any family, empty
if there was none, and its exact accuracy after the last iteration. Banks that are there stay.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from gru_bench.comparison.checkpoints import spread_checkpoints
from gru_bench.learning.compiled import Program
from gru_bench.learning.evaluation import Evaluator
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import make_network, train_network
from gru_bench.task.transducer import FAMILIES

LENGTHS, PAIRS = (8, 64, 256), 64
OUTPUT = Path("reports/comparison/bank.csv")

#: What each bank trains: cell, recipe, and what of the recipe is changed.
BANKS = {
    "gru": ("gru_bench:GRUCell", "default", {}),
    "lstm": ("keras.layers:LSTMCell", "default", {}),
    "simple-rnn": ("keras.layers:SimpleRNNCell", "default", {}),
    "twin": ("benchmarks.degraded:GRUTwin", "default", {}),
    "dead-units": ("benchmarks.degraded:DeadUnits", "default", {}),
    "gate-exchanged": ("benchmarks.degraded:GateExchanged", "default", {}),
    "half-rate": ("gru_bench:GRUCell", "default", {"learning_rate": 0.04}),
}


def fill(name: str, seeds: int) -> pd.DataFrame:
    """Train one bank."""
    cell, recipe_name, changes = BANKS[name]
    recipe = get_recipe(recipe_name, **changes)
    network = make_network(cell, recipe)
    evaluator = Evaluator(network, recipe.threshold, PAIRS)
    runs = train_network(
        Program(network, recipe),
        range(seeds),
        spread_checkpoints(recipe.iterations),
        lambda theta, _: evaluator.measure_all(theta, FAMILIES, LENGTHS),
        lambda _: None,
        lambda _: None,
    )
    rows = []
    for run in runs:
        solved, accuracy = None, 0.0
        if run.diverged is None:
            for iteration in sorted(run.measurements, reverse=True):
                if any(m.exact < m.pairs for m in run.measurements[iteration]):
                    break
                solved = iteration
            last = run.measurements[recipe.iterations]
            accuracy = sum(m.exact_accuracy for m in last) / len(last)
        rows.append(
            {
                "bank": name,
                "seed": run.seed,
                "last": recipe.iterations,
                "solved": solved,
                "accuracy": round(accuracy, 6),
            }
        )
    return pd.DataFrame(rows).astype({"solved": "Int64"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=128)
    parser.add_argument("--only", action="append", choices=list(BANKS))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    chosen = parser.parse_args()
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    known = [pd.read_csv(chosen.output)] if chosen.output.exists() else []
    done = {name for frame in known for name in frame["bank"]}
    for name in chosen.only or BANKS:
        if name in done:
            continue
        begun = time.perf_counter()
        known.append(fill(name, chosen.seeds))
        frame = pd.concat(known).astype({"solved": "Int64"})
        frame.to_csv(chosen.output, index=False)
        solved = known[-1]["solved"]
        print(
            f"{name}: {chosen.seeds} seeds in {time.perf_counter() - begun:.0f} s, "
            f"{solved.notna().sum()} solve the task, median {solved.median()}",
            flush=True,
        )


if __name__ == "__main__":
    main()
