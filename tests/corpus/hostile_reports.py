"""Reports whose labels, titles and claims are hostile: they come out whole, with nothing raw."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from rich.console import Console

from gru_bench.errors import UsageError
from gru_bench.laws.telling.junit import to_junit
from gru_bench.laws.telling.outcome import FAILED, Outcome, Report
from gru_bench.outside.text import one_line
from gru_bench.report.report import Report as Made
from gru_bench.report.report import make_report
from gru_bench.runs.experiment import make_experiment
from tests.corpus.changed_files import EXPERIMENT
from tests.corpus.hostile_text import TEXTS
from tests.corpus.made_runs import without_code

#: What no file and no terminal may get: control characters, marks that turn the direction.
_RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Page(HTMLParser):
    """Collects the text of a page, and elements that a label must not make."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.wrong: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag in ("img", "svg", "iframe") or any(name.startswith("on") for name, _ in attrs):
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def experiment_with(text: str) -> dict[str, Any]:
    """Return an experiment that says a text wherever it can."""
    data = copy.deepcopy(EXPERIMENT)
    data |= {"title": text, "claim": text}
    data["cells"][0]["label"] = text
    data["claims"][0]["text"] = text
    return data


def problem(text: str, folder: Path) -> str | None:
    """Make a report that says a text, and return what is wrong with it, or None."""
    try:
        report = make_report(make_experiment(experiment_with(text)), folder, command=f"x {text!r}")
    except UsageError as error:
        return f"refused: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error!s:.200}"
    return _problem_of(report, one_line(text), folder) or _problem_of_junit(text)


def _problem_of(  # noqa: PLR0911 - one for each thing that can be wrong
    report: Made, shown: str, folder: Path
) -> str | None:
    pages = {path.name: path for path in report.files}
    texts = {n: p.read_text(encoding="utf-8") for n, p in pages.items()}
    screen = io.StringIO()
    Console(file=screen, width=200).print(report.table)
    for name, content in {**texts, "terminal": screen.getvalue()}.items():
        if found := _RAW.search(without_code(content).replace("\N{NO-BREAK SPACE}", " ")):
            return f"{name} has {found[0]!r}"
    page = _Page()
    page.feed(texts["report.html"])
    if page.wrong or page.scripts != 4:
        return f"report.html has {page.wrong} and {page.scripts} scripts"
    if shown and shown not in " ".join(page.text):
        return "report.html does not show it"
    # Spans of code are shown as they are.
    spoken = re.sub(r"(`+)[^`].*?\1(?!`)", "", texts["report.md"])
    if re.search(r"<(script|img|svg|/td|!--)", spoken):
        return "report.md has raw HTML"
    rows = list(csv.DictReader(io.StringIO(texts["results.csv"])))
    if shown and {row["cell"] for row in rows} != {shown}:
        return "results.csv does not hold it"
    if json.loads(texts["report.json"])["experiment"]["title"] != shown:
        return "report.json does not hold it"
    del folder
    return None


def _problem_of_junit(text: str) -> str | None:
    """Say what is wrong with the same text as a cell's name and a failure's reason."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415

    report = Report(text, "quick", 0, ["a law"])
    report.add(Outcome("a law", "family", "statement", FAILED, reason=text, traceback=text))
    try:
        written = to_junit(report)
        ET.fromstring(written)
    except Exception as error:
        return f"JUnit: {type(error).__name__}: {error}"
    return "JUnit has an escape sequence" if "\x1b" in written else None


def try_all(texts: tuple[str, ...] = TEXTS) -> dict[str, str | None]:
    """Make a report for each text in the current folder."""
    return {text: problem(text, Path("out")) for text in texts}
