"""Files of failures that are expected: law and reason, as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gru_bench.errors import UsageError
from gru_bench.laws.running.choice import check_law


def load_expected(path: str) -> dict[str, str]:
    """Return law and reason of each expected failure in a file.

    A line of it:

        empty-batch = "LSTMCell has no empty batch, https://github.com/..."

    Raises:
        UsageError: the file cannot be read, or `check_expected` refuses what it holds.
    """
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path!r}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f'{path!r} must have lines such as law = "reason": {error}') from error
    return check_expected(found)


def check_expected(expected: Mapping[str, Any]) -> dict[str, str]:
    """Return expected failures, law and reason.

    Raises:
        UsageError: a law is unknown, or a reason is missing.
    """
    for name, reason in expected.items():
        check_law(name)
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"the expected failure of {name!r} needs a reason, got {reason!r}")
    return dict(expected)
