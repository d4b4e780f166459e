"""Cells whose dropout, zoneout or noise is wrong."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tests.corpus.wrong_cells.base import Registered, Zoneout
from tests.corpus.wrong_cells.table import wrong


@wrong("https://github.com/tensorflow/tensorflow/issues/33991", dropout=0.5)
class MaskKeptForEver(Registered, keras.layers.GRUCell):
    """The dropout mask is kept as an attribute, from the first call or the first trace on."""

    def reset_dropout_mask(self) -> None:
        pass


@wrong("https://github.com/abr/keras-lmu/pull/29", dropout=0.2, recurrent_dropout=0.5)
class OneMaskNotReset(Registered, keras.layers.GRUCell):
    """The input's mask is reset, the state's is not."""

    def reset_recurrent_dropout_mask(self) -> None:
        pass


@wrong("https://github.com/tensorflow/tensorflow/issues/38922", recurrent_dropout=0.5)
class MaskNewEachStep(Registered, keras.layers.LSTMCell):
    """The mask is drawn anew each step, where one mask for all steps is promised."""

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        self.reset_recurrent_dropout_mask()
        return super().get_recurrent_dropout_mask(step_input)


@wrong("https://github.com/keras-team/keras/pull/20656", recurrent_dropout=0.5)
class DropoutHitsCarry(Registered, keras.layers.GRUCell):
    """The masked, rescaled state is also what the update gate keeps."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = states[0]
        if training:
            h = h * self.get_recurrent_dropout_mask(h)[0]
        return super().call(inputs, [h], training=training)


@wrong("https://github.com/facebookresearch/DME/issues/3", dropout=0.5)
class DropoutAtInference(Registered, keras.layers.GRUCell):
    """Inputs are dropped at inference too."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        del training
        return super().call(inputs, states, training=True)


@wrong("https://github.com/snorkel-team/snorkel/pull/910", dropout=0.5)
class DropoutNotUsed(Registered, keras.layers.SimpleRNNCell):
    """The mask is computed, but what it masks is not used."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        if training:
            _ = inputs * self.get_dropout_mask(inputs)
        return super().call(inputs, states, training=False)


@wrong(
    "https://github.com/Cohere-Labs-Community/Targeted-Dropout/issues/14",
    dropout=0.5,
    activation="linear",
)
class MaskNotScaled(Registered, keras.layers.SimpleRNNCell):
    """What is kept is not scaled up, at inference nothing is scaled down."""

    def get_dropout_mask(self, step_input: Any) -> Any:
        mask = super().get_dropout_mask(step_input)
        return None if mask is None else ops.cast(mask > 0, step_input.dtype)


@wrong("https://github.com/tensorflow/tensorflow/issues/2789", dropout=0.5, seed=1)
class SameMaskEachCall(Registered, keras.layers.SimpleRNNCell):
    """With a seed given, each call draws the same mask."""

    def get_dropout_mask(self, step_input: Any) -> Any:
        ones = ops.ones_like(step_input)
        return keras.random.dropout(ones, self.dropout, seed=self.seed)


@wrong("https://github.com/tensorflow/tensorflow/issues/33297", dropout=0.5)
class SeedDrawnByPython(Registered, keras.layers.SimpleRNNCell):
    """The seed of a mask is drawn by Python, so a trace has the same one for ever."""

    def get_dropout_mask(self, step_input: Any) -> Any:
        ones, seed = ops.ones_like(step_input), np.random.default_rng().integers(2**31)
        return keras.random.dropout(ones, self.dropout, seed=int(seed))


@wrong("https://github.com/harvard-edge/cs249r_book/pull/1869", dropout=0.5)
class SeedIgnored(Registered, keras.layers.SimpleRNNCell):
    """A seed can be given, but the masks are drawn by the generator that all layers share."""

    def get_dropout_mask(self, step_input: Any) -> Any:
        return keras.random.dropout(ops.ones_like(step_input), self.dropout)


@wrong("https://github.com/keras-team/keras/pull/9031", recurrent_dropout=0.5)
class MaskOfFirstBatch(Registered, keras.layers.SimpleRNNCell):
    """The mask keeps the first call's batch."""

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        if not hasattr(self, "rows"):
            self.rows = step_input.shape[0]
        ones = ops.ones((self.rows, self.units), dtype=step_input.dtype)
        return keras.random.dropout(ones, self.recurrent_dropout, seed=self.seed_generator)


@wrong("https://github.com/rwth-i6/returnn/issues/1313", zoneout=0.5)
class ZoneoutNotInOutput(Zoneout):
    """The output is the state before zoneout."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h_t, _ = keras.layers.GRUCell.call(self, inputs, states, training=training)
        return h_t, [self.mix(states[0], h_t, training)]


@wrong("https://github.com/apache/mxnet/issues/18669", zoneout=0.5)
class ZoneoutTwoMasks(Zoneout):
    """Output and state are kept by two masks."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = states[0]
        h_t, _ = keras.layers.GRUCell.call(self, inputs, states, training=training)
        return self.mix(h, h_t, training), [self.mix(h, h_t, training)]


@wrong("https://github.com/teganmaharaj/zoneout/issues/5", zoneout=0.25)
class ZoneoutOnlyInTraining(Zoneout):
    """At inference the new state is taken as it is, not the mean over masks."""

    def mix(self, h: Any, h_t: Any, training: bool) -> Any:
        return super().mix(h, h_t, training) if training else h_t


@wrong("https://github.com/kok202/Dluid/pull/125", zoneout=0.25)
class ZoneoutInverted(Zoneout):
    """The share of the state that should change is kept."""

    def keep(self, h: Any) -> Any:
        return 1 - super().keep(h)


@wrong("https://github.com/nntrainer/nntrainer/pull/1817", zoneout=0.5)
class ZoneoutMaskRedrawn(Zoneout):
    """The backward pass takes another mask than the forward pass."""

    def mix(self, h: Any, h_t: Any, training: bool) -> Any:
        if not training:
            return super().mix(h, h_t, training)
        return _mixed(self.keep(h), self.keep(h), h, h_t)


@wrong("https://github.com/lmnt-com/haste/issues/43", zoneout=0.5)
class ZoneoutGradientOfFirstMask(Zoneout):
    """The backward pass takes the first row's mask for all rows."""

    def mix(self, h: Any, h_t: Any, training: bool) -> Any:
        if not training:
            return super().mix(h, h_t, training)
        mask = self.keep(h)
        return _mixed(mask, ops.broadcast_to(mask[:1], ops.shape(mask)), h, h_t)


@tf.custom_gradient
def _mixed(mask: Any, backward: Any, h: Any, h_t: Any) -> Any:
    def gradient(d: Any) -> Any:
        return None, None, d * backward, d * (1 - backward)

    return mask * h + (1 - mask) * h_t, gradient
