"""Gradient checkers side by side on one GRU: first call and warm, wall and processor time.

    python -m benchmarks.gradients [--units 16 --inputs 2 --steps 8 --outputs all]
    python -m benchmarks.gradients --only memory

All check the same weights, inputs and initial state of the same equations in float64. PyTorch and
JAX are run in the interpreter that `--optional` names, where it exists. A first call is made in a
new process, after imports and after the cell is built, and counts tracing and compiling.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BEFORE = "import numpy as np; "


def timed(function: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def arrays(given: argparse.Namespace) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    u, f = given.units, given.inputs
    shapes = {f"W_{g}": (f, u) for g in "zrh"} | {f"U_{g}": (u, u) for g in "zrh"}
    shapes |= {f"b_{g}": (u,) for g in "zrh"}
    weights = {k: rng.normal(scale=0.3, size=s) for k, s in shapes.items()}
    return {**weights, "x": rng.normal(size=(given.steps, 1, f)), "h": rng.normal(size=(1, u)) / 2}


def bench(given: argparse.Namespace) -> list[tuple[float, float]]:
    from gru_bench.gradients import check_gradients
    from gru_bench.subjects.keras.gru import GRUCell
    from gru_bench.subjects.keras.making import make_subject

    a = arrays(given)
    subject = make_subject(GRUCell, {"units": given.units}, given.inputs)
    subject.assign({k: v for k, v in a.items() if k not in "xh"})

    def check() -> None:
        found = check_gradients(
            subject,
            steps=given.steps,
            inputs=a["x"],
            states=[a["h"]],
            outputs=given.outputs == "all",
        )
        assert found.ok, found

    return [timed(check) for _ in range(given.repeats + 2)]


def tensorflow(given: argparse.Namespace, traced: bool) -> list[tuple[float, float]]:
    from gru_bench.subjects.keras.gru import GRUCell
    from gru_bench.subjects.keras.making import make_subject
    from gru_bench.subjects.keras.runtime import tf

    a = arrays(given)
    subject = make_subject(GRUCell, {"units": given.units}, given.inputs)
    names = subject.parameter_names

    def function(*values: Any) -> Any:
        outputs, final = subject.run_tensors(
            values[: len(names)], tf.unstack(values[-2]), [values[-1]]
        )
        if given.outputs != "all":
            return final[0]
        return tf.concat([tf.reshape(t, [-1]) for t in [*outputs, *final]], 0)

    checked = tf.function(function, autograph=False) if traced else function
    point = [tf.constant(a[k]) for k in [*names, "x", "h"]]

    def check() -> None:
        theory, numeric = tf.test.compute_gradient(checked, point, delta=1e-4)
        far = max(np.abs(t - n).max() for t, n in zip(theory, numeric, strict=True))
        assert far < 1e-5, far

    return [timed(check) for _ in range(2 if traced else 1)]


def torch(given: argparse.Namespace) -> list[tuple[float, float]]:
    import torch

    torch.set_num_threads(1)
    a = {k: torch.tensor(v, requires_grad=True) for k, v in arrays(given).items()}

    def function(*values: Any) -> Any:
        w = dict(zip(a, values, strict=True))
        h, made = w["h"], []
        for x in w["x"]:
            z = torch.sigmoid(x @ w["W_z"] + h @ w["U_z"] + w["b_z"])
            r = torch.sigmoid(x @ w["W_r"] + h @ w["U_r"] + w["b_r"])
            n = torch.tanh(x @ w["W_h"] + (r * h) @ w["U_h"] + w["b_h"])
            h = (1 - z) * h + z * n
            made.append(h)
        return torch.cat([*made, h]) if given.outputs == "all" else h

    def check() -> None:
        assert torch.autograd.gradcheck(function, tuple(a.values()), check_undefined_grad=False)

    return [timed(check) for _ in range(2)]


def jax(given: argparse.Namespace) -> list[tuple[float, float]]:
    import jax
    import jax.flatten_util
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    a = {k: jnp.array(v) for k, v in arrays(given).items()}

    @jax.jit
    def function(w: Any) -> Any:
        h, made = w["h"], []
        for t in range(given.steps):
            x = w["x"][t]
            z = jax.nn.sigmoid(x @ w["W_z"] + h @ w["U_z"] + w["b_z"])
            r = jax.nn.sigmoid(x @ w["W_r"] + h @ w["U_r"] + w["b_r"])
            n = jnp.tanh(x @ w["W_h"] + (r * h) @ w["U_h"] + w["b_h"])
            h = (1 - z) * h + z * n
            made.append(h)
        return jnp.concatenate([*made, h]) if given.outputs == "all" else h

    flat, unravel = jax.flatten_util.ravel_pytree(a)

    def along(s: Any, k: Any) -> Any:
        return function(unravel(flat.at[k].add(s)))

    compiled = jax.jit(along)

    def check() -> None:
        # Its one random direction, once for each entry: the coverage of a full Jacobian.
        for k in range(flat.size):
            check_grads(lambda s, k=k: compiled(s, k), (0.0,), order=1, modes=["rev"])

    return [timed(check) for _ in range(2)]


def memory(_given: argparse.Namespace) -> dict[str, Any]:
    from gru_bench.gradients import check_gradients
    from gru_bench.subjects.keras.gru import GRUCell

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = check_gradients(GRUCell, constructor={"units": 39}, input_size=3, steps=20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parameters = sum(int(np.prod(r.shape)) for r in found.rows if r.kind == "weight")
    return {
        "parameters": parameters,
        "entries": found.entries,
        "ok": found.ok,
        "seconds": found.seconds,
        "MiB before": round(before),
        "MiB at peak": round(peak),
    }


TOOLS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "gru_bench": bench,
    "tf.test.compute_gradient, traced": lambda given: tensorflow(given, True),
    "tf.test.compute_gradient, eager": lambda given: tensorflow(given, False),
    "torch.autograd.gradcheck, full": torch,
    "jax check_grads, every entry": jax,
    "memory": memory,
}


def in_new_process(tool: str, given: argparse.Namespace) -> Any:
    python = given.optional if tool.startswith(("torch", "jax")) else sys.executable
    command = [python, "-W", "ignore", "-m", "benchmarks.gradients", "--worker", tool]
    for name in ("units", "inputs", "steps", "outputs", "repeats"):
        command += [f"--{name}", str(getattr(given, name))]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1])


def report(times: dict[str, Any]) -> None:
    print(f"{'checker':36} {'first s':>9} {'warm s':>9} {'first cpu':>10} {'warm cpu':>9}")
    for tool, runs in times.items():
        if isinstance(runs, str):
            print(f"{tool:36} {runs}")
            continue
        warm = runs[2:] or runs[1:] or runs
        best = np.median([r[0] for r in warm]), np.median([r[1] for r in warm])
        print(f"{tool:36} {runs[0][0]:9.3f} {best[0]:9.4f} {runs[0][1]:10.3f} {best[1]:9.4f}")
    ours = times["gru_bench"]
    if isinstance(ours, str):
        return
    warm = np.median([r[0] for r in ours[2:]]), np.median([r[1] for r in ours[2:]])
    rivals = {k: v for k, v in times.items() if k != "gru_bench" and not isinstance(v, str)}
    for tool, runs in rivals.items():
        first = [runs[0][k] / ours[0][k] for k in (0, 1)]
        again = [runs[-1][k] / warm[k] for k in (0, 1)]
        print(
            f"{tool} / gru_bench: first call {first[0]:.1f}x (processor {first[1]:.1f}x), "
            f"warm {again[0]:.0f}x (processor {again[1]:.0f}x)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--inputs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--outputs", choices=("last", "all"), default="last")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--optional", default=sys.executable)
    parser.add_argument("--only", nargs="*", choices=list(TOOLS))
    parser.add_argument("--worker", choices=list(TOOLS))
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(TOOLS[given.worker](given)))
        return
    chosen = given.only or list(TOOLS)
    found = {tool: in_new_process(tool, given) for tool in chosen}
    spent = found.pop("memory", None)
    print(
        f"GRU, {given.units} units, {given.inputs} inputs, {given.steps} steps, float64, "
        f"results: {given.outputs}"
    )
    if found:
        report(found)
    if spent:
        print(f"memory: {spent}")


if __name__ == "__main__":
    main()
