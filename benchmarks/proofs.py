"""How many trained adders are proved for all lengths, how many refuted, and how long it takes.

    python -m benchmarks.proofs [ROW ...] [-o proofs.jsonl]
    python -m benchmarks.proofs provable --cell gru --cell lstm --seeds 100
    python -m benchmarks.proofs tasks --task parity --task comparison --seeds 16
    python -m benchmarks.proofs tasks --task decimal-addition --recipe merged --seeds 16

Rows: provable (each cell), tasks (each task, our GRU), default (of seeds without an error in any
family up to 1,024 bits, the share with a verdict), tutorial, cold (a new process trains an adder,
another proves it) and controls (networks that must not be proved). With -o each verdict is
written when it is found, and not sought again when the command is given again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.learning.compiled import Program
from gru_bench.learning.evaluation import Evaluator, binomial_interval
from gru_bench.learning.network import Network
from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.learning.training import make_network, train_network
from gru_bench.proof.verdict import Prover
from gru_bench.subjects.keras.runtime import keras
from gru_bench.task.transducer import FAMILIES, TASKS, get_task

CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "gru": ("gru_bench:GRUCell", {}),
    "gru-after": ("gru_bench:GRUCell", {"reset": "after"}),
    "lstm": ("keras.layers:LSTMCell", {}),
    "simple": ("keras.layers:SimpleRNNCell", {}),
}
ROWS = ("provable", "tasks", "default", "tutorial", "cold", "controls")
LENGTHS = (8, 64, 256, 1024)

Record = dict[str, Any]


class MinGRU(keras.layers.Layer):
    """A minimal GRU, affine in its state: h = (1 - z) h + z v, gates of x alone (2410.01201)."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.W = self.add_weight(name="W", shape=(input_shape[-1], 2 * self.units))
        self.b = self.add_weight(name="b", shape=(2 * self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        z, v = keras.ops.split(inputs @ self.W + self.b, 2, axis=1)
        z = keras.ops.sigmoid(z)
        h = (1 - z) * states[0] + z * v
        return h, [h]


class LinearRNN(keras.layers.Layer):
    """h = x W + h U + b."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        n = self.units
        self.W = self.add_weight(name="W", shape=(input_shape[-1], n))
        self.U = self.add_weight(name="U", shape=(n, n), initializer="orthogonal")
        self.b = self.add_weight(name="b", shape=(n,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        h = inputs @ self.W + states[0] @ self.U + self.b
        return h, [h]


class Results:
    """Verdicts by key, kept in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[str, Record] = {}
        if path and path.exists():
            records = map(json.loads, path.read_text().splitlines())
            self.known = {record["key"]: record for record in records}

    def add(self, key: str, record: Record) -> None:
        self.known[key] = {"key": key, **record}
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(self.known[key]) + "\n")
        print(f"  {key}: {record['outcome']} {record['reason']}", file=sys.stderr, flush=True)


def judge(prover: Prover, theta: Any, chosen: argparse.Namespace) -> Record:
    """Return a verdict as plain values."""
    verdict = prover.judge(theta, 0, chosen.steps, chosen.seconds)
    found = verdict.to_json()
    found["regions"] = verdict.attempts[-1].regions if verdict.attempts else None
    return found


def judge_seeds(
    title: str,
    network: Network,
    recipe: Recipe,
    chosen: argparse.Namespace,
    results: Results,
    look: Callable[[Any], Record] | None = None,
) -> list[Record]:
    """Train the seeds that have no verdict yet, and return the verdicts of all."""
    keys = {
        seed: f"{title}, {recipe.iterations} iterations, {chosen.steps} steps, seed {seed}"
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    }
    missing = [seed for seed, key in keys.items() if key not in results.known]
    prover = Prover(network, recipe.threshold)

    def take(run: Any) -> None:
        if run.diverged is None and np.isfinite(run.theta).all():
            found = judge(prover, run.theta, chosen)
            extra = look(run.theta) if look else {}
        else:
            found, extra = {"outcome": "OPEN", "reason": "training diverged"}, {"wrong": True}
        results.add(keys[run.seed], {**found, **extra, "training_seconds": run.seconds})

    if missing:
        train_network(
            Program(network, recipe), missing, [recipe.iterations], None, lambda _: None, take
        )
    return [results.known[key] for key in keys.values()]


def tell(title: str, records: list[Record]) -> None:
    """Print how many were proved, refuted and open, and how long it took."""
    total = len(records)
    counts = dict.fromkeys(("PROVED", "REFUTED", "OPEN"), 0)
    for record in records:
        counts[record["outcome"]] += 1
    low, high = binomial_interval(counts["PROVED"], total) if total else (0.0, 1.0)
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    decided = counts["PROVED"] + counts["REFUTED"]
    print(f"{title}: of {total}: {said}; proved [{low:.2f}, {high:.2f}], decided {decided}/{total}")
    proofs = [r for r in records if r["outcome"] == "PROVED"]
    if proofs:
        for what in ("finding", "checking", "comparing"):
            took = [r[f"{what}_seconds"] for r in proofs]
            print(f"    {what} one: median {np.median(took):.2f} s, max {max(took):.2f} s")
        regions = [r["regions"] for r in proofs]
        print(f"    regions: median {np.median(regions):g}, max {max(regions)}")
    for reason in sorted({r["reason"] for r in records if r["outcome"] == "OPEN"}):
        print(f"    open: {sum(r['reason'] == reason for r in records)} × {reason}")
    sys.stdout.flush()


def provable(chosen: argparse.Namespace, results: Results) -> None:
    recipe = get_recipe("provable", iterations=chosen.iterations)
    for name in chosen.cell or CELLS:
        cell, arguments = CELLS[name]
        title = f"provable, {name}"
        network = make_network(cell, recipe, arguments)
        tell(title, judge_seeds(title, network, recipe, chosen, results))


def tasks(chosen: argparse.Namespace, results: Results) -> None:
    recipe = get_recipe(chosen.recipe, iterations=chosen.iterations)
    for name in chosen.task or [task for task in TASKS if task != "addition"]:
        for kind in chosen.cell or ["gru"]:
            cell, arguments = CELLS[kind]
            title = f"{recipe.name}, {kind}, {name}"
            network = make_network(cell, recipe, arguments, get_task(name))
            tell(title, judge_seeds(title, network, recipe, chosen, results))


def default(chosen: argparse.Namespace, results: Results) -> None:
    recipe = get_recipe("default")
    for name in chosen.cell or ["gru"]:
        cell, arguments = CELLS[name]
        network = make_network(cell, recipe, arguments)
        evaluator = Evaluator(network, recipe.threshold, chosen.pairs)

        def look(theta: Any, evaluator: Evaluator = evaluator) -> Record:
            found = evaluator.measure_all(theta, FAMILIES, LENGTHS)
            return {"wrong": any(m.exact < m.pairs for m in found)}

        title = f"default, {name}, {chosen.pairs} pairs"
        records = judge_seeds(title, network, recipe, chosen, results, look)
        tell(title, records)
        right = [r for r in records if not r["wrong"]]
        tell(f"{title}, those without an error up to {LENGTHS[-1]} bits", right)


def tutorial(chosen: argparse.Namespace, results: Results) -> None:
    # The tutorial computes in float64, which has no rounding model: only operands can decide.
    recipe = get_recipe("tutorial")
    network = make_network("gru_bench:GRUCell", recipe)
    tell("tutorial", judge_seeds("tutorial", network, recipe, chosen, results))


def cold(_chosen: argparse.Namespace, _results: Results) -> None:
    """Time a new process that trains, and another that proves."""
    with tempfile.TemporaryDirectory() as folder:
        model, certificate = f"{folder}/adder.keras", f"{folder}/adder.cert.json"
        commands = (
            ["train", "--recipe", "provable", "-o", model],
            ["prove", model, "-o", certificate],
            ["verify", certificate, "--model", model],
        )
        took = []
        for command in commands:
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "gru_bench", *command],
                capture_output=True,
                text=True,
                check=False,
            )
            took.append(time.perf_counter() - begun)
            if done.returncode:
                print(f"cold: {command[0]} ended with {done.returncode}: {done.stderr}")
                return
        text = Path(certificate).exists() and "a certificate was written"
        print(
            f"cold start to a proved adder: {took[0] + took[1]:.1f} s (train {took[0]:.1f} s, "
            f"prove {took[1]:.1f} s; {text}); verify --model after it {took[2]:.1f} s",
            flush=True,
        )


def controls(chosen: argparse.Namespace, results: Results) -> None:
    """Judge cells that no proof may exist for, and proved networks with one weight changed."""
    for cell in (MinGRU, LinearRNN):
        recipe = get_recipe("default")
        title = f"control {cell.__name__}"
        network = make_network(cell, recipe)
        tell(title, judge_seeds(title, network, recipe, chosen, results))
    changed(chosen, results)


def changed(chosen: argparse.Namespace, results: Results) -> None:
    """Change one weight of a provable adder until it fails on pairs, and judge what is left."""
    recipe = get_recipe("provable", iterations=chosen.iterations)
    network = make_network("gru_bench:GRUCell", recipe)
    prover = Prover(network, recipe.threshold)
    keys = [f"control one weight, {chosen.steps} steps, change {k}" for k in range(chosen.seeds)]
    if any(key not in results.known for key in keys):
        (run,) = train_network(
            Program(network, recipe),
            [chosen.first_seed],
            [recipe.iterations],
            None,
            lambda _: None,
            lambda _: None,
        )
        evaluator = Evaluator(network, recipe.threshold, 200)
        for key, theta in zip(keys, _failing(run.theta, evaluator), strict=False):
            if key not in results.known:
                results.add(key, judge(prover, theta, chosen))
    tell("control one weight changed", [results.known[key] for key in keys])


def _failing(theta: Any, evaluator: Evaluator) -> Iterator[Any]:
    """Return networks that fail, each by the least of some changes of one weight."""
    rng = np.random.default_rng(0)
    while True:
        place, sign = rng.integers(theta.size), rng.choice([-1, 1])
        for size in (0.1, 0.3, 1.0, 3.0, 10.0):
            other = theta.copy()
            other[place] += sign * size
            found = evaluator.measure_all(other, FAMILIES, (64,))
            if any(m.exact < m.pairs for m in found):
                yield other
                break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all")
    parser.add_argument("--cell", action="append", choices=CELLS)
    parser.add_argument("--task", action="append", choices=TASKS)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, help="of the recipe: provable, tasks, controls")
    parser.add_argument("--recipe", default="provable", help="of the tasks row")
    parser.add_argument("--steps", type=int, default=10**7, help="of the search for operands")
    parser.add_argument("--seconds", type=float, help="for each of proving and searching")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(ROWS)
    if unknown:
        parser.error(f"unknown row {min(unknown)!r}; rows are {', '.join(ROWS)}")
    results = Results(chosen.output)
    for row in chosen.rows or ROWS:
        globals()[row](chosen, results)


if __name__ == "__main__":
    main()
