"""The profile for tests that search (a few do)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from gru_bench import profiles

# At the end, so that `tests.corpus` is found and gru_bench is still the installed one.
sys.path.append(str(Path(__file__).parents[1]))

profiles.register()


def pytest_configure(config: pytest.Config) -> None:
    # Hypothesis's own plugin loads what the option names.
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile(profiles.DEFAULT)
