"""TensorFlow and Keras, imported once and quietly.

Every module that needs them imports them from here, so that nothing reaches the user's
terminal before the bench has something to say, and so that one process always runs with the
same settings: one thread for each operation (parallelism is over seeds), which also keeps
results independent of how busy the machine is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from gru_bench.errors import BenchError, in_one_line


@contextlib.contextmanager
def _hold_stderr() -> Iterator[None]:
    """Hold back what C++ code writes to standard error; it goes with what an import raises."""
    try:
        descriptor = sys.__stderr__.fileno() if sys.__stderr__ else -1
    except (OSError, ValueError):
        descriptor = -1
    if descriptor < 0 or "tensorflow" in sys.modules:
        yield
        return
    with tempfile.TemporaryFile() as held:
        saved = os.dup(descriptor)
        os.dup2(held.fileno(), descriptor)
        try:
            yield
        except Exception as error:
            held.seek(0)
            error.add_note(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)


os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

try:
    with _hold_stderr():
        import keras
        import tensorflow as tf
except Exception as error:  # an environment can be broken in any way
    raise BenchError(
        f"Keras on TensorFlow cannot be imported with KERAS_BACKEND="
        f"{os.environ['KERAS_BACKEND']}: {in_one_line(error)}"
    ) from error

# A bench compiles many programs of one shape by design; TensorFlow warns of that after the fifth.
tf.get_logger().setLevel(logging.ERROR)

# A context that someone else has already started keeps its own settings.
with contextlib.suppress(RuntimeError):
    tf.config.threading.set_intra_op_parallelism_threads(1)

if keras.backend.backend() != "tensorflow":
    raise BenchError(
        f"gru_bench needs Keras on TensorFlow, but Keras runs on {keras.backend.backend()!r}; "
        "set KERAS_BACKEND=tensorflow"
    )


@contextlib.contextmanager
def whole_tracebacks() -> Iterator[None]:
    """Let Keras and TensorFlow leave their own frames in what is raised within."""
    filters = [
        library
        for library in (keras.config, tf.debugging)
        if library.is_traceback_filtering_enabled()
    ]
    for library in filters:
        library.disable_traceback_filtering()
    try:
        yield
    finally:
        for library in filters:
            library.enable_traceback_filtering()


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep TensorFlow from telling at length what it cannot map: there is another way."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


__all__ = ["keras", "quietly", "tf", "whole_tracebacks"]
