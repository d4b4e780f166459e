"""Wrong layers: the loop around a correct cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tests.corpus.wrong_cells.base import MinGRU, Registered, TimeMajor
from tests.corpus.wrong_cells.table import wrong


class Layer(Registered, keras.layers.GRU):
    """Keras's GRU layer, to make wrong ones of; never cuDNN."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        kwargs.pop("use_cudnn", None)
        super().__init__(units, use_cudnn=False, **kwargs)


class Pair(Registered, keras.layers.Bidirectional):
    """Keras's bidirectional layer around a GRU, to make wrong ones of."""

    def __init__(self, units: int = 3, layer: Any = None, **kwargs: Any) -> None:
        if layer is None:
            options = {"return_sequences": True, "return_state": True}
            layer = keras.layers.GRU(units, dtype=kwargs.get("dtype"), **options)
        super().__init__(layer, **kwargs)


@wrong("https://github.com/deeplearning4j/deeplearning4j/issues/7115")
class MaskIgnored(Layer):
    """The mask is ignored."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        del mask
        return super().call(sequences, initial_state=initial_state, mask=None, **kwargs)


@wrong("https://github.com/keras-team/keras/issues/1300")
class MaskedInputsAreZeros(Layer):
    """A masked step is run with inputs of zero, so that its biases reach the state."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if mask is not None:
            sequences = sequences * ops.cast(mask[..., None], sequences.dtype)
        return super().call(sequences, initial_state=initial_state, mask=None, **kwargs)


@wrong("https://github.com/keras-team/keras/issues/1569")
class MaskedOutputsAreZeros(Layer):
    """Masked steps give zeros where the previous output is promised."""

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> Any:
        last, outputs, states = super().inner_loop(sequences, initial_state, mask, training)
        if mask is not None and self.return_sequences:
            outputs = outputs * ops.cast(mask[..., None], outputs.dtype)
        return last, outputs, states


@wrong("https://github.com/tensorflow/tensorflow/issues/23632")
class MaskedOutputIsState(Registered, keras.layers.RNN):
    """Masked outputs are the first state, which is not the output of every cell."""

    def __init__(self, units: int = 3, cell: Any = None, **kwargs: Any) -> None:
        cell = keras.layers.LSTMCell(units, dtype=kwargs.get("dtype")) if cell is None else cell
        super().__init__(cell, **kwargs)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> Any:
        last, outputs, states = super().inner_loop(sequences, initial_state, mask, training)
        if mask is not None:
            shown = ops.cast(mask[:, -1:], last.dtype)
            last = shown * last + (1 - shown) * states[-1]
        return last, outputs, states


@wrong("https://github.com/keras-team/keras/pull/1934")
class MaskNotReversed(Layer):
    """Going backwards the inputs are reversed, the mask is not."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if mask is not None and self.go_backwards:
            mask = ops.flip(mask, axis=1)
        return super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)


@wrong("https://github.com/pytorch/pytorch/issues/95118")
class MaskOfFirstRow(Layer):
    """The first row's mask is taken for all rows."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if mask is not None:
            mask = ops.broadcast_to(mask[:1], ops.shape(mask))
        return super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)


@wrong("https://github.com/pytorch/rl/issues/3711")
class ShorterRowsLoseState(Layer):
    """Rows that end before the longest give a state of zeros."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        result = super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
        if mask is None or not self.return_state:
            return result
        output, *states = result
        whole = ops.cast(mask[:, -1:], states[0].dtype)
        return (output, *[state * whole for state in states])


@wrong("https://github.com/keras-team/keras/issues/17596")
class BackwardsZeroesOutputs(Layer):
    """Going backwards masked steps give zeros though that was not asked for."""

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> Any:
        given, self.zero_output_for_mask = self.zero_output_for_mask, self.go_backwards
        result = super().inner_loop(sequences, initial_state, mask, training)
        self.zero_output_for_mask = given
        return result


@wrong("https://github.com/stanfordmlgroup/nlc/issues/8")
class BackwardsIsForwards(Layer):
    """Going backwards the inputs are not reversed."""

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> Any:
        given, self.go_backwards = self.go_backwards, False
        result = super().inner_loop(sequences, initial_state, mask, training)
        self.go_backwards = given
        return result


@wrong("https://github.com/tensorflow/tensorflow/issues/11553")
class InitialStateIgnored(Layer):
    """The initial state that is given is ignored."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if not self.stateful:
            initial_state = None
        return super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)


@wrong("https://github.com/soumith/cudnn.torch/issues/348")
class ResetDoesNothing(Layer):
    """Resetting the states of a stateful layer does nothing."""

    def reset_state(self) -> None:
        pass


@wrong("https://github.com/tensorflow/tensorflow/issues/26990")
class StatefulForgets(Layer):
    """A stateful layer starts each call from zeros."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if self.stateful and initial_state is None:
            initial_state = self.get_initial_state(batch_size=ops.shape(sequences)[0])
        return super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)


@wrong("https://github.com/soumith/cudnn.torch/issues/348")
class StatefulByDefault(Layer):
    """The state of one call is where the next begins though the layer is not stateful."""

    last: Any = None

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        last = self.last or [sequences[:0]]
        if initial_state is None and last[0].shape[0] == sequences.shape[0]:
            initial_state = last
        wanted, self.return_state = self.return_state, True
        output, *states = super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
        self.return_state, self.last = wanted, states
        return (output, *states) if wanted else output


@wrong("https://github.com/pytorch/pytorch/issues/34036")
class OneStepSwapsBatch(Layer):
    """With one step the axes of batch and time are exchanged."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        result = super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
        if sequences.shape[1] != 1 or not self.return_sequences:
            return result
        if self.return_state:
            return (ops.swapaxes(result[0], 0, 1), *result[1:])
        return ops.swapaxes(result, 0, 1)


@wrong("https://github.com/microsoft/nni/pull/2842")
class StatesReturnedInOtherOrder(Registered, keras.layers.LSTM):
    """The states are returned in the wrong order."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        result = super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
        return (result[0], result[2], result[1]) if self.return_state else result


@wrong("https://github.com/keras-team/keras/issues/3163", units=3)
class OutputsReversedAgain(Layer):
    """Going backwards the outputs are turned round, where they come in the order of running."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        result = super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
        if not (self.go_backwards and self.return_sequences):
            return result
        if self.return_state:
            return (ops.flip(result[0], axis=1), *result[1:])
        return ops.flip(result, axis=1)


@wrong("https://github.com/keras-team/keras/issues/1431")
class BidirectionalMixesTime(Pair):
    """The backward outputs are merged in the order of running, not of time."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        result = super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
        output, *states = result
        forward, backward = ops.split(output, 2, axis=-1)
        return (ops.concatenate([forward, ops.flip(backward, axis=1)], axis=-1), *states)


@wrong("https://github.com/tflearn/tflearn/pull/522")
class ForwardStatesTwice(Pair):
    """The forward states are returned in the place of the backward ones."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        output, forward, _ = super().call(
            sequences, initial_state=initial_state, mask=mask, **kwargs
        )
        return output, forward, forward


@wrong("https://github.com/keras-team/keras/issues/4192")
class MaskForwardOnly(Pair):
    """Going backwards over the padding, the mask is ignored."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        given = {"initial_state": initial_state, **kwargs}
        masked, free = (super(Pair, self).call(sequences, mask=m, **given) for m in (mask, None))
        forward, backward = masked[0][..., : -self.units], free[0][..., -self.units :]
        return ops.concatenate([forward, backward], axis=-1), masked[1], free[2]

    @property
    def units(self) -> int:
        """Of each direction."""
        return int(self.backward_layer.units)


@wrong("https://github.com/keras-team/keras/issues/7365")
class PairIgnoresInitialState(Pair):
    """The initial states that are given are ignored."""

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        del initial_state
        return super().call(sequences, mask=mask, **kwargs)


@wrong("https://github.com/tensorflow/tensorflow/issues/39635")
class TimeMajorReversesRows(TimeMajor):
    """With time_major going backwards reverses the rows of the batch instead of the steps."""

    def turn(self, sequences: Any) -> Any:
        return ops.flip(sequences, axis=(0, 1)) if self.go_backwards else sequences


@wrong("https://github.com/lucidrains/minGRU-pytorch/issues/9", units=3)
class ParallelStateTransformed(Registered, keras.layers.RNN):
    """A state given to the layer goes through the map of the candidate."""

    def __init__(self, units: int = 3, cell: Any = None, **kwargs: Any) -> None:
        super().__init__(
            MinGRU(units, dtype=kwargs.get("dtype")) if cell is None else cell, **kwargs
        )

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if initial_state is not None:
            given = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
            initial_state = [ops.where(h > 0, h + 0.5, ops.sigmoid(h)) for h in given]
        return super().call(sequences, initial_state=initial_state, mask=mask, **kwargs)
