"""The pytest plugin: `pytest --gru-cell my_cells:MyGRU` collects the laws without a test file.

TensorFlow is imported where the option is given, and only there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from gru_bench.errors import UsageError

if TYPE_CHECKING:
    from gru_bench.laws.law import Law
    from gru_bench.laws.running.parametrize import Session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gru_bench", "laws of recurrent cells")
    add = group.addoption
    add("--gru-cell", metavar="NAME", help="Check this cell or layer, package.module:Name.")
    add("--gru-set", action="append", default=[], metavar="NAME=VALUE", help="Its argument.")
    add("--gru-equations", metavar="NAME", help="What it claims to compute; guessed without.")
    add("--gru-profile", default="ci", metavar="NAME", help="quick, ci or thorough.")
    add("--gru-seed", default=0, type=int, metavar="N", help="Of the generated cases.")
    add("--gru-inputs", type=int, metavar="F", help="Size of an input, if it takes only one.")
    add("--gru-law", action="append", default=[], metavar="NAME", help="Only this law.")
    add("--gru-expect", metavar="FILE", help="TOML file of expected failures: law = reason.")


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add an item for each law."""
    if config.getoption("--gru-cell"):
        collector = LawCollector.from_parent(session, name=config.getoption("--gru-cell"))
        items.extend(collector.collect())


class LawCollector(pytest.Collector):
    """All laws of the cell that the options name."""

    def collect(self) -> Iterable[LawItem]:
        """Yield an item for each law."""
        from gru_bench.cli.options import parse_settings
        from gru_bench.laws.running.expectation import load_expected
        from gru_bench.laws.running.parametrize import Session

        option = self.config.getoption
        expected = option("--gru-expect")
        try:
            shared = Session(
                option("--gru-cell"),
                parse_settings(option("--gru-set")),
                equations=option("--gru-equations"),
                input_size=option("--gru-inputs"),
                profile=option("--gru-profile"),
                seed=option("--gru-seed"),
                law=option("--gru-law") or None,
                expected=load_expected(expected) if expected else None,
            )
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        for law in shared.laws:
            yield LawItem.from_parent(self, name=law.name, shared=shared, law=law)


class LawItem(pytest.Item):
    """One law of the cell."""

    def __init__(self, *, shared: Session, law: Law, **options: Any) -> None:
        super().__init__(**options)
        self._shared, self._law = shared, law

    def runtest(self) -> None:
        """Check the law."""
        self._shared.check(self._law)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Return what the law says, as the head of a failure."""
        return self.path, None, f"{self.parent.name if self.parent else ''}: {self.name}"
