"""Kinds of values that options take: numbers within bounds, and files that can be read or written.

A value is checked where the command line is read, so that no work begins before all are good.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from gru_bench.errors import UsageError
from gru_bench.outside import bounds
from gru_bench.outside.bounds import Bound, Range, shown
from gru_bench.outside.text import one_line
from gru_bench.outside.writing import check_folder, check_output

#: Characters of the longest name, path or text.
_LONGEST = 4096


class Number(click.ParamType):  # type: ignore[type-arg]
    """A number within a bound, in ASCII digits.

    Args:
        bound: that it must be within.
    """

    def __init__(self, bound: Bound | Range) -> None:
        self.bound = bound
        self.name = "integer" if isinstance(bound, Bound) else "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | float:
        """Return the number.

        Raises:
            UsageError: it is none, or outside the bound.
        """
        del ctx
        name = _name(param)
        if isinstance(value, str):
            return self.bound.read(name, value)
        return self.bound.check(name, value)


class Text(click.ParamType):  # type: ignore[type-arg]
    """A name: of a cell, a law, a file."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text.

        Raises:
            UsageError: it is empty, very long, or has a NUL, which no name has.
        """
        del ctx
        text = str(value)
        if not text.strip():
            raise UsageError(f"{_name(param)} must not be empty")
        if len(text) > _LONGEST:
            raise UsageError(f"{_name(param)}: a text of {len(text)} characters is too long")
        if "\0" in text:
            raise UsageError(f"{_name(param)} must not have a NUL, got {one_line(text)[:100]}")
        return text


class Pattern(Text):
    """A text of a certain form.

    Args:
        pattern: of the whole text.
        form: what to say of it, with an example.
    """

    def __init__(self, pattern: str, form: str) -> None:
        self.pattern = re.compile(pattern, re.ASCII)
        self.form = form

    def matches(self, text: str) -> bool:
        """Whether a text has the form."""
        return self.pattern.fullmatch(text) is not None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text.

        Raises:
            UsageError: it has another form.
        """
        text = super().convert(value, param, ctx)
        if not self.matches(text):
            raise UsageError(f"{self.form}, got {shown(text)}")
        return text


class SizeOrWord(Number):
    """A number within a bound, or one word.

    Args:
        bound: of the number.
        word: that is accepted too.
    """

    def __init__(self, bound: Bound | Range, word: str) -> None:
        super().__init__(bound)
        self.word = word

    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | float | str:
        """Return the number, or the word.

        Raises:
            UsageError: it is neither.
        """
        return self.word if value == self.word else super().convert(value, param, ctx)


class Output(Text):
    """A file to write: tried at once, and nothing is left there."""

    name = "file"

    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Return the path.

        Raises:
            UsageError: it cannot be written.
        """
        return check_output(super().convert(value, param, ctx))


class Folder(Text):
    """A folder to write into, there or to be made."""

    name = "folder"

    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Return the path.

        Raises:
            UsageError: it cannot be written.
        """
        return check_folder(super().convert(value, param, ctx))


def _name(param: click.Parameter | None) -> str:
    if param is None:
        return "a value"
    return param.opts[-1] if isinstance(param, click.Option) else (param.name or "").upper()


SEED = Number(bounds.SEED)
SEEDS = Number(bounds.SEEDS)
ITERATIONS = Number(bounds.ITERATIONS)
LENGTH = Number(bounds.LENGTH)
WORKERS = Number(bounds.WORKERS)
STEPS = Number(bounds.STEPS)
ROWS = Number(bounds.ROWS)
INPUTS = Number(bounds.INPUTS)
SIZE_OR_INTEGERS = SizeOrWord(bounds.INPUTS, "integers")
SEARCH = Number(bounds.SEARCH)
SEARCH_OR_NONE = Number(bounds.SEARCH_OR_NONE)
WORD = Number(bounds.WORD)
EVERY = Number(bounds.EVERY)
MEMORY = Number(bounds.MEMORY)
ORDER = Number(bounds.ORDER)
SECONDS = Number(bounds.SECONDS)
TOLERANCE = Number(bounds.TOLERANCE)
ERROR_RATE = Number(bounds.ERROR_RATE)
FACTOR = Number(bounds.FACTOR)
POINTS = Number(bounds.POINTS)
SEED_BLOCK = Number(bounds.SEED_BLOCK)
BASE_RUNS = Number(bounds.BASE_RUNS)
PAIRS = Number(bounds.PAIRS)
NAME = Text()
_DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
EQUATIONS = Pattern(
    f"[A-Za-z0-9-]+|{_DOTTED}:{_DOTTED}",
    "--equations takes a name of published ones, or package.module:function",
)
MODULE = Pattern(f"{_DOTTED}(:{_DOTTED})?", "--trust takes a module of yours, for example my_cells")
LENGTHS = Pattern("[0-9]{1,9}(,[0-9]{1,9})*", "--lengths takes bits, for example 8,64,256")
FAIL_ON = Pattern("worse|undecided", "--fail-on takes worse or undecided")
YES_OR_NO = Pattern("yes|no", "--solved takes yes or no")
OUTCOME = Pattern("PROVED|REFUTED|OPEN", "--verdict takes PROVED, REFUTED or OPEN")
ENGINE = Pattern(
    r"local|dask|(tcp|tls)://([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}",
    "--engine takes local, dask or a scheduler, for example tcp://127.0.0.1:8786",
)
OUTPUT = Output()
FOLDER = Folder()
