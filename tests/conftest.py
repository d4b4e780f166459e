"""The profile for tests that search (a few do)."""

from __future__ import annotations

import pytest
from hypothesis import settings

from gru_bench import profiles

profiles.register()


def pytest_configure(config: pytest.Config) -> None:
    # Hypothesis's own plugin loads what the option names.
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile(profiles.DEFAULT)
