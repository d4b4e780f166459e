"""Gradients verified numerically: `check_gradients` for recurrent cells and any function.

Autodiff's Jacobian of all outputs and final states, by every weight, input and initial state, is
compared in double precision with numeric derivatives that carry an error estimate each, so no
tolerance has to be chosen. What is checked besides: one tape through the whole sequence, that
gradients repeat, and, on request, forward mode and second derivatives.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import FAULTS, UsageError, check_integer, check_known, in_one_line
from gru_bench.gradients.agreement import Agreement
from gru_bench.gradients.direction import check_directions, check_forward, check_second
from gru_bench.gradients.discrepancy import GradientCheck, Tally
from gru_bench.gradients.reproduction import script_for_cell, script_for_function
from gru_bench.subjects.loading import framework_of
from gru_bench.subjects.making import is_subject, make_subject
from gru_bench.subjects.protocol import Subject
from gru_bench.trace.layout import Layout
from gru_bench.trace.problem import Problem, agrees
from gru_bench.trace.reading import cell_problem as read_cell
from gru_bench.trace.reading import function_problem as read_function
from gru_bench.trace.unsupported import UnsupportedOperationError

Array = NDArray[Any]

METHODS = ("central", "complex", "directional")

#: Entries of a Jacobian that are compared at once.
BLOCK = 2**19

#: Arrays of the size of the Jacobian that a check holds, at most.
COPIES = 3

#: How far a point with kinks is moved, relative to its entries' size and at least absolutely.
MOVE = 1e-2


class SurrogateError(UsageError):
    """Numeric derivatives say nothing of a gradient that stands in for a step function's."""


@dataclass(frozen=True)
class Options:
    """What to check and how.

    Args:
        method: "central", "complex" or "directional".
        arguments: names or kinds ("weight", "input", "state") to check; None for all.
        atol: replaces the estimated error, with `rtol`, where the caller insists.
        rtol: relative to the numeric derivative.
        nondet_tol: by how much two gradients at the same point may differ.
        kinks: "report" them, or "move" the point away from them.
        forward: whether to check forward mode too.
        order: 1, or 2 for the gradient of the gradient too.
        memory: bytes that Jacobians may take; beyond, directions are checked, and said so.
        seed: of random points and directions.
    """

    method: str = "central"
    arguments: Sequence[str] | None = None
    atol: float | None = None
    rtol: float | None = None
    nondet_tol: float = 0.0
    kinks: str = "report"
    forward: bool = False
    order: int = 1
    memory: int = 2**29
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is not accepted."""
        check_known("method", self.method, METHODS)
        check_known("way with kinks", self.kinks, ("report", "move"))
        if check_integer("order", self.order, 1) > 2:
            raise UsageError(f"order must be 1 or 2, got {self.order}")
        for name in ("atol", "rtol", "nondet_tol"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise UsageError(f"{name} must be at least 0, got {value}")


def check_gradients(
    cell: Any,
    values: Sequence[Array] | Mapping[str, Array] | None = None,
    *,
    steps: int = 8,
    batch: int = 1,
    input_size: int | None = None,
    constructor: Mapping[str, Any] | None = None,
    inputs: Array | None = None,
    states: Sequence[Array] | None = None,
    training: bool = False,
    outputs: bool = True,
    **options: Any,
) -> GradientCheck:
    """Check autodiff's derivatives of a cell, run for some steps, or of a function.

    Args:
        cell: a cell, its class or `package.module:Name`, a subject (checking it again is
            fast), or a function of float tensors that returns one or several.
        values: for a function, the point: arrays, or arrays by name.
        steps: T.
        batch: B.
        input_size: F, for a cell that is not built.
        constructor: arguments for a class.
        inputs: `(T, B, F)`; standard normal where None.
        states: before the first step, each `(B, ...)`; half a standard normal where None.
        training: whether dropout is active, its mask held fixed.
        outputs: whether the outputs of all steps are results, or only the final states.
        **options: those of `Options`.

    Returns:
        What was found; its `ok` says whether the gradients are right.

    Raises:
        UsageError: there is nothing to differentiate, or the results at the point are not finite.
        SurrogateError: gradients differ, and a step function has one that was chosen by hand.
    """
    started = time.perf_counter()
    try:
        chosen = Options(**options)
    except TypeError as error:
        raise UsageError(f"check_gradients: {in_one_line(error)}") from error
    check_integer("steps", steps, 1)
    check_integer("batch", batch, 1)
    notes: list[str] = []
    if _is_function(cell):
        problem = _function_problem(cell, values)
        module = getattr(cell, "__module__", "__main__")
        script = script_for_function(problem.name, module, problem, options)
    else:
        subject = make_subject(cell, constructor, input_size, "float64", training)
        subject = _in_double(subject, notes)
        problem = cell_problem(subject, steps, batch, inputs, states, outputs, chosen.seed)
        sizes = {"steps": steps, "batch": batch, "outputs": outputs}
        script = script_for_cell(subject, problem, {**sizes, **options})
    check = _finish(_check(problem, chosen, notes), problem, chosen)
    if check.wrong and problem.surrogate:
        raise SurrogateError(
            f"the gradients of {problem.name!r} cannot be compared with numeric ones: it has a "
            f"gradient of its own for a step function ({problem.surrogate}), whose derivative is 0"
        )
    check.script = script
    check.seconds = time.perf_counter() - started
    return check


def _finish(check: GradientCheck, problem: Problem, options: Options) -> GradientCheck:
    """Add what was asked for beside the first derivatives."""
    if options.forward:
        check_forward(problem, options.seed, check)
    if options.order == 2:
        _check_second_order(problem, options, check)
    if options.kinks == "move" and check.kinks:
        return _check_elsewhere(problem, options, check)
    return check


def _is_function(cell: Any) -> bool:
    is_cell = is_subject(cell) or framework_of(cell) is not None
    return callable(cell) and not isinstance(cell, (str, type)) and not is_cell


def _in_double(subject: Any, notes: list[str]) -> Any:
    """Return the subject in float64, or itself and a note where that is impossible."""
    if subject.dtype == "float64":
        return subject
    if subject.double is None:
        try:
            subject.double = subject.rebuild("float64")
        except UsageError as error:
            notes.append(f"checked in {subject.dtype}, with bounds that it supports: {error}")
            return subject
        if subject.double.computes_in != "float64":
            told = f"asked for float64, it computes in {subject.double.computes_in}"
            notes.append(f"checked in {subject.dtype}, with bounds that it supports: {told}")
            subject.double = None
            return subject
    subject.double.assign({k: v.astype("float64") for k, v in subject.parameters.items()})
    return subject.double


def cell_problem(
    subject: Subject,
    steps: int,
    batch: int = 1,
    inputs: Array | None = None,
    states: Sequence[Array] | None = None,
    outputs: bool = True,
    seed: int = 0,
) -> Any:
    """Return the problem that `check_gradients` checks; the arguments are the same."""
    rng = np.random.default_rng(seed)
    shape = (steps, batch, subject.input_size)
    xs = _array("inputs", inputs, shape, subject.dtype, rng, 1.0)
    shapes = [(batch, *s) for s in subject.state_shapes]
    given = [None] * len(shapes) if states is None else list(states)
    if len(given) != len(shapes):
        raise UsageError(f"cell {subject.name!r} has {len(shapes)} states, got {len(given)}")
    first = [
        _array("states", s, shape, subject.dtype, rng, 0.5)
        for s, shape in zip(given, shapes, strict=True)
    ]
    return read_cell(subject, xs, first, outputs)


def _array(
    name: str,
    value: Any,
    shape: tuple[int, ...],
    dtype: str,
    rng: np.random.Generator,
    scale: float,
) -> Array:
    if value is None:
        return rng.normal(scale=scale, size=shape).astype(dtype)
    array = np.asarray(value)
    if array.dtype.kind != "f":
        raise UsageError(f"{name} must be floating, got {array.dtype}")
    if array.shape != shape:
        raise UsageError(f"{name} must have shape {shape}, got {array.shape}")
    return array.astype(dtype)


def _function_problem(function: Any, values: Any) -> Problem:
    name = getattr(function, "__name__", type(function).__name__)
    if values is None or not len(values):
        raise UsageError(f"function {name!r} got an empty parameter list: nothing to differentiate")
    named = values if isinstance(values, Mapping) else {f"arg{k}": v for k, v in enumerate(values)}
    arrays = {key: np.asarray(value) for key, value in named.items()}
    for key, array in arrays.items():
        if array.dtype.kind != "f":
            raise UsageError(
                f"argument {key!r} of {name!r} has dtype {array.dtype}: gradients need floating "
                "arguments"
            )
    try:
        return read_function(function, list(arrays.values()), list(arrays), name)
    except UsageError:
        raise
    except FAULTS as error:  # a user's function can fail in any way
        raise UsageError(f"function {name!r} cannot be traced: {in_one_line(error)}") from error


def _check(problem: Problem, options: Options, notes: list[str]) -> GradientCheck:
    _check_finite(problem, options.seed)
    columns = _selected(problem.arguments, options.arguments)
    size = 8 * COPIES * problem.arguments.size * problem.results.size
    check = GradientCheck(problem.name, problem.steps, problem.path, options.method, options.seed)
    check.notes += notes
    check.epsilon = problem.epsilon
    if options.method == "directional" or size > options.memory:
        if options.method != "directional":
            check.notes.append(
                f"the Jacobian of {problem.results.size} x {problem.arguments.size} entries does "
                f"not fit in {options.memory} bytes: directions were checked, not every entry"
            )
        check.directions = True
        check_directions(problem, options.seed, check)
        return check
    autodiff = _autodiff(problem, options, check)
    try:
        _tally(problem, autodiff, options, columns).into(check)
    except UnsupportedOperationError as error:
        raise _no_complex_step(problem, f"operation {error}") from error
    if len(problem.unconnected) == len(problem.arguments.parts) and check.ok:
        raise UsageError(f"{problem.name!r} returns no differentiable output")
    return check


def _tally(
    problem: Problem, autodiff: Array, options: Options, columns: NDArray[np.int64]
) -> Tally:
    """Return what comparing the Jacobian's columns gives."""
    if options.method == "complex" and problem.path != "replay":
        raise _no_complex_step(problem, "one of its operations")
    agreement = Agreement(problem, autodiff, options.method, options.atol, options.rtol)
    tally = Tally(problem)
    block = max(BLOCK // problem.results.size, problem.chunk // 6)
    for k in range(0, len(columns), block):
        tally.add(agreement.compare(columns[k : k + block]))
    return tally


def _no_complex_step(problem: Problem, what: str) -> UsageError:
    """Return why only NumPy takes complex steps: TensorFlow would drop the imaginary parts."""
    return UsageError(
        f"method complex replays {problem.name!r} in NumPy, which cannot be done for {what}; "
        "method central can do without"
    )


def _check_second_order(problem: Problem, options: Options, check: GradientCheck) -> None:
    """Check the gradient of the gradient, and that it is symmetric."""
    gradient, _ = check_second(problem, options.seed)
    check.second = _check(gradient, replace(options, order=1, forward=False), [])
    if check.second.method != "directional" and not check.second.directions:
        hessian = gradient.jacobian()
        check.symmetry = float(np.max(np.abs(hessian - hessian.T), initial=0))


def _autodiff(problem: Problem, options: Options, check: GradientCheck) -> Array:
    """Return autodiff's Jacobian, confirmed by one tape and by asking for it twice."""
    cotangent = np.random.default_rng(options.seed).uniform(0.5, 1, problem.results.size)
    try:
        once, twice, value = problem.pull_back(cotangent)
    except FAULTS as error:  # a user's gradient can fail in any way
        raise UsageError(f"{problem.name!r} has no gradient: {in_one_line(error)}") from error
    with np.errstate(invalid="ignore"):
        same = (once == twice) | (np.isnan(once) & np.isnan(twice))
        check.repeat_gap = float(np.max(np.where(same, 0, np.abs(once - twice)), initial=0))
    check.repeats = check.repeat_gap <= options.nondet_tol
    autodiff = problem.jacobian()
    if not agrees(problem.value, value, problem.epsilon, problem.blur[-1]):
        problem.use_framework()
        check.path = problem.path
        autodiff = problem.jacobian()
        if not agrees(problem.value, value, problem.epsilon, problem.blur[-1]):
            check.repeats = False
            check.notes.append("the cell gives other results when it is run again")
    check.unconnected = problem.unconnected
    with np.errstate(invalid="ignore"):
        gap = np.abs(autodiff @ cotangent - once)
        parts = [np.full(p.size, k) for k, p in enumerate(problem.arguments.parts)]
        blur = (problem.blur[:-1] @ cotangent)[np.concatenate(parts)]
        allowed = 64 * problem.epsilon * (blur + np.abs(autodiff) @ cotangent)
    if np.all(gap <= allowed) or not np.isfinite(autodiff).all():
        return autodiff
    check.notes.append(
        "one tape through the whole sequence differs from the product of its steps' derivatives: "
        "its rows were checked instead"
    )
    rows = [problem.pull_back(row)[0] for row in np.eye(problem.results.size)]
    return np.stack(rows, axis=1)


def _selected(arguments: Layout, chosen: Sequence[str] | None) -> NDArray[np.int64]:
    if chosen is None:
        return np.arange(arguments.size)
    if not len(chosen):
        raise UsageError("arguments is an empty list: nothing to check")
    known = {p.name for p in arguments.parts} | {"weight", "input", "state"}
    for name in chosen:
        check_known("argument", name, sorted(known))
    parts = [p for p in arguments.parts if p.name in chosen or p.kind in chosen]
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *(np.arange(p.offset, p.offset + p.size) for p in parts)])


def _check_finite(problem: Problem, seed: int) -> None:
    if not problem.results.size:
        raise UsageError(f"{problem.name!r} returns no differentiable output")
    (bad,) = np.nonzero(~np.isfinite(problem.value))
    if len(bad):
        shown = ", ".join(
            f"{part.name}={np.array2string(problem.point[part.where][:4], precision=3)}"
            for part in problem.arguments.parts[-2:]
        )
        raise UsageError(
            f"{problem.name!r} gives {problem.value[bad[0]]} at the point asked for: "
            f"{problem.results.label(int(bad[0]))}, with seed={seed} ({shown} ...)"
        )


def _check_elsewhere(problem: Problem, options: Options, check: GradientCheck) -> GradientCheck:
    """Check at points nearby until one has no kinks, a few times."""
    rng = np.random.default_rng(options.seed)
    for attempt in range(1, 6):
        size = MOVE * attempt * (1 + np.abs(problem.point))
        moved = problem.at(problem.point + rng.uniform(0.5, 1, size.shape) * size)
        kinks = f"the point had {check.kinks} derivatives at kinks"
        note = f"{kinks} and was moved by up to {size.max():.2g}"
        elsewhere = _check(moved, options, [note])
        elsewhere.moved = True
        if not elsewhere.kinks:
            break
    return elsewhere
