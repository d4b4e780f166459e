"""What a worker of an engine does: train one run, told as text, and hand back its file's bytes."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from gru_bench.errors import UsageError
from gru_bench.learning.training import make_network
from gru_bench.outside.writing import write_whole
from gru_bench.runs.claim import claim_path
from gru_bench.runs.execution import Group, Trainer, inputs_of
from gru_bench.runs.run import Inputs, find_runs, run_bytes
from gru_bench.task.transducer import get_task

#: What this process has compiled, by inputs without the seed, and the sources it has loaded.
_trainers: dict[str, Trainer] = {}
_sources: dict[str, str] = {}
_guard = threading.Lock()


def train_job(text: str, folder: str) -> bytes:
    """Train a run, unless it is in the folder, and return what its file holds.

    The file is written here too where the folder is: so it stays if whoever asked is gone by then.

    Args:
        text: the run's inputs as JSON.
        folder: of run files, by its path at whoever asks.

    Raises:
        UsageError: the cell cannot be trained here, or is another one here.
    """
    inputs = Inputs.model_validate_json(text)
    path = Path(folder) / inputs.name
    # The claim shows that this is the same folder, not one of the same name on another machine.
    shared = claim_path(path.parent, path.name).exists()
    if shared and (there := find_runs(path.parent, [path.name])[0]):
        return run_bytes(there[path.name])
    data = run_bytes(_trainer(inputs).train_one(inputs))
    if shared:
        with contextlib.suppress(UsageError):  # whoever asked will say so
            write_whole(path, data)
    return data


def _trainer(inputs: Inputs) -> Trainer:
    plan = inputs.model_copy(update={"seed": 0})
    key = plan.model_dump_json()
    with _guard:
        if key not in _trainers:
            recipe = plan.recipe
            network = make_network(plan.cell, recipe, plan.arguments, get_task(plan.task))
            measured = ("checkpoints", "lengths", "families", "pairs", "evaluation_seed")
            fields = {name: getattr(plan, name) for name in (*measured, "any_length")}
            _check_same(plan, inputs_of(network, recipe, **fields))
            _trainers[key] = Trainer(Group(plan.cell, recipe, network, [plan]))
        return _trainers[key]


def _check_same(asked: Inputs, here: Inputs) -> None:
    """Refuse to train what would get a name that is another cell's, or another version's."""
    if here.versions != asked.versions:
        ours, theirs = (
            ", ".join(f"{name} {version}" for name, version in each.versions.items())
            for each in (here, asked)
        )
        raise UsageError(f"a worker has other versions: {ours}; asked for: {theirs}")
    # What a process has imported stays, though its file may have been changed since.
    if _sources.setdefault(here.cell, here.source) != here.source:
        raise UsageError(f"a worker has an older source of {here.cell}: start it again")
    if here != asked:
        raise UsageError(f"a worker has another source of {here.cell}, or makes another cell of it")
