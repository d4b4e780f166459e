"""Training speed beside Keras `fit`, PyTorch and JAX, in one run; printed as ratios.

    python benchmarks/training.py [--rounds 5] [--only keras|pytorch|jax]

Shape: the tutorial's (batch 100, 5 steps, 16 units), float32, quadratic loss, Adam 0.001, except
where a row says otherwise. Contestants take turns, so that noise falls on all of them alike; the
figures are medians over rounds. A seed-iteration is one optimiser update of one seed.
PyTorch and JAX are optional: without them their rows say so.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np

from gru_bench.learning.compiled import BLOCK, Program
from gru_bench.learning.recipe import get_recipe
from gru_bench.learning.training import make_network, train_network
from gru_bench.subjects.keras.runtime import keras, tf

BATCH, STEPS, UNITS = 100, 5, 16
CELLS = {
    "built-in GRU": "gru_bench:GRUCell",
    "keras GRUCell": "keras.layers:GRUCell",
    "keras LSTMCell": "keras.layers:LSTMCell",
    "keras SimpleRNNCell": "keras.layers:SimpleRNNCell",
    "a user's cell": "benchmarks_cell:MinimalGatedCell",
}

Contestant = Callable[[], float]


def pairs(batches: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random bit pairs `(batches * BATCH, STEPS, 2)` and some labels of the right shape."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (batches * BATCH, STEPS, 2)).astype("float32")
    return x, x[..., :1]


def ours(cell: str, seeds: int = 8, dtype: str = "float32") -> Contestant:
    recipe = get_recipe("tutorial", iterations=20 * BLOCK, dtype=dtype)
    program = Program(make_network(cell, recipe, {"units": UNITS}), recipe)
    program.advance(0, program.start(0), 0, 1)

    def run() -> float:
        begun = time.perf_counter()
        train_network(
            program, range(seeds), [recipe.iterations], None, lambda _: None, lambda _: None
        )
        return seeds * recipe.iterations / (time.perf_counter() - begun)

    return run


def keras_fit(cell: str, jit: bool) -> Contestant:
    """One seed by `fit` over a data set of many batches, so that epochs cost it nothing."""
    batches = 200
    x, y = pairs(batches)
    made = make_network(cell, get_recipe("tutorial", dtype="float32"), {"units": UNITS}).cell
    model = keras.Sequential(
        [
            keras.Input((STEPS, 2)),
            keras.layers.RNN(made, return_sequences=True, unroll=True),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", jit_compile=jit)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH, drop_remainder=True).cache()
    model.fit(data, verbose=0)

    def run() -> float:
        begun = time.perf_counter()
        model.fit(data, verbose=0)
        return batches / (time.perf_counter() - begun)

    return run


def pytorch() -> Contestant:
    import torch

    x, y = (torch.tensor(a) for a in pairs())
    torch.manual_seed(0)
    gru, dense = torch.nn.GRU(2, UNITS, batch_first=True), torch.nn.Linear(UNITS, 1)
    weights = [*gru.parameters(), *dense.parameters()]
    optimizer = torch.optim.Adam(weights, lr=0.001)
    iterations = 300

    def run() -> float:
        begun = time.perf_counter()
        for _ in range(iterations):
            optimizer.zero_grad()
            loss = ((dense(gru(x)[0]) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
        return iterations / (time.perf_counter() - begun)

    run()
    return run


def jax(seeds: int = 16) -> Contestant:
    """`vmap` over seeds under `jit`, iterations in a `fori_loop`: JAX at its best here."""
    import jax as j
    import jax.numpy as jnp

    x, y = (jnp.asarray(a) for a in pairs())
    iterations = 200

    def initial(key):
        k = j.random.split(key, 3)
        return {
            "W": 0.1 * j.random.normal(k[0], (2, 3 * UNITS)),
            "U": 0.1 * j.random.normal(k[1], (UNITS, 3 * UNITS)),
            "b": jnp.zeros(3 * UNITS),
            "V": 0.1 * j.random.normal(k[2], (UNITS, 1)),
            "c": jnp.zeros(1),
        }

    def loss(w):
        h, outputs = jnp.zeros((BATCH, UNITS)), []
        for t in range(STEPS):
            xz, xr, xh = jnp.split(x[:, t] @ w["W"] + w["b"], 3, axis=1)
            hz, hr = jnp.split(h @ w["U"][:, : 2 * UNITS], 2, axis=1)
            z, r = j.nn.sigmoid(xz + hz), j.nn.sigmoid(xr + hr)
            h_tilde = jnp.tanh(xh + (r * h) @ w["U"][:, 2 * UNITS :])
            h = (1 - z) * h + z * h_tilde
            outputs.append(h)
        return jnp.mean((jnp.stack(outputs, 1) @ w["V"] + w["c"] - y) ** 2)

    def update(i, carried):
        w, m, v = carried
        g = j.grad(loss)(w)
        m = j.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = j.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        t = i + 1.0
        rate = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        w = j.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), w, m, v)
        return w, m, v

    def one(key):
        w = initial(key)
        zero = j.tree.map(jnp.zeros_like, w)
        return j.lax.fori_loop(0, iterations, update, (w, zero, zero))[0]

    many = j.jit(j.vmap(one))
    keys = j.random.split(j.random.PRNGKey(0), seeds)
    j.block_until_ready(many(keys))

    def run() -> float:
        begun = time.perf_counter()
        j.block_until_ready(many(keys))
        return seeds * iterations / (time.perf_counter() - begun)

    return run


def arithmetic_rate(size: int = 2048) -> Contestant:
    """GFLOP/s of a large float32 matrix product on all cores (NumPy's library)."""
    a = np.random.default_rng(0).normal(size=(size, size)).astype("float32")

    def run() -> float:
        begun = time.perf_counter()
        a @ a
        return 2 * size**3 / (time.perf_counter() - begun) / 1e9

    run()
    return run


def flops_per_iteration() -> float:
    """Multiplications and additions of the products in one update: forward, and twice backward."""
    return 3 * 2 * STEPS * BATCH * (2 + UNITS) * 3 * UNITS


def medians(contestants: dict[str, Contestant], rounds: int) -> dict[str, float]:
    """Let the contestants take turns; return each one's median."""
    seen: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            seen[name].append(run())
    return {name: statistics.median(values) for name, values in seen.items()}


def compare(label: str, cell: str, rounds: int) -> None:
    """Print one cell's speed beside the better of `fit` with and without `jit_compile`."""
    found = medians(
        {
            "ours": ours(cell),
            "fit": keras_fit(cell, jit=False),
            "fit, jit_compile": keras_fit(cell, jit=True),
        },
        rounds,
    )
    best = max(found["fit"], found["fit, jit_compile"])
    print(
        f"| {label} | {found['ours']:,.0f} | {found['fit']:,.0f} | "
        f"{found['fit, jit_compile']:,.0f} | {found['ours'] / best:.1f} x |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["keras", "others"])
    chosen = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}\n"
    )
    if chosen.only != "others":
        print("| cell | seed-iterations/s | fit | fit, jit_compile | ratio to the better |")
        print("|---|---|---|---|---|")
        for label, cell in CELLS.items():
            compare(label, cell, chosen.rounds)
    if chosen.only == "keras":
        return
    contestants = {
        "ours, float32": ours("gru_bench:GRUCell"),
        "ours, float64": ours("gru_bench:GRUCell", dtype="float64"),
        "large product": arithmetic_rate(),
    }
    for name, make in {"pytorch": pytorch, "jax": jax}.items():
        if importlib.util.find_spec({"pytorch": "torch"}.get(name, name)):
            contestants[name] = make()
        else:
            print(f"\n{name} is not installed: pip install torch jax")
    found = medians(contestants, chosen.rounds)
    rate = found.pop("large product")
    speed = found["ours, float32"]
    print("\n| contestant | seed-iterations/s | ours is |\n|---|---|---|")
    for name, value in found.items():
        print(f"| {name} | {value:,.0f} | {speed / value:.1f} x |")
    reached = speed * flops_per_iteration() / 1e9
    print(
        f"\nThe products of one update take {flops_per_iteration() / 1e6:.1f} MFLOP: "
        f"{reached:.0f} GFLOP/s reached, {rate:.0f} GFLOP/s in a large product, "
        f"so {reached / rate:.0%} of what the arithmetic alone would allow."
    )


if __name__ == "__main__":
    main()
