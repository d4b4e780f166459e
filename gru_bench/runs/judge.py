"""A judge: verdicts on a network's weights at each checkpoint, while other seeds train."""

from __future__ import annotations

import math
import threading
from typing import Any

from gru_bench.learning.network import Network
from gru_bench.proof.verdict import Prover, Verdict
from gru_bench.runs.verdict import AnyLength, Judgement

#: Bits of the longest integer that is written as a decimal.
_READABLE = 128


class Judge:
    """Gives verdicts on the adders of one network, one at a time in whichever thread asks.

    The same weights get the same verdict on a fast machine and on a slow one: what limits it is
    counted in regions and steps, not in seconds.

    Args:
        network: what is trained; the judge works with a copy, since it compiles it anew.
        threshold: of a two-valued read-out.
        effort: how far it goes.
        seed: of simulated words and searches.
    """

    def __init__(self, network: Network, threshold: float, effort: AnyLength, seed: int) -> None:
        own = network.again()
        self.prover = Prover(own, threshold)
        self.effort = effort
        self.seed = seed
        self._lock = threading.Lock()

    def judge(
        self, theta: Any, iteration: int, wrong: int = 0
    ) -> tuple[Judgement, dict[str, Any] | None]:
        """Return the verdict on weights θ `(P,)`, as a run's file holds it, and its certificate.

        Args:
            theta: the weights.
            iteration: of the checkpoint.
            wrong: pairs that were measured wrong; above 0 no proof is looked for.
        """
        regions = 0 if wrong else self.effort.regions
        with self._lock:
            verdict = self.prover.judge(theta, self.seed, self.effort.steps, math.inf, regions)
        if wrong and verdict.outcome == "OPEN":
            verdict.reason = f"{wrong:,} tested pairs are wrong, the search confirmed no operands"
        return _record(verdict, iteration), verdict.certificate


def _text(number: int) -> str:
    # Python refuses to write very long integers as decimals.
    return str(number) if number.bit_length() <= _READABLE else hex(number)


def _record(verdict: Verdict, iteration: int) -> Judgement:
    search = verdict.search
    found = search.counterexample if search else None
    proof = verdict.attempts[-1] if verdict.outcome == "PROVED" else None
    return Judgement(
        iteration=iteration,
        outcome=verdict.outcome,
        reason=verdict.reason,
        theorem=verdict.theorem,
        margin=verdict.margin,
        resolution=proof.resolution if proof else None,
        regions=proof.regions if proof else None,
        steps=search.steps if search else None,
        exhaustive=search.exhaustive if search else None,
        longest=search.longest if search else None,
        operands=tuple(_text(number) for number in found.operands) if found else None,
        length=found.length if found else None,
        position=found.position if found else None,
    )
