# ruff: noqa: E501 - tables
"""Bad values for every command and option of the command line, found by walking over it.

A new option is tried by itself: its kind says which values are bad.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from gru_bench.cli import COMMANDS, group, main
from gru_bench.cli.kinds import Folder, Number, Output, Pattern, Text
from gru_bench.outside.bounds import Bound

#: Seconds that a bad value may take.
MOST = 10.0

#: No number, however it is meant.
NO_NUMBERS = (
    "", " ", "abc", " 1", "1 ", "1\n", "1_000", "1,000", "0x10", "0b1", "1e", "--5", "+", "-",
    "+-1",     "٣", "３", "½", "²", "Ⅷ", "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "None", "True",
    "\x1b[31m5", "\x00", "1\x00", "1;2", "1/2", "1 2", "${X}", "9" * 5000, "-" + "9" * 5000,
    "\u202e5", "1e999999", "é", "💥",
)  # fmt: skip
#: No integers, but numbers.
NO_INTEGERS = ("1.5", "1.0", "1e3", ".5", "-0.5", "1e-400")

#: No name of a file, a module, a law or anything else.
NO_NAMES = (
    "", " ", "\x00", "a\x00b", "nowhere/none", "../../nowhere/none", "/proc/nowhere/none",
    "x" * 5000, "n/" * 3000, "\x1b[31mred", "[/x]", "$\\frac{$", "<script>", "a b", "\u202eevil",
    "💥", "\udcff", "-", "?", "*", "%s%n", "{0}", "| id", "`id`", "\r\n", "nul\\con",
    "/dev/zero", "/dev/full", "pipe", "folder", "empty", "deep.json", "deep.toml", "binary", "circle",
)  # fmt: skip
#: Where no file can be written.
NO_OUTPUTS = (
    "", " /x/y", "\x00", "a\x00.keras", "nowhere/x.keras", "folder", ".", "/", "/dev/full",
    "/dev/null", "/dev/null/x.keras", "/proc/x.keras", "/proc/self/x.keras", "/sys/x.keras", "empty/x.keras",
    "x" * 300 + ".keras", "x" * 5000 + ".keras", "y/" * 3000 + "x.keras", "pipe", "circle",
    "nowhere/../nowhere/x.keras",
)  # fmt: skip
#: Where no folder can be made.
NO_FOLDERS = (
    "", "\x00", "a\x00b", "empty", "empty/x", "/dev/null", "/dev/null/x", "/dev/full", "/proc/x",
    "/proc/self/x/y", "/sys/x", "pipe", "pipe/x", "x" * 300, "x" * 5000, "y/" * 3000, "circle",
    "circle/x",
)  # fmt: skip
#: Cells that are none, each of which can be a name.
NO_CELLS = ("nowhere:Cell", "math:sqrt", "os:system", "keras.layers:Lambda", "keras.layers:GRUCel")
NO_SETTINGS = (
    "units", "=3", "a b=3", "units=0", "units=-1", "units=99999999999999999999", "units=1.5",
    "units=NaN", "units=Infinity", "units=[1", "units=" + "[" * 3000 + "]" * 3000, "nosuch=1",
    "units=null", "units={}", "units=1000000", "units=text", "reset=never",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A command line that has one bad value.

    Args:
        words: of the command line.
        about: the option or argument.
        starts: whether it needs a process of its own, which takes seconds.
        named: whether the line has to name the option.
    """

    words: tuple[str, ...]
    about: str
    starts: bool = False
    named: bool = False

    def __str__(self) -> str:
        return " ".join(ascii(word)[1:-1][:40] for word in self.words)


def prepare(folder: Path, model: Path) -> None:
    """Fill a folder with what bad values name, and one good model."""
    (folder / "good.keras").write_bytes(model.read_bytes())
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "binary").write_bytes(bytes(range(256)))
    (folder / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    (folder / "deep.toml").write_text("a = " + "[" * 100_000, encoding="utf-8")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")


#: The words that a command needs beside the one that is tried.
NEEDED = {
    "check": {"cell": "gru_bench:GRUCell"},
    "compare": {"base": "gru_bench:GRUCell", "candidate": "gru_bench:GRUCell"},
    "add": {"a": "1", "b": "2", "model": "good.keras"},
    "gradcheck": {"cell": "gru_bench:GRUCell"},
    "prove": {"model": "good.keras"},
    "falsify": {"model": "good.keras"},
    "verify": {"file": "empty"},
}


def cases() -> list[Case]:
    """Return all command lines, in a fixed order."""
    found = [Case((word,), "a command") for word in NO_NAMES[3:]]
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        found += _odd_lines(name, command)
        for parameter in command.params:
            found += _cases_of(name, command, parameter)
    return found


def _odd_lines(name: str, command: click.Command) -> Iterator[Case]:
    needed = _words(name, command, "")
    for word in ("--nonsense", "--nonsense=1", "-@", "--\x1b[31m", "--=", "--\x00"):
        yield Case((*needed, word), "an option")
    yield Case((*needed, *["surplus"] * 3), "an argument")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.is_flag:
            yield Case((*needed, parameter.opts[-1]), "an option without its value")
        elif isinstance(parameter, click.Option):
            yield Case((*needed, f"{parameter.opts[-1]}=5"), "a flag with a value")


def _cases_of(name: str, command: click.Command, parameter: click.Parameter) -> Iterator[Case]:
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return
    for value in _values(name, parameter):
        words = _words(name, command, parameter.name or "", value)
        if isinstance(parameter, click.Option):
            words += (parameter.opts[-1], value)
        own = (*NO_CELLS, *NO_SETTINGS)
        starts = name == "check" and (value in own or parameter.name == "equations")
        yield Case(words, parameter.opts[-1], starts, isinstance(parameter.type, Number))


def _words(name: str, command: click.Command, tried: str, value: str = "") -> tuple[str, ...]:
    """Return a command with all that it needs, but for the option that is tried."""
    words = [name]
    needed = NEEDED.get(name, {})
    for parameter in command.params:
        own = parameter.name or ""
        if isinstance(parameter, click.Option) and own in needed and own != tried:
            words += [parameter.opts[-1], needed[own]]
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    given = [value if p.name == tried else needed.get(p.name or "") for p in arguments]
    return (*words, *(word for word in given if word is not None))


def _values(  # noqa: PLR0911 - a table
    name: str, parameter: click.Parameter
) -> tuple[str, ...]:
    kind, option = parameter.type, parameter.name
    if isinstance(kind, Number):
        least, most = kind.bound.least, kind.bound.most
        if isinstance(kind.bound, Bound):
            outside = (str(least - 1), str(most + 1), str(10 * most), str(-(2**63)), str(2**64))
            return (*NO_NUMBERS, *NO_INTEGERS, *outside)
        return (
            *NO_NUMBERS,
            "-1",
            f"{most * 10:.17g}",
            *([] if kind.bound.closed else ["0", "0.0"]),
        )
    if isinstance(kind, Output):
        return NO_OUTPUTS
    if isinstance(kind, Folder):
        return NO_FOLDERS
    if option == "settings":
        # Some of these cells know no `reset`.
        return (*NO_NAMES, *NO_SETTINGS)
    if option == "cell":
        return (*NO_NAMES, *NO_CELLS)
    if name == "add" and option in ("a", "b"):
        return (
            *(v for v in NO_NUMBERS if v not in ("0x10", "0b1") and len(v) < 5000),
            *NO_INTEGERS,
        )
    if isinstance(kind, Pattern):  # which says itself what has not its form
        return tuple(v for v in (*NO_NAMES, "1a", "a.", ":a", "a:b:c") if not kind.matches(v))
    assert isinstance(kind, Text), f"{name} {option}: say which values are bad for {kind!r}"
    return NO_NAMES


def problem(  # noqa: PLR0911 - one for each thing that can be wrong
    case: Case,
) -> str | None:
    """Run a command line here and return what is wrong with how it is refused, or None."""
    before = _listed()
    out, err = io.StringIO(), io.StringIO()
    begun = time.perf_counter()
    try:
        with _alarm(60), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(case.words))
    except BaseException as error:
        return f"{type(error).__name__}: {error!s:.200}"
    took, said = time.perf_counter() - begun, err.getvalue()
    if code != 2:
        return f"exit code {code}: {out.getvalue()!r:.200} {said!r:.200}"
    if said.count("\n") != 1 or not said.startswith("gru-bench: "):
        return f"not one line: {said!r:.300}"
    if case.named and case.about not in said:
        return f"it does not name {case.about}: {said!r:.200}"
    if "the bench itself fails" in said or "Traceback" in said:
        return said[:300]
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", said):
        return f"a control character in {said!r:.200}"
    if _listed() != before:
        return f"it has written {sorted(_listed() - before)}"
    return f"it took {took:.0f} s" if took > MOST * _slowness() else None


def _slowness() -> float:
    """Return how much slower this machine is while others use it."""
    return max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))


def _listed() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


@contextlib.contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def as_json(found: dict[str, str]) -> str:
    """Return what was found as JSON."""
    return json.dumps(found, indent=1, ensure_ascii=True)
