"""False alarms: correct cells that `check` accuses of something, with what repeats each.

    python -m benchmarks.alarms keras --kept FILE --seeds 0:10 --profile ci
    python -m benchmarks.alarms foreign --kept FILE --seeds 0:20 --profile thorough --out reports

`keras` are Keras's cells with twelve activations, with a bias and without; `foreign` are cells by
other hands (`tests/corpus/foreign.py`); the correct ones of the kill matrix have a sweep of their
own, `tests.corpus.wrong_cells.alarms`. Each check is kept in FILE, from which a killed run goes on;
several processes may share one FILE (`--part 1/2`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.sweep import Job, swept
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.loading import load
from tests.corpus.foreign import FOREIGN

ACTIVATIONS = (
    "relu",
    "elu",
    "selu",
    "gelu",
    "softsign",
    "hard_sigmoid",
    "exponential",
    "linear",
    "silu",
    "softplus",
    "mish",
    "leaky_relu",
)

#: Keras's cells and what makes each of their kinds.
KERAS = (
    ("GRUCell", {}),
    ("GRUCell", {"reset_after": False}),
    ("LSTMCell", {}),
    ("SimpleRNNCell", {}),
)


def keras_jobs(activations: list[str], profile: str, seed: int) -> Iterator[tuple[Job, set[str]]]:
    """Yield a check of each of Keras's cells, and the laws that may fail: none."""
    for activation in activations:
        for name, given in KERAS:
            for bias in (True, False):
                arguments = {"units": 4, **given, "activation": activation, "use_bias": bias}
                cell = getattr(keras.layers, name)
                label = f"keras.layers:{name}"
                yield Job(cell, label, arguments, profile=profile, seed=seed), set()


def foreign_jobs(profile: str, seed: int) -> Iterator[tuple[Job, set[str]]]:
    """Yield a check of each cell by other hands, and the laws that fail rightly."""
    for name, one in FOREIGN.items():
        cell = load(name, functions=True)
        yield Job(cell, name, one.arguments, profile=profile, seed=seed), set(one.rightly)


def main() -> None:
    """Check, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=("keras", "foreign"))
    parser.add_argument("--kept", type=Path, required=True, help="file of what has been checked")
    parser.add_argument("--seeds", default="0:1", help="from:to, to excluded")
    parser.add_argument("--profile", default="ci")
    parser.add_argument("--activation", action="append", help="only these")
    parser.add_argument("--cell", action="append", help="only names that hold one of these")
    parser.add_argument("--law", action="append", default=[], help="only these laws")
    parser.add_argument("--part", default="1/1", help="k/n: the k-th of n processes; 0/1: no check")
    parser.add_argument("--out", type=Path, help="folder for alarms-WHICH.md")
    given = parser.parse_args()
    first, last = (int(n) for n in given.seeds.split(":"))
    jobs: list[tuple[Job, set[str]]] = []
    for seed in range(first, last):
        if given.which == "keras":
            chosen = given.activation or list(ACTIVATIONS)
            jobs += keras_jobs(chosen, given.profile, seed)
        else:
            jobs += foreign_jobs(given.profile, seed)
    jobs = [one for one in jobs if not given.cell or any(c in one[0].name for c in given.cell)]
    jobs = [(replace(job, laws=tuple(given.law)), laws) for job, laws in jobs]
    rightly = {job.command: laws for job, laws in jobs}
    done, alarms = 0, []
    for job, found in swept([job for job, _ in jobs], given.kept, given.part):
        done += 1
        print(f"{found.seconds:7.1f} s {found.status:8} {found.command}", flush=True)
        accused = {k: v for k, v in found.failed.items() if k not in rightly[job.command]}
        if found.status == "refused":
            accused["(refused)"] = found.refused
        for law, reason in accused.items():
            alarms.append(f"| `{found.command}` | {law} | {reason.splitlines()[0]} |")
            print(alarms[-1], flush=True)
    text = "\n".join(
        [
            f"# False alarms: {given.which}",
            "",
            f"{done} of {len(jobs)} checks at `{given.profile}`, seeds {first} to {last - 1}: "
            f"{len(alarms)} false alarms.",
            "",
            *(["| command | law | reason |", "|---|---|---|", *alarms] if alarms else []),
        ]
    )
    print(text)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"alarms-{given.which}.md").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
