"""What the store of runs and its engines cost, and what they stand.

    python -m benchmarks.runs query [--count 10000] [--folder FOLDER]
    python -m benchmarks.runs cost [--engine dask] [--count 64]
    python -m benchmarks.runs workers [--count 64] [--every 20]
    python -m benchmarks.runs kill [--moments 100] [--folder FOLDER]
    python -m benchmarks.runs store [--moments 1000]
    python -m benchmarks.runs divide [--count 32]

Each prints what it tried, and exits with 1 if something was lost, differs or was done twice. With a
folder, `query` and `kill` go on from what is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.corpus.signals import EXPERIMENT

#: Numbers in the weights of pretended runs: files of 50 kB, as published reports have them.
SIZE = 4600


@contextlib.contextmanager
def place(folder: str | None) -> Iterator[Path]:
    """Work in a folder that is given, or in one that is thrown away."""
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield Path(folder).resolve()
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def results(folder: Path) -> dict[str, Any]:
    """Return what the runs of a folder found, without how long it took and where."""
    from gru_bench.runs.run import read_runs

    return {
        name: run.model_dump(mode="json", exclude={"seconds", "machine"})
        for name, run in read_runs(folder)[0].items()
    }


def query(options: argparse.Namespace) -> int:
    """Time a query over many run files, each in a process of its own."""
    with place(options.folder) as folder:
        if len(list(folder.glob("*.json"))) < options.count:
            from gru_bench.runs.run import run_bytes
            from tests.corpus.stored_runs import inputs_of, pretend

            for seed in range(options.count):
                inputs = inputs_of(seed)
                (folder / inputs.name).write_bytes(run_bytes(pretend(inputs, SIZE)))
        size = sum(path.stat().st_size for path in folder.glob("*.json"))
        words = ["runs", str(folder), "--solved", "yes", "--cell", "Cell"]
        times = [_timed(words) for _ in range(6)]
        from gru_bench.runs.index import Index

        inside = []
        for _ in range(5):
            begun = time.perf_counter()
            index = Index(folder, lambda: lambda _: {})
            found = index.select([])
            index.close()
            inside.append(time.perf_counter() - begun)
    print(
        f"{len(found)} run files, {size / 1e6:.0f} MB: the first query makes the index, "
        f"{times[0]:.1f} s; each later one {statistics.median(times[1:]):.2f} s as a command "
        f"(at most {max(times[1:]):.2f}), of which the index {statistics.median(inside):.2f} s"
    )
    return int(max(times[1:]) > 2)


def _timed(words: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "gru_bench", *words], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begun


def _groups(folder: Path, seeds: int, iterations: int) -> Any:
    from gru_bench.runs.execution import plan_groups
    from gru_bench.runs.experiment import load_experiment

    text = EXPERIMENT.replace("seeds = 4", f"seeds = {seeds}")
    text = text.replace("400", str(iterations)).replace("[50]", f"[{iterations}]")
    (folder / "experiment.toml").write_text(text, encoding="utf-8")
    return plan_groups(load_experiment(folder / "experiment.toml"))


@contextlib.contextmanager
def _engine(name: str, workers: int | None) -> Iterator[Any]:
    from gru_bench.cli.engine import opened

    with opened(name, workers) as engine:
        yield engine


def cost(options: argparse.Namespace) -> int:
    """Measure what an engine takes for itself: time of runs by one worker, less their own."""
    from gru_bench.runs.execution import Trainer
    from gru_bench.runs.watch import Watch

    with place(None) as folder, _engine(options.engine, 1) as engine:
        (group,) = _groups(folder, options.count + 1, 100)
        first, *others = group.inputs
        found: dict[str, Any] = {}
        trainer = Trainer(group) if engine is None else None

        def train(inputs: Any) -> None:
            if trainer is None:
                engine.train("", inputs, folder, Watch(), found)
            else:
                trainer.train(inputs, folder, Watch(), found, 1)

        train([first])  # what is compiled once is nobody's cost
        begun = time.perf_counter()
        train(others)
        took = time.perf_counter() - begun
        own = sum(found[inputs.name].seconds for inputs in others)
    each = 1000 * (took - own) / len(others)
    print(
        f"{options.engine}: {len(others)} runs in {took:.2f} s, {own:.2f} s of it training and "
        f"measuring: {each:.1f} ms a run"
    )
    return int(each > (10 if options.engine == "local" else 50))


def workers(options: argparse.Namespace) -> int:
    """Kill a worker again and again while runs are trained, and compare with this process."""
    from gru_bench.runs.cluster import open_cluster
    from gru_bench.runs.execution import run_groups

    with place(None) as folder:
        groups = _groups(folder, options.count, options.iterations)
        for name in ("here", "there"):
            (folder / name).mkdir()
        run_groups(groups, folder / "here")
        killed, done = 0, threading.Event()
        with open_cluster(workers=2) as engine:

            def strike() -> None:
                nonlocal killed
                while not done.wait(options.every):
                    with contextlib.suppress(Exception):  # it may just be gone by itself
                        pids = engine.client.run(os.getpid, on_error="ignore")
                        os.kill(random.choice(sorted(pids.values())), signal.SIGKILL)
                        killed += 1

            striking = threading.Thread(target=strike, daemon=True)
            striking.start()
            begun = time.perf_counter()
            outcome = run_groups(groups, folder / "there", engine=engine)
            took = time.perf_counter() - begun
            done.set()
            striking.join(60)
        same = results(folder / "here") == results(folder / "there")
        count = len(results(folder / "there"))
    print(
        f"{count} of {options.count} runs in {took:.0f} s, a worker killed every "
        f"{options.every:g} s ({killed} in all), {outcome.trained} trained: "
        f"{'the same bit for bit' if same else 'NOT the same'}"
    )
    return int(not same or count != options.count)


def divide(options: argparse.Namespace) -> int:
    """Let two processes work on one report, and count what was trained twice."""
    with place(None) as folder:
        (folder / "small.toml").write_text(
            EXPERIMENT.replace("seeds = 4", f"seeds = {options.count}"), encoding="utf-8"
        )
        both = [_start(folder, "out", ("--workers", "1")) for _ in range(2)]
        said = [process.communicate()[0].decode() for process in both]
        trained = [int(text.split(" runs trained")[0].split()[-1]) for text in said]
        count = len(results(folder / "out" / "runs"))
    print(
        f"two processes, {options.count} runs: {trained[0]} + {trained[1]} trained, {count} there"
    )
    return int(sum(trained) != options.count or count != options.count)


def _start(folder: Path, out: str, more: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "gru_bench", "report", "small.toml", "-o", out, *more]
    return subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(options: argparse.Namespace) -> int:
    """Kill a report at random moments, each time beginning again where the last one ended."""
    with place(options.folder) as folder:
        state_path = folder / "state.json"
        state = _begin(folder, state_path)
        while state["sent"] < options.moments:
            # The same moments whenever the campaign goes on.
            moment = random.Random(f"{state['sent']} {state['finished']}")
            if not _strike(folder, state, moment):
                _finish(folder, state)
            state_path.write_text(json.dumps(state), encoding="utf-8")
    print(
        f"SIGKILL at {state['sent']} random moments of a report, begun again each time; "
        f"{state['finished']} reports came out, {state['differ']} of them not as an undisturbed "
        f"one; {state['lost']} finished runs lost, {state['twice']} computed twice"
    )
    return int(state["differ"] + state["lost"] + state["twice"] > 0)


def _begin(folder: Path, state_path: Path) -> dict[str, Any]:
    if state_path.exists():
        found: dict[str, Any] = json.loads(state_path.read_text(encoding="utf-8"))
        return found
    text = EXPERIMENT.replace("seeds = 4", "seeds = 12")
    (folder / "small.toml").write_text(text, encoding="utf-8")
    begun = time.perf_counter()
    _start(folder, "undisturbed").communicate()
    span = time.perf_counter() - begun
    return {"span": span, "sent": 0, "finished": 0, "differ": 0, "lost": 0, "twice": 0}


def _strike(folder: Path, state: dict[str, Any], moment: random.Random) -> bool:
    """Kill a report; return False if it came out before that."""
    runs = folder / "out" / "runs"
    before = _marks(runs)
    process = _start(folder, "out")
    # Half of the moments lie anywhere, half where runs are being written.
    limit = time.perf_counter() + state["span"] * moment.uniform(0, 1)
    wanted = None
    if moment.random() < 0.5:
        wanted, limit = len(before) + moment.randint(1, 6), time.perf_counter() + 600
    while process.poll() is None and time.perf_counter() < limit:
        if wanted is not None and len(list(runs.glob("*.json"))) >= wanted:
            time.sleep(moment.uniform(0, 0.3))
            break
        time.sleep(0.005)
    came_out = process.poll() is not None
    if not came_out:
        after = _marks(runs)
        process.kill()
        state["sent"] += 1
        _compare(after, _marks(runs), state)
    process.communicate()
    _compare(before, _marks(runs), state)
    return not came_out


def store(options: argparse.Namespace) -> int:
    """Kill two processes that share a folder of pretended runs at random moments."""
    from multiprocessing import get_context

    from tests.corpus.stored_runs import divide, inputs_of, pretend

    context, moment = get_context("fork"), random.Random(0)
    state = {"sent": 0, "finished": 0, "differ": 0, "lost": 0, "twice": 0}
    count = 40
    expected = {
        run.inputs.name: run.model_dump(mode="json", exclude={"seconds", "machine"})
        for run in (pretend(inputs_of(seed)) for seed in range(count))
    }
    with place(None) as folder:
        while state["sent"] < options.moments:
            runs = folder / str(state["finished"])
            runs.mkdir(exist_ok=True)
            pair = [
                context.Process(target=divide, args=(runs, range(count), 0.01, lambda _: None))
                for _ in range(2)
            ]
            for process in pair:
                process.start()
            for process in pair:
                time.sleep(moment.uniform(0, 0.4))
                before = _marks(runs)
                if process.is_alive():
                    process.kill()
                    state["sent"] += 1
                process.join()
                _compare(before, _marks(runs), state)
            if len(_marks(runs)) == count:
                divide(runs, range(count), 0, lambda _: None)
                state["differ"] += results(runs) != expected
                state["finished"] += 1
    print(
        f"SIGKILL at {state['sent']} random moments of two processes that share a folder; "
        f"{state['finished']} folders were filled, {state['differ']} of them not as undisturbed; "
        f"{state['lost']} finished runs lost, {state['twice']} written twice"
    )
    return int(state["differ"] + state["lost"] + state["twice"] > 0)


def _marks(runs: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in runs.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            found[path.name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return found


def _compare(before: dict[str, Any], after: dict[str, Any], state: dict[str, Any]) -> None:
    state["lost"] += len(before.keys() - after.keys())
    state["twice"] += sum(before[name] != after[name] for name in before.keys() & after.keys())


def _finish(folder: Path, state: dict[str, Any]) -> None:
    """Compare a report that came out with the undisturbed one, and begin another."""
    state["finished"] += 1
    same = results(folder / "out" / "runs") == results(folder / "undisturbed" / "runs")
    tables = [folder / name / "results.csv" for name in ("out", "undisturbed")]
    same &= tables[0].read_bytes() == tables[1].read_bytes()
    state["differ"] += not same
    shutil.rmtree(folder / "out")


def main() -> int:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(required=True)
    for function in (query, cost, workers, kill, store, divide):
        command = commands.add_parser(function.__name__)
        command.set_defaults(function=function)
        if function in (query, kill):
            command.add_argument("--folder")
        if function in (kill, store):
            command.add_argument("--moments", type=int, default=100 if function is kill else 1000)
        else:
            count = {query: 10_000, divide: 32}.get(function, 64)
            command.add_argument("--count", type=int, default=count)
        if function is cost:
            command.add_argument("--engine", default="local")
        if function is workers:
            command.add_argument("--every", type=float, default=20.0)
            command.add_argument("--iterations", type=int, default=3000)
    options = parser.parse_args()
    code: int = options.function(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
