"""Correct cells by other hands, which no law may accuse of anything but what `rightly` says.

`FOREIGN` maps a name, as the command line takes it, to arguments and to the laws that fail rightly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.corpus.styles import styles
from tests.corpus.styles.own import OWN

WILD = "tests.corpus.wild"


class Foreign(NamedTuple):
    """One cell.

    Args:
        arguments: for the class.
        rightly: laws that fail, and should.
    """

    arguments: dict[str, Any]
    rightly: tuple[str, ...] = ()


FOUR = Foreign({"units": 4})

#: What a cell breaks that runs in float32 only.
NARROW = ("initial-state", "float64-supported", "half-precision")

#: What one law says of a style, rightly: layers made without a dtype, a constructor that takes no
#: more than units.
RIGHTLY = {
    "gru_dense_each": ("float64-supported",),
    "gru_functional": ("float64-supported",),
    "gru_bare": ("config-keeps-arguments",),
}

FOREIGN: dict[str, Foreign] = {
    f"{WILD}.float32_only:Phased": Foreign({"units": 4}, NARROW),
    f"{WILD}.float32_only:Phased64": FOUR,
    f"{WILD}.guessed:Antisymmetric": FOUR,
    f"{WILD}.guessed:LeakyReservoir": FOUR,
    f"{WILD}.jump:ModReLU": FOUR,
    f"{WILD}.late_sublayers:Closed": Foreign({"units": 4}, ("weights-made-in-build",)),
    f"{WILD}.once_differentiable:Square": FOUR,
    f"{WILD}.once_differentiable:Gated": FOUR,
    f"{WILD}.odd_shapes:Memory": FOUR,
    f"{WILD}.odd_shapes:Image": Foreign({"side": 3}),
    f"{WILD}.odd_shapes:Named": FOUR,
    f"{WILD}.odd_shapes:Tuples": FOUR,
    f"{WILD}.odd_shapes:Ticking": FOUR,
    f"{WILD}.odd_shapes:Highway": FOUR,
    f"{WILD}.odd_shapes:Bare": FOUR,
    f"{WILD}.odd_shapes:Drawn": FOUR,
    f"{WILD}.odd_shapes:functional": Foreign({}),
    f"{WILD}.regular_train:Regular": FOUR,
    f"{WILD}.relu_mixed:ReluMixed": FOUR,
    f"{WILD}.script_no_initial:Mixing": FOUR,
    f"{WILD}.trained_steps:Spiking": FOUR,
    f"{WILD}.trained_steps:StraightThrough": FOUR,
    f"{WILD}.trained_steps:Binary": FOUR,
    f"{WILD}.trained_steps:Honest": FOUR,
    f"{WILD}.state_domain:Forward": FOUR,
    f"{WILD}.state_domain:Clockwork": FOUR,
    f"{WILD}.state_domain:Averaging": FOUR,
    f"{WILD}.tensor_array:Collecting": FOUR,
    f"{WILD}.train_bare_state:Bare": FOUR,
    f"{WILD}.train_differs:Leaky": FOUR,
    f"{WILD}.vector_recurrence:Independent": FOUR,
    f"{WILD}.written_only_state:Bistable": FOUR,
    f"{WILD}.more:Simple": FOUR,
    f"{WILD}.more:NoKwargs": Foreign({"units": 4}, ("config-keeps-arguments",)),
    f"{WILD}.more:OwnConfig": FOUR,
    f"{WILD}.more:While": FOUR,
    f"{WILD}.more:Mapped": FOUR,
    f"{WILD}.more:Conditional": FOUR,
    f"{WILD}.more:OwnGradient": FOUR,
    f"{WILD}.more:Orthogonal": FOUR,
    f"{WILD}.more:Frozen": FOUR,
    f"{WILD}.more:NoWeights": FOUR,
    f"{WILD}.more:Normalised": FOUR,
    f"{WILD}.more:SharedMask": FOUR,
    f"{WILD}.more:Statistics": FOUR,
    f"{WILD}.more:LearnedStart": FOUR,
    f"{WILD}.more:Noisy": FOUR,
    f"{WILD}.more:Masked": FOUR,
    f"{WILD}.more:Triangular": FOUR,
    f"{WILD}.more:Gated": FOUR,
    f"{WILD}.more:Window": FOUR,
    **{
        f"tests.corpus.styles.styles:{name}": Foreign(
            styles.arguments(name)[0], RIGHTLY.get(name, ())
        )
        for name in styles.STYLES
    },
    **{f"tests.corpus.styles.own:{kind.__name__}": FOUR for kind in OWN},
}
