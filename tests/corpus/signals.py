"""A small report, ended by signals at random moments and begun again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gru_bench.errors import UsageError
from gru_bench.runs.run import read_run

SIGNALS = {
    name: getattr(signal, name)
    for name in ("SIGKILL", "SIGTERM", "SIGINT")
    if hasattr(signal, name)
}
EXPERIMENT = """
title = "Interrupted"
seeds = 4
checkpoints = [50]
lengths = [8]
families = ["uniform"]
pairs = 16
recipes = ["small"]
[recipe.small]
iterations = 400
batch = 16
bits = 8
units = 4
[[cells]]
name = "gru_bench:GRUCell"
"""


@dataclass
class Found:
    """What signals at random moments did.

    Args:
        signal: that was sent.
        sent: how often.
        finished: reports that came out.
        lost: runs that had been written and were gone, or could not be read.
        differ: runs whose weights or measurements are others than without a signal.
        left: files that stayed though nobody writes them any more.
        silent: ends that SIGTERM or SIGINT should have been told of, or with another code.
    """

    signal: str
    sent: int = 0
    finished: int = 0
    lost: int = 0
    differ: int = 0
    left: int = 0
    silent: int = 0

    def __str__(self) -> str:
        return (
            f"{self.signal} at {self.sent} random moments: {self.lost} runs lost, {self.differ} "
            f"results that differ, {self.left} partial files left, {self.silent} ends not told; "
            f"{self.finished} reports finished"
        )


def _start() -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "gru_bench", "report", "small.toml", "-o", "out"]
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def _results(folder: Path) -> dict[str, object]:
    """Return what runs found, without how long it took."""
    return {
        path.name: read_run(path).model_dump(exclude={"seconds", "machine"})
        for path in sorted((folder / "runs").glob("*.json"))
    }


def interrupt(name: str, moments: int) -> Found:
    """Send a signal so often, each time beginning again where the last one ended."""
    Path("small.toml").write_text(EXPERIMENT, encoding="utf-8")
    out, found = Path("out"), Found(name)
    begun = time.perf_counter()
    process = _start()
    process.communicate()
    assert process.returncode == 0, "the report itself fails"
    span = time.perf_counter() - begun
    expected = json.dumps(_results(out), sort_keys=True, default=str)
    generator = random.Random(name)
    shutil.rmtree(out)
    while found.sent < moments:
        process = _start()
        try:
            # Most of the time goes to imports; half of the moments lie in what follows.
            wait = span * generator.choice([generator.random(), generator.uniform(0.5, 1)])
            _, said = process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            before = {p.name for p in (out / "runs").glob("*.json")}
            os.kill(process.pid, SIGNALS[name])
            found.sent += 1
            _, said = process.communicate(timeout=120)
            _judge(found, name, process.returncode, said.decode(errors="replace"), before, out)
            continue
        found.finished += 1
        actual = json.dumps(_results(out), sort_keys=True, default=str)
        found.differ += actual != expected
        found.left += len(list(out.rglob("*.partial")))
        shutil.rmtree(out)
    return found


def _judge(found: Found, name: str, code: int, said: str, before: set[str], out: Path) -> None:
    """Count what was lost, and whether the end was told."""
    after = {p.name for p in (out / "runs").glob("*.json")}
    found.lost += len(before - after)
    for path in (out / "runs").glob("*.json"):
        try:
            read_run(path)
        except UsageError:
            found.lost += 1
    # Before Python has begun a signal ends it as it does any process; and a report that had just
    # come out ends as such.
    asked = SIGNALS[name]
    if name != "SIGKILL" and code not in (-asked, 0):
        found.silent += code != 130 or "interrupted" not in said or "Traceback" in said
