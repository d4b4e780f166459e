"""Reading a cell's weights and constructor arguments into the names of the published equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gru_bench.equations.published import Equations, Settings, Weights
from gru_bench.numbers import sigmoid
from gru_bench.subjects.making import activation_of

#: Other names of an LSTM's and a GRU's candidate in weights that are kept gate by gate.
ALIASES = {"c": ("c", "g"), "h": ("h", "n")}

#: Gains and shifts of normalisations: what Keras's names end with, and the paper's names.
NORMS = {
    "kernel_gain": ("α", "W"),
    "kernel_shift": ("β", "W"),
    "recurrent_gain": ("α", "U"),
    "recurrent_shift": ("β", "U"),
    "cell_gain": ("α", "c"),
    "cell_shift": ("β", "c"),
    "kernel_norm/gamma": ("α", "W"),
    "kernel_norm/beta": ("β", "W"),
    "recurrent_norm/gamma": ("α", "U"),
    "recurrent_norm/beta": ("β", "U"),
    "state_norm/gamma": ("α", "c"),
    "state_norm/beta": ("β", "c"),
}

_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: np.logaddexp(0, x),
}


def read_weights(equations: Equations, arrays: Mapping[str, Any], stacked: bool) -> Weights | str:
    """Return weights by the paper's names, or why these weights are not those of the equations.

    Args:
        equations: whose weights they should be.
        arrays: by the cell's own names.
        stacked: whether gates lie side by side in `kernel`, `recurrent_kernel` and `bias`, in
            Keras's order, or each has weights of its own, `W_z` and so on.
    """
    found = _stacked(equations, arrays) if stacked else _separate(equations, arrays)
    if isinstance(found, str):
        return found
    return _fitting(equations, found)


def is_stacked(arrays: Mapping[str, Any]) -> bool:
    """Return whether the weights carry Keras's names."""
    return "kernel" in arrays


def _stacked(equations: Equations, arrays: Mapping[str, Any]) -> Weights | str:
    rest, gates = dict(arrays), equations.gates
    found = Weights()
    for name, prefix in (("kernel", "W"), ("recurrent_kernel", "U")):
        array = rest.pop(name, None)
        if array is None:
            continue
        if array.ndim != 2 or array.shape[1] % len(gates):
            return f"{name} of shape {array.shape} does not hold {len(gates)} gates"
        _share(found, prefix, gates, array)
    bias = rest.pop("bias", None)
    if bias is not None:
        if bias.shape[-1] % len(gates) or bias.ndim > 2:
            return f"bias of shape {bias.shape} does not hold {len(gates)} gates"
        for prefix, row in zip("bc", np.atleast_2d(bias), strict=False):
            _share(found, prefix, gates, row)
    for name in list(rest):
        for gate in "ifo":
            if name in (f"p_{gate}", f"peephole_{gate}"):
                found[f"p_{gate}"] = rest.pop(name)
    _read_norms(found, gates, rest)
    return f"{', '.join(rest)} not in the equations" if rest else found


def _share(found: Weights, prefix: str, gates: str, array: Any) -> None:
    for gate, part in zip(gates, np.split(array, len(gates), axis=-1), strict=True):
        found[f"{prefix}_{gate}"] = part


def _read_norms(found: Weights, gates: str, rest: dict[str, Any]) -> None:
    for name in list(rest):
        if name not in NORMS:
            continue
        letter, kind = NORMS[name]
        array = rest.pop(name)
        if kind == "c":
            found[f"{letter}_c"] = array
        else:
            for gate, part in zip(gates, np.split(array, len(gates)), strict=True):
                found[f"{letter}_{kind}{gate}"] = part


def _separate(equations: Equations, arrays: Mapping[str, Any]) -> Weights | str:
    rest, found = dict(arrays), Weights()
    for gate in equations.gates:
        for alias in ALIASES.get(gate, (gate,)):
            for prefix in "WUbcp":
                if f"{prefix}_{alias}" in rest:
                    found[f"{prefix}_{gate}"] = rest.pop(f"{prefix}_{alias}")
    return f"{', '.join(rest)} not in the equations" if rest else found


def _fitting(equations: Equations, found: Weights) -> Weights | str:
    """Return the weights if all that the equations need are there, in shapes that fit."""
    for gate in equations.gates:
        for prefix in "WU" if equations.recurrent else "W":
            if f"{prefix}_{gate}" not in found:
                return f"no {prefix}_{gate}"
    if not equations.recurrent and any(name.startswith("U_") for name in found):
        return "recurrent weights that the equations do not have"
    normalised = any(name[0] in "αβ" for name in found)
    if normalised != equations.normalised:
        return "gains of a normalisation" if normalised else "no gains of a normalisation"
    units = found[f"W_{equations.gates[0]}"].shape[-1]
    for name, array in found.items():
        if array.ndim > 2 or array.shape[-1] != units or (name[0] == "U" and len(array) != units):
            return f"{name} has shape {array.shape}, the state {units} units"
    return found


def numbers_of(cell: Any) -> list[Any]:
    """Return the weights of a cell, trainable or not, without the states of generators."""
    return [v for v in cell.weights if "float" in str(v.dtype)]


def weights_by_name(cell: Any) -> dict[str, Any]:
    """Return the weights of a cell in double precision, by name, or by path where that is nested.

    Trainable or not: a frozen weight computes like any other.
    """
    kept = numbers_of(cell)
    named = {}
    for variable in kept:
        tail = "/".join(variable.path.split("/")[-2:])
        named[tail if tail in NORMS else variable.name] = np.array(variable.value, np.float64)
    return named if len(named) == len(kept) else {}


def read_settings(equations: Equations, cell: Any) -> Settings:
    """Return what the cell's constructor arguments choose in the equations.

    Args:
        equations: some have other defaults than others.
        cell: its configuration is asked first, its attributes where that does not say.
    """
    config = configuration(cell)

    def given(*names: str) -> Any:
        for name in names:
            value = config.get(name, getattr(cell, name, None))
            # A method of that name is no setting.
            if value is not None and (name in config or isinstance(value, (int, float, str))):
                return value
        return None

    made: dict[str, Any] = {}
    if "activation" in config or hasattr(cell, "activation"):
        made["activation"] = as_function(
            config.get("activation", getattr(cell, "activation", None))
        )
    elif equations.linear:
        made["activation"] = _FUNCTIONS["linear"]
    if "recurrent_activation" in config or hasattr(cell, "recurrent_activation"):
        own = getattr(cell, "recurrent_activation", None)
        made["recurrent_activation"] = as_function(config.get("recurrent_activation", own))
    for name, names in (("clip", ("cell_clip", "clip")), ("epsilon", ("epsilon",))):
        if (value := given(*names)) is not None:
            made[name] = float(value)
    if (value := given("forget_bias")) is not None:
        made["forget_bias"] = float(value)
    shares = [given("zoneout_h", "zoneout"), given("zoneout_c", "zoneout")]
    made["zoneout"] = tuple(float(share or 0.0) for share in shares[: equations.states])
    return Settings(**made)


def configuration(cell: Any) -> dict[str, Any]:
    """Return the constructor arguments of a cell, nothing where it cannot say."""
    try:
        return dict(cell.get_config())
    except Exception:  # other laws are about that
        return {}


def as_function(activation: Any) -> Callable[[Any], Any]:
    """Return the NumPy function of an activation; one that is not known here is called.

    Args:
        activation: what the framework takes for one: a function, its name, or its configuration.

    Raises:
        ValueError: the framework knows no such activation.
    """
    if isinstance(activation, str) and activation in _FUNCTIONS:
        return _FUNCTIONS[activation]
    found, name = activation_of(activation)
    return _FUNCTIONS.get(name, found)
