"""The engine on dask.distributed: worker processes of this machine, or those of a scheduler.

Runs are claimed as workers become free, so another process can share the folder. Nothing is left
to a worker's memory: the contents of a run's file are the result, and are written as they come.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dask
import distributed

from gru_bench.errors import UsageError, in_one_line
from gru_bench.learning.training import Interrupted
from gru_bench.outside.text import one_line, short
from gru_bench.outside.writing import write_result
from gru_bench.runs.claim import Claims
from gru_bench.runs.job import train_job
from gru_bench.runs.run import Inputs, Run, find_runs, read_run
from gru_bench.runs.sharing import share
from gru_bench.runs.watch import Watch

#: Seconds within which a scheduler has to answer, and worker processes have to start.
ANSWER, START = 10.0, 120.0
#: Seconds that it may take later on, when the machine is busy with runs.
LATER = 30.0
#: Seconds after which a worker that says nothing is replaced; compiling may keep it that long.
SILENCE = 60.0
#: How often a run may end its worker before it is taken to be the run's fault.
TRIES = 10
#: Runs handed out beyond what is in work, so that no worker waits.
_AHEAD = 2
_PAUSE = 5.0


class Cluster:
    """Trains runs by the workers of a scheduler.

    Args:
        client: connected to it.
        name: what messages call it.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        self._alone = time.monotonic()
        self._tries: Counter[str] = Counter()

    def train(
        self,
        title: str,
        missing: Sequence[Inputs],
        folder: Path,
        watch: Watch,
        found: dict[str, Run],
    ) -> int:
        """Train runs; see `Engine.train`."""
        watch.begin(title, len(missing), missing[0].recipe.iterations, max(1, self._threads()))

        def train(left: Sequence[Inputs], claims: Claims) -> None:
            batch = _Batch(self, folder.resolve(), claims, watch)
            try:
                batch.play(left)
            except KeyboardInterrupt:
                batch.keep_finished()
                raise Interrupted([]) from None
            finally:
                batch.cancel()

        return share(missing, folder, watch, found, train)

    def room(self) -> int:
        """Return how many runs the workers can be given.

        Raises:
            UsageError: the scheduler does not answer, or has had no worker for long.
        """
        threads = self._threads()
        if threads:
            self._alone = time.monotonic()
        elif time.monotonic() - self._alone > START:
            raise UsageError(f"engine {self.name} has no workers any more; finished runs are kept")
        return threads + _AHEAD

    def _threads(self) -> int:
        try:
            cores = self.client.sync(
                self.client.scheduler.ncores, workers=None, callback_timeout=LATER
            )
        except Exception as error:  # whatever it is, nobody answers
            raise UsageError(
                f"engine {self.name} no longer answers ({_reason(error)}); finished runs are kept"
            ) from None
        return sum(cores.values())

    def submit(self, inputs: Inputs, folder: Path) -> Any:
        """Hand a run to the workers, and return its future.

        Raises:
            UsageError: it has ended its worker too often.
        """
        tried = self._tries[inputs.name]
        if tried >= TRIES:
            raise UsageError(f"run {inputs.name!r} ended its worker process {tried} times")
        self._tries[inputs.name] += 1
        return self.client.submit(
            train_job,
            inputs.model_dump_json(),
            str(folder),
            key=f"{inputs.name}-{tried}",
            pure=False,
        )


class _Batch:
    """Runs of one call, some of them in work."""

    def __init__(self, cluster: Cluster, folder: Path, claims: Claims, watch: Watch) -> None:
        self.cluster, self.folder, self.claims, self.watch = cluster, folder, claims, watch
        self.futures: dict[Any, Inputs] = {}

    def play(self, left: Sequence[Inputs]) -> None:
        """Train what can be claimed."""
        waiting = deque(left)
        room = self.cluster.room()
        while waiting or self.futures:
            while waiting and len(self.futures) < room:
                inputs = waiting.popleft()
                if self.claims.take(inputs):
                    self.futures[self.cluster.submit(inputs, self.folder)] = inputs
            if self.futures and not self._await():
                room = self.cluster.room()

    def _await(self) -> bool:
        """Take what is finished; return whether that was anything."""
        try:
            distributed.wait(list(self.futures), timeout=_PAUSE, return_when="FIRST_COMPLETED")
        except (TimeoutError, distributed.TimeoutError):
            return False
        except distributed.client.FuturesCancelledError:
            pass  # told by their states
        for future in [future for future in self.futures if future.done()]:
            self._take(future)
        return True

    def _take(self, future: Any) -> None:
        inputs = self.futures.pop(future)
        if future.status == "finished":
            self._keep(inputs, future.result())
            return
        error = future.exception() if future.status == "error" else None
        if isinstance(error, UsageError):
            raise error
        if error is not None and not isinstance(error, distributed.KilledWorker):
            raise UsageError(f"engine {self.cluster.name} cannot train: {_reason(error)}")
        # Its worker died too often, or the scheduler lost it: once more.
        self.cluster.room()
        self.futures[self.cluster.submit(inputs, self.folder)] = inputs

    def _keep(self, inputs: Inputs, data: bytes) -> None:
        path = self.folder / inputs.name
        if not find_runs(self.folder, [inputs.name])[0]:
            write_result(path, data)
        self.claims.found[inputs.name] = read_run(path)
        self.claims.finish(inputs.name)
        self.watch.finish(inputs)

    def keep_finished(self) -> None:
        """Take what has been finished by now, and nothing else."""
        for future in [f for f in self.futures if f.status == "finished"]:
            self._keep(self.futures.pop(future), future.result(timeout=ANSWER))

    def cancel(self) -> None:
        """Let the workers forget what has not been begun."""
        with contextlib.suppress(Exception):  # nobody may be there any more
            if self.futures:
                self.cluster.client.cancel(list(self.futures))


@contextlib.contextmanager
def open_cluster(
    address: str | None = None, workers: int | None = None, silence: float = SILENCE
) -> Iterator[Cluster]:
    """Give an engine: the workers of a scheduler, or new processes on this machine.

    Args:
        address: of a scheduler, as `tcp://HOST:PORT`; None for processes on this machine.
        workers: of these, how many; by default one for each core.
        silence: seconds after which one of these that says nothing is replaced.

    Raises:
        UsageError: nobody answers within 10 s, or nobody works there.
    """
    name = address or "dask"
    settings: dict[str, Any] = {
        # Nothing but runs is served, and nothing where others could ask for it.
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.scheduler.allowed-failures": TRIES,
        "distributed.scheduler.worker-ttl": f"{silence} s",
        "distributed.comm.timeouts.connect": f"{ANSWER} s",
    }
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        try:
            target = address or stack.enter_context(_processes(workers or os.cpu_count() or 1))
            client = stack.enter_context(distributed.Client(target, timeout=ANSWER))
            client.wait_for_workers(1, timeout=ANSWER if address else START)
        except (OSError, ValueError, TimeoutError, RuntimeError) as error:
            raise UsageError(
                f"engine {name} does not answer, or has no workers, within "
                f"{ANSWER if address else START:g} s: {_reason(error)}"
            ) from None
        yield Cluster(client, name)


def _processes(workers: int) -> Any:
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        memory_limit=0,
        silence_logs=logging.CRITICAL + 1,
    )


def _reason(error: BaseException) -> str:
    return one_line(short(in_one_line(error), 200))
