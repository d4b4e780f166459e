"""Peak memory while evaluating long numbers, over that for short ones.

    python benchmarks/memory.py [--pairs 64] [--long 1000000] [--short 1000]

Each length is evaluated in a process of its own, whose peak resident memory the system accounts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time


def measure(pairs: int, length: int) -> None:
    """Evaluate an untrained adder on numbers of one length; print seconds and peak KiB."""
    from gru_bench import ADDITION, Evaluator, Network

    network = Network("gru_bench:GRUCell", {"units": 16}, ADDITION)
    evaluator = Evaluator(network, 0.0, pairs)
    theta = network.initial_weights(0, 0.3)
    begun = time.perf_counter()
    result = evaluator.measure(theta, "uniform", length)
    seconds = time.perf_counter() - begun
    if result.bits != pairs * (length + 1):
        raise SystemExit("not every bit was counted")
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--long", type=int, default=1_000_000)
    parser.add_argument("--short", type=int, default=1_000)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.pairs, chosen.measure)
        return
    peaks = {}
    for length in (chosen.short, chosen.long):
        command = [sys.executable, __file__, "--measure", str(length), "--pairs", str(chosen.pairs)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, peak = output.split()
        peaks[length] = int(peak)
        print(
            f"{chosen.pairs} pairs of {length:,} bits: {float(seconds):.1f} s, "
            f"peak {int(peak) / 1024:,.0f} MiB"
        )
    print(f"ratio {peaks[chosen.long] / peaks[chosen.short]:.3f}")


if __name__ == "__main__":
    main()
