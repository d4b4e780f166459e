"""Files of failures that are expected: law and reason, as TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_bench.errors import UsageError
from gru_bench.laws.running.choice import check_law
from gru_bench.outside.bounds import shown
from gru_bench.outside.opening import read_toml


def load_expected(path: str) -> dict[str, str]:
    """Return law and reason of each expected failure in a file.

    A line of it:

        empty-batch = "LSTMCell has no empty batch, https://github.com/..."

    Raises:
        UsageError: the file cannot be read, or `check_expected` refuses what it holds.
    """
    try:
        return check_expected(read_toml(path))
    except UsageError as error:
        raise UsageError(f'{error} (expected failures are lines such as law = "reason")') from None


def check_expected(expected: Mapping[str, Any]) -> dict[str, str]:
    """Return expected failures, law and reason.

    Raises:
        UsageError: a law is unknown, or a reason is missing.
    """
    for name, reason in expected.items():
        check_law(name)
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(
                f"the expected failure of {name!r} needs a reason, got {shown(reason)}"
            )
    return dict(expected)
