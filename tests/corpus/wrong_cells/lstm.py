"""Wrong long short-term memories and simple recurrent cells."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tests.corpus.wrong_cells.base import LSTM, LayerNormGRU, LayerNormLSTM, Plain
from tests.corpus.wrong_cells.table import wrong


@wrong("https://github.com/allenai/allennlp/pull/862", cell_clip=0.5)
class ClipOffTape(LSTM):
    """The cell state is clipped without telling the gradient."""

    def clip(self, c: Any) -> Any:
        return c + ops.stop_gradient(super().clip(c) - c)


@wrong("https://github.com/Lasagne/Lasagne/issues/448", peephole=True)
class PeepholeAfterSigmoid(LSTM):
    """The output gate's peephole is added after its sigmoid."""

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        i = self.recurrent_activation(self.linear("i", inputs, h) + self.peep("i", c))
        f = self.recurrent_activation(self.linear("f", inputs, h) + self.peep("f", c))
        c_t = self.carry(i, f, self.activation(self.linear("c", inputs, h)), c)
        h_t = (self.gate("o", inputs, h) + self.peep("o", c_t)) * self.activation(c_t)
        return h_t, [h_t, c_t]


@wrong("https://github.com/ddbourgin/numpy-ml/issues/42")
class BiasReused(LSTM):
    """One gate's bias is added in three gates."""

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        bias = self.b_c if gate == "c" else self.b_o
        return (
            ops.matmul(x, getattr(self, f"W_{gate}"))
            + ops.matmul(h, getattr(self, f"U_{gate}"))
            + bias
        )


@wrong("https://github.com/NX-AI/xlstm/issues/98")
class InputForgetSwapped(LSTM):
    """Input and forget gate are exchanged."""

    def carry(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        return i * c + f * g


@wrong("https://github.com/ARM-software/ComputeLibrary/issues/779")
class SigmoidOverflows(LSTM):
    """The sigmoid is e^x / (1 + e^x), which is NaN for large x."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.recurrent_activation = _overflowing

    def get_config(self) -> dict[str, Any]:
        self.recurrent_activation = keras.activations.sigmoid
        config = super().get_config()
        self.recurrent_activation = _overflowing
        return config


def _overflowing(x: Any) -> Any:
    return ops.exp(x) / (1 + ops.exp(x))


@wrong("https://github.com/muditbhargava66/PyxLSTM/issues/15")
class NoStabiliser(LSTM):
    """The input gate is exponential, without the state that keeps it small."""

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        i, f = ops.exp(self.linear("i", inputs, h)), self.gate("f", inputs, h)
        c_t = (f * c + i * self.activation(self.linear("c", inputs, h))) / (f + i)
        h_t = self.gate("o", inputs, h) * c_t
        return h_t, [h_t, c_t]


@wrong("https://github.com/glample/tagger/issues/25")
class ForgetIsOneMinusInput(LSTM):
    """The forget gate is one minus the input gate; its own weights are dead."""

    def carry(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        del f
        return (1 - i) * c + i * g


@wrong("https://github.com/salesforce/decaNLP/issues/9")
class HiddenStateTwice(LSTM):
    """The hidden state is returned in the place of the cell state."""

    def call(self, inputs: Any, states: Any) -> Any:
        h, _ = super().call(inputs, states)
        return h, [h, h]


@wrong("https://github.com/microsoft/nni/pull/2842")
class StatesSwapped(LSTM):
    """The states are returned in the wrong order."""

    def call(self, inputs: Any, states: Any) -> Any:
        h, (_, c) = super().call(inputs, states)
        return h, [c, h]


@wrong("https://github.com/microsoft/onnxruntime/pull/27239", cell_clip=0.3)
class ClipAfterOutput(LSTM):
    """The output is computed from the cell state before it is clipped."""

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        i, f = self.gate("i", inputs, h), self.gate("f", inputs, h)
        c_t = self.carry(i, f, self.activation(self.linear("c", inputs, h)), c)
        h_t = self.gate("o", inputs, h) * self.activation(c_t)
        return h_t, [h_t, self.clip(c_t)]


@tf.custom_gradient
def _times_with_wrong_gradient(i: Any, g: Any) -> Any:
    return i * g, lambda d: (d * i, d * i)


@wrong("https://github.com/wvabrinskas/Neuron/pull/181")
class InputGateGradient(LSTM):
    """The gradient of the input gate is multiplied with the gate instead of the candidate."""

    def carry(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        return f * c + _times_with_wrong_gradient(i, g)


@tf.custom_gradient
def _tanh_derived_twice(x: Any) -> Any:
    y = tf.tanh(x)
    return y, lambda d: d * (1 - tf.tanh(y) ** 2)


@wrong("https://github.com/wvabrinskas/Neuron/pull/181")
class TanhDerivedTwice(LSTM):
    """The derivative of tanh is taken of what is already the tanh."""

    def call(self, inputs: Any, states: Any) -> Any:
        given, self.activation = self.activation, _tanh_derived_twice
        result = super().call(inputs, states)
        self.activation = given
        return result


@wrong("https://github.com/pytorch/pytorch/issues/11662", activation="relu")
class ReluWithTanhGradient(Plain):
    """The gradient of the relu is that of tanh."""

    def call(self, inputs: Any, states: Any) -> Any:
        if self.activation is not keras.activations.relu:
            return super().call(inputs, states)
        h_t = _relu_like_tanh(self.linear("h", inputs, states[0]))
        return h_t, [h_t]


@tf.custom_gradient
def _relu_like_tanh(x: Any) -> Any:
    y = tf.nn.relu(x)
    return y, lambda d: d * (1 - y * y)


@wrong("https://github.com/nyu-dl/dl4mt-tutorial/pull/65")
class StateIgnored(Plain):
    """The state that is given is ignored: each step starts from zeros."""

    def call(self, inputs: Any, states: Any) -> Any:
        return super().call(inputs, [ops.zeros_like(states[0])])


@wrong("https://github.com/tensorflow/tensorflow/issues/26990")
class StateNeverAdvances(Plain):
    """The old state is returned in the place of the new one."""

    def call(self, inputs: Any, states: Any) -> Any:
        h_t, _ = super().call(inputs, states)
        return h_t, [states[0]]


@wrong("https://github.com/tensorflow/tensorflow/pull/15861")
class NormalisedTogether(LayerNormLSTM):
    """The sum of both products is normalised, where the paper normalises each."""

    def arguments(self, inputs: Any, h: Any) -> Any:
        both = ops.matmul(h, self.recurrent_kernel) + ops.matmul(inputs, self.kernel)
        return self.normalise(both, self.kernel_gain, self.kernel_shift)


@wrong("https://github.com/tensorflow/addons/pull/210")
class BiasForgotten(LayerNormLSTM):
    """There is a bias, but with normalisation it is not added."""

    def call(self, inputs: Any, states: Any) -> Any:
        given, self.use_bias = self.use_bias, False
        result = super().call(inputs, states)
        self.use_bias = given
        return result


@wrong("https://github.com/tensorflow/addons/pull/2142")
class NormalisedOverWrongAxis(LayerNormGRU):
    """The normalisation runs over the batch instead of the units."""

    def normalise(self, a: Any, gain: Any, shift: Any) -> Any:
        centred = a - ops.mean(a, axis=0, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=0, keepdims=True)
        return gain * centred / ops.sqrt(variance + self.epsilon) + shift


@wrong("https://github.com/VeriSilicon/TIM-VX/pull/589")
class EpsilonLost(LayerNormLSTM):
    """The epsilon of the normalisation is always zero."""

    def normalise(self, a: Any, gain: Any, shift: Any) -> Any:
        centred = a - ops.mean(a, axis=-1, keepdims=True)
        return gain * centred / ops.sqrt(ops.mean(ops.square(centred), -1, keepdims=True)) + shift


@wrong("https://github.com/tensorflow/tensorflow/issues/21929", epsilon=0.1)
class EpsilonFixed(LayerNormGRU):
    """The epsilon of the normalisation is 1e-12 whatever is asked for."""

    def normalise(self, a: Any, gain: Any, shift: Any) -> Any:
        centred = a - ops.mean(a, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        return gain * centred / ops.sqrt(variance + 1e-12) + shift


@tf.custom_gradient
def _tanh_derived_once(x: Any) -> Any:
    y = tf.tanh(x)
    return y, lambda d: d * tf.stop_gradient(1 - y * y)


@wrong("https://github.com/pytorch/pytorch/issues/25315")
class NoSecondDerivative(LSTM):
    """The gradient of the fused tanh is right, but has no gradient of its own."""

    def call(self, inputs: Any, states: Any) -> Any:
        given = self.activation
        if given is keras.activations.tanh:
            self.activation = _tanh_derived_once
        result = super().call(inputs, states)
        self.activation = given
        return result


def _in_two_branches(x: Any) -> Any:
    low = tf.exp(x)
    return tf.where(x >= 0, 1 / (1 + tf.exp(-x)), low / (1 + low))


@wrong("https://github.com/tensorflow/tensorflow/issues/2540")
class GradientOfBothBranches(LSTM):
    """Each side of zero has its own form of the sigmoid; the gradient sees both, and overflows."""

    def call(self, inputs: Any, states: Any) -> Any:
        given = self.recurrent_activation
        if given is keras.activations.sigmoid:
            self.recurrent_activation = _in_two_branches
        result = super().call(inputs, states)
        self.recurrent_activation = given
        return result
