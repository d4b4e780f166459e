"""Time and memory of `gru-bench check`, beside a process that only imports TensorFlow.

    python benchmarks/laws.py [--rounds 5] [--profile quick --profile ci] [--cell gru_bench:GRUCell]

Each round runs the bare import and every profile once, in turn. Time is the wall time of the
command, process start included; memory is the peak of its largest process.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

BARE = [sys.executable, "-c", "import keras, tensorflow as tf; tf.constant(1.0)"]


def measured(command: list[str]) -> tuple[float, float, int]:
    """Return wall seconds, peak MiB of the largest process, and exit code."""
    code = (
        "import resource, subprocess, sys;"
        "rc = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL).returncode;"
        "print(rc, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - started
    exit_code, kib = map(int, done.stdout.split())
    return seconds, kib / 1024, exit_code


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="append", default=None)
    parser.add_argument("--cell", default="gru_bench:GRUCell")
    parser.add_argument("--set", dest="settings", action="append", default=None)
    given = parser.parse_args()
    settings = [f"--set={s}" for s in (given.settings or ["units=8"])]
    contestants = {"import tensorflow": BARE}
    for profile in given.profile or ["quick", "ci"]:
        command = [sys.executable, "-m", "gru_bench", "check", given.cell, *settings]
        contestants[f"check, {profile}"] = [*command, f"--profile={profile}"]
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in contestants}
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(given.rounds):
        for name, command in contestants.items():
            found[name].append(measured(command))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu.ru_utime
    print(f"{given.cell} {' '.join(settings)}, median (largest) of {given.rounds} rounds")
    for name, rows in found.items():
        seconds, memory, codes = zip(*rows, strict=True)
        print(
            f"{name:20} {statistics.median(seconds):6.1f} s ({max(seconds):.1f})  "
            f"{statistics.median(memory):5.0f} MiB ({max(memory):.0f})  exit codes {set(codes)}"
        )
    print(f"{spent:.0f} s of processor time in all")


if __name__ == "__main__":
    main()
