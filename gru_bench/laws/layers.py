"""Family "layers": the loop around the cell, with masks, directions, states and unrolling."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.capability import capability
from gru_bench.laws.case import Array, Case
from gru_bench.laws.law import Wants, law

if TYPE_CHECKING:
    from gru_bench.laws.target import Target

FAMILY = "layers"

SEVERAL: dict[str, Any] = {
    "needs": ("one layer",),
    "wants": Wants(batch=(3,), steps=(1, 4), scales=(1.0,)),
    "share": 0.25,
}

#: Of all scripts here; `expected` is what `loop` gives.
LOOP = """
def loop(xs, mask, states, outputs=0.0):
    shown = []
    for x, m in zip(xs, mask.T):
        output, new = call(cell, x, states, False)
        keep = m[:, None]
        outputs = np.where(keep, output, outputs)
        states = [np.where(keep, n, s) for n, s in zip(new, states)]
        shown.append(outputs)
    return np.stack(shown, axis=1), states

options = {"return_sequences": True, "return_state": True, **options}
layer = make_layer(**options)
x = tf.constant(np.swapaxes(xs, 0, 1), dtype)
start = [tf.constant(s, dtype) for s in states]
start = keras.tree.pack_sequence_as(cell.get_initial_state(batch_size=len(x)), start)
"""

CHECK = """
result = keras.tree.flatten(layer(x, initial_state=start, mask=tf.constant(mask)))
expected, final = loop(xs[::-1] if back else xs, mask[:, ::-1] if back else mask, states)
for got, wanted in zip(result, [expected, *final]):
    compare(got, wanted, 1e-6)
"""


@capability("one layer")
def _one_layer(target: Target) -> str | None:
    if target.is_pair:
        return "it is a pair of layers"
    return None if target.probe.state_shapes else "the cell has no state"


def layer_of(case: Case, **options: Any) -> Any:
    """Return the target as a layer, or a layer around it, built, with the case's weights.

    Args:
        case: the weights.
        **options: of a Keras RNN layer; sequences and states are returned unless they say other.
    """
    options = {"return_sequences": True, "return_state": True, **options}
    try:
        made = case.target.layer(case.dtype, **options)
    except UsageError as error:
        raise NotApplicable(f"the layer takes no {', '.join(options)}: {error}") from error
    case.target.build_with_zeros(made, (case.batch, case.steps, case.features))
    cell = case.target.cell_of(made) if case.target.is_layer else made.cell
    for variable, value in zip(cell.trainable_variables, case.weights.values(), strict=True):
        variable.assign(value)
    case.target.settle(cell, case.features)
    case.note(options=options)
    return made


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
        options["initial_state"] = case.target.nest(flat)
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
    subject = case.subject(training=False)
    shown: Array | None = None
    outputs = []
    for step, x in enumerate(xs):
        output, new = subject.fast_step(x, states)
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
    case.note(mask=mask, back=False)
    return mask


@law(
    "layer-runs-the-cell",
    FAMILY,
    "A layer gives what calling its cell step by step gives, states in the cell's order.",
    script=LOOP + "mask, back = np.ones((len(x), len(xs)), bool), False\n" + CHECK,
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
    own = [np.asarray(s) for s in case.subject(training=False).initial_state(case.batch)]
    got = run_layer(case, layer, case.xs)
    compare(case, got, loop(case, case.xs, own), "from the layer's own states")


@law(
    "layer-default-is-initial",
    FAMILY,
    "A layer started from its cell's initial state, given explicitly, does what it does without.",
    script=LOOP
    + """
own = cell.get_initial_state(batch_size=len(x))
given, default = (keras.tree.flatten(layer(x, initial_state=s)) for s in (own, None))
for got, wanted in zip(given, default):
    compare(got, wanted, 0.0)
""",
    caught=("https://github.com/lucidrains/minGRU-pytorch/issues/9",),
    **SEVERAL,
)
def default_is_initial(case: Case) -> None:
    """Compare both."""
    layer = layer_of(case)
    own = [np.asarray(s) for s in case.subject(training=False).initial_state(case.batch)]
    got, default = (run_layer(case, layer, case.xs, states) for states in (own, None))
    compare(case, got, default, "from the initial state given explicitly")


@law(
    "layer-last-output",
    FAMILY,
    "Without return_sequences the output is the last of the sequence.",
    script=LOOP
    + """
last = make_layer(**{**options, "return_sequences": False})
compare(last(x, initial_state=start)[0], layer(x, initial_state=start)[0][:, -1], 1e-6)
""",
    **SEVERAL,
)
def last_output(case: Case) -> None:
    """Compare both, with a mask too."""
    mask = mask_of(case)
    every = layer_of(case)
    last = layer_of(case, return_sequences=False)
    case.note(options={})
    for kind in (None, mask):
        expected = run_layer(case, every, case.xs, case.states, kind)
        got = run_layer(case, last, case.xs, case.states, kind)
        compare(case, got, [expected[0][:, -1], *expected[1:]], "without return_sequences")


@law(
    "layer-mask",
    FAMILY,
    "A step that is masked keeps the states and repeats the output.",
    script=LOOP + CHECK,
    caught=(
        "https://github.com/keras-team/keras/issues/11472",
        "https://github.com/keras-team/keras/issues/1300",
        "https://github.com/pytorch/pytorch/issues/95118",
    ),
    **SEVERAL,
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
    script=LOOP
    + """
result = keras.tree.flatten(layer(x, initial_state=start, mask=tf.constant(mask)))
expected, final = loop(xs, mask, states)
compare(result[0], expected * mask[..., None], 1e-6)
""",
    **SEVERAL,
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
    script=LOOP
    + """
n = len(padding)
plain = keras.tree.flatten(layer(x, initial_state=start))
for left in (True, False):
    padded = np.concatenate([padding, xs] if left else [xs, padding])
    counts = np.arange(len(padded)) >= n if left else np.arange(len(padded)) < len(xs)
    mask = tf.constant(np.tile(counts, (len(x), 1)))
    wide = tf.constant(np.swapaxes(padded, 0, 1), dtype)
    got = keras.tree.flatten(layer(wide, initial_state=start, mask=mask))
    compare(got[0][:, -1], plain[0][:, -1], 1e-6)
    for state, wanted in zip(got[1:], plain[1:]):
        compare(state, wanted, 1e-6)
""",
    caught=("https://github.com/keras-team/keras/issues/1300",),
    **SEVERAL,
)
def padding(case: Case) -> None:
    """Pad with two steps of other inputs."""
    layer = layer_of(case)
    extra = case.rng.normal(size=(2, case.batch, case.features))
    case.note(padding=extra)
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


@law(
    "layer-backwards",
    FAMILY,
    "Going backwards is going forwards over reversed inputs and a reversed mask.",
    script=LOOP + CHECK,
    caught=(
        "https://github.com/keras-team/keras/pull/1934",
        "https://github.com/keras-team/keras/issues/17596",
    ),
    **SEVERAL,
)
def backwards(case: Case) -> None:
    """Compare with and without a mask."""
    mask = mask_of(case)
    case.note(back=True)
    layer = layer_of(case, go_backwards=True)
    got = run_layer(case, layer, case.xs, case.states)
    compare(case, got, loop(case, case.xs[::-1], case.states), "going backwards")
    got = run_layer(case, layer, case.xs, case.states, mask)
    expected = loop(case, case.xs[::-1], case.states, mask[:, ::-1])
    compare(case, got, expected, "going backwards with a mask")


@law(
    "layer-unrolled",
    FAMILY,
    "Unrolled or looped, with a mask or without, a layer gives the same.",
    script=LOOP + CHECK,
    caught=("https://github.com/keras-team/keras/issues/11472",),
    **SEVERAL,
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
    script=LOOP
    + """
stateful = make_layer(**{**options, "stateful": True})
first = keras.tree.flatten(stateful(x))
second = keras.tree.flatten(stateful(x))
own = [np.asarray(s) for s in keras.tree.flatten(cell.get_initial_state(batch_size=len(x)))]
ones = np.ones((len(x), len(xs)), bool)
expected, middle = loop(xs, ones, own)
compare(first[0], expected, 1e-6)
compare(second[0], loop(xs, ones, middle)[0], 1e-6)
stateful.reset_state()
compare(keras.tree.flatten(stateful(x))[0], expected, 1e-6)
""",
    caught=("https://github.com/soumith/cudnn.torch/issues/348",),
    **SEVERAL,
)
def stateful(case: Case) -> None:
    """Run twice, reset, run again."""
    layer = layer_of(case, stateful=True)
    own = [np.asarray(s) for s in case.subject(training=False).initial_state(case.batch)]
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
    script=LOOP
    + """
first, second = (keras.tree.flatten(layer(x)) for _ in range(2))
compare(second[0], first[0], 0.0)
""",
    caught=("https://github.com/soumith/cudnn.torch/issues/348",),
    **SEVERAL,
)
def forgets(case: Case) -> None:
    """Run twice."""
    layer = layer_of(case)
    first, second = (run_layer(case, layer, case.xs) for _ in range(2))
    compare(case, second, first, "of a second call")


@law(
    "layer-forwards-dtype",
    FAMILY,
    "A layer made in a dtype keeps weights, states and outputs in it, also where it is stateful.",
    script="""
layer = make_layer(return_sequences=True, return_state=True)
result = keras.tree.flatten(layer(tf.constant(np.swapaxes(xs, 0, 1), dtype)))
names = {v.dtype for v in layer.trainable_variables} | {r.dtype.name for r in result}
assert names == {dtype}, names
mixed = type(cell).from_config({**cell.get_config(), "dtype": "mixed_float16"})
half = keras.layers.RNN(mixed, dtype="mixed_float16", stateful=True)
half(tf.constant(np.swapaxes(xs, 0, 1), "float16"))
""",
    needs=("one layer",),
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/32369",
        "https://github.com/keras-team/keras/issues/15140",
    ),
    wants=Wants(batch=(3,), steps=(2,), scales=(1.0,)),
    most=1,
)
def forwards_dtype(case: Case) -> None:
    """Look at all that has a dtype, then run in mixed precision."""
    for policy, stored in (("float64", "float64"), ("mixed_float16", "float32")):
        target = case.target
        options = {"return_sequences": True, "return_state": True, "stateful": True}
        layer = target.layer(policy, **options)
        computed = "float16" if policy.startswith("mixed") else policy
        xs = case.tf.constant(np.swapaxes(case.xs, 0, 1), computed)
        result = case.keras.tree.flatten(layer(xs))
        for variable in layer.trainable_variables:
            if variable.dtype != stored:
                case.fail(f"with {policy} the weight {variable.name} is {variable.dtype}")
        for k, array in enumerate(result):
            if case.tf.as_dtype(array.dtype).name != computed:
                case.fail(f"with {policy} result {k} is {case.tf.as_dtype(array.dtype).name}")


@law(
    "layer-time-major",
    FAMILY,
    "With time_major the axes of batch and time are exchanged in inputs, mask and outputs, and "
    "nothing else, going backwards too.",
    script=LOOP
    + """
major = make_layer(**{**options, "time_major": True})
counts = tf.constant(mask)
wanted = keras.tree.flatten(layer(x, initial_state=start, mask=counts))
swapped = tf.transpose(x, (1, 0, 2)), tf.transpose(counts)
got = keras.tree.flatten(major(swapped[0], initial_state=start, mask=swapped[1]))
for one, other in zip(got, [np.swapaxes(wanted[0], 0, 1), *wanted[1:]]):
    compare(one, other, 1e-6)
""",
    needs=("layer", "one layer"),
    caught=(
        "https://github.com/tensorflow/tensorflow/issues/39635",
        "https://github.com/ray-project/ray/issues/13075",
    ),
    wants=Wants(batch=(3,), steps=(1, 4), scales=(1.0,)),
    share=0.25,
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
    script="""
pair = make_pair()
pair.build((len(xs[0]), len(xs), xs.shape[-1]))
rng = np.random.default_rng(0)
for variable in pair.trainable_variables:
    variable.assign(rng.normal(size=variable.shape))
x, counts = tf.constant(np.swapaxes(xs, 0, 1), dtype), None if mask is None else tf.constant(mask)
first, second = ([tf.constant(s, dtype) for s in part] for part in starts) if starts else 2 * [None]
begin = [*first, *second] if starts else None
result = keras.tree.flatten(pair(x, initial_state=begin, mask=counts))
forward = keras.tree.flatten(pair.forward_layer(x, initial_state=first, mask=counts))
back = keras.tree.flatten(pair.backward_layer(x, initial_state=second, mask=counts))
both = np.concatenate([forward[0], np.asarray(back[0])[:, ::-1]], axis=-1)
for got, wanted in zip(result, [both, *forward[1:], *back[1:]], strict=True):
    compare(got, wanted, 1e-6)
""",
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
    try:
        pair = case.target.pair(case.dtype)
    except UsageError as error:
        raise NotApplicable(str(error)) from error
    if getattr(pair, "merge_mode", None) != "concat":
        raise NotApplicable("the outputs are not put side by side")
    pair.build((case.batch, case.steps, case.features))
    for variable in pair.trainable_variables:
        variable.assign(case.rng.normal(size=variable.shape) + 0.1 * len(variable.path))
    ways: list[Any] = [(None, None), (mask_of(case), None)]
    if not any(isinstance(state, (list, tuple)) for state in case.target.probe.nested):
        # How the nested states of two stacks are given, Keras does not say.
        ways.append((None, [case.states, [state + 0.5 for state in case.states]]))
    for mask, begin in ways:
        case.note(mask=mask, starts=begin)
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
