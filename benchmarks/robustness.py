"""What bad values, strange files and signals do to the bench.

    python -m benchmarks.robustness values [--share 1.0] [--starts]
    python -m benchmarks.robustness files [--kind model] [--count 2000]
    python -m benchmarks.robustness models
    python -m benchmarks.robustness runs [--count 1000]
    python -m benchmarks.robustness labels
    python -m benchmarks.robustness signals [--moments 100]

Each prints what it tried and what went wrong, and exits with 1 if anything did.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.corpus import bad_values, changed_files, hostile_models, hostile_reports, signals


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Work in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield Path(name)


def values(options: argparse.Namespace) -> int:
    """Try bad values for every command and option."""
    with scratch() as folder:
        model = changed_files.small_model(folder.parent)
        bad_values.prepare(folder, model)
        chosen = [case for case in bad_values.cases() if options.starts or not case.starts]
        if options.share < 1:
            chosen = random.Random(0).sample(chosen, round(options.share * len(chosen)))
        found = Counter[str]()
        begun = time.perf_counter()
        for case in chosen:
            problem = bad_values.problem(case)
            if problem:
                found[case.about] += 1
                print(f"{case}\n    {problem}", flush=True)
        spent = time.perf_counter() - begun
    print(f"{len(chosen)} command lines with a bad value in {spent:.0f} s: {found.total()} wrong")
    return int(bool(found))


def files(options: argparse.Namespace) -> int:
    """Open changed files of each kind."""
    kinds = options.kind or list(changed_files.KINDS)
    wrong = 0
    for kind in kinds:
        with scratch():
            begun = time.perf_counter()
            opened, refused, problems = changed_files.fuzz(kind, options.count)
            for problem in problems[:20]:
                print(f"    {problem}")
            wrong += len(problems)
            print(
                f"{kind}: {opened + refused} files in {time.perf_counter() - begun:.0f} s: "
                f"{opened} opened, {refused} refused in one line, {len(problems)} wrong; "
                f"memory at most {changed_files.peak():.2f} GB",
                flush=True,
            )
    return int(wrong > 0)


def models(options: argparse.Namespace) -> int:
    """Load hostile models."""
    del options
    with scratch():
        found = hostile_models.try_all()
    for name, problem in found.items():
        if problem:
            print(f"{name}\n    {problem}")
    wrong = sum(bool(problem) for problem in found.values())
    print(f"{len(found)} hostile models: {wrong} wrong (code run, or not refused in one line)")
    return int(wrong > 0)


def runs(options: argparse.Namespace) -> int:
    """Read edited run files."""
    with scratch():
        tried, counted = changed_files.edit_runs(options.count)
    print(f"{tried} edited run files: {counted} counted")
    return int(counted > 0)


def labels(options: argparse.Namespace) -> int:
    """Make reports with hostile labels, titles and claims."""
    del options
    with scratch():
        found = hostile_reports.try_all()
    for text, problem in found.items():
        if problem:
            print(f"{text!r}\n    {problem}")
    wrong = sum(bool(problem) for problem in found.values())
    print(f"{len(found)} hostile texts: {wrong} reports not whole, or with a raw escape sequence")
    return int(wrong > 0)


def interrupted(options: argparse.Namespace) -> int:
    """Interrupt a small report at random moments."""
    wrong = 0
    for name in options.signal or signals.SIGNALS:
        with scratch():
            found = signals.interrupt(name, options.moments)
        print(found, flush=True)
        wrong += found.lost + found.differ + found.left + found.silent
    return int(wrong > 0)


def main() -> int:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(required=True)
    for name, function in {
        "values": values, "files": files, "models": models,
        "runs": runs, "labels": labels, "signals": interrupted,
    }.items():  # fmt: skip
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        if name == "values":
            command.add_argument("--share", type=float, default=1.0)
            command.add_argument("--starts", action="store_true")
        elif name in ("files", "runs"):
            command.add_argument("--count", type=int, default=2000 if name == "files" else 1000)
            command.add_argument("--kind", action="append", choices=list(changed_files.KINDS))
        elif name == "signals":
            command.add_argument("--moments", type=int, default=100)
            command.add_argument("--signal", action="append", choices=list(signals.SIGNALS))
    options = parser.parse_args()
    code: int = options.function(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
