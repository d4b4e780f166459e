"""Which laws are checked."""

from __future__ import annotations

from collections.abc import Sequence

from gru_bench.errors import UsageError, nearest
from gru_bench.laws import LAWS
from gru_bench.laws.law import Law


def choose(law: str | Sequence[str] | None) -> list[Law]:
    """Return the laws of these names; all of them for None.

    Raises:
        UsageError: a name is unknown.
    """
    if law is None:
        return list(LAWS.values())
    return [LAWS[check_law(name)] for name in ([law] if isinstance(law, str) else law)]


def check_law(name: str) -> str:
    """Return the name of a law.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in LAWS:
        raise UsageError(
            f"unknown law {name!r}{nearest(name, LAWS)} (`gru-bench laws` lists all {len(LAWS)})"
        )
    return name
