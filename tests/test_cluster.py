"""Runs trained by dask workers: the same bits, whoever is killed or stopped on the way."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gru_bench.cli import main
from gru_bench.errors import UsageError
from gru_bench.report.report import make_report
from gru_bench.runs.execution import plan_groups
from gru_bench.runs.experiment import load_experiment
from gru_bench.runs.run import read_runs
from gru_bench.runs.watch import Watch
from tests.corpus.signals import EXPERIMENT

pytest.importorskip("distributed", reason="dask.distributed is not installed: tox -e cluster")
from gru_bench.runs import cluster, job

ROOT = Path(__file__).parent.parent
SEEDS = 8
TEXT = EXPERIMENT.replace("seeds = 4", f"seeds = {SEEDS}").replace("400", "1500")


def results(out):
    runs, notices = read_runs(out / "runs")
    assert notices == []
    return {name: run.model_dump(exclude={"seconds", "machine"}) for name, run in runs.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an experiment, and what it comes to in this process."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "small.toml").write_text(TEXT, encoding="utf-8")
    make_report(load_experiment(folder / "small.toml"), folder / "local")
    return folder


@pytest.fixture
def experiment(place):
    return load_experiment(place / "small.toml")


def dask(*words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler that has no workers yet."""
    address = f"tcp://127.0.0.1:{free_port()}"
    host, port = address.removeprefix("tcp://").split(":")
    process = dask("scheduler", "--host", host, "--port", port, "--no-dashboard")
    begun = time.monotonic()
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            break
        except OSError:
            assert time.monotonic() - begun < 120
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(60)


@pytest.fixture(scope="module")
def address(scheduler):
    """A scheduler with two worker processes."""
    process = dask("worker", scheduler, "--nworkers", "2", "--nthreads", "1", "--no-dashboard")
    yield scheduler
    process.terminate()
    process.wait(60)


class Striking(Watch):
    """Sends a signal to one worker once the first run is finished."""

    def __init__(self, client, number):
        self.client, self.number, self.struck = client, number, 0

    def finish(self, run):
        del run
        if not self.struck:
            pids = self.client.run(os.getpid)
            self.struck = sorted(pids.values())[0]
            os.kill(self.struck, self.number)


def test_a_scheduler_without_workers_is_told(scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER", 3.0)
    with (
        pytest.raises(UsageError, match="does not answer, or has no workers, within 3 s"),
        cluster.open_cluster(scheduler),
    ):
        pass


def test_a_killed_worker_is_replaced_and_the_runs_are_the_same_bit_for_bit(
    place, experiment, address, monkeypatch
):
    monkeypatch.setattr(cluster, "ANSWER", 120.0)
    with cluster.open_cluster(address) as engine:
        watch = Striking(engine.client, signal.SIGKILL)
        report = make_report(experiment, place / "tcp", watch=watch, engine=engine)
    assert watch.struck
    assert report.outcome.trained == SEEDS
    assert results(place / "tcp") == results(place / "local")
    assert list((place / "tcp" / "runs").glob(".*")) == []


def test_a_stopped_worker_is_replaced(place, experiment):
    with cluster.open_cluster(workers=2, silence=10) as engine:
        watch = Striking(engine.client, signal.SIGSTOP)
        report = make_report(experiment, place / "dask", watch=watch, engine=engine)
    assert watch.struck
    assert report.outcome.trained == SEEDS
    assert results(place / "dask") == results(place / "local")


def test_a_killed_client_loses_nothing_that_was_finished(place, experiment, address):
    out = place / "killed"
    words = ["report", str(place / "small.toml"), "-o", str(out), "--engine", address]
    process = subprocess.Popen(
        [sys.executable, "-m", "gru_bench", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    begun = time.monotonic()
    while not list(out.glob("runs/*.json")) and process.poll() is None:
        assert time.monotonic() - begun < 240
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*.json")}
    assert before
    with cluster.open_cluster(address) as engine:
        report = make_report(experiment, out, engine=engine)
    # A worker may have written what it was at when its client went.
    assert report.outcome.trained <= SEEDS - len(before)
    assert results(out) == results(place / "local")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_command_compares_by_an_engine_too(place, address, monkeypatch, capsys):
    monkeypatch.chdir(place)
    words = ["compare", "gru_bench:GRUCell", "gru_bench:GRUCell", "--candidate-set", "units=4"]
    words += ["--iterations", "5", "--max-seeds", "8", "--pairs", "8", "--lengths", "4"]
    rates = ["--alpha", "0.4", "--beta", "0.4", "--points", "40", "--no-speed"]
    codes = [main([*words, *rates, "--runs", name, *more]) for name, more in (
        ("here", ()), ("there", ("--engine", address)),
    )]  # fmt: skip
    said = capsys.readouterr()
    assert codes[0] == codes[1], said.err
    found = [
        {name: run.model_dump(exclude={"seconds", "machine"}) for name, run in runs.items()}
        for runs, _ in (read_runs(Path(name)) for name in ("here", "there"))
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 16


def test_a_job_is_refused_where_the_source_or_the_versions_are_others(experiment, tmp_path):
    (inputs, *_) = plan_groups(experiment)[0].inputs
    for change, message in (
        ({"source": "0" * 16}, "another source of gru_bench:GRUCell"),
        ({"versions": {**inputs.versions, "keras": "1.0"}}, "asked for: .*keras 1.0"),
    ):
        other = inputs.model_copy(update=change)
        with pytest.raises(UsageError, match=message):
            job.train_job(other.model_dump_json(), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_job_whose_source_was_changed_since_it_was_imported_is_refused(
    experiment, tmp_path, monkeypatch
):
    (inputs, *_) = plan_groups(experiment)[0].inputs
    monkeypatch.setitem(job._sources, inputs.cell, "f" * 16)
    with pytest.raises(UsageError, match="has an older source of gru_bench:GRUCell: start it"):
        job.train_job(inputs.model_dump_json(), str(tmp_path))


# Nobody answers.


def refused(words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    begun = time.monotonic()
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    return err, time.monotonic() - begun


@pytest.mark.parametrize("words", [["report"], ["compare", "gru_bench:GRUCell", "a:B"]])
def test_nobody_listens(words, capsys, monkeypatch, tmp_path):
    err, took = refused(
        [*words, "--engine", f"tcp://127.0.0.1:{free_port()}"], capsys, monkeypatch, tmp_path
    )
    assert "does not answer within 10 s: Connection refused" in err
    assert took < 5


def test_someone_listens_and_says_nothing(capsys, monkeypatch, tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        err, took = refused(["report", "--engine", address], capsys, monkeypatch, tmp_path)
    assert "does not answer within 10 s: timed out" in err
    assert took < 20


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "ray"], "--engine takes local, dask or a scheduler"),
        (["--engine", "tcp://127.0.0.1:99999"], "does not answer"),
        (["--engine", "tcp://127.0.0.1:1", "--workers", "2"], "--workers is for this machine"),
    ],
)
def test_engines_that_are_none(words, message, capsys, monkeypatch, tmp_path):
    assert message in refused(["report", *words], capsys, monkeypatch, tmp_path)[0]


def test_without_dask_a_line_says_what_to_install(capsys, monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "gru_bench.runs.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)
    err, _ = refused(["report", "--engine", "dask"], capsys, monkeypatch, tmp_path)
    assert "needs dask.distributed: pip install 'gru_bench[cluster]'" in err


@pytest.fixture(scope="module", autouse=True)
def _swept(place):
    yield
    shutil.rmtree(place, ignore_errors=True)
