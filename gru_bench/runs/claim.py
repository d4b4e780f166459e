"""Claims: who trains a run, where several processes work on one folder.

A claim is a lock of the operating system on a small file beside the run's. Whatever ends the
process ends the lock, so nobody has to judge by clocks whether its holder lives.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from gru_bench.errors import UsageError
from gru_bench.outside.bounds import shown
from gru_bench.runs.run import Inputs, Run, find_runs


def claim_path(folder: Path, name: str) -> Path:
    """Return the file that is locked while the run of this name is trained."""
    return folder / f".{name.removesuffix('.json')}.claim"


class Claims:
    """The runs that this process has claimed.

    Args:
        folder: of run files.
        found: takes runs that turn out to be finished, by their file's name.
    """

    def __init__(self, folder: Path, found: dict[str, Run]) -> None:
        self.folder, self.found = folder, found
        #: Runs that another process finished meanwhile, by their file's name.
        self.others: set[str] = set()
        self._held: dict[str, FileLock] = {}
        self._guard = threading.Lock()

    def take(self, inputs: Inputs) -> bool:
        """Claim a run, and return whether it is to be trained here.

        It is not if another process has it, or if it is finished: then it is among the found.

        Raises:
            UsageError: the folder cannot be written.
        """
        name = inputs.name
        with self._guard:
            if name in self._held:
                return True
            lock = FileLock(claim_path(self.folder, name), timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                return False
            except OSError as error:
                raise UsageError(
                    f"the folder of runs {shown(str(self.folder))} cannot be written: "
                    f"{error.strerror}"
                ) from None
            self._held[name] = lock
            # Whoever had it before may have finished it since the folder was read.
            there, _ = find_runs(self.folder, [name])
            if there:
                self.found.update(there)
                self.others.update(there)
                self._release(name)
            return not there

    def finish(self, name: str) -> None:
        """Give back the claim on a run whose file is written."""
        with self._guard:
            self._release(name)

    def _release(self, name: str) -> None:
        # Its file goes only once the run's is there: who has opened it by then looks for the run
        # first. Before that, two could lock two files of one name.
        lock = self._held.pop(name)
        with contextlib.suppress(OSError):
            claim_path(self.folder, name).unlink(missing_ok=True)
        lock.release()

    def close(self) -> None:
        """Give back all claims; runs that are not finished may be claimed by others."""
        with self._guard:
            while self._held:
                self._held.popitem()[1].release()


@contextlib.contextmanager
def claiming(folder: Path, found: dict[str, Run]) -> Iterator[Claims]:
    """Give claims that end with the block."""
    claims = Claims(folder, found)
    try:
        yield claims
    finally:
        claims.close()
