"""The table of wrong cells: what each is, where such a mistake was seen, how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class WrongCell:
    """One entry.

    Args:
        make: the class.
        address: a public issue where such a mistake was met.
        arguments: for its constructor.
        equations: what it claims, where the mistake shows only against a claim.
    """

    make: type[Any]
    address: str
    arguments: dict[str, Any] = field(default_factory=dict)
    equations: str | None = None

    @property
    def name(self) -> str:
        """`package.module:Name`, as the command line takes it from the project's folder."""
        return f"{self.make.__module__}:{self.make.__name__}"

    @property
    def mistake(self) -> str:
        """The mistake in one sentence."""
        return (self.make.__doc__ or "").strip().splitlines()[0]


TABLE: list[WrongCell] = []


def wrong(
    address: str, equations: str | None = None, **arguments: Any
) -> Callable[[type[Any]], type[Any]]:
    """Enter a class into the table; three units unless said otherwise."""

    def enter(made: type[Any]) -> type[Any]:
        TABLE.append(WrongCell(made, address, {"units": 3, **arguments}, equations))
        return made

    return enter
