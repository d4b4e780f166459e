"""Family "Keras citizenship": what weights start from."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.case import Array
from gru_bench.laws.cells.randomness import EXACT
from gru_bench.laws.keras.citizenship import ONE
from gru_bench.laws.law import law
from gru_bench.trace.tolerance import Bound

if TYPE_CHECKING:
    from gru_bench.laws.keras.case import KerasCase as Case

FAMILY = "Keras citizenship"

#: Units of a cell whose initial weights are looked at.
MANY = 24


def begun(case: Case, **changes: Any) -> dict[str, Array]:
    """Return the initial weights of a wide cell by name, where each gate has its own.

    Raises:
        NotApplicable: the cell takes no units, or its gates lie side by side.
    """
    if not case.takes(units=MANY, **changes):
        raise NotApplicable("the cell takes no units or initialisers")
    cell = case.cell_of(case.made("float32", units=MANY, **changes))
    cell.build((None, MANY + 8))
    return {variable.name: np.asarray(variable.value, np.float64) for variable in cell.weights}


def _matrices(named: dict[str, Array], rows: int) -> dict[str, Array]:
    return {name: array for name, array in named.items() if array.shape == (rows, MANY)}


#: Arguments that say what weights begin with; others are not known to be for any weight.
INITIALISERS = ("kernel_initializer", "recurrent_initializer", "bias_initializer")

#: What no cell begins with unless it is told to.
ODD = (0.375, 0.625)


@law(
    "initialiser-used",
    FAMILY,
    "Initialisers that the constructor takes are what some weights begin with.",
    caught=("https://github.com/keras-team/keras/pull/207",),
    wants=ONE,
    most=1,
)
def used(case: Case) -> None:
    """Begin with two numbers that nobody would choose."""
    taken = []
    for name in INITIALISERS:
        made = [_constant(case, name, value) for value in ODD]
        if made[0] is None or made[1] is None:
            continue
        taken.append(name)
        pairs = list(zip(*made, strict=True))
        if not any(((a == ODD[0]) & (b == ODD[1])).any() for a, b in pairs):
            told = f"{name} is taken, and no weight begins with {ODD[0]} and {ODD[1]} by it"
            case.fail(told, what=name)
    if not taken:
        raise NotApplicable("the cell takes no initialisers")


def _constant(case: Case, name: str, value: float) -> list[Array] | None:
    """Return what weights begin with where an initialiser is a constant, None where there is none.

    A cell that has no biases takes an initialiser of biases all the same.
    """
    initializer = case.keras.initializers.Constant(value)
    if not case.takes(**{name: initializer}):
        return None
    cell = case.cell_of(case.made("float32", **{name: initializer}))
    cell.build((None, case.features))
    made = [np.asarray(variable.value, np.float64) for variable in cell.weights]
    return made if _has_use(cell, name, [array.shape for array in made], case.features) else None


def _has_use(cell: Any, name: str, shapes: list[tuple[int, ...]], features: int) -> bool:
    """Return whether a cell has weights for an initialiser: it may have inherited the argument.

    Biases are told from gains and shifts by nothing, so that argument must be the class's own.
    """
    matrices = [shape for shape in shapes if len(shape) == 2]
    if name == "kernel_initializer":
        return any(features in shape for shape in matrices)
    if name == "recurrent_initializer":
        units = getattr(cell, "units", None)
        return any(units in shape and features not in shape for shape in matrices)
    own = vars(type(cell)).get("__init__")
    named = own is not None and name in inspect.signature(own).parameters
    return named and getattr(cell, "use_bias", True) and any(len(s) == 1 for s in shapes)


@law(
    "initialiser-orthogonal",
    FAMILY,
    "Recurrent weights that each gate has of its own are orthogonal where that is asked for.",
    caught=("https://github.com/vwxyzjn/cleanrl/issues/358",),
    wants=ONE,
    most=1,
)
def orthogonal(case: Case) -> None:
    """Look at U^T U."""
    found = _matrices(begun(case, recurrent_initializer="orthogonal"), MANY)
    if not found:
        raise NotApplicable("the recurrent weights of the gates lie side by side")
    bound = Bound(1e-4, "float32, 24 products of numbers below one, a factor of 30 beside")
    for name, U in found.items():
        case.agree(U.T @ U, np.eye(MANY), bound, f"{name}^T {name}")


@law(
    "initialiser-fan",
    FAMILY,
    "Glorot's bound is that of each gate where each gate has weights of its own.",
    caught=("https://github.com/keras-team/keras/issues/9149",),
    wants=ONE,
    most=1,
)
def fan(case: Case) -> None:
    """Look at the largest of many weights, which is near the bound."""
    found = _matrices(begun(case, kernel_initializer="glorot_uniform"), MANY + 8)
    if not found:
        raise NotApplicable("the weights of the gates lie side by side")
    limit = np.sqrt(6 / (2 * MANY + 8))
    bound = Bound(0.05 * limit, "768 uniform draws all below 0.95 of the bound: once in 1e17")
    for name, W in found.items():
        case.agree(np.abs(W).max(), limit, bound, f"the largest entry of {name}")


@law(
    "initialiser-distinct",
    FAMILY,
    "Weights that are drawn at random are drawn for each gate anew.",
    caught=("https://github.com/deel-ai/deel-lip/issues/64",),
    wants=ONE,
    most=1,
)
def distinct(case: Case) -> None:
    """Compare all pairs."""
    found = [(name, array) for name, array in begun(case).items() if array.std() > 0]
    if not found:
        raise NotApplicable("no weight is drawn at random")
    for k, (name, one) in enumerate(found):
        for other_name, other in found[:k]:
            if one.shape == other.shape and np.array_equal(one, other):
                told = f"{name} and {other_name} begin with the same {one.size} numbers"
                case.fail(told, what="equal")


@law(
    "initialiser-forget-bias",
    FAMILY,
    "With unit_forget_bias the forget gate's bias begins with one and the others as asked.",
    caught=("https://github.com/kngwyu/Rainy/pull/17",),
    wants=ONE,
    most=1,
)
def unit_forget_bias(case: Case) -> None:
    """Look at the bias of a cell whose other biases begin with zero."""
    if "f" not in (case.claims("gates") or ""):
        raise NotApplicable("the equations have no forget gate")
    asked = {"unit_forget_bias": True, "use_bias": True, "bias_initializer": "zeros"}
    if not case.takes(**asked):
        raise NotApplicable("the cell has no argument unit_forget_bias")
    cell = case.cell_of(case.made("float64", **asked))
    cell.build((None, case.features))
    for gate, bias in case.biases(cell).items():
        wanted = np.full_like(bias, float(gate == "f"))
        case.agree(bias, wanted, EXACT, f"the initial bias of gate {gate}")
