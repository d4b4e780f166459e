"""Family "layers": steps that are masked, and padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gru_bench.laws.keras.layers import (
    SEVERAL,
    compare,
    layer_of,
    loop,
    mask_of,
    run_layer,
)
from gru_bench.laws.law import law

if TYPE_CHECKING:
    from gru_bench.laws.keras.case import KerasCase as Case

FAMILY = "layers"


@law(
    "layer-mask",
    FAMILY,
    "A step that is masked keeps the states and repeats the output.",
    **SEVERAL,
    caught=(
        "https://github.com/keras-team/keras/issues/1300",
        "https://github.com/pytorch/pytorch/issues/95118",
    ),
)
def masked(case: Case) -> None:
    """Compare a run with holes."""
    mask = mask_of(case)
    got = run_layer(case, layer_of(case), case.xs, case.states, mask)
    compare(case, got, loop(case, case.xs, case.states, mask), "with a mask")


@law(
    "layer-mask-zero-output",
    FAMILY,
    "With zero_output_for_mask a masked step gives zeros, and the states are kept.",
    **SEVERAL,
    caught=(
        "https://github.com/keras-team/keras/issues/17596",
        "https://github.com/pytorch/pytorch/issues/95118",
        "https://github.com/deeplearning4j/deeplearning4j/issues/7115",
    ),
)
def zero_output(case: Case) -> None:
    """Compare a run with holes."""
    mask = mask_of(case)
    layer = layer_of(case, zero_output_for_mask=True)
    got = run_layer(case, layer, case.xs, case.states, mask)
    expected = loop(case, case.xs, case.states, mask, zero=True)
    compare(case, got, expected, "with zero_output_for_mask")


@law(
    "layer-padding",
    FAMILY,
    "Padding on the left or on the right, masked, changes neither last output nor states.",
    caught=("https://github.com/keras-team/keras/issues/1300",),
    **SEVERAL,
)
def padding(case: Case) -> None:
    """Pad with two steps of other inputs."""
    layer = layer_of(case)
    extra = case.fit(case.rng.normal(size=(2, case.batch, case.features)))
    plain = run_layer(case, layer, case.xs, case.states)
    ones, none = (np.full((case.batch, n), n != 2) for n in (case.steps, 2))
    ones[:], none[:] = True, False
    for side, padded, mask in (
        ("left", [extra, case.xs], [none, ones]),
        ("right", [case.xs, extra], [ones, none]),
    ):
        got = run_layer(
            case, layer, np.concatenate(padded), case.states, np.concatenate(mask, axis=1)
        )
        expected = [plain[0][:, -1], *plain[1:]]
        compare(case, [got[0][:, -1], *got[1:]], expected, f"padded on the {side}")
