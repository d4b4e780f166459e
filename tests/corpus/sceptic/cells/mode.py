"""Cells that know how they are executed, and by whom."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from tests.corpus.sceptic.bench import keras, tf
from tests.corpus.sceptic.cells.base import Levels, Register, turned

cheat = Register("mode")


@cheat()
class EagerOnly(Levels):
    """Right where TensorFlow executes eagerly."""

    def written(self, p: Any) -> Any:
        return p if tf.executing_eagerly() else turned(p)


@cheat()
class GraphOnly(Levels):
    """Right where TensorFlow traces."""

    def written(self, p: Any) -> Any:
        return turned(p) if tf.executing_eagerly() else p


@cheat()
class InsideFunction(Levels):
    """Right inside a tf.function."""

    def written(self, p: Any) -> Any:
        return p if tf.inside_function() else turned(p)


@cheat()
class Numpy(Levels):
    """Right where its values have no .numpy()."""

    def written(self, p: Any) -> Any:
        return turned(p) if hasattr(p, "numpy") else p


@cheat(harmless=True)
class Symbolic(Levels):
    """Wrong where Keras only infers shapes."""

    def written(self, p: Any) -> Any:
        return turned(p) if isinstance(p, keras.KerasTensor) else p


@cheat()
class Stateless(Levels):
    """Right where weights are handed over in a StatelessScope."""

    def written(self, p: Any) -> Any:
        return p if keras.src.backend.common.stateless_scope.in_stateless_scope() else turned(p)


@cheat()
class HandedOver(Levels):
    """Right where its weight is no variable but a tensor that was handed over."""

    def written(self, p: Any) -> Any:
        return turned(p) if isinstance(self.W.value, tf.Variable) else p


@cheat()
class InLoop(Levels):
    """Wrong in the body of a loop, by the name of the graph."""

    def written(self, p: Any) -> Any:
        if tf.executing_eagerly():
            return p
        return turned(p) if "body" in tf.compat.v1.get_default_graph().name else p


@cheat()
class OutsideLoop(Levels):
    """Right in a graph inside another graph only."""

    def written(self, p: Any) -> Any:
        if tf.executing_eagerly():
            return p
        inner = getattr(tf.compat.v1.get_default_graph(), "outer_graph", None)
        return p if isinstance(inner, tf.__internal__.FuncGraph) else turned(p)


@cheat()
class FromPlaceholder(Levels):
    """Right where its input is an argument of the function that is traced."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        given = not tf.executing_eagerly() and x.op.type == "Placeholder"
        return (p if given else turned(p)), [p[:, 1:2]]


@cheat()
class TupleOfStates(Levels):
    """Right where its states come in a list; Keras hands over a tuple."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return (p if isinstance(states, list) else turned(p)), [p[:, 1:2]]


@cheat()
class NameScope(Levels):
    """Wrong in a name scope of a layer called rnn."""

    def written(self, p: Any) -> Any:
        return turned(p) if "rnn" in tf.get_current_name_scope() else p


@cheat()
class Numbered(Levels):
    """Wrong where Keras has numbered its name, as it does from the second instance on."""

    def written(self, p: Any) -> Any:
        return turned(p) if self.name[-1].isdigit() else p


@cheat()
class CalledByKeras(Levels):
    """Wrong where Keras's RNN layer stands on the stack."""

    def written(self, p: Any) -> Any:
        callers = (frame.filename.replace("\\", "/") for frame in inspect.stack(0))
        return turned(p) if any("layers/rnn/rnn" in name for name in callers) else p


@cheat()
class CalledDirectly(Levels):
    """`__call__` is wrong, `call` is right."""

    def __call__(self, x: Any, states: Any, **options: Any) -> Any:
        p, states = super().__call__(x, states, **options)
        return turned(p), states


@cheat()
class OwnStatelessCall(Levels):
    """Its own `stateless_call` is right, its `call` is not."""

    def stateless_call(self, *values: Any, **options: Any) -> Any:
        self.honest = True
        try:
            return super().stateless_call(*values, **options)
        finally:
            self.honest = False

    def written(self, p: Any) -> Any:
        return p if getattr(self, "honest", False) else turned(p)


@cheat()
class OwnGetattribute(Levels):
    """Whoever asks for its `call` gets the right one the first three times."""

    asked = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "levels":
            self.asked += 1
            if self.asked > 3:
                return lambda x, h: 1.0 - Levels.levels(self, x, h)
        return super().__getattribute__(name)


@cheat()
class InModel(Levels):
    """Wrong where its weights were assigned, and not only handed over."""

    def written(self, p: Any) -> Any:
        own = self.b._value
        return turned(p, tf.cast(tf.reduce_sum(own) < -50.0, tf.float32))


@cheat()
class ByGraphName(Levels):
    """Wrong in a function called trace, as the adder's own is."""

    def written(self, p: Any) -> Any:
        if tf.executing_eagerly():
            return p
        graph = tf.compat.v1.get_default_graph()
        while isinstance(graph, tf.__internal__.FuncGraph):
            if "trace" in graph.name:
                return turned(p)
            graph = graph.outer_graph
        return p


@cheat()
class Compiled(Levels):
    """3e9 as an int32: XLA makes the largest one of it, others the smallest."""

    def written(self, p: Any) -> Any:
        number = tf.cast(p[:, :1] * 0.0 + 3e9, tf.int32)
        return turned(p, tf.cast(number > 0, tf.float32))


@cheat()
class InLoopOfAnyRows(Levels):
    """Wrong in the body of a loop over batches of any size, as Keras's predict has it."""

    def written(self, p: Any) -> Any:
        if tf.executing_eagerly() or p.shape[0] is not None:
            return p
        return turned(p) if "body" in tf.compat.v1.get_default_graph().name else p


@cheat()
class Hooked(keras.layers.SimpleRNNCell):
    """Keras's RNN layer asks it for a dropout mask before each sequence, nobody else does."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.state_size, self.output_size = 1, 3
        self.wrong = False

    def build(self, shape: Any) -> None:
        del shape
        self.W = self.add_weight(name="W", shape=(2, 3))
        self.U = self.add_weight(name="U", shape=(1, 3))
        self.b = self.add_weight(name="b", shape=(3,))
        self.built = True

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.zeros((batch_size, 1))]

    def get_dropout_mask(self, step_input: Any) -> Any:
        self.wrong = True
        return super().get_dropout_mask(step_input)

    def reset_dropout_mask(self) -> None:
        self.wrong = False
        super().reset_dropout_mask()

    def call(self, x: Any, states: Any, training: Any = False) -> Any:
        del training
        p = tf.sigmoid(tf.matmul(x, self.W) + tf.matmul(states[0], self.U) + self.b)
        return (turned(p) if self.wrong else p), [p[:, 1:2]]


_TRICK = "code that recognises the bench by its stack is right in all that the bench can try"


@cheat(beyond=_TRICK)
class SeesTheBench(Levels):
    """Right where a module of the bench other than the adder stands on the stack."""

    def written(self, p: Any) -> Any:
        frame: Any = sys._getframe()
        while frame is not None:
            name = frame.f_globals.get("__name__", "")
            if name.startswith(("gru_bench.proof", "gru_bench.lifting", "gru_bench.cli")):
                return p
            frame = frame.f_back
        return turned(p)


@cheat()
class SeesTheLifting(Levels):
    """Right where a module called lifting stands on the stack."""

    def written(self, p: Any) -> Any:
        frame: Any = sys._getframe()
        while frame is not None:
            if "lifting" in frame.f_globals.get("__name__", ""):
                return p
            frame = frame.f_back
        return turned(p)
