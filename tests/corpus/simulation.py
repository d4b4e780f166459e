"""A certificate's network at work: its program in float32, by NumPy, on words."""

from __future__ import annotations

import numpy as np

from gru_bench.checker.certificate import Certificate
from gru_bench.proof.comparison import array_of, program_of
from gru_bench.task.transducer import get_task

#: Words read, and the symbols of each.
WORDS, LENGTH = 32, 40


def is_right(given: Certificate, seed: int) -> bool:
    """Return whether the network writes what its task's transducer writes, on random words."""
    task = get_task(given.task)
    symbols = np.random.default_rng(seed).integers(0, task.symbols, (WORDS, LENGTH))
    features = np.array(given.transducer.features, np.float32)
    weights = [array_of(tensor) for tensor in given.program.weights]
    outputs, _ = program_of(given).run(np.moveaxis(features[symbols], 1, 0), weights)
    scores = outputs @ array_of(given.V) + array_of(given.c)
    said = scores[..., 0] > given.threshold if scores.shape[-1] == 1 else scores.argmax(axis=-1)
    return bool(np.array_equal(said.astype(int).T, task.labels(symbols)))
