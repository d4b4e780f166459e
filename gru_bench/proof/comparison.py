"""That a certificate is about a model: its program is the model's step, however the model is run.

What can be compared exactly is: weights, cell, arguments, task, threshold, initial state, and the
program, entry by entry, with that of the model made anew and lifted again. Beside that the model
is run, in every way in which it can be deployed, from states in every region, at points that
nobody can foresee.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.checker.certificate import Certificate
from gru_bench.checker.program import Tensor
from gru_bench.checker.rejection import Rejected
from gru_bench.errors import FAULTS, UsageError, in_one_line
from gru_bench.learning.adder import Adder
from gru_bench.learning.deployment import Deployment
from gru_bench.lifting.expression import Table, expressions
from gru_bench.lifting.lift import same
from gru_bench.program.enclosure import Enclosures
from gru_bench.program.program import Operation, Program
from gru_bench.program.rounding import Rounding
from gru_bench.proof.certificate import digest, weights_entry
from gru_bench.proof.system import System, check_single, make_system

Array = NDArray[Any]

#: States of each region from which each symbol is read.
POINTS = 3

#: Symbols of the words that whole networks read.
_LENGTH = 24


@dataclass(frozen=True)
class Comparison:
    """How a model was compared with a certificate.

    Args:
        points: states and symbols from which the model made a step.
        ways: in which it was run.
    """

    points: int
    ways: int

    def __str__(self) -> str:
        return (
            "the model's weights, cell, task, threshold and program are these, and "
            f"{self.points} steps agree, run in {self.ways} ways"
        )


def compare(given: Certificate, adder: Adder, deployment: Deployment | None = None) -> Comparison:
    """Show that a certificate is about a model.

    Args:
        given: a certificate that the checker accepts.
        adder: the model.
        deployment: of the adder's network, if there is one already.

    Raises:
        UsageError: the model cannot be compared: another task or precision, a step that cannot be
            lifted or is no function.
        Rejected: the certificate is about another model.
    """
    task = adder.network.task.name
    if task != given.task:
        raise UsageError(f"the model was trained for {task}, the certificate is about {given.task}")
    check_single(adder)
    deployment = deployment or Deployment(adder.network)
    system = make_system(adder, deployment.program)
    _compare_facts(given, system)
    if not _is_program(given, system.program):
        raise Rejected("the program is not the step of this model, which was lifted again")
    try:
        deployment.use(adder)
        return _Trial(given, system, deployment).run()
    except (Rejected, UsageError):
        raise
    except FAULTS as error:  # a user's cell can fail in any way
        raise UsageError(f"the model fails when it is run: {in_one_line(error)!r}") from error


def _compare_facts(given: Certificate, system: System) -> None:
    initial = tuple(float(t) for t in system.initial)
    facts = (
        ("weights, their names or shapes", digest(weights_entry(system)), given.weights_sha256),
        ("cell", system.cell, given.cell),
        ("arguments", system.arguments, given.arguments),
        ("initial states", initial, given.initial_state),
        ("threshold", float(np.float32(system.threshold)), given.threshold),
    )
    for what, theirs, ours in facts:
        if theirs != ours:
            shown = f"{theirs!r:.200}, the certificate's {ours!r:.200}"
            raise Rejected(f"the model's {what} are {shown}")


def _is_program(given: Certificate, program: Program) -> bool:
    """Return whether the certificate's program computes, entry by entry, what this one does."""
    read = program_of(given)
    if read.state_sizes != program.state_sizes:
        return False
    table = Table("float32")
    return same(expressions(read, table), expressions(program, table))


def program_of(given: Certificate) -> Program:
    """Return the program of a certificate, as the finder's side of the house knows programs."""
    theirs = given.program
    ends = np.cumsum(theirs.states)
    return Program(
        theirs.features,
        theirs.states,
        tuple(tensor.shape for tensor in theirs.weights),
        tuple(array_of(tensor) for tensor in theirs.literals),
        tuple(Operation(o.name, o.inputs, _attributes(o)) for o in theirs.operations),
        theirs.output,
        theirs.new_states,
        tuple(np.split(np.array(given.initial_state, np.float32), ends[:-1])),
    )


def array_of(tensor: Tensor) -> NDArray[np.float32]:
    """Return the numbers of a certificate's tensor."""
    return np.array(tensor.values, np.float32).reshape(tensor.shape)


def _attributes(operation: Any) -> dict[str, int]:
    return {key: getattr(operation, key) for key in ("axis", "begin", "end")}


class _Trial:
    """Runs a model from states in the regions of a certificate."""

    def __init__(self, given: Certificate, system: System, deployment: Deployment) -> None:
        self.given, self.system, self.deployment = given, system, deployment
        self.rng = np.random.default_rng(secrets.randbits(64))
        regions, symbols = len(given.regions), given.transducer.symbols
        self.regions = np.tile(np.repeat(np.arange(regions), symbols), POINTS)
        self.symbols = np.tile(np.arange(symbols), POINTS * regions)
        self.center = np.array([region.center for region in given.regions])
        self.radius = np.array([region.radius for region in given.regions])
        self.states = self._draw()
        self.low, self.high = self._enclose()

    def _draw(self) -> Array:
        """Return float32 states, each in its region: corners and anywhere."""
        center, radius = self.center[self.regions], self.radius[self.regions]
        offset = self.rng.uniform(-1, 1, center.shape)
        corner = self.rng.random(len(offset)) < 0.3
        offset[corner] = np.sign(offset[corner])
        states = (center + offset * radius).astype(np.float32)
        # Rounding may leave the region by the last bit.
        for end, inwards in ((center - radius, np.inf), (center + radius, -np.inf)):
            outside = states < end if inwards > 0 else states > end
            states = np.where(outside, np.nextafter(states, np.float32(inwards)), states)
        return np.asarray(states, np.float32)

    def _enclose(self) -> tuple[Array, Array]:
        """Return bounds of what float32 can make of the program, scores and states, `(P, S+N)`."""
        system, errors = self.system, self.given.errors
        algebra = Enclosures(Rounding(errors["tanh"], errors["sigmoid"], self.given.source))
        parts = [algebra.rows(part) for part in system.split(self.states.astype(np.float64))]
        symbols = algebra.rows(system.task.features[self.symbols].astype(np.float64))
        output, new = system.program.evaluate(algebra, symbols, parts, system.weights)
        scores = algebra.add(algebra.matmul(output, system.V), algebra.constant(system.c))
        ends = [(v.low - v.error, v.high + v.error) for v in (scores, *new)]
        count = len(self.states)
        low, high = (
            np.concatenate([np.broadcast_to(e[k], (count, e[k].shape[1])) for e in ends], axis=1)
            for k in (0, 1)
        )
        return low, high

    def run(self) -> Comparison:
        """Run every step in every way, and Keras's own model on words."""
        ways = 0
        for way, step, blocks in self.deployment.steps():
            order = self.rng.permutation(len(self.states))
            for block in blocks:
                rows = order[block if isinstance(block, slice) else block % len(order)]
                self._check(way, rows, *step(self.symbols[rows], self.states[rows]))
            ways += 1
        for way, write, count in self.deployment.writers():
            self._check_words(way, write, count)
            ways += 1
        return Comparison(len(self.states), ways)

    def _check(self, way: str, rows: Array, scores: Array, states: Array) -> None:
        found = np.concatenate([scores, states], axis=1).astype(np.float64)
        inside = (self.low[rows] <= found) & (found <= self.high[rows])
        if not inside.all():
            k, i = map(int, np.argwhere(~inside)[0])
            low, high = self.low[rows[k], i], self.high[rows[k], i]
            raise Rejected(
                f"the model, run {way}, does not do what the program does: for symbol "
                f"{self.symbols[rows[k]]} from region {self.regions[rows[k]]} it computes "
                f"{found[k, i]:.9g}, the program is in [{low:.9g}, {high:.9g}]"
            )
        self._check_claims(way, rows, scores, states)

    def _check_claims(self, way: str, rows: Array, scores: Array, states: Array) -> None:
        """See that the right digit is written, and that the next state lies where it is claimed."""
        given, task = self.given, self.system.task
        edges = np.array(given.edges)[self.regions[rows], self.symbols[rows]]
        far = np.abs(states.astype(np.float64) - self.center[edges]) > self.radius[edges]
        labels = np.array([region.label for region in given.regions])[self.regions[rows]]
        right = np.array(task.output)[labels, self.symbols[rows]]
        said = np.asarray(self.deployment.network.decide(scores, self.deployment.threshold))
        wrong = far.any(axis=1) | (said != right)
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise Rejected(
                f"the model, run {way}, leaves its regions or writes a wrong digit for symbol "
                f"{self.symbols[rows[k]]} from region {self.regions[rows[k]]}"
            )

    def _check_words(self, way: str, write: Callable[[Array], Array], rows: int) -> None:
        task = self.system.task
        words = self.rng.integers(0, task.symbols, (rows, _LENGTH))
        if not np.array_equal(write(words), task.labels(words)):
            raise Rejected(f"{way}, writes a wrong digit for words of {_LENGTH} symbols")
