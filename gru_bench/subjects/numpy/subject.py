"""A cell written in NumPy as a subject."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.subjects.numpy.derivative import along, gradient
from gru_bench.subjects.numpy.opened import Opened, opened
from gru_bench.subjects.protocol import Array, Arrays, NotOffered

#: Gradients for the parameters by name, for the inputs and for the states.
Pulled = tuple[dict[str, Array], Array, list[Array]]


class NumpySubject:
    """A plain class with `parameters`, `initial_state(batch)` and `step(x, states)`.

    Its derivatives are numeric.

    Args:
        cell: the object.
        input_size: F.
        name: what the user calls it.
        dtype: in which weights, inputs and states are given to it.
        told: whether its constructor was given the dtype; where it was not, the initial states
            are brought to it here.
        remake: makes the cell anew in a dtype; None where that cannot be done.

    Raises:
        UsageError: it cannot run one step.
    """

    modes = ("eager",)
    tracer = None
    extends_own = False
    training = False
    is_functional = True
    promised_output = None

    def __init__(
        self,
        cell: Any,
        input_size: int,
        name: str,
        dtype: str = "float64",
        told: bool = False,
        remake: Callable[[str], Any] | None = None,
    ) -> None:
        self.own, self.input_size, self.name = cell, input_size, name
        self._given, self._told, self._remake = np.dtype(dtype), told, remake
        try:
            self._settle()
            output, _ = self._try_one_step()
            self._settle()  # weights that the first step has made
        except UsageError:
            raise
        except FAULTS as error:  # a user's cell can fail in any way
            told_of = f"cell {name!r} cannot run one step: {in_one_line(error)}"
            raise UsageError(told_of) from error
        self.output_shape = tuple(output.shape[1:])

    def with_cell(self, cell: Any) -> NumpySubject:
        """Return a subject of another cell of the same kind, which nothing has been asked yet.

        Args:
            cell: new, but for a cell that makes its weights in its first step.
        """
        other = copy.copy(self)
        other.own = cell
        if other.parameter_names != self.parameter_names:
            other._try_one_step()
        other._settle()
        return other

    def _settle(self) -> None:
        """Bring weights of another precision to the dtype that the cell was not told."""
        if not self._told:
            found = self.parameters.items()
            self._put({n: v.astype(self._given) for n, v in found if v.dtype != self._given})

    def _try_one_step(self) -> tuple[Array, list[Array]]:
        self.dtype = self._given.name
        states = self.initial_state(1)
        self.state_shapes = tuple(tuple(state.shape[1:]) for state in states)
        #: A state of whole numbers or truth values stays one.
        self._kinds = [s.dtype if s.dtype.kind in "iub" else self._given for s in states]
        output, new = self.call(np.zeros((1, self.input_size)), states)
        if len(new) != len(states):
            raise UsageError(
                f"cell {self.name!r} cannot run one step: initial_state gives {len(states)} "
                f"states, step gives {len(new)}"
            )
        #: What it computes in, which may be more or less than what it is given.
        self.dtype = output.dtype.name
        return output, new

    @property
    def cell(self) -> Opened:
        """The cell with its weights laid open one by one."""
        return opened(
            self.own,
            read=lambda: self.parameters,
            put=self._put,
            call=self.call,
            sizes=[int(np.prod(shape)) for shape in self.state_shapes],
            dtype=self.dtype,
        )

    @property
    def promised_states(self) -> list[tuple[int, ...]]:
        """The shapes that `initial_state` promises."""
        return list(self.state_shapes)

    def _all_parameters(self) -> Mapping[str, Any]:
        found = self.own.parameters
        if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
            raise UsageError(f"cell {self.name!r}: parameters must be a dict of arrays by name")
        return found

    @property
    def computes_in(self) -> str:
        """The dtype in which a step is computed."""
        return self.dtype

    @property
    def parameters(self) -> dict[str, Array]:
        """The weights by name; arrays of whole numbers are none."""
        arrays = {name: np.asarray(value) for name, value in self._all_parameters().items()}
        return {name: array for name, array in arrays.items() if array.dtype.kind == "f"}

    @property
    def parameter_names(self) -> list[str]:
        """Names of the weights."""
        return list(self.parameters)

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        return {name: array.shape for name, array in self.parameters.items()}

    def allowed(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Return the weights themselves: nothing constrains them."""
        return dict(parameters)

    def assign(self, parameters: Mapping[str, Array]) -> None:
        """Replace the weights by name.

        Raises:
            UsageError: the names differ from the cell's.
        """
        names = self.parameter_names
        if set(names) != set(parameters):
            raise UsageError(f"weights must be named {sorted(names)}, got {sorted(parameters)}")
        self._replace(parameters)

    def assign_values(self, values: Iterable[Array]) -> None:
        """Replace the weights in the cell's order."""
        self._replace(dict(zip(self.parameter_names, list(values), strict=True)))

    def _replace(self, parameters: Mapping[str, Array]) -> None:
        """Replace weights by ones of the same dtypes."""
        kept = self._all_parameters()
        self._put({n: np.array(v, np.asarray(kept[n]).dtype) for n, v in parameters.items()})

    def _put(self, new: Mapping[str, Array]) -> None:
        """Replace arrays: in the dict, or with the dict where that is made for each question."""
        kept: Any = self._all_parameters()
        try:
            kept.update(new)
        except AttributeError:  # it is read only
            self.own.parameters = {**kept, **new}
        kept = self._all_parameters()
        if all(kept[name] is value for name, value in new.items()):
            return
        try:
            self.own.parameters = {**kept, **new}
        except AttributeError:  # a property that cannot be set shows arrays kept elsewhere
            for name, value in new.items():
                np.asarray(kept[name])[...] = value

    def _array(self, value: Any) -> Array:
        """Return a new array, so that whatever a cell does to it is its own affair."""
        return np.array(value, self._given)

    def _states(self, states: Arrays) -> list[Array]:
        """Return new arrays of states in the dtypes in which the cell keeps them."""
        return [_as(state, kind) for state, kind in zip(states, self._kinds, strict=True)]

    def initial_state(self, batch: int = 1) -> list[Array]:
        """Return the states before the first step, each `(B, ...)`."""
        with np.errstate(all="ignore"):
            made = self.own.initial_state(batch)
        if not isinstance(made, (list, tuple)):
            raise UsageError(f"cell {self.name!r}: initial_state must return a list of arrays")
        states = [np.asarray(state) for state in made]
        real = [not self._told and state.dtype.kind == "f" for state in states]
        return [s.astype(self._given) if r else s for s, r in zip(states, real, strict=True)]

    def call(self, x: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what the cell's own `step` gives.

        Args:
            x: `(B, F)`.
            states: as `initial_state` returns them.
        """
        return self._call(self._array(x), self._states(states))

    def _call(self, x: Array, states: list[Array]) -> tuple[Array, list[Array]]:
        with np.errstate(all="ignore"):
            made = self.own.step(x, states)
        if not isinstance(made, (list, tuple)) or len(made) != 2:
            raise UsageError(f"cell {self.name!r}: step must return an output and new states")
        output, new = made
        if not isinstance(new, (list, tuple)):
            raise UsageError(f"cell {self.name!r}: step must return its new states as a list")
        return np.asarray(output), [np.asarray(state) for state in new]

    def step(self, x: Array, states: Arrays, mode: str = "eager") -> tuple[Array, list[Array]]:
        """Return the output `(B, O)` and the new states of one step.

        Raises:
            NotOffered: another mode than "eager" is asked for.
        """
        if mode not in self.modes:
            raise NotOffered("a cell written in NumPy runs in one mode only")
        return self.call(x, states)

    fast_step = call

    def step_with(
        self, weights: Iterable[Array], x: Array, states: Arrays
    ) -> tuple[Array, list[Array]]:
        """Raise `NotOffered`: a plain cell reads its own weights."""
        del weights, x, states
        raise NotOffered("a cell written in NumPy takes no weights as arguments of a step")

    def changed_by_call(self, x: Array, states: Arrays) -> str:
        """Return which of its arguments, or of its weights, a call changes; empty for none."""
        given = [self._array(x), *self._states(states)]
        kept = {name: np.array(value) for name, value in self.parameters.items()}
        before, flat = copy.deepcopy(given), given[1:]
        self._call(given[0], flat)
        if len(flat) != len(states) or any(
            a is not b for a, b in zip(flat, given[1:], strict=True)
        ):
            return "the list of states"
        names = ["the inputs", *(f"state {k}" for k in range(len(states)))]
        names += [f"weight {name}" for name in kept]
        now = [*given, *(self.parameters[name] for name in kept)]
        pairs = zip(names, [*before, *kept.values()], now, strict=True)
        return ", ".join(n for n, a, b in pairs if not np.array_equal(a, b, equal_nan=True))

    def run(self, xs: Array, states: Arrays | None = None) -> tuple[Array, list[Array]]:
        """Return the outputs `(T, B, O)` and the final states.

        Args:
            xs: `(T, B, F)`.
            states: before the first step; None for `initial_state`.
        """
        start = self.initial_state(xs.shape[1]) if states is None else states
        now, outputs = self._states(start), []
        for x in xs:
            # What the cell returns goes on as it is, as in a user's loop.
            output, now = self._call(self._array(x), list(now))
            outputs.append(output)
        return np.stack(outputs), now

    def fast_run(self, xs: Array, states: Arrays) -> tuple[Array, list[Array]]:
        """Return what `run` gives."""
        return self.run(xs, states)

    def _results(self, arguments: list[Array]) -> Array:
        """Return outputs and final states, flat, at weights, inputs and states."""
        count = len(self.parameters)
        self.assign_values(arguments[:count])
        outputs, finals = self.run(arguments[count], arguments[count + 1 :])
        return np.concatenate([np.ravel(array) for array in (outputs, *finals)])

    def _point(self, xs: Array, states: Arrays) -> list[Array]:
        return [*self.parameters.values(), self._array(xs), *map(self._array, states)]

    def vjp(
        self, xs: Array, states: Arrays, outputs: Array, finals: Arrays
    ) -> tuple[dict[str, Array], Array, list[Array]]:
        """Return the gradients of Σ outputs ∘ o + Σ finals ∘ s_T, numerically.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            outputs: weights of the outputs, `(T, B, O)`.
            finals: weights of the final states.

        Returns:
            Gradients for the parameters by name, for xs and for the states; zero where they are
            too small to be told from zero.
        """
        found, errors = self.vjp_with_error(xs, states, outputs, finals)
        by_name, by_xs, by_states = found
        bounds, of_xs, of_states = errors
        return (
            {name: _told(array, bounds[name]) for name, array in by_name.items()},
            _told(by_xs, of_xs),
            [_told(array, error) for array, error in zip(by_states, of_states, strict=True)],
        )

    def vjp_with_error(
        self, xs: Array, states: Arrays, outputs: Array, finals: Arrays
    ) -> tuple[Pulled, Pulled]:
        """Return the gradients that `vjp` gives as they were found, and their estimated errors."""
        cotangent = np.concatenate([np.ravel(array) for array in (outputs, *finals)])
        point = self._point(xs, states)
        names, kept = self.parameter_names, list(self.parameters.values())
        try:
            found, errors = gradient(self._results, point, cotangent)
        finally:
            self.assign_values(kept)
        count = len(names)
        pulled, off = (
            (dict(zip(names, arrays[:count], strict=True)), arrays[count], arrays[count + 1 :])
            for arrays in (found, errors)
        )
        return pulled, off

    def jvp(
        self,
        xs: Array,
        states: Arrays,
        along_parameters: Mapping[str, Array],
        along_xs: Array,
        along_states: Arrays,
    ) -> tuple[Array, list[Array], float]:
        """Return the derivatives of outputs and final states along directions, numerically.

        Args:
            xs: `(T, B, F)`.
            states: before the first step.
            along_parameters: a direction for each weight, by name.
            along_xs: for the inputs.
            along_states: for each state.

        Returns:
            `(T, B, O)`, one array for each final state, and the largest estimated error.
        """
        names, kept = self.parameter_names, list(self.parameters.values())
        directions = [*(along_parameters[name] for name in names), along_xs, *along_states]
        try:
            value, error = along(self._results, self._point(xs, states), directions)
        finally:
            self.assign_values(kept)
        shapes = [(len(xs), xs.shape[1], *self.output_shape), *(np.shape(s) for s in states)]
        cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        parts = [p.reshape(s) for p, s in zip(np.split(value, cuts), shapes, strict=True)]
        return parts[0], parts[1:], float(error.max(initial=0))

    def rebuild(self, dtype: str | None = None) -> NumpySubject:
        """Return the same cell made again, its weights copied.

        Args:
            dtype: of the new cell; None keeps the cell's.

        Raises:
            UsageError: it cannot be made again.
        """
        wanted = dtype or self._given.name
        made = copy.deepcopy(self.own) if self._remake is None else self._remake(wanted)
        other = NumpySubject(made, self.input_size, self.name, wanted, self._told, self._remake)
        other.assign_values(self.parameters.values())
        return other


def _as(value: Any, kind: Any) -> Array:
    """Return a new array of a dtype; what is to be a whole number is the nearest one."""
    near = np.asarray(value)
    return np.array(np.rint(near) if near.dtype.kind == "f" and kind.kind != "f" else near, kind)


def _told(gradient: Array, error: Array) -> Array:
    """Return a gradient without what its error hides."""
    return np.where(np.abs(gradient) > error, gradient, 0.0)
