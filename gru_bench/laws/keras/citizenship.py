"""Family "Keras citizenship": configuration, saving, and weights made in `build`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.errors import UsageError
from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array
from gru_bench.laws.cells.randomness import EXACT, call, drawn, fresh
from gru_bench.laws.keras.idle import remark
from gru_bench.laws.law import Wants, law

if TYPE_CHECKING:
    from gru_bench.laws.keras.target import KerasCase as Case

FAMILY = "Keras citizenship"

ONE = Wants(batch=(3,), steps=(1, 2), scales=(1.0,))


def again(case: Case, made: Any) -> Any:
    """Return a cell or layer made from another's configuration.

    Raises:
        NotApplicable: it cannot be made so, of which another law speaks.
    """
    if case.target.no_config is not None:
        raise NotApplicable("it cannot be made from its configuration")
    return case.target.again(made, case.dtype)


@law(
    "config-keeps-arguments",
    FAMILY,
    "The configuration holds every argument that was given, and what is made of it has the same.",
    script="""
from_config = type(cell).from_config(cell.get_config())
for name, value in given.items():
    assert name in cell.get_config(), f"{name} is not in the configuration"


def without_names(config):
    # Keras counts on in the names of layers within.
    if not isinstance(config, dict):
        return config
    if isinstance(config.get("config"), dict):
        config = {**config, "config": {**config["config"], "name": None}}
    return {key: without_names(value) for key, value in config.items()}


assert without_names(from_config.get_config()) == without_names(cell.get_config())
""",
    caught=(
        "https://github.com/keras-team/keras/pull/8845",
        "https://github.com/keras-team/keras/issues/23657",
        "https://github.com/Benjamin-Etheredge/mlp-mixer-keras/issues/2",
    ),
    wants=ONE,
    most=1,
)
def keeps_arguments(case: Case) -> None:
    """Go round once, and look at which arguments do anything."""
    case.note(given={k: v for k, v in case.target.arguments.items() if _plain(v)})
    remark(case.target)
    made = case.target.make(case.dtype)
    if case.target.no_config is not None:
        case.fail(case.target.no_config, what="config")
    config = _without_names(made.get_config())
    twice = _without_names(again(case, made).get_config())
    for name in case.target.arguments:
        if name not in config and f"{name}s" not in config and not _nested(config, name):
            case.fail(f"the argument {name} is not in the configuration", what="config")
    for name in config:
        if repr(config[name]) != repr(twice.get(name)):
            case.fail(
                f"{name} is {config[name]!r} in the configuration, and {twice.get(name)!r} in that "
                "of the cell made of it",
                what="config",
            )


def _without_names(config: Any) -> Any:
    """Return a configuration without the names of layers within, which Keras counts on."""
    if not isinstance(config, dict):
        return config
    if isinstance(config.get("config"), dict):
        config = {**config, "config": {**config["config"], "name": None}}
    return {key: _without_names(value) for key, value in config.items()}


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float, str, bool, type(None)))


def _nested(config: Any, name: str) -> bool:
    """Return whether an argument is in the configuration of a cell or layer inside."""
    inner = [config.get(key) for key in ("cell", "layer", "backward_layer")]
    inner += config.get("cells") or []
    configs = [one["config"] for one in inner if isinstance(one, dict) and "config" in one]
    return any(name in one or _nested(one, name) for one in configs)


@law(
    "config-same-function",
    FAMILY,
    "A cell made of the configuration, given the weights, computes the same.",
    script="""
other = type(cell).from_config(cell.get_config())
other.build((None, xs.shape[-1]))
other.set_weights(cell.get_weights())
compare(run(other, xs, states)[0], run(cell, xs, states)[0], limit)
""",
    caught=("https://github.com/Benjamin-Etheredge/mlp-mixer-keras/issues/2",),
    wants=ONE,
    most=3,
)
def same_function(case: Case) -> None:
    """Compare one call."""
    cell = fresh(case)
    other = rebuilt(case, cell)
    got, expected = (call(case, one, case.xs[0], case.states, False) for one in (other, cell))
    _agree(case, got, expected, "of the cell made of the configuration")


def rebuilt(case: Case, cell: Any) -> Any:
    """Return a built cell made of another's configuration, with its weights."""
    other = again(case, cell)
    other.build((None, case.features))
    case.target.finish(other, case.features)
    if len(other.weights) != len(cell.weights):
        case.fail(
            f"the cell has {len(cell.weights)} weights, the one made of its configuration "
            f"{len(other.weights)}",
            what="weights",
        )
    for new, old in zip(other.weights, cell.weights, strict=True):
        new.assign(old.value)
    return other


def _agree(case: Case, got: list[Array], expected: list[Array], of: str) -> None:
    for k, (one, right) in enumerate(zip(got, expected, strict=True)):
        case.agree(one, right, EXACT, f"result {k} {of}")


@law(
    "config-same-masks",
    FAMILY,
    "A seeded cell made of the configuration draws the same masks.",
    script="""
seeded = type(cell).from_config({**cell.get_config(), "seed": 5, "dtype": dtype})
other = type(cell).from_config(seeded.get_config())
for one in (seeded, other):
    one.build((None, xs.shape[-1]))
    one.set_weights(cell.get_weights())
compare(call(other, x, start, True)[0], call(seeded, x, start, True)[0], limit)
""",
    needs=("random",),
    caught=("https://github.com/keras-team/keras/issues/23657",),
    wants=ONE,
    most=2,
)
def same_masks(case: Case) -> None:
    """Compare a training call."""
    x, states = drawn(case, 16)
    try:
        cell = fresh(case, seed=5)
    except UsageError:
        raise NotApplicable("the cell takes no seed") from None
    other = rebuilt(case, cell)
    got, expected = (call(case, one, x, states, True) for one in (other, cell))
    _agree(case, got, expected, "in training, of the cell made of the configuration")


@law(
    "model-saved-and-loaded",
    FAMILY,
    "A model around the cell, saved and loaded, computes the same function.",
    script="""
import tempfile
from pathlib import Path

inputs = keras.Input((None, xs.shape[-1]), dtype=dtype)
model = keras.Model(inputs, keras.layers.RNN(cell, dtype=dtype)(inputs))
path = str(Path(tempfile.mkdtemp()) / "model.keras")
model.save(path)
loaded = keras.models.load_model(path, custom_objects={type(cell).__name__: type(cell)})
x = tf.constant(np.swapaxes(xs, 0, 1), dtype)
compare(loaded(x), model(x), limit)
""",
    wants=ONE,
    most=1,
)
def saved_and_loaded(case: Case) -> None:
    """Save to the format of Keras 3."""
    model = _model(case)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.keras")
        model.save(path)
        with case.target.policy(case.dtype):
            loaded = case.keras.models.load_model(path, custom_objects=_own(case))
    _same_model(case, loaded, model)


@law(
    "weights-saved-and-loaded",
    FAMILY,
    "Weights saved from one model and loaded into another make it compute the same.",
    script="""
import tempfile
from pathlib import Path

path = str(Path(tempfile.mkdtemp()) / "model.weights.h5")
models = []
for one in (cell, type(cell).from_config(cell.get_config())):
    inputs = keras.Input((None, xs.shape[-1]), dtype=dtype)
    models.append(keras.Model(inputs, keras.layers.RNN(one, dtype=dtype)(inputs)))
models[0].save_weights(path)
models[1].load_weights(path)
x = tf.constant(np.swapaxes(xs, 0, 1), dtype)
compare(models[1](x), models[0](x), limit)
""",
    caught=("https://github.com/tensorflow/tensorflow/issues/23013",),
    wants=ONE,
    most=1,
)
def weights_saved(case: Case) -> None:
    """Save to HDF5."""
    model, other = _model(case), _model(case, give=False)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.weights.h5")
        model.save_weights(path)
        other.load_weights(path)
    _same_model(case, other, model)


def _model(case: Case, give: bool = True) -> Any:
    keras, target = case.keras, case.target
    if not isinstance(getattr(target.probe.cell, "output_size", 1), int):
        raise NotApplicable("Keras's models take a cell whose output_size is one integer")
    if target.no_config is not None:
        raise NotApplicable("it cannot be made from its configuration")
    if target.is_late:
        raise NotApplicable("a call makes weights, which Keras does not load")
    made = target.make(case.dtype)
    layer = made if target.is_layer else target.around(made, dtype=case.dtype)
    inputs = keras.Input((case.steps, case.features), dtype=case.dtype)
    cell = target.cell_of(made)
    if not target.is_layer:
        cell.build((None, case.features))
        target.finish(cell, case.features)
    model = keras.Model(inputs, layer(inputs))
    if give:
        for variable, value in zip(cell.trainable_variables, case.weights.values(), strict=True):
            variable.assign(value)
    return model


def _own(case: Case) -> dict[str, Any]:
    """Return the classes that the loader may need, by name."""
    made = case.target.make(case.dtype)
    return {type(one).__name__: type(one) for one in (made, case.target.cell_of(made))}


def _same_model(case: Case, loaded: Any, model: Any) -> None:
    x = case.tf.constant(np.swapaxes(case.xs, 0, 1), case.dtype)
    flatten = case.keras.tree.flatten
    made = []
    for one in (loaded, model):
        case.target.alike([one])
        made.append([np.asarray(a) for a in flatten(one(x))])
    got, expected = made
    _agree(case, got, expected, "of the loaded model")


@law(
    "weights-made-in-build",
    FAMILY,
    "The weights are made in build, all of them, once: none before, none by a call.",
    script="""
fresh = type(cell).from_config(cell.get_config())
counts = [len(fresh.weights)]
fresh.build((None, xs.shape[-1]))
counts.append(len(fresh.weights))
call(fresh, xs[0], states, False)
counts.append(len(fresh.weights))
assert counts[0] == 0 and counts[1] == counts[2], counts
""",
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
    wants=ONE,
    most=1,
)
def made_in_build(case: Case) -> None:
    """Count before build, after it and after a call."""
    cell = case.target.cell_of(case.target.make(case.dtype))
    counts = [len(cell.weights)]
    # Layers that were given to the cell may have had theirs before.
    early = [*cell._trainable_variables, *cell._non_trainable_variables]
    cell.build((None, case.features))
    counts.append(len(cell.weights))
    call(case, cell, case.xs[0], case.states, False)
    counts.append(len(cell.weights))
    if early or counts[1] != counts[2]:
        case.fail(
            f"{counts[0]} weights before build, {counts[1]} after it, {counts[2]} after a call",
            what="weights",
        )


@law(
    "weights-have-names",
    FAMILY,
    "No two weights of a cell have the same path.",
    script="""
paths = [variable.path for variable in cell.weights]
assert len(set(paths)) == len(paths), paths
""",
    caught=("https://github.com/tensorflow/tensorflow/issues/36650",),
    wants=ONE,
    most=1,
)
def have_names(case: Case) -> None:
    """Look at the paths."""
    cell = fresh(case)
    paths = [variable.path for variable in cell.weights]
    for path in paths:
        if paths.count(path) > 1:
            case.fail(f"{paths.count(path)} weights are called {path}", what="names")
