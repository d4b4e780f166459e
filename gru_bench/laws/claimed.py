"""What laws ask of a case about the equations that its cell claims.

Scripts know nothing of equations: what a verb answers here is noted, and stands there as a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.laws.broken import NotApplicable
from gru_bench.trace.tolerance import Bound, epsilon, run_error

if TYPE_CHECKING:
    from gru_bench.equations import Claim
    from gru_bench.laws.target import Target
    from gru_bench.subjects.protocol import Subject

Array = NDArray[Any]

#: A gate's argument at which a sigmoid is exactly zero or one in every dtype.
FAR = 2.0**14


class Claimed:
    """Verbs of a case."""

    if TYPE_CHECKING:
        target: Target
        dtype: str
        xs: Array
        states: list[Array]
        facts: dict[str, Any]

        @property
        def features(self) -> int:
            """F."""

        def subject(self) -> Subject:
            """Return the cell."""

        def note(self, **facts: Any) -> None:
            """Keep facts."""

    def claims(self, what: str) -> Any:
        """Return what the published equations say of themselves, None where none are claimed.

        Args:
            what: "states", how many; "gates", their letters; or another field of `Equations`.
        """
        claim = self.target.claim
        equations = None if claim is None else claim.equations
        found = None if equations is None else getattr(equations, what)
        self._say(**{what: found})
        return found

    def claim_fails(self) -> str:
        """Return why the cell cannot be what it claims, empty where it can."""
        fails = self._claim.fails
        if fails:
            self._say(fails=fails)
        return fails

    def still(self, **results: Array) -> bool:
        """Return True; in a script, whether these are what they were when the law failed."""
        self.note(**results)
        return True

    def claimed(self, cell: Subject, steps: int) -> tuple[list[list[Array]], Bound]:
        """Return what the equations say, and how far a cell may lie from that.

        Args:
            cell: its weights count.
            steps: how many of the case's steps.

        Returns:
            for each step the output and the states.
        """
        claim = self._claim
        named, function = claim.weights(_of(cell)), claim.function(_of(cell))

        def run(weights: Mapping[str, Array], xs: Array, states: Any) -> list[list[Array]]:
            made = []
            for x in xs[:steps]:
                output, states = function(weights, x, states)
                made.append([output, *states])
            return made

        def results(arguments: list[Array]) -> Array:
            weights = dict(zip(named, arguments[: len(named)], strict=True))
            made = run(weights, arguments[len(named)], arguments[len(named) + 1 :])
            return np.concatenate([np.ravel(array) for step in made for array in step])

        wanted = run(named, self.xs, self.states)
        self.note(wanted=wanted)
        operations = 4 * steps * (self.features + sum(s.shape[-1] for s in self.states) + 16)
        dtype = claim.precision
        if dtype is None or np.finfo(dtype).eps <= epsilon(self.dtype):
            dtype = self.dtype
        arguments = [*named.values(), self.xs, *self.states]
        return wanted, run_error(results, arguments, operations, dtype)

    @property
    def claim_name(self) -> str:
        """What is claimed in a few words, and whether nobody did."""
        told = f"{self._claim.name}{', a guess' * self._claim.guessed}"
        self._say(name=told)
        return told

    def variant(self, **arguments: Any) -> Subject | None:
        """Return the cell made with other arguments and random weights, None where it takes none.

        Args:
            **arguments: for the constructor.
        """
        made: Subject | None = self.target.variant(self, **arguments)
        if made is not None:
            self.note(arguments=dict(arguments), driven=self.target.every_weight(made))
        return made

    def gates(self, shut: bool) -> dict[str, float]:
        """Return the gates, by letter, at which the state is kept (`shut`) or replaced."""
        return self._claim.gates(shut)

    def saturated(self, gates: Mapping[str, float], without: Sequence[str] = ()) -> Subject:
        """Return the cell with the biases of some gates so large that the gates are 0 or 1.

        Args:
            gates: what each gate shall be, by its letter.
            without: beginnings of names, in the paper, of weights that shall be zero.

        Raises:
            NotApplicable: a gate has no bias.
        """
        claim, subject = self._claim, self.subject()
        named = claim.weights(_of(subject))
        missing = claim.drive(named, gates, FAR)
        if missing:
            raise NotApplicable(f"the gate {missing} has no bias to drive it with")
        for name, array in claim.views(named):
            if name.startswith(tuple(without)):
                array[...] = 0
        return self._driven(subject, named.values())

    def permuted(self, order: Array) -> Subject:
        """Return the cell with its units in another order, in all weights.

        Args:
            order: which unit comes where.
        """
        claim, subject = self._claim, self.subject()
        named = claim.weights(_of(subject))
        for name, array in claim.views(named):
            moved = array[..., order]
            array[...] = moved[order] if name.startswith("U_") else moved
        return self._driven(subject, named.values())

    def opened(self, cell: Subject) -> bool:
        """Open a cell's update gate by its bias; False where the state is left in another way too.

        Args:
            cell: that `another` made.
        """
        claim = self.target.claim
        if claim is None or claim.equations is None:
            return False
        if not claim.equations.gated:
            return True
        named = claim.weights(_of(cell))
        weights = claim.read(named)
        for gate, value in claim.gates(shut=False).items():
            if f"b_{gate}" not in weights or any(name.startswith("p_") for name in weights):
                return False
            weights[f"b_{gate}"][...] = FAR if value else -FAR
        self.target.give_every(cell, named.values())
        self.note(opened=self.target.every_weight(cell))
        return True

    def part(self, states: Sequence[Array], state: int) -> Array:
        """Return a state of the equations, where the cell has it.

        Args:
            states: the cell's.
            state: in the paper's order; negative ones count from the last.
        """
        which, first, last = place = self._claim.place(state)
        self._say(**{f"state {state}": place})
        return states[which][:, first:last]

    def setting(self, name: str) -> Any:
        """Return what the cell has by this name, None where it has nothing."""
        return getattr(_of(self.target.probe), name, None)

    @property
    def _claim(self) -> Claim:
        claim = self.target.claim
        if claim is None:
            raise NotApplicable("no equations are claimed")
        return claim

    def _say(self, **told: Any) -> None:
        """Note what is known of the claim: a script asks by the same names."""
        self.note(claim={**self.facts.get("claim", {}), **told})

    def _driven(self, subject: Subject, values: Iterable[Array]) -> Subject:
        """Assign weights to a shared subject, and make its next user assign its own."""
        self.target.forget(subject)
        self.target.give_every(subject, values)
        self.note(driven=self.target.every_weight(subject))
        return subject


def _of(subject: Any) -> Any:
    """Return the cell of the framework itself."""
    return subject.cell
