"""What the bench says of an exhibit, and whether any deployment belies it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gru_bench.adder import Adder
from gru_bench.cli import main
from gru_bench.errors import UsageError
from gru_bench.proof.verdict import prove
from gru_bench.task import Transducer
from tests.corpus.sceptic.deployment import Deployment, differences, of_adder, of_file


@dataclass
class Exhibit:
    """What is shown to the bench.

    Args:
        task: what the network is said to do.
        adder: in memory, if there is one.
        model: a saved adder, if there is one.
        certificates: to be compared with the model.
        classes: the custom objects with which Keras loads the model.
    """

    task: Transducer
    adder: Adder | None = None
    model: Path | None = None
    certificates: list[Path] = field(default_factory=list)
    classes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One trick.

    Args:
        name: of the case.
        kind: of trick.
        trick: in one line.
        make: the exhibit, its files in a folder; it may raise UsageError, as the bench does.
        control: whether it must be PROVED, in each way that it is shown.
        harmless: whether it is right wherever it is deployed.
        beyond: why no bench can catch it, if none can.
        marker: words that the bench prints between quotes only, if at all.
        later: called after the verdicts, before anything is deployed.
    """

    name: str
    kind: str
    trick: str
    make: Callable[[Path], Exhibit]
    control: bool = False
    harmless: bool = False
    beyond: str = ""
    marker: str = ""
    later: Callable[[], Any] = lambda: None


@dataclass
class Judgement:
    """What came of a case.

    Args:
        said: outcome and reason, by the way in which it was asked for.
        wrong: what deployments do that the transducer does not.
        belied: the ways in which it was PROVED although a deployment differs.
        faults: what else is wrong with the bench: exceptions, words.
    """

    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    belied: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def proved(self) -> list[str]:
        """The ways in which the bench said PROVED."""
        return [way for way, (outcome, _) in self.said.items() if outcome == "PROVED"]


#: Ways to ask, by what is then said to be right: the adder in memory, or the file.
MEMORY, FILE = ("prove",), ("prove FILE", "verify --model")

_VERDICT = re.compile(r"\s*(PROVED|REFUTED|OPEN|REJECTED)")


def judge(case: Case, folder: Path, thorough: bool = False, deploy: bool = True) -> Judgement:
    """Return what the bench says of a case, and which deployments belie it.

    Args:
        case: to be tried.
        folder: for its files.
        thorough: whether all deployments are tried, and not only until the first that differs.
        deploy: whether anything is deployed where nothing was PROVED.
    """
    judgement = Judgement()
    exhibit = _guarded(judgement, "make", lambda: case.make(folder))
    if exhibit is None:
        return judgement
    if exhibit.adder is not None:
        _guarded(judgement, "prove", lambda: _prove(judgement, exhibit.adder))
    if exhibit.model is not None:
        arguments = ["prove", exhibit.model, "--steps", "0", "-o", folder / "proved.cert.json"]
        _command(judgement, case, "prove FILE", arguments)
        proved = folder / "proved.cert.json"
        for path in [*exhibit.certificates, *([proved] if proved.exists() else [])]:
            way = "verify --model" if path != proved else "verify --model (own)"
            _command(judgement, case, way, ["verify", path, "--model", exhibit.model])
    case.later()
    for ways, deployments in _origins(exhibit):
        proved_ways = [way for way in judgement.proved if way.startswith(ways)]
        if proved_ways or (deploy and not judgement.wrong):
            wrong = differences(
                deployments, exhibit.task, first=not thorough, brief=not thorough
            )
            judgement.wrong |= wrong
            judgement.belied += proved_ways if wrong else []
    return judgement


def _origins(exhibit: Exhibit) -> Iterator[tuple[tuple[str, ...], Iterator[Deployment]]]:
    """Return what each way to ask is about."""
    if exhibit.adder is not None:
        yield MEMORY, of_adder(exhibit.adder, "memory")
    if exhibit.model is not None:
        yield FILE, _loadable(exhibit.model, exhibit.classes)


def _loadable(model: Path, classes: dict[str, Any]) -> Iterator[Deployment]:
    with contextlib.suppress(UsageError):  # what cannot be loaded is not deployed
        yield from of_file(model, classes)


def _guarded(judgement: Judgement, way: str, function: Callable[[], Any]) -> Any:
    """Return what a function returns; what it raises beside UsageError is a fault."""
    try:
        return function()
    except UsageError as error:
        judgement.said[way] = ("REFUSED", str(error))
        if "\n" in str(error):
            judgement.faults.append(f"{way}: an error of several lines")
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        reason = f"{type(error).__name__} in {Path(where.filename).name}: {error}".splitlines()[0]
        judgement.said[way] = ("RAISED", reason)
        judgement.faults.append(f"{way}: {reason}")
    return None


def _prove(judgement: Judgement, adder: Any) -> None:
    verdict = prove(adder, steps=0)
    judgement.said["prove"] = (verdict.outcome, verdict.reason)


def _command(judgement: Judgement, case: Case, way: str, arguments: list[Any]) -> None:
    """Run one command and note what it says, and how."""
    out, err = io.StringIO(), io.StringIO()

    def run() -> None:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
        said = (out.getvalue() + err.getvalue()).strip()
        verdict = _VERDICT.match(out.getvalue())
        if code == 0 and arguments[0] == "verify":
            outcome = "PROVED"
        elif code == 2:
            outcome = "REFUSED"
        else:
            outcome = verdict[1] if verdict else f"exit {code}"
        judgement.said[way] = (outcome, said.partition("\n")[0])

    _guarded(judgement, way, run)
    judgement.faults += [f"{way}: {fault}" for fault in words_amiss(out, err, case.marker)]


def words_amiss(out: io.StringIO, err: io.StringIO, marker: str) -> Iterator[str]:
    """Say what is wrong with the words that a command printed."""
    lines = [*out.getvalue().split("\n"), *err.getvalue().split("\n")]
    if any(not line.isprintable() for line in lines):
        yield "prints control characters"
    if sum(bool(_VERDICT.match(line)) for line in lines) > 1:
        yield "prints two verdicts"
    if len(err.getvalue().strip().split("\n")) > 1:
        yield "prints an error of several lines"
    if marker and any(_unquoted(line, marker) for line in lines):
        yield f"says {marker!r} in its own voice"


def _unquoted(line: str, marker: str) -> bool:
    """Say whether words stand in a line outside of quotes."""
    quoted = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "", line)
    return marker in quoted
