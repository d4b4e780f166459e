"""Verdicts: a trained network is PROVED for every length, REFUTED by operands, or OPEN."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gru_bench.checker.induction import Verified, verify
from gru_bench.checker.rejection import Rejected
from gru_bench.errors import UsageError, in_one_line
from gru_bench.learning.adder import Adder
from gru_bench.learning.deployment import Deployment
from gru_bench.learning.network import Network
from gru_bench.program.program import Program
from gru_bench.program.rounding import Rounding, measured_rounding
from gru_bench.proof.certificate import make_certificate, write_certificate
from gru_bench.proof.comparison import compare
from gru_bench.proof.finder import MOST_REGIONS, Attempt, find
from gru_bench.proof.system import System, make_system
from gru_bench.refutation.falsify import Falsifier, Search

Outcome = Literal["PROVED", "REFUTED", "OPEN"]

#: Steps of the network that a search for a counterexample may take, by default.
STEPS = 10**7


@dataclass
class Verdict:
    """What is known about a network on numbers of every length.

    Args:
        outcome: PROVED only where the independent checker accepted the certificate, and it was
            compared with the network itself.
        reason: in one line.
        attempts: what was tried to prove it.
        certificate: of a proof, ready to be written.
        system: the lifted network, where it could be lifted.
        theorem: sha256 of what the checker found proved.
        margin: the smallest one, by the checker.
        search: for a counterexample, where there was one.
        finding: seconds spent on finding a proof.
        checking: seconds the checker took.
        comparing: seconds the comparison of certificate and model took.
    """

    outcome: Outcome
    reason: str
    attempts: list[Attempt] = field(default_factory=list)
    certificate: dict[str, Any] | None = None
    system: System | None = None
    theorem: str | None = None
    margin: float | None = None
    search: Search | None = None
    finding: float = 0.0
    checking: float = 0.0
    comparing: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, the certificate apart."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "attempts": [vars(attempt) for attempt in self.attempts],
            "theorem": self.theorem,
            "margin": self.margin,
            "search": None if self.search is None else self.search.to_json(),
            "finding_seconds": self.finding,
            "checking_seconds": self.checking,
            "comparing_seconds": self.comparing,
        }


class Prover:
    """Gives verdicts on the adders of one network; what is compiled for one serves all.

    Args:
        network: cell, read-out and task.
        threshold: of a two-valued read-out.
        rounding: float32's error model; by default with the measured activation errors.
    """

    def __init__(
        self, network: Network, threshold: float, rounding: Rounding | None = None
    ) -> None:
        self.network = network
        self.threshold = threshold
        self.rounding = rounding or measured_rounding()
        self._falsifier: Falsifier | None = None
        self._program: Program | None = None
        self._deployment: Deployment | None = None

    def judge(
        self,
        theta: Any,
        seed: int = 0,
        steps: int = STEPS,
        seconds: float | None = None,
        regions: int = MOST_REGIONS,
    ) -> Verdict:
        """Return the verdict on the network with weights θ.

        Args:
            theta: the weights θ, `(P,)`.
            seed: of simulated words and searches.
            steps: of the network that the search for a counterexample may take; 0 for no search.
            seconds: for each of proving and searching, roughly; None for no limit.
            regions: most that a proof may have, with four symbols; 0 to look for no proof.

        Raises:
            UsageError: a number that is too small.
            gru_bench.refutation.falsify.Interrupted: Ctrl-C during the search.
        """
        verdict = self._prove(theta, seed, 60.0 if seconds is None else seconds, regions)
        if verdict.outcome == "PROVED" or steps == 0:
            return verdict
        self._falsifier = self._falsifier or Falsifier(self.network, self.threshold)
        verdict.search = self._falsifier.falsify(theta, seed=seed, steps=steps, seconds=seconds)
        if verdict.search.counterexample is not None:
            verdict.outcome = "REFUTED"
            verdict.reason = "operands were found that it gets wrong"
        return verdict

    def _prove(self, theta: Any, seed: int, seconds: float, regions: int) -> Verdict:
        if not np.all(np.isfinite(theta)):
            return Verdict("OPEN", "its weights are not all finite")
        if regions == 0:
            return Verdict("OPEN", "no proof was looked for")
        begun = time.perf_counter()
        try:
            adder = Adder(self.network, theta, self.threshold)
            system = make_system(adder, self._program)
            self._program = system.program
        except UsageError as error:
            return Verdict("OPEN", in_one_line(error))
        invariant, attempts = find(system, self.rounding, seed, seconds, regions)
        finding = time.perf_counter() - begun
        if invariant is None:
            last = attempts[-1].reason if attempts else "time ran out"
            reason = f"no invariant was found ({last})"
            return Verdict("OPEN", reason, attempts, system=system, finding=finding)
        certificate = make_certificate(system, invariant, self.rounding)
        verdict = Verdict("OPEN", "", attempts, certificate, system, finding=finding)
        checked = self._check(verdict)
        if checked is not None:
            self._compare(verdict, checked, adder)
        if verdict.outcome != "PROVED":
            # Nothing counts as proved that is not accepted and about this network.
            verdict.certificate = None
        return verdict

    def _check(self, verdict: Verdict) -> Verified | None:
        """Let the independent checker look at the certificate."""
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "certificate.json"
            write_certificate(path, verdict.certificate or {})
            try:
                return verify(path)
            except (Rejected, UsageError) as error:
                verdict.reason = f"the checker does not accept the proof: {in_one_line(error)}"
                return None
            finally:
                verdict.checking = time.perf_counter() - begun

    def _compare(self, verdict: Verdict, checked: Verified, adder: Adder) -> None:
        """Compare the certificate with the network made anew, in all ways it can be run."""
        begun = time.perf_counter()
        try:
            self._deployment = self._deployment or Deployment(self.network)
            compare(checked.certificate, adder, self._deployment)
        except (Rejected, UsageError) as error:
            verdict.reason = f"the proof is not one of this network: {in_one_line(error)}"
        else:
            verdict.outcome, verdict.reason = "PROVED", checked.claim_of_model
            verdict.theorem, verdict.margin = checked.theorem, checked.margin
        finally:
            verdict.comparing = time.perf_counter() - begun


def prove(adder: Adder, seed: int = 0, steps: int = STEPS, seconds: float | None = None) -> Verdict:
    """Return the verdict on an adder: PROVED for every length, REFUTED, or OPEN.

    Args:
        adder: a trained network.
        seed: of simulated words and searches.
        steps: of the network that the search for a counterexample may take; 0 for no search.
        seconds: for each of proving and searching, roughly; None for no limit.

    Raises:
        UsageError: a number that is too small.
    """
    return Prover(adder.network, adder.threshold).judge(adder.theta, seed, steps, seconds)
