"""Family "layers": backwards, both ways, and with the axes exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array
from gru_bench.laws.keras.layers import (
    SEVERAL,
    compare,
    layer_of,
    loop,
    mask_of,
    run_layer,
)
from gru_bench.laws.law import Wants, law

if TYPE_CHECKING:
    from gru_bench.laws.keras.case import KerasCase as Case

FAMILY = "layers"


@law(
    "layer-backwards",
    FAMILY,
    "Going backwards is going forwards over reversed inputs and a reversed mask.",
    caught=(
        "https://github.com/keras-team/keras/pull/1934",
        "https://github.com/keras-team/keras/issues/17596",
    ),
    **SEVERAL,
)
def backwards(case: Case) -> None:
    """Compare with and without a mask."""
    mask = mask_of(case)
    layer = layer_of(case, go_backwards=True)
    got = run_layer(case, layer, case.xs, case.states)
    compare(case, got, loop(case, case.xs[::-1], case.states), "going backwards")
    got = run_layer(case, layer, case.xs, case.states, mask)
    expected = loop(case, case.xs[::-1], case.states, mask[:, ::-1])
    compare(case, got, expected, "going backwards with a mask")


@law(
    "layer-time-major",
    FAMILY,
    "With time_major the axes of batch and time are exchanged in inputs, mask and outputs, and "
    "nothing else, going backwards too.",
    needs=("layer", "one layer"),
    wants=Wants(batch=(3,), steps=(1, 4), scales=(1.0,)),
    share=0.25,
    caught=("https://github.com/tensorflow/tensorflow/issues/39635",),
)
def time_major(case: Case) -> None:
    """Compare with the same layer that is not, in both directions."""
    mask = mask_of(case)
    for back in (False, True):
        major = layer_of(case, time_major=True, go_backwards=back)
        plain = layer_of(case, go_backwards=back)
        expected = run_layer(case, plain, case.xs, case.states, mask)
        # What `run_layer` takes for time is the batch here, and the other way round.
        got = run_layer(case, major, np.swapaxes(case.xs, 0, 1), case.states, mask.T)
        expected[0] = np.swapaxes(expected[0], 0, 1)
        compare(case, got, expected, f"of a layer with time_major{', backwards' * back}")


@law(
    "layer-both-directions",
    FAMILY,
    "A bidirectional layer puts forward and backward outputs of the same step side by side, and "
    "takes and returns the forward states before the backward ones, with a mask or without.",
    needs=("state",),
    caught=(
        "https://github.com/keras-team/keras/issues/1431",
        "https://github.com/tflearn/tflearn/pull/522",
        "https://github.com/keras-team/keras/issues/4192",
        "https://github.com/keras-team/keras/issues/7365",
    ),
    wants=Wants(batch=(3,), steps=(1, 3), scales=(1.0,)),
    share=0.25,
)
def both_directions(case: Case) -> None:
    """Compare with the two layers inside, which other laws check."""
    pair = case.pair()
    if getattr(pair, "merge_mode", None) != "concat":
        raise NotApplicable("the outputs are not put side by side")
    pair.build((case.batch, case.steps, case.features))
    case.finish(pair)
    for variable in pair.trainable_variables:
        variable.assign(case.rng.normal(size=variable.shape) + 0.1 * len(variable.path))
    ways: list[Any] = [(None, None), (mask_of(case), None)]
    if case.is_flat:
        # How the nested states of two stacks are given, Keras does not say.
        ways.append((None, [case.states, [state + 0.5 for state in case.states]]))
    for mask, begin in ways:
        if begin is None and case.starts_at_random:
            continue  # each run of a layer begins with states of its own
        _check_pair(case, pair, mask, begin)


def _check_pair(case: Case, pair: Any, mask: Array | None, begin: list[list[Array]] | None) -> None:
    x = case.tf.constant(np.swapaxes(case.xs, 0, 1), case.dtype)
    options = {} if mask is None else {"mask": case.tf.constant(mask)}

    def made(layer: Any, *states: list[Array]) -> list[Array]:
        given = [case.tf.constant(state, case.dtype) for part in states for state in part]
        return _flat(case, layer(x, **options, **({"initial_state": given} if given else {})))

    got = made(pair, *(begin or []))
    ahead = made(pair.forward_layer, *(begin or [])[:1])
    back = made(pair.backward_layer, *(begin or [])[1:])
    last = back[0][:, ::-1] if pair.forward_layer.return_sequences else back[0]
    both = np.concatenate([ahead[0], last], axis=-1)
    how = "with a mask" if mask is not None else "from given states" if begin else "as they are"
    compare(case, got, [both, *ahead[1:], *back[1:]], f"in both directions, {how}")


def _flat(case: Case, result: Any) -> list[Array]:
    return [np.asarray(array) for array in case.keras.tree.flatten(result)]
