"""How the check of a law says that the law does not hold, or says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_bench.subjects.protocol import NotOffered


class Broken(AssertionError):  # noqa: N818
    """A law does not hold.

    Args:
        message: what is wrong, in one line.
        facts: `what`, `index`, `got`, `expected`, `limit` and `why` where numbers differ.
    """

    def __init__(self, message: str, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.facts = dict(facts or {})


class NotApplicable(NotOffered):
    """Raised by a check that finds that its law says nothing of this cell; the message says why."""
