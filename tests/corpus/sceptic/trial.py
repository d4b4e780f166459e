"""What the bench says of an exhibit, and whether any deployment belies it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.corpus.sceptic.bench import TRUSTED, Adder, Transducer, UsageError, main, prove
from tests.corpus.sceptic.cells.naming import MARKER
from tests.corpus.sceptic.deployment import Deployment, differences, of_adder, of_file


@dataclass
class Exhibit:
    """What is shown to the bench.

    Args:
        task: what the network is said to do.
        adder: in memory, if there is one.
        model: a saved adder, if there is one.
        certificates: to be compared with the model.
        alone: certificates that are shown without a model, for what is said of them.
        asked: whether `prove` is asked about the model, which is right if it is not.
    """

    task: Transducer
    adder: Adder | None = None
    model: Path | None = None
    certificates: list[Path] = field(default_factory=list)
    alone: list[Path] = field(default_factory=list)
    asked: bool = True


@dataclass(frozen=True)
class Case:
    """One trick.

    Args:
        name: of the case.
        kind: of trick.
        trick: in one line.
        make: the exhibit, its files in a folder; it may raise UsageError, as the bench does.
        control: whether it must be PROVED, by `prove` and by `prove FILE`.
        invalid: whether it must not be PROVED although the network is right.
        harmless: whether it is right wherever it is deployed.
        beyond: why no bench can catch it, if none can.
        texts: of strangers, which hold `MARKER` and are printed as Python writes them, if at all.
        later: called after the verdicts, before anything is deployed.
    """

    name: str
    kind: str
    trick: str
    make: Callable[[Path], Exhibit]
    control: bool = False
    harmless: bool = False
    invalid: bool = False
    beyond: str = ""
    texts: tuple[str, ...] = ()
    later: Callable[[], Any] = lambda: None


@dataclass
class Judgement:
    """What came of a case.

    Args:
        said: outcome and reason, by the way in which it was asked for.
        wrong: what deployments do that the transducer does not.
        belied: the ways in which it was PROVED although a deployment differs.
        accepted: the ways in which it was PROVED although the certificate is none.
        faults: what else is wrong with the bench: exceptions, words.
        deployed: whether any deployment was tried.
    """

    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    belied: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    deployed: bool = False

    @property
    def proved(self) -> list[str]:
        """The ways in which the bench said PROVED."""
        return [way for way, (outcome, _) in self.said.items() if outcome == "PROVED"]


Deploy = Literal["always", "if proved", "never"]

#: Ways to ask, by what is then said to be right: the adder in memory, or the file.
MEMORY, FILE = ("prove",), ("prove FILE", "verify --model", "verify --model (own)")

#: Words of a command line that trusts the suite's own modules.
TRUSTING = [word for module in TRUSTED for word in ("--trust", module)]

_VERDICT = re.compile(r"\s*(PROVED|REFUTED|OPEN|REJECTED)")


def judge(
    case: Case, folder: Path, thorough: bool = False, deploy: Deploy = "if proved"
) -> Judgement:
    """Return what the bench says of a case, and which deployments belie it.

    Args:
        case: to be tried.
        folder: for its files.
        thorough: whether all deployments are tried, not only the telling ones until one differs.
        deploy: what is deployed: all, what was PROVED, or nothing.
    """
    judgement = Judgement()
    exhibit = _guarded(judgement, "make", lambda: case.make(folder))
    if exhibit is None:
        return judgement
    if exhibit.adder is not None:
        _guarded(judgement, "prove", lambda: _prove(judgement, exhibit.adder))
    if exhibit.model is not None:
        proved = folder / "proved.cert.json"
        if exhibit.asked:
            arguments = ["prove", exhibit.model, "--steps", "0", "-o", proved, *TRUSTING]
            _command(judgement, case, "prove FILE", arguments)
        for path in [*exhibit.certificates, *([proved] if proved.exists() else [])]:
            way = "verify --model" if path != proved else "verify --model (own)"
            _command(judgement, case, way, ["verify", path, "--model", exhibit.model, *TRUSTING])
    for path in exhibit.alone:
        _command(judgement, case, "verify", ["verify", path])
    if case.invalid:
        judgement.accepted = judgement.proved
    case.later()
    for ways, deployments in _origins(exhibit, thorough):
        proved = [way for way in judgement.proved if way in ways]
        if deploy == "always" or (deploy == "if proved" and proved):
            wrong = differences(deployments, exhibit.task, first=not thorough)
            judgement.deployed = judgement.deployed or wrong is not None
            judgement.wrong |= wrong or {}
            judgement.belied += proved if wrong else []
    return judgement


def _origins(
    exhibit: Exhibit, thorough: bool
) -> Iterator[tuple[tuple[str, ...], Iterator[Deployment]]]:
    """Return what each way to ask is about."""
    if exhibit.adder is not None:
        yield MEMORY, of_adder(exhibit.adder, "memory", thorough)
    if exhibit.model is not None and exhibit.asked:
        yield FILE, _loadable(exhibit.model, thorough)


def _loadable(model: Path, thorough: bool) -> Iterator[Deployment]:
    with contextlib.suppress(UsageError):  # what cannot be loaded is not deployed
        yield from of_file(model, thorough)


def _guarded(judgement: Judgement, way: str, function: Callable[[], Any]) -> Any:
    """Return what a function returns; what it raises beside UsageError is a fault."""
    try:
        return function()
    except UsageError as error:
        judgement.said[way] = ("REFUSED", str(error))
        if "\n" in str(error):
            judgement.faults.append(f"{way}: an error of several lines")
    except KeyboardInterrupt:  # nobody can tell who interrupted
        judgement.said[way] = ("INTERRUPTED", "")
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        reason = f"{type(error).__name__} in {Path(where.filename).name}: {error}".splitlines()[0]
        judgement.said[way] = ("RAISED", reason)
        judgement.faults.append(f"{way}: {reason}")
    return None


def _prove(judgement: Judgement, adder: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = prove(adder, steps=0)
    judgement.said["prove"] = (verdict.outcome, verdict.reason)


def _command(judgement: Judgement, case: Case, way: str, arguments: list[Any]) -> None:
    """Run one command and note what it says, and how."""
    out, err = io.StringIO(), io.StringIO()

    def run() -> None:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # what libraries warn of is not what the bench says
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
    judgement.faults += [f"{way}: {fault}" for fault in words_amiss(out, err, case.texts)]


def words_amiss(out: io.StringIO, err: io.StringIO, texts: Sequence[str]) -> Iterator[str]:
    """Say what is wrong with the words that a command printed."""
    lines = [*out.getvalue().split("\n"), *err.getvalue().split("\n")]
    if any(not line.isprintable() for line in lines):
        yield "prints control characters"
    if sum(bool(_VERDICT.match(line)) for line in lines) > 1:
        yield "prints two verdicts"
    if len(err.getvalue().strip().split("\n")) > 1:
        yield "prints an error of several lines"
    if any(_in_its_own_voice(line, texts) for line in lines):
        yield f"says {MARKER!r} in its own voice"


def _in_its_own_voice(line: str, texts: Sequence[str]) -> bool:
    """Say whether `MARKER` stands in a line otherwise than in a text as Python writes it."""
    quoted = tuple(
        written[: written.index(MARKER) + len(MARKER)]
        for text in texts
        for written in (repr(text), json.dumps(text))
    )
    ends = (found.end() for found in re.finditer(re.escape(MARKER), line))
    return any(not line[:end].endswith(quoted) for end in ends)
