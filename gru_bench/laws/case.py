"""One case of a law: sizes, weights, inputs and states, and the cell that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from gru_bench.laws.asking import Asking
from gru_bench.laws.broken import Broken
from gru_bench.laws.claimed import Claimed
from gru_bench.laws.drawing import Drawing
from gru_bench.trace.tolerance import Bound

if TYPE_CHECKING:
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Loop, Subject
    from gru_bench.trace.response import RunBound

Array = NDArray[Any]

#: Outputs and states.
Result = tuple[Array, list[Array]]


@dataclass
class Case(Asking, Drawing, Claimed):
    """See the module; B rows, T steps, F features.

    Args:
        target: what is checked.
        weights: by name, float64; multiples of 1/64 in general, so that narrow dtypes hold them.
        xs: `(T, B, F)`, float64.
        states: before the first step, each `(B, ...)`, float64.
        seed: of whatever else the law draws (`rng`) and of the cell's own randomness.
        training: whether the cell runs in training mode.
        dtype: of the cell.
        facts: what the law says of the case beyond this; shown, and defined in the script.
        told: what the law asked of the cell that a script must know; defined there.
    """

    target: Target
    weights: dict[str, Array]
    xs: Array
    states: list[Array]
    seed: int = 0
    training: bool = False
    dtype: str = "float64"
    facts: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.xs.shape[0])

    @property
    def batch(self) -> int:
        """B."""
        return int(self.xs.shape[1])

    @property
    def features(self) -> int:
        """F."""
        return int(self.xs.shape[2])

    @property
    def rng(self) -> np.random.Generator:
        """A new generator, the same each time it is asked for."""
        return np.random.default_rng(self.seed)

    def subject(self, dtype: str | None = None, training: bool | None = None) -> Subject:
        """Return the cell with this case's weights.

        Args:
            dtype: of the cell; the case's where None.
            training: the case's where None.
        """
        subject: Subject = self.target.subject(
            self.features,
            self.dtype if dtype is None else dtype,
            self.training if training is None else training,
        )
        self.target.give(subject, self.weights)
        return subject

    def rounding(self, dtype: str | None = None) -> Bound:
        """Return how far two correct runs of this case may lie apart, one number for all results.

        Args:
            dtype: in which the less precise of both is computed; the case's where None.
        """
        return self.bounds(dtype).largest

    def bounds(self, dtype: str | None = None) -> RunBound:
        """Return the same for each output and each final state on its own."""
        subject = self.subject(self.target.dtype)
        weights = list(self.weights.values())
        return self.target.bound(subject, weights, self.xs, self.states, dtype or self.dtype)

    def fresh(self, dtype: str | None = None) -> Subject:
        """Return a new cell with this case's weights that has never been called."""
        subject = self.target.fresh(self.features, dtype or self.dtype)
        subject.assign_values(self.weights.values())
        return subject

    def loop(self, way: str) -> Loop:
        """Return the cell with this case's weights in the loop of its framework.

        Args:
            way: "looped" or "unrolled".
        """
        loop = self.target.loop(self.features, way, self.training)
        self.target.give(loop.subject, self.weights)
        return loop

    def at(self, **changes: Any) -> Case:
        """Return the same case with some fields replaced."""
        return replace(self, facts=dict(self.facts), **changes)

    def with_weights(self, weights: Mapping[str, Array], **changes: Any) -> Case:
        """Return the same case with other weights, as far as the cell's constraints allow them."""
        subject: Subject = self.target.subject(self.features, self.dtype, self.training)
        return self.at(weights=subject.allowed(weights), **changes)

    def note(self, **facts: Any) -> None:
        """Keep what the law chose (a row, a step): it is shown, and defined in the script."""
        self.facts.update(facts)

    def cell(self, dtype: str | None = None, training: bool | None = None) -> Subject:
        """Return the cell with this case's weights, which may have been called before.

        Args:
            dtype: of the cell; the case's where None.
            training: the case's where None.
        """
        return self.subject(dtype, training)

    def make(self) -> Subject:
        """Return a new cell with this case's weights, which has never been called."""
        return self.fresh()

    def assign(self, cell: Subject, values: Iterable[Array]) -> None:
        """Give a cell that `make` returned other weights, in its own order."""
        cell.assign_values(values)

    def call(self, cell: Subject, x: Array, states: Sequence[Array]) -> Result:
        """Return the output and the new states of one step.

        Args:
            cell: as `cell` or `make` returned it.
            x: `(B, F)`.
            states: each `(B, ...)`.
        """
        return cell.call(x, states)

    def run(
        self, cell: Subject, xs: Array, states: Sequence[Array], mode: str | None = None
    ) -> Result:
        """Return the outputs of all steps and the final states.

        Args:
            cell: as `cell` or `make` returned it.
            xs: `(T, B, F)`.
            states: before the first step.
            mode: "eager"; None for the fastest.
        """
        # What makes a run fast is made once for a cell, and a new one is not asked often.
        again = mode is None and self.target.is_shared(cell)
        return cell.fast_run(xs, states) if again else cell.run(xs, states)

    def close(self, got: Any, expected: Any, what: str) -> None:
        """Compare two results, which may differ by the rounding of this case.

        Raises:
            Broken: they lie further apart.
        """
        self.agree(got, expected, self.rounding, what)

    def agree(self, got: Any, expected: Any, bound: Bound | Callable[[], Bound], what: str) -> None:
        """Compare two results.

        Args:
            got: what the cell gives.
            expected: what the law says.
            bound: how far they may lie apart, or a function that says so (`case.rounding`),
                which is asked where they differ at all.
            what: a name for the result.

        Raises:
            Broken: they lie further apart, or differ in shape, or only one is finite.
        """
        if np.array_equal(np.asarray(got), np.asarray(expected)):
            return
        if not isinstance(bound, Bound):
            bound = bound()
        worst = bound.worst(got, expected)
        if worst is not None:
            limit = np.asarray(bound.limit, np.float64)
            self.note(limit=limit if limit.ndim == 0 else np.broadcast_to(limit, np.shape(got)))
            raise Broken(worst.message(what), {"what": what, **worst.facts(), "why": bound.why})

    def agree_granting(
        self, got: Any, expected: Any, bound: Bound, more: Callable[[], Bound], what: str
    ) -> None:
        """Compare two results, granting more where a bound does not do.

        Args:
            got: what the cell gives.
            expected: what the law says.
            bound: how far they may lie apart.
            more: says what is granted beside; it costs more to ask.
            what: a name for the result.

        Raises:
            Broken: as for `agree`.
        """
        if bound.worst(got, expected) is not None:
            bound = bound + more()
        self.agree(got, expected, bound, what)

    def fit(self, x: Any) -> Any:
        """Return inputs that the cell takes: these, or others in place of what it does not."""
        return self.target.fit(x)

    def fail(self, message: str, **facts: Any) -> NoReturn:
        """Say that the law does not hold.

        Raises:
            Broken: always.
        """
        raise Broken(message, facts)

    def describe(self) -> Mapping[str, Any]:
        """Return sizes and facts in a few words each."""
        single = (int, float, str, bool, np.generic)
        shown = {k: v for k, v in self.facts.items() if k != "limit" and isinstance(v, single)}
        sizes = {"steps": self.steps, "batch": self.batch, "features": self.features}
        modes = {"dtype": self.dtype, "training": self.training}
        return {**sizes, **modes, **shown}
