"""Family "Keras citizenship": configuration, saving, and weights made in `build`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array
from gru_bench.laws.cells.randomness import EXACT, call
from gru_bench.laws.law import Wants, law

if TYPE_CHECKING:
    from gru_bench.laws.keras.case import KerasCase as Case

FAMILY = "Keras citizenship"

ONE = Wants(batch=(3,), steps=(1, 2), scales=(1.0,))


def again(case: Case, made: Any) -> Any:
    """Return a cell or layer made from another's configuration.

    Raises:
        NotApplicable: it cannot be made so, of which another law speaks.
    """
    if case.no_config():
        raise NotApplicable("it cannot be made from its configuration")
    return case.again(made)


@law(
    "config-keeps-arguments",
    FAMILY,
    "The configuration holds every argument that was given, and what is made of it has the same.",
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
    given, made = case.arguments, case.made()
    case.remark()
    why = case.no_config()
    if why:
        case.fail(why, what="config")
    config = _without_names(made.get_config())
    twice = _without_names(again(case, made).get_config())
    for name in given:
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
    caught=("https://github.com/Benjamin-Etheredge/mlp-mixer-keras/issues/2",),
    wants=ONE,
    most=3,
)
def same_function(case: Case) -> None:
    """Compare one call."""
    cell = case.built()
    other = rebuilt(case, cell)
    got, expected = (call(case, one, case.xs[0], case.states, False) for one in (other, cell))
    _agree(case, got, expected, "of the cell made of the configuration")


def rebuilt(case: Case, cell: Any) -> Any:
    """Return a built cell made of another's configuration, with its weights."""
    other = again(case, cell)
    other.build((None, case.features))
    case.finish(other)
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
    needs=("random",),
    caught=("https://github.com/keras-team/keras/issues/23657",),
    wants=ONE,
    most=2,
)
def same_masks(case: Case) -> None:
    """Compare a training call."""
    x, states = case.drawn(16)
    if not case.takes(seed=5):
        raise NotApplicable("the cell takes no seed")
    cell = case.built(seed=5)
    other = rebuilt(case, cell)
    got, expected = (call(case, one, x, states, True) for one in (other, cell))
    _agree(case, got, expected, "in training, of the cell made of the configuration")


@law(
    "model-saved-and-loaded",
    FAMILY,
    "A model around the cell, saved and loaded, computes the same function.",
    wants=ONE,
    most=1,
)
def saved_and_loaded(case: Case) -> None:
    """Save to the format of Keras 3."""
    model = _model(case)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.keras")
        model.save(path)
        loaded = case.loaded(path)
    _same_model(case, loaded, model)


@law(
    "weights-saved-and-loaded",
    FAMILY,
    "Weights saved from one model and loaded into another make it compute the same.",
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
    keras, made = case.keras, case.made()
    cell = case.cell_of(made)
    if not isinstance(case.setting("output_size") or 1, int):
        raise NotApplicable("Keras's models take a cell whose output_size is one integer")
    if case.no_config():
        raise NotApplicable("it cannot be made from its configuration")
    if case.is_late:
        raise NotApplicable("a call makes weights, which Keras does not load")
    layer = case.around(made)
    inputs = keras.Input((case.steps, case.features), dtype=case.dtype)
    if not case.is_layer:
        cell.build((None, case.features))
        case.finish(cell)
    model = keras.Model(inputs, layer(inputs))
    if give:
        for variable, value in zip(cell.trainable_variables, case.weights.values(), strict=True):
            variable.assign(value)
    return model


def _same_model(case: Case, loaded: Any, model: Any) -> None:
    x = case.tf.constant(np.swapaxes(case.xs, 0, 1), case.dtype)
    flatten = case.keras.tree.flatten
    made = []
    for one in (loaded, model):
        case.alike([one])
        made.append([np.asarray(a) for a in flatten(one(x))])
    got, expected = made
    _agree(case, got, expected, "of the loaded model")


@law(
    "weights-made-in-build",
    FAMILY,
    "The weights are made in build, all of them, once: none before, none by a call.",
    caught=("https://github.com/tensorflow/tensorflow/issues/125391",),
    wants=ONE,
    most=1,
)
def made_in_build(case: Case) -> None:
    """Count before build, after it and after a call."""
    cell = case.cell_of(case.made())
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
    caught=("https://github.com/tensorflow/tensorflow/issues/36650",),
    wants=ONE,
    most=1,
)
def have_names(case: Case) -> None:
    """Look at the paths."""
    cell = case.built()
    paths = [variable.path for variable in cell.weights]
    for path in paths:
        if paths.count(path) > 1:
            case.fail(f"{paths.count(path)} weights are called {path}", what="names")
