"""A report as JUnit XML, which continuous integration reads."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gru_bench.laws.telling.outcome import EXPECTED, FAILED, NOT_APPLICABLE, Outcome, Report
from gru_bench.outside.text import xml


def to_junit(report: Report) -> str:
    """Return a test suite with a test case for each law; what did not run is an error."""
    done = {outcome.law: outcome for outcome in report.outcomes}
    suite = ET.Element(
        "testsuite",
        name=xml(f"gru-bench check {report.name}"),
        tests=str(len(report.planned)),
        failures=str(report.counts[FAILED]),
        skipped=str(report.counts[NOT_APPLICABLE] + report.counts[EXPECTED]),
        errors=str(len(report.planned) - len(done)),
        time=f"{sum(outcome.seconds for outcome in report.outcomes):.3f}",
    )
    for law in report.planned:
        _add(suite, report.name, law, done.get(law))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _add(suite: ET.Element, cell: str, law: str, outcome: Outcome | None) -> None:
    seconds = 0.0 if outcome is None else outcome.seconds
    case = ET.SubElement(suite, "testcase", classname=xml(cell), name=law, time=f"{seconds:.3f}")
    if outcome is None:
        ET.SubElement(case, "error", message="not run: interrupted")
    elif outcome.status == FAILED:
        ET.SubElement(case, "failure", message=xml(outcome.reason)).text = xml(str(outcome))
    elif outcome.status in (NOT_APPLICABLE, EXPECTED):
        message = f"{outcome.status}: {outcome.reason}"
        ET.SubElement(case, "skipped", message=xml(message))
