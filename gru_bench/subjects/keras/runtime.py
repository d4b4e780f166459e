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


@contextlib.contextmanager
def _hold_stderr() -> Iterator[None]:
    """Hold back what C++ code writes to standard error; release it only if an import fails."""
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
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)


os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with _hold_stderr():
    import keras
    import tensorflow as tf

# A bench compiles many programs of one shape by design; TensorFlow warns of that after the fifth.
tf.get_logger().setLevel(logging.ERROR)

# A context that someone else has already started keeps its own settings.
with contextlib.suppress(RuntimeError):
    tf.config.threading.set_intra_op_parallelism_threads(1)

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"gru_bench needs Keras on TensorFlow, but Keras runs on {keras.backend.backend()!r}; "
        "set KERAS_BACKEND=tensorflow"
    )

__all__ = ["keras", "tf"]
