"""Verdicts in a report: how they are asked for, and how a run's file holds them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from gru_bench.outside.text import one_line
from gru_bench.records import Record, Regions, Search

#: As text, since JSON readers lose digits of large numbers.
_Operand = Annotated[str, pydantic.Field(pattern="^([0-9]{1,60}|0x[0-9a-f]+)$")]

Outcome = Literal["PROVED", "REFUTED", "OPEN"]


class AnyLength(Record):
    """How far a verdict goes, in numbers that do not depend on how fast a machine is.

    Args:
        regions: most that a proof may have, with four symbols.
        steps: of the network that a search for a counterexample may take; 0 for no search.
    """

    regions: Regions = 128
    steps: Search = 100_000


def expand(given: Any) -> Any:
    """Let `true` stand for the usual effort, and `false` for no verdicts."""
    if isinstance(given, bool):
        return {} if given else None
    return given


class Judgement(Record):
    """The verdict on the weights of one checkpoint.

    Args:
        iteration: of the checkpoint.
        outcome: PROVED for every length, REFUTED by operands, or OPEN.
        reason: in one line.
        theorem: sha256 of what the checker found proved.
        margin: of a proof, the smallest one, by the checker.
        resolution: at which the proof tells states apart.
        regions: of the proof.
        steps: of the network that the search took; None where there was none.
        exhaustive: every word up to so many symbols was found right; None without a search.
        longest: symbols of the longest word tried; None without a search.
        operands: of a counterexample, as text: decimal, long ones hexadecimal.
        length: digits per number of the counterexample.
        position: of the digit that it gets wrong, from 0.
    """

    iteration: int
    outcome: Outcome
    reason: Annotated[str, pydantic.AfterValidator(one_line)]
    theorem: Annotated[str, pydantic.Field(pattern="^[0-9a-f]{64}$")] | None = None
    margin: float | None = None
    resolution: float | None = None
    regions: int | None = None
    steps: int | None = None
    exhaustive: int | None = None
    longest: int | None = None
    operands: tuple[_Operand, ...] | None = None
    length: int | None = None
    position: int | None = None

    @pydantic.model_validator(mode="after")
    def _is_whole(self) -> Judgement:
        if (self.outcome == "PROVED") != (self.theorem is not None):
            raise ValueError("what is PROVED, and nothing else, has a theorem")
        if (self.outcome == "REFUTED") != (self.operands is not None):
            raise ValueError("what is REFUTED, and nothing else, has operands")
        return self
