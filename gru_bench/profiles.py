"""Hypothesis profiles: how long the properties are searched.

`pytest --hypothesis-profile=NAME` chooses one where a conftest has called `register`; without the
option the conftest loads `DEFAULT`.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: Examples tried for a property of ordinary cost, by profile.
EXAMPLES = {"quick": 8, "ci": 40, "thorough": 1000}

#: Cases tried for a law of ordinary cost, by profile: a law is one of dozens, checked in seconds.
LAW_EXAMPLES = {"quick": 6, "ci": 25, "thorough": 100}

#: Seconds after which a law is stopped, by profile: many times what any takes.
LAW_SECONDS = {"quick": 60.0, "ci": 120.0, "thorough": 900.0}

#: The first example is the simplest one (zeros, one step), which most mistakes survive.
FEWEST = 5

#: The profile of a test run that names none.
DEFAULT = "ci"


def register() -> None:
    """Make the profiles known to Hypothesis; loads none.

    None has a deadline, since the first example of many properties waits for a compiler. `ci`
    tries the same examples in each run, so that a red build means a changed program.
    """
    for name, examples in EXAMPLES.items():
        repeatable = name == "ci"
        settings.register_profile(
            name,
            max_examples=examples,
            deadline=None,
            derandomize=repeatable,
            database=None if repeatable else settings().database,
            print_blob=True,
            # Slow draws are those of a busy machine, and the size of weights is what it is.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )


def scaled(share: float) -> settings:
    """Return the loaded profile with that share of its examples, at least `FEWEST`.

    Decorates a property that costs more (or less) than an ordinary one.
    """
    return settings(max_examples=max(FEWEST, round(settings().max_examples * share)))
