"""Which laws are checked."""

from __future__ import annotations

from collections.abc import Sequence

from gru_bench.errors import check_known
from gru_bench.laws import LAWS
from gru_bench.laws.law import Law


def choose(law: str | Sequence[str] | None) -> list[Law]:
    """Return the laws of these names; all of them for None.

    Raises:
        UsageError: a name is unknown.
    """
    if law is None:
        return list(LAWS.values())
    names = [law] if isinstance(law, str) else law
    return [LAWS[check_known("law", name, LAWS)] for name in names]
