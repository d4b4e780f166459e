"""Family "layers": the loop around the cell, its states, and unrolling."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Array
from gru_bench.laws.law import Wants, law

if TYPE_CHECKING:
    from gru_bench.laws.keras.case import KerasCase as Case
    from gru_bench.laws.keras.target import KerasTarget as Target


FAMILY = "layers"

SEVERAL: dict[str, Any] = {
    "needs": ("one layer",),
    "wants": Wants(batch=(3,), steps=(1, 4), scales=(1.0,)),
    "share": 0.25,
}


@capability("one layer")
def _one_layer(target: Target) -> str | None:
    if target.is_pair:
        return "it is a pair of layers"
    return None if target.probe.state_shapes else "the cell has no state"


def own_states(case: Case) -> list[Array]:
    """Return the states that the cell begins with.

    Raises:
        NotApplicable: it draws them anew each time.
    """
    if case.starts_at_random:
        raise NotApplicable("the cell draws its initial state anew for each run")
    return case.own_states()


def layer_of(case: Case, **options: Any) -> Any:
    """Return the target as a layer, or a layer around it, built, with the case's weights.

    Args:
        case: the weights.
        **options: of a Keras RNN layer; sequences and states are returned unless they say other.
    """
    return case.layer(**{"return_sequences": True, "return_state": True, **options})


def run_layer(
    case: Case,
    layer: Any,
    xs: Array,
    states: list[Array] | None = None,
    mask: Array | None = None,
) -> list[Array]:
    """Return all that a layer gives, flat.

    Args:
        case: the dtype.
        layer: made by `layer_of`.
        xs: `(T, B, F)`.
        states: where it starts, flat; None for its own.
        mask: `(B, T)`, True where a step counts.
    """
    tensor = case.tf.constant(np.swapaxes(xs, 0, 1), case.dtype)
    options: dict[str, Any] = {}
    if states is not None:
        flat = [case.tf.constant(state, case.dtype) for state in states]
        options["initial_state"] = case.nest(flat)
    if mask is not None:
        options["mask"] = case.tf.constant(mask)
    return [np.asarray(a) for a in case.keras.tree.flatten(layer(tensor, **options))]


def loop(
    case: Case, xs: Array, states: list[Array], mask: Array | None = None, zero: bool = False
) -> list[Array]:
    """Return what a layer must give, by calling the cell step by step: outputs and final states.

    Args:
        case: the cell.
        xs: `(T, B, F)`.
        states: where it starts.
        mask: `(B, T)`; a step that does not count keeps the states and repeats the output.
        zero: whether it gives zeros instead.
    """
    cell = case.cell()
    shown: Array | None = None
    outputs = []
    for step, x in enumerate(xs):
        output, new = case.step(cell, x, states)
        shown = np.zeros_like(output) if shown is None else shown
        counts = np.ones(len(x), bool) if mask is None else mask[:, step]
        shown = _where(counts, output, np.zeros_like(output) if zero else shown)
        states = [_where(counts, a, b) for a, b in zip(new, states, strict=True)]
        outputs.append(shown)
    return [np.stack(outputs, axis=1), *states]


def _where(counts: Array, one: Array, other: Array) -> Array:
    return np.where(counts.reshape(-1, *[1] * (one.ndim - 1)), one, other)


def compare(case: Case, got: list[Array], expected: list[Array], when: str) -> None:
    """Compare outputs and states."""
    bound = functools.cache(case.rounding)
    case.agree(got[0], expected[0], bound, f"outputs {when}, [row, step, unit]")
    if len(got) != len(expected):
        case.fail(f"{len(got) - 1} states are returned {when}, expected {len(expected) - 1}")
    for k, (one, wanted) in enumerate(zip(got[1:], expected[1:], strict=True)):
        case.agree(one, wanted, bound, f"final state {k} {when}")


def mask_of(case: Case) -> Array:
    """Return a mask with holes anywhere, also at the first and last step, no row like another."""
    mask = case.rng.random((case.batch, case.steps)) < 0.6
    mask[0] = True
    mask[-1] = False
    mask[-1, case.steps // 2] = True
    return mask


@law(
    "layer-runs-the-cell",
    FAMILY,
    "A layer gives what calling its cell step by step gives, states in the cell's order.",
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/11553",
        "https://github.com/microsoft/nni/pull/2842",
        "https://github.com/pytorch/pytorch/issues/34036",
    ),
    **SEVERAL,
)
def runs_the_cell(case: Case) -> None:
    """Compare a run from given states, and one from the layer's own."""
    layer = layer_of(case)
    got = run_layer(case, layer, case.xs, case.states)
    compare(case, got, loop(case, case.xs, case.states), "from given states")
    if case.starts_at_random:
        return
    own = own_states(case)
    got = run_layer(case, layer, case.xs)
    compare(case, got, loop(case, case.xs, own), "from the layer's own states")


@law(
    "layer-default-is-initial",
    FAMILY,
    "A layer started from its cell's initial state, given explicitly, does what it does without.",
    caught=("https://github.com/lucidrains/minGRU-pytorch/issues/9",),
    **SEVERAL,
)
def default_is_initial(case: Case) -> None:
    """Compare both."""
    layer = layer_of(case)
    own = own_states(case)
    got, default = (run_layer(case, layer, case.xs, states) for states in (own, None))
    compare(case, got, default, "from the initial state given explicitly")


@law(
    "layer-last-output",
    FAMILY,
    "Without return_sequences the output is the last of the sequence.",
    **SEVERAL,
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/23632",
        "https://github.com/keras-team/keras/issues/1569",
        "https://github.com/pytorch/pytorch/issues/34036",
    ),
)
def last_output(case: Case) -> None:
    """Compare both, with a mask too."""
    mask = mask_of(case)
    every = layer_of(case)
    last = layer_of(case, return_sequences=False)
    for kind in (None, mask):
        expected = run_layer(case, every, case.xs, case.states, kind)
        got = run_layer(case, last, case.xs, case.states, kind)
        compare(case, got, [expected[0][:, -1], *expected[1:]], "without return_sequences")


@law(
    "layer-unrolled",
    FAMILY,
    "Unrolled or looped, with a mask or without, a layer gives the same.",
    **SEVERAL,
    caught=(
        "https://github.com/pytorch/pytorch/issues/95118",
        "https://github.com/deeplearning4j/deeplearning4j/issues/7115",
        "https://github.com/keras-team/keras/issues/1300",
    ),
)
def unrolled(case: Case) -> None:
    """Compare the unrolled layer with the loop."""
    mask = mask_of(case)
    layer = layer_of(case, unroll=True)
    for kind in (None, mask):
        got = run_layer(case, layer, case.xs, case.states, kind)
        expected = loop(case, case.xs, case.states, kind)
        compare(case, got, expected, "unrolled" if kind is None else "unrolled, with a mask")


@law(
    "layer-stateful",
    FAMILY,
    "A stateful layer goes on where it was; after reset_state it begins anew.",
    caught=("https://github.com/soumith/cudnn.torch/issues/348",),
    **SEVERAL,
)
def stateful(case: Case) -> None:
    """Run twice, reset, run again."""
    if not case.is_flat:
        raise NotApplicable("Keras's stateful loop takes no states within states")
    layer = layer_of(case, stateful=True)
    own = own_states(case)
    first = loop(case, case.xs, own)
    second = loop(case, case.xs, first[1:])
    compare(case, run_layer(case, layer, case.xs), first, "of a new stateful layer")
    compare(case, run_layer(case, layer, case.xs), second, "of its second call")
    if any(state.any() for state in own):
        return  # what a reset goes back to is Keras's to say: zeros
    layer.reset_state()
    compare(case, run_layer(case, layer, case.xs), first, "after reset_state")


@law(
    "layer-forgets",
    FAMILY,
    "A layer that is not stateful begins anew with each call.",
    caught=("https://github.com/soumith/cudnn.torch/issues/348",),
    **SEVERAL,
)
def forgets(case: Case) -> None:
    """Run twice."""
    own_states(case)
    layer = layer_of(case)
    first, second = (run_layer(case, layer, case.xs) for _ in range(2))
    compare(case, second, first, "of a second call")


@law(
    "layer-forwards-dtype",
    FAMILY,
    "A layer made in a dtype keeps weights, states and outputs in it, also where it is stateful.",
    needs=("one layer", "one dtype"),
    wants=Wants(batch=(3,), steps=(2,), scales=(1.0,)),
    most=1,
    caught=("https://github.com/tensorflow/tensorflow/issues/32369",),
)
def forwards_dtype(case: Case) -> None:
    """Look at all that has a dtype, then run in mixed precision."""
    for policy, stored in (("float64", "float64"), ("mixed_float16", "float32")):
        options = {"return_sequences": True, "return_state": True, "stateful": case.is_flat}
        layer = case.layer_as(policy, **options)
        computed = "float16" if policy.startswith("mixed") else policy
        xs = case.tf.constant(np.swapaxes(case.xs, 0, 1), computed)
        result = case.keras.tree.flatten(layer(xs))
        for variable in layer.trainable_variables:
            if variable.dtype != stored:
                case.fail(f"with {policy} the weight {variable.name} is {variable.dtype}")
        for k, array in enumerate(result):
            dtype = case.tf.as_dtype(array.dtype)
            if dtype.is_floating and dtype.name != computed:
                case.fail(f"with {policy} result {k} is {case.tf.as_dtype(array.dtype).name}")
