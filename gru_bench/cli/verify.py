"""`gru-bench verify`: does a certificate prove what it claims?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from gru_bench.cli import output
from gru_bench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gru_bench.adder import Adder
    from gru_bench.checker.induction import Verified

#: Steps by which a certificate's program is compared with a model.
_REPLAYED = 32


@click.command()
@click.argument("file")
@click.option("--model", help="A saved adder: its weights must be those of the certificate.")
@click.option("--theorem", help="Its sha256, if only this theorem will do.")
@output.file("--json", "json_path", help="Write what was proved as JSON.")
def command(file: str, model: str | None, theorem: str | None, json_path: Path | None) -> int:
    """Check the certificate FILE without trusting anything it claims.

    Neither TensorFlow nor the code that finds proofs is used, unless a model is to be compared.
    Exit code 1 means that the file does not prove what it says; the place is named.
    """
    from gru_bench.checker.induction import verify
    from gru_bench.checker.rejection import Rejected

    try:
        proved = verify(file, theorem)
        compared = None if model is None else _compare(proved, model)
    except Rejected as rejection:
        click.echo(f"REJECTED: {rejection}")
        return 1
    click.echo(proved.claim)
    click.echo(proved.assumptions)
    regions = len(proved.certificate.regions)
    click.echo(
        f"{regions} regions, {proved.steps} steps: the smallest margin is {proved.margin:.3g}, "
        f"the largest image fills {proved.reach:.1%} of its region"
    )
    click.echo(f"theorem sha256:{proved.theorem}")
    click.echo(compared or "not compared with a model: the cell is what the file says (--model)")
    output.write(json_path, json.dumps(proved.to_json(), indent=1) + "\n")
    return 0


def _compare(proved: Verified, model: str) -> str:
    """Say that the certificate is about this model, or reject it.

    Its weights, cell, task and threshold are compared exactly. That the program is the cell's
    step is shown by running TensorFlow from states in the regions.
    """
    import hashlib

    import numpy as np

    from gru_bench.adder import Adder
    from gru_bench.checker.rejection import Rejected

    adder, given = Adder.load(model), proved.certificate
    network = adder.network
    if adder.theta.dtype != np.float32:
        raise UsageError(f"model {model!r} computes in {adder.theta.dtype}, not in float32")
    if network.task.name != given.task:
        raise UsageError(
            f"model {model!r} was trained for {network.task.name}, "
            f"the certificate is about {given.task}"
        )
    weights = hashlib.sha256(adder.theta.astype("<f4").tobytes()).hexdigest()
    facts = (
        ("weights", weights, given.weights_sha256),
        ("cell", network.cell_name, given.cell),
        ("arguments", network.arguments, given.arguments),
        ("initial states", _initial_state(network), given.initial_state),
        ("threshold", float(np.float32(adder.threshold)), given.threshold),
    )
    for what, theirs, ours in facts:
        if theirs != ours:
            raise Rejected(f"the model's {what} are {theirs}, the certificate's {ours}")
    steps = _replay(proved, adder)
    return f"the model's weights, cell, task and threshold are these; {steps} steps agree"


def _initial_state(network: Any) -> tuple[float, ...]:
    import numpy as np

    from gru_bench.runtime import keras

    parts = keras.tree.flatten(network.initial_state(1))
    return tuple(np.concatenate([np.ravel(part) for part in parts]).tolist())


def _replay(proved: Verified, adder: Adder) -> int:
    """Run the model for a step from random states in the regions; count the steps."""
    import numpy as np

    from gru_bench.checker.induction import enclose_step
    from gru_bench.checker.rejection import Rejected
    from gru_bench.runtime import keras, tf

    given, network = proved.certificate, adder.network
    rng = np.random.default_rng(0)
    weights = network.unpack(tf.constant(adder.theta))
    nest = network.initial_state(1)
    for trial in range(_REPLAYED):
        region = given.regions[trial % len(given.regions)]
        symbol = trial % given.transducer.symbols
        offset = rng.uniform(-1, 1, len(region.radius)) * region.radius
        state = (np.array(region.center) + offset).astype(np.float32)
        parts = np.split(state[None], np.cumsum(given.program.states)[:-1], axis=1)
        states = keras.tree.pack_sequence_as(nest, [tf.constant(part) for part in parts])
        x = network.encode(tf.constant([symbol]))
        scores, new = network.step(weights, network.frozen(0), x, states)
        found = np.concatenate([np.ravel(t) for t in [scores, *keras.tree.flatten(new)]])
        bounds = enclose_step(given, symbol, state.tolist())
        for value, (lo, hi) in zip(found.tolist(), bounds, strict=True):
            if not lo <= value <= hi:
                raise Rejected(
                    f"the program is not this model's step: for symbol {symbol} TensorFlow "
                    f"computes {value:.9g}, the program is in [{lo:.9g}, {hi:.9g}]"
                )
    return _REPLAYED
