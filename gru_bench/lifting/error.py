"""Why a cell's step cannot be lifted."""

from __future__ import annotations

from gru_bench.errors import UsageError


class LiftingError(UsageError):
    """A cell's step cannot be lifted; the message names the operation or the value."""
